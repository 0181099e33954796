//! A control plane of our own: etcd and kube-apiserver as child processes on loopback.
//!
//! The programs are found as controller-runtime finds them: `KUBEBUILDER_ASSETS` names their
//! folder (`tests/control-plane/build` makes one, `setup-envtest` another).

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::kubectl::Kubectl;
use super::{Failure, NotHere, text};

/// What its process is called.
const API_SERVER: &str = "kube-apiserver";

/// How long the servers may take to be ready.
const READY: Duration = Duration::from_secs(60);

/// The programs of a control plane.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    etcd: PathBuf,
    api_server: PathBuf,
    pub(super) kubectl: PathBuf,
    /// Not everybody's collection has it.
    controller_manager: Result<PathBuf, String>,
}

/// Where the programs are, or why there are none.
pub(super) fn find() -> Result<Programs, String> {
    let folder = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let program = |variable: &str, name: &str| {
        let path = match (std::env::var_os(variable), &folder) {
            (Some(path), _) => PathBuf::from(path),
            (None, Some(folder)) => folder.join(name),
            (None, None) => {
                return Err(
                    "KUBEBUILDER_ASSETS is not set; `tests/control-plane/build` makes the folder \
                     it names"
                        .to_owned(),
                );
            }
        };
        if path.is_file() {
            Ok(path)
        } else {
            Err(format!("{} is missing", path.display()))
        }
    };
    Ok(Programs {
        etcd: program("TEST_ASSET_ETCD", "etcd")?,
        api_server: program("TEST_ASSET_KUBE_APISERVER", "kube-apiserver")?,
        kubectl: program("TEST_ASSET_KUBECTL", "kubectl")?,
        controller_manager: program(
            "TEST_ASSET_KUBE_CONTROLLER_MANAGER",
            "kube-controller-manager",
        ),
    })
}

