//! A Kubernetes API server of our own: etcd and kube-apiserver as child processes on loopback,
//! one for all tests of the run, a namespace for each test.
//!
//! The programs are found as controller-runtime finds them: `KUBEBUILDER_ASSETS` names their
//! folder (`tests/control-plane/build` makes one, `setup-envtest` another).

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::reader::Reader;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a test needs and this machine lacks: the test is reported as not run.
#[derive(Debug)]
pub(crate) struct NotHere(pub(crate) String);

impl std::fmt::Display for NotHere {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for NotHere {}

/// What its process is called.
const API_SERVER: &str = "kube-apiserver";

/// How long the servers may take to be ready.
const READY: Duration = Duration::from_secs(60);

/// The programs of a control plane.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    etcd: PathBuf,
    api_server: PathBuf,
    kubectl: PathBuf,
    /// Not everybody's collection has it.
    controller_manager: Result<PathBuf, String>,
}

/// Where the programs are, or why there are none.
pub(crate) fn find() -> Result<Programs, String> {
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

/// A running API server; it ends with this value, or before by [`ControlPlane::stop`].
pub(crate) struct ControlPlane {
    programs: Programs,
    folder: tempfile::TempDir,
    /// In the order in which they were started, by their names.
    children: Mutex<Vec<(String, Child)>>,
    /// Where etcd is, and where the API server listens.
    api_server: OnceLock<(String, u16)>,
    namespaces: AtomicUsize,
    reader: OnceLock<Reader>,
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.stop();
    }
}

impl ControlPlane {
    /// Starts etcd and the API server, and waits until it is ready.
    pub(crate) fn start(programs: Programs) -> Result<Self, Failure> {
        let plane = Self {
            programs,
            folder: tempfile::tempdir()?,
            children: Mutex::default(),
            api_server: OnceLock::new(),
            namespaces: AtomicUsize::new(0),
            reader: OnceLock::new(),
        };
        let [client, peer, secure] = free_ports()?;
        let client = format!("http://127.0.0.1:{client}");
        let etcd = plane.programs.etcd.clone();
        plane.spawn(
            "etcd",
            Command::new(etcd)
                .arg("--data-dir")
                .arg(plane.path("etcd"))
                .args(["--listen-client-urls", &client])
                .args(["--advertise-client-urls", &client])
                .args(["--listen-peer-urls", &format!("http://127.0.0.1:{peer}")])
                // Nothing of it is needed after the tests.
                .arg("--unsafe-no-fsync=true"),
        )?;
        let key = rcgen::KeyPair::generate()?;
        fs::write(plane.path("signing.pem"), key.serialize_pem())?;
        fs::write(plane.path("checking.pem"), key.public_key_pem())?;
        fs::write(
            plane.path("tokens.csv"),
            "administrator,administrator,administrator,\"system:masters\"\n",
        )?;
        fs::write(
            plane.path("audit-policy.yaml"),
            "apiVersion: audit.k8s.io/v1\nkind: Policy\n\
             omitStages: [RequestReceived, ResponseStarted]\n\
             rules:\n- { level: Metadata, userGroups: [\"system:serviceaccounts\"] }\n- { level: None }\n",
        )?;
        let api_server = plane.api_server.get_or_init(|| (client, secure));
        plane.spawn(API_SERVER, &mut plane.command(api_server))?;
        plane.write_kubeconfig(secure)?;
        plane.wait_until_ready()?;
        Ok(plane)
    }

