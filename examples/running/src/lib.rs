//! What the tests of the examples share: a server, and the programs as a person runs
//! them, seen by what they print. On Unix, for the signals.

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use iggyctl_embedded::{EmbeddedServer, PasswordHashing};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// Nothing takes longer, unless it never comes.
const LIMIT: Duration = Duration::from_secs(60);

/// A server with what a manifest declares.
///
/// # Panics
/// Where a test would fail, as all of this.
pub async fn server_with(topology: &str) -> EmbeddedServer {
    let server = EmbeddedServer::builder()
        .password_hashing(PasswordHashing::Fast)
        .start()
        .await
        .unwrap();
    apply(&server, topology).await;
    server
}

/// Makes what a manifest declares.
pub async fn apply(server: &EmbeddedServer, topology: &str) {
    let connection = iggyctl_messaging::Connection::open(&server.connection_string()).unwrap();
    let manifest = iggyctl_messaging::Manifest::parse(topology).unwrap();
    let made = connection.ensure(&manifest).await.unwrap();
    assert!(!made.is_empty(), "the manifest declares something");
    connection.shutdown().await;
}

/// A program that runs; killed when this is dropped.
pub struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    has_begun: bool,
}

impl Program {
    /// Starts it with this server.
    pub fn start(program: impl AsRef<OsStr>, arguments: &[&str], server: &str) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .env("IGGY_CONNECTION_STRING", server)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            lines,
            has_begun: false,
        }
    }

    /// The next line that it prints.
    pub async fn line(&mut self) -> String {
        let line = timeout(LIMIT, self.lines.next_line()).await;
        let line = line.expect("a line in time").unwrap();
        self.has_begun = true;
        line.expect("a line")
    }

    /// So many lines.
    pub async fn lines(&mut self, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        while lines.len() < count {
            lines.push(self.line().await);
        }
        lines
    }

    /// As Ctrl-C does; what it still prints. One that has printed nothing may just have
    /// begun, and does not listen yet: the signal ends it then, before it did anything.
    pub async fn interrupt(self) -> Vec<String> {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().await;
        assert!(sent.unwrap().success());
        let has_begun = self.has_begun;
        let (lines, status) = self.finish().await;
        let has_begun = has_begun || !lines.is_empty();
        let is_well = status.success() || !has_begun && status.signal() == Some(2);
        assert!(is_well, "{status}: {lines:?}");
        lines
    }

    /// As a power cut does.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits until it has ended by itself, well; what it still prints.
    pub async fn end(self) -> Vec<String> {
        let (lines, status) = self.finish().await;
        assert!(status.success(), "{status}: {lines:?}");
        lines
    }

    async fn finish(mut self) -> (Vec<String>, ExitStatus) {
        let ending = async {
            let mut lines = Vec::new();
            while let Some(line) = self.lines.next_line().await.unwrap() {
                lines.push(line);
            }
            (lines, self.child.wait().await.unwrap())
        };
        timeout(LIMIT, ending).await.expect("it ends in time")
    }
}