/// A running API server; it ends by [`Servers::stop`].
pub(super) struct Servers {
    programs: Programs,
    folder: PathBuf,
    /// In the order in which they were started, by their names.
    children: Mutex<Vec<(String, Child)>>,
    /// Where etcd is, and where the API server listens.
    api_server: (String, u16),
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Servers {
    /// Starts etcd and the API server, and waits until it is ready.
    pub(super) fn start(
        programs: Programs,
        folder: &Path,
        kubectl: &Kubectl,
    ) -> Result<Self, Failure> {
        let [client, peer, secure] = free_ports()?;
        let client = format!("http://127.0.0.1:{client}");
        let servers = Self {
            programs,
            folder: folder.to_owned(),
            children: Mutex::default(),
            api_server: (client.clone(), secure),
        };
        servers.spawn(
            "etcd",
            Command::new(&servers.programs.etcd)
                .arg("--data-dir")
                .arg(servers.path("etcd"))
                .args(["--listen-client-urls", &client])
                .args(["--advertise-client-urls", &client])
                .args(["--listen-peer-urls", &format!("http://127.0.0.1:{peer}")])
                // Nothing of it is needed after the tests.
                .arg("--unsafe-no-fsync=true"),
        )?;
        let key = rcgen::KeyPair::generate()?;
        fs::write(servers.path("signing.pem"), key.serialize_pem())?;
        fs::write(servers.path("checking.pem"), key.public_key_pem())?;
        fs::write(
            servers.path("tokens.csv"),
            "administrator,administrator,administrator,\"system:masters\"\n",
        )?;
        fs::write(
            servers.path("audit-policy.yaml"),
            "apiVersion: audit.k8s.io/v1\nkind: Policy\n\
             omitStages: [RequestReceived, ResponseStarted]\n\
             rules:\n- { level: Metadata, userGroups: [\"system:serviceaccounts\"] }\n- { level: None }\n",
        )?;
        servers.spawn(API_SERVER, &mut servers.command())?;
        servers.write_kubeconfig(&kubectl.kubeconfig())?;
        servers.wait_until_ready(kubectl)?;
        Ok(servers)
    }

    /// How the API server is run.
    fn command(&self) -> Command {
        let (etcd, secure) = &self.api_server;
        let mut command = Command::new(&self.programs.api_server);
        command
            .args(["--etcd-servers", etcd])
            .arg("--cert-dir")
            .arg(self.path("certificates"))
            .args(["--secure-port", &secure.to_string()])
            .args(["--bind-address", "127.0.0.1"])
            .args(["--advertise-address", "127.0.0.1"])
            .args(["--service-cluster-ip-range", "10.0.0.0/24"])
            .args(["--service-account-issuer", "https://kubernetes.default.svc"])
            .arg("--service-account-key-file")
            .arg(self.path("checking.pem"))
            .arg("--service-account-signing-key-file")
            .arg(self.path("signing.pem"))
            .args(["--authorization-mode", "RBAC"])
            .arg("--token-auth-file")
            .arg(self.path("tokens.csv"))
            .args(["--disable-admission-plugins", "ServiceAccount"])
            .arg("--audit-policy-file")
            .arg(self.path("audit-policy.yaml"))
            .arg("--audit-log-path")
            .arg(self.path("audit.log"))
            // All of it in one file: at the end each right has to be found in it.
            .args(["--audit-log-maxsize", "10000"]);
        command
    }

    /// What a service account asked for, as the API server itself wrote it down, before it
    /// answered.
    pub(super) fn asked_by(&self, namespace: &str, account: &str) -> Result<Vec<Value>, Failure> {
        let user = format!("system:serviceaccount:{namespace}:{account}");
        self.asked(|it| it == user)
    }

    /// What the service accounts of this name asked for, in whichever namespace they are.
    pub(super) fn asked_by_any(&self, account: &str) -> Result<Vec<Value>, Failure> {
        let end = format!(":{account}");
        self.asked(|it| it.starts_with("system:serviceaccount:") && it.ends_with(&end))
    }

    fn asked(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<Value>, Failure> {
        let log = fs::read_to_string(self.path("audit.log"))?;
        // The last one may be on its way.
        let entries = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Ok(entries
            .filter(|entry| entry["user"]["username"].as_str().is_some_and(&is_wanted))
            .collect())
    }

    /// Starts what ends namespaces, collects what nobody owns any more, and puts roles together;
    /// without it, nobody does.
    pub(super) fn start_controller_manager(&self, kubeconfig: &Path) -> Result<(), Failure> {
        let program = self.programs.controller_manager.clone();
        let program = program.map_err(NotHere)?;
        self.spawn(
            "kube-controller-manager",
            Command::new(program)
                .arg("--kubeconfig")
                .arg(kubeconfig)
                .args([
                    "--controllers",
                    "namespace-controller,garbage-collector-controller,\
                     clusterrole-aggregation-controller",
                ])
                .args(["--leader-elect=false", "--secure-port=0"]),
        )
    }

    /// Ends the API server as a crash does, and starts it anew with what etcd has.
    pub(super) fn restart_api_server(&self, kubectl: &Kubectl) -> Result<(), Failure> {
        {
            let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
            let place = children.iter().position(|(name, _)| name == API_SERVER);
            let (_, mut child) = children.remove(place.ok_or("it does not run")?);
            drop(child.kill());
            drop(child.wait());
        }
        self.spawn(API_SERVER, &mut self.command())?;
        self.wait_until_ready(kubectl)
    }

    /// Ends both servers, the API server first.
    pub(super) fn stop(&self) {
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, mut child) in children.drain(..).rev() {
            drop(child.kill());
            drop(child.wait());
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn spawn(&self, name: &str, command: &mut Command) -> Result<(), Failure> {
        let log = fs::File::create(self.path(&format!("{name}.log")))?;
        let child = command
            .env_clear()
            .env("HOME", &self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.children
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((name.to_owned(), child));
        Ok(())
    }

    fn write_kubeconfig(&self, path: &Path) -> Result<(), Failure> {
        let configuration = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{ "name": "test", "cluster": {
                "server": format!("https://127.0.0.1:{}", self.api_server.1),
                "certificate-authority": self.path("certificates").join("apiserver.crt"),
            }}],
            "users": [{ "name": "administrator", "user": { "token": "administrator" } }],
            "contexts": [{ "name": "test", "context": {
                "cluster": "test", "user": "administrator",
            }}],
        });
        fs::write(path, configuration.to_string())?;
        Ok(())
    }

    fn wait_until_ready(&self, kubectl: &Kubectl) -> Result<(), Failure> {
        let begin = Instant::now();
        loop {
            let output = kubectl.run(&["get", "--raw", "/readyz"], "")?;
            if output.status.success() {
                return Ok(());
            }
            let ended = self
                .children
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter_mut()
                .any(|(_, child)| matches!(child.try_wait(), Ok(Some(_))));
            if ended || begin.elapsed() > READY {
                let log = fs::read_to_string(self.path("kube-apiserver.log"))?;
                let last: Vec<&str> = log.lines().rev().take(10).collect();
                return Err(format!(
                    "the API server is not ready: {}\n{}",
                    text(&output.stderr),
                    last.join("\n")
                )
                .into());
            }
            // Polled, as the server offers nothing to wait for.
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Ports that nobody listened on a moment ago.
fn free_ports() -> Result<[u16; 3], Failure> {
    let listeners = [
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
    ];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