    /// How the API server is run.
    fn command(&self, (etcd, secure): &(String, u16)) -> Command {
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
    pub(crate) fn asked_by(&self, namespace: &str, account: &str) -> Result<Vec<Value>, Failure> {
        let user = format!("system:serviceaccount:{namespace}:{account}");
        self.asked(|it| it == user)
    }

    /// What the service accounts of this name asked for, in whichever namespace they are.
    pub(crate) fn asked_by_any(&self, account: &str) -> Result<Vec<Value>, Failure> {
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

    /// How often it asked, by verb.
    pub(crate) fn requests_of(
        &self,
        namespace: &str,
        account: &str,
    ) -> Result<BTreeMap<String, usize>, Failure> {
        let mut counts = BTreeMap::new();
        for entry in self.asked_by(namespace, account)? {
            let verb = entry["verb"].as_str().unwrap_or_default();
            *counts.entry(verb.to_owned()).or_default() += 1;
        }
        Ok(counts)
    }

    /// Starts what ends namespaces, collects what nobody owns any more, and puts roles together;
    /// without it, nobody does.
    pub(crate) fn start_controller_manager(&self) -> Result<(), Failure> {
        let program = self.programs.controller_manager.clone();
        let program = program.map_err(NotHere)?;
        self.spawn(
            "kube-controller-manager",
            Command::new(program)
                .arg("--kubeconfig")
                .arg(self.kubeconfig())
                .args([
                    "--controllers",
                    "namespace-controller,garbage-collector-controller,\
                     clusterrole-aggregation-controller",
                ])
                .args(["--leader-elect=false", "--secure-port=0"]),
        )
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> Result<SocketAddr, Failure> {
        let (_, port) = self.api_server.get().ok_or("it was never started")?;
        Ok(SocketAddr::from(([127, 0, 0, 1], *port)))
    }

    /// How an administrator gets to it.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.path("kubeconfig")
    }

    /// How whoever has this token gets to it.
    pub(crate) fn kubeconfig_of(&self, token: &str) -> Result<String, Failure> {
        let text = fs::read_to_string(self.kubeconfig())?;
        let mut configuration: Value = serde_json::from_str(&text)?;
        configuration["users"][0]["user"]["token"] = token.into();
        Ok(configuration.to_string())
    }

    /// Ends the API server as a crash does, and starts it anew with what etcd has.
    pub(crate) fn restart_api_server(&self) -> Result<(), Failure> {
        let mut command = {
            let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
            let place = children.iter().position(|(name, _)| name == API_SERVER);
            let (_, mut child) = children.remove(place.ok_or("it does not run")?);
            drop(child.kill());
            drop(child.wait());
            let api_server = self.api_server.get().ok_or("it was never started")?;
            self.command(api_server)
        };
        self.spawn(API_SERVER, &mut command)?;
        self.wait_until_ready()
    }

    /// Ends both servers, the API server first.
    pub(crate) fn stop(&self) {
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, mut child) in children.drain(..).rev() {
            drop(child.kill());
            drop(child.wait());
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn spawn(&self, name: &str, command: &mut Command) -> Result<(), Failure> {
        let log = fs::File::create(self.path(&format!("{name}.log")))?;
        let child = command
            .env_clear()
            .env("HOME", self.folder.path())
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

    fn write_kubeconfig(&self, port: u16) -> Result<(), Failure> {
        let configuration = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{ "name": "test", "cluster": {
                "server": format!("https://127.0.0.1:{port}"),
                "certificate-authority": self.path("certificates").join("apiserver.crt"),
            }}],
            "users": [{ "name": "administrator", "user": { "token": "administrator" } }],
            "contexts": [{ "name": "test", "context": {
                "cluster": "test", "user": "administrator",
            }}],
        });
        fs::write(self.path("kubeconfig"), configuration.to_string())?;
        Ok(())
    }

    fn wait_until_ready(&self) -> Result<(), Failure> {
        let begin = Instant::now();
        loop {
            let output = self.kubectl(&["get", "--raw", "/readyz"], "")?;
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

    /// Runs kubectl as the administrator.
    pub(crate) fn kubectl(&self, arguments: &[&str], input: &str) -> Result<Output, Failure> {
        let input_file = self.folder.path().join(format!(
            "input-{}",
            self.namespaces.fetch_add(1, Ordering::Relaxed)
        ));
        fs::write(&input_file, input)?;
        let output = Command::new(&self.programs.kubectl)
            .arg("--kubeconfig")
            .arg(self.path("kubeconfig"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.folder.path())
            // `kubectl diff` compares with the program `diff`.
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(fs::File::open(&input_file)?)
            .output()?;
        fs::remove_file(input_file)?;
        Ok(output)
    }

    /// As [`Self::kubectl`], and an error where it fails.
    pub(crate) fn succeed(&self, arguments: &[&str], input: &str) -> Result<Said, Failure> {
        let output = self.kubectl(arguments, input)?;
        if !output.status.success() {
            return Err(
                format!("kubectl {}: {}", arguments.join(" "), text(&output.stderr)).into(),
            );
        }
        Ok(Said::of(&output))
    }

    /// What looks at objects.
    pub(crate) fn reader(&self) -> Result<&Reader, Failure> {
        if let Some(reader) = self.reader.get() {
            return Ok(reader);
        }
        let reader = Reader::of(self)?;
        Ok(self.reader.get_or_init(|| reader))
    }

    /// A namespace that nobody else has.
    pub(crate) fn namespace(&self) -> Result<String, Failure> {
        let number = self.namespaces.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-{number}");
        self.succeed(&["create", "namespace", &name], "")?;
        Ok(name)
    }
}

/// What a command printed.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
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

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
