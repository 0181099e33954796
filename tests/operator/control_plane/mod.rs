//! A Kubernetes API server, one for all tests of the run, with a namespace for each test: one of
//! our own ([`own`]), or one that is there already ([`existing`]).

mod existing;
mod kubectl;
mod own;

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use self::existing::Existing;
use self::kubectl::Kubectl;
use self::own::{Programs, Servers};
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

/// Why there is no control plane for a test.
///
/// # Errors
/// With what is missing.
pub(crate) fn find() -> Result<(), String> {
    match existing::is_meant() {
        true => existing::find_kubectl().map(drop),
        false => own::find().map(drop),
    }
}

/// As [`find`], for what is not done to a cluster that is there already.
///
/// # Errors
/// With what is missing, or that there is one.
pub(crate) fn find_own() -> Result<(), String> {
    programs().map(drop)
}

fn programs() -> Result<Programs, String> {
    match existing::is_meant() {
        true => Err("it needs a control plane of its own, beside the one that \
                     USE_EXISTING_CLUSTER means"
            .to_owned()),
        false => own::find(),
    }
}

/// Until this value is dropped, or before by [`ControlPlane::stop`].
pub(crate) struct ControlPlane {
    kubectl: Kubectl,
    cluster: Cluster,
    namespaces: AtomicUsize,
    reader: OnceLock<Reader>,
    // After what uses it.
    _folder: tempfile::TempDir,
}

enum Cluster {
    Own(Servers),
    Existing(Existing),
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.stop();
    }
}

impl ControlPlane {
    /// The one that is there already, where it is meant, or one of our own.
    pub(crate) fn start() -> Result<Self, Failure> {
        if !existing::is_meant() {
            return Self::start_own();
        }
        let folder = tempfile::tempdir()?;
        let kubectl = Kubectl::new(existing::find_kubectl()?, folder.path(), true);
        let cluster = Existing::connect(&kubectl)?;
        Ok(Self::of(kubectl, Cluster::Existing(cluster), folder))
    }

    /// One of our own: what happens to it does not matter to anybody else.
    pub(crate) fn start_own() -> Result<Self, Failure> {
        let programs = programs().map_err(NotHere)?;
        let folder = tempfile::tempdir()?;
        let kubectl = Kubectl::new(programs.kubectl.clone(), folder.path(), false);
        let servers = Servers::start(programs, folder.path(), &kubectl)?;
        Ok(Self::of(kubectl, Cluster::Own(servers), folder))
    }

    fn of(kubectl: Kubectl, cluster: Cluster, folder: tempfile::TempDir) -> Self {
        Self {
            kubectl,
            cluster,
            namespaces: AtomicUsize::new(0),
            reader: OnceLock::new(),
            _folder: folder,
        }
    }

    /// Ends what was started, and removes what was made where it would stay.
    pub(crate) fn stop(&self) {
        match &self.cluster {
            Cluster::Own(servers) => servers.stop(),
            Cluster::Existing(existing) => existing.clean(&self.kubectl),
        }
    }

    /// Its servers, which only one of our own lets us have.
    fn servers(&self, what: &str) -> Result<&Servers, NotHere> {
        match &self.cluster {
            Cluster::Own(servers) => Ok(servers),
            Cluster::Existing(_) => Err(NotHere(format!(
                "{what}, which only a control plane of the tests has, and not the one that \
                 USE_EXISTING_CLUSTER means"
            ))),
        }
    }

    /// Whether the API server writes down who asks for what.
    pub(crate) fn is_audited(&self) -> Result<(), Failure> {
        self.audited()?;
        Ok(())
    }

    fn audited(&self) -> Result<&Servers, NotHere> {
        self.servers("it counts requests by the audit log of the API server")
    }

    /// What a service account asked for, as the API server itself wrote it down, before it
    /// answered.
    pub(crate) fn asked_by(&self, namespace: &str, account: &str) -> Result<Vec<Value>, Failure> {
        self.audited()?.asked_by(namespace, account)
    }

    /// What the service accounts of this name asked for, in whichever namespace they are.
    pub(crate) fn asked_by_any(&self, account: &str) -> Result<Vec<Value>, Failure> {
        self.audited()?.asked_by_any(account)
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
        let servers = self.servers("it starts the controller manager")?;
        servers.start_controller_manager(&self.kubectl.kubeconfig())
    }

    /// Ends the API server as a crash does, and starts it anew with what etcd has.
    pub(crate) fn restart_api_server(&self) -> Result<(), Failure> {
        let servers = self.servers("it ends the API server and starts it anew")?;
        servers.restart_api_server(&self.kubectl)
    }

    /// How an administrator gets to it.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.kubectl.kubeconfig()
    }

    fn configuration(&self) -> Result<Value, Failure> {
        Ok(serde_json::from_str(&fs::read_to_string(
            self.kubeconfig(),
        )?)?)
    }

    /// How whoever has this token gets to it.
    pub(crate) fn kubeconfig_of(&self, token: &str) -> Result<String, Failure> {
        let mut configuration = self.configuration()?;
        // Nothing else by which the administrator is let in.
        configuration["users"][0]["user"] = serde_json::json!({ "token": token });
        Ok(configuration.to_string())
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> Result<SocketAddr, Failure> {
        let configuration = self.configuration()?;
        let server = &configuration["clusters"][0]["cluster"]["server"];
        let server: axum::http::Uri = server.as_str().unwrap_or_default().parse()?;
        let host = server.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let mut addresses = (host, server.port_u16().unwrap_or(443)).to_socket_addrs()?;
        Ok(addresses.next().ok_or("its name has no address")?)
    }

    /// Runs kubectl as the administrator.
    pub(crate) fn kubectl(&self, arguments: &[&str], input: &str) -> Result<Output, Failure> {
        let output = self.kubectl.run(arguments, input)?;
        self.note(&output.stdout);
        Ok(output)
    }

    /// As [`Self::kubectl`], and an error where it fails.
    pub(crate) fn succeed(&self, arguments: &[&str], input: &str) -> Result<Said, Failure> {
        let said = self.kubectl.succeed(arguments, input)?;
        self.note(said.stdout.as_bytes());
        Ok(said)
    }

    fn note(&self, stdout: &[u8]) {
        if let Cluster::Existing(existing) = &self.cluster {
            existing.note(&text(stdout));
        }
    }

    /// Installs definitions of kinds, and waits until they are served. Those that are in an
    /// existing cluster already stay as they are.
    pub(crate) fn define(&self, definitions: &str) -> Result<(), Failure> {
        let missing = match &self.cluster {
            Cluster::Own(_) => definitions.to_owned(),
            Cluster::Existing(existing) => existing.missing(&self.kubectl, definitions)?,
        };
        if !missing.is_empty() {
            self.succeed(&["apply", "--server-side", "-f", "-"], &missing)?;
        }
        let wait = ["wait", "--for=condition=Established", "--timeout=30s"];
        self.succeed(&[&wait[..], &["-f", "-"]].concat(), definitions)?;
        Ok(())
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
        let name = match &self.cluster {
            Cluster::Own(_) => format!("test-{number}"),
            Cluster::Existing(existing) => format!("{}-{number}", existing.prefix()),
        };
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

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
