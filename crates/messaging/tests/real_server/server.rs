//! A real server, started for one scenario.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program, or why there is none.
pub(crate) fn program() -> Result<PathBuf, String> {
    match std::env::var("IGGYCTL_TEST_SERVER") {
        Ok(value) if Path::new(&value).is_file() => Ok(value.into()),
        Ok(_) => Err("IGGYCTL_TEST_SERVER is not a program that could be restarted".to_owned()),
        Err(_) => std::env::var_os("PATH")
            .iter()
            .flat_map(std::env::split_paths)
            .map(|folder| folder.join("iggy-server"))
            .find(|candidate| candidate.is_file())
            .ok_or_else(|| {
                "no iggy-server on the PATH and IGGYCTL_TEST_SERVER is not set".to_owned()
            }),
    }
}

/// The variables that 0.9.0 moved to the root level, and the names they had before: a
/// debug build refuses names it does not know.
const SPELLINGS: [[&str; 3]; 2] = [
    [
        "IGGY_PATH",
        "IGGY_SHARDING_CPU_ALLOCATION",
        "IGGY_MEMORY_POOL_SIZE",
    ],
    [
        "IGGY_SYSTEM_PATH",
        "IGGY_SYSTEM_SHARDING_CPU_ALLOCATION",
        "IGGY_SYSTEM_MEMORY_POOL_SIZE",
    ],
];

/// Debug builds need a quarter of a second.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// A server; killed when dropped.
pub(crate) struct Server {
    program: PathBuf,
    child: Child,
    ports: [u16; 4],
    folder: tempfile::TempDir,
}

const TRANSPORTS: [&str; 4] = ["iggy", "iggy+http", "iggy+quic", "iggy+ws"];

impl Server {
    pub(crate) fn start(program: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ports = free_ports();
        let child = spawn(&program, folder.path(), ports);
        Self {
            program,
            child,
            ports,
            folder,
        }
    }

    /// Its address over the transport of this scheme.
    pub(crate) fn address(&self, scheme: &str) -> String {
        let index = TRANSPORTS.iter().position(|it| *it == scheme).unwrap();
        format!("{scheme}://iggy:iggy@127.0.0.1:{}", self.ports[index])
    }

    /// Ends it as an operator would, and starts it again with its data and ports.
    pub(crate) fn restart(&mut self) {
        let ended = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(ended.success());
        self.child.wait().unwrap();
        self.child = spawn(&self.program, self.folder.path(), self.ports);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone is as good as killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All held at once, so that they differ. HTTP does not say which port it got, so the
/// server cannot be left to choose.
fn free_ports() -> [u16; 4] {
    let listeners = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn spawn(program: &Path, folder: &Path, ports: [u16; 4]) -> Child {
    let mut logs = String::new();
    for [path, shards, memory] in SPELLINGS {
        let log_file = folder.join("log");
        let log = std::fs::File::create(&log_file).unwrap();
        let [tcp, http, quic, web_socket] = ports.map(|port| format!("127.0.0.1:{port}"));
        let environment =
            std::env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("IGGY"));
        let mut child = Command::new(program)
            .env_clear()
            .envs(environment)
            .env("IGGY_ROOT_USERNAME", "iggy")
            .env("IGGY_ROOT_PASSWORD", "iggy")
            .env(path, folder.join("data"))
            .env(shards, "1")
            .env(memory, "512MiB")
            .env("IGGY_TCP_ADDRESS", &tcp)
            .env("IGGY_HTTP_ADDRESS", http)
            .env("IGGY_QUIC_ADDRESS", quic)
            .env("IGGY_WEBSOCKET_ADDRESS", web_socket)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let began = Instant::now();
        while began.elapsed() < START_DEADLINE && child.try_wait().unwrap().is_none() {
            if std::net::TcpStream::connect(&tcp).is_ok() {
                return child;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = child.kill();
        let _ = child.wait();
        logs = std::fs::read_to_string(&log_file).unwrap_or_default();
    }
    panic!("the server does not start:\n{logs}");
}
