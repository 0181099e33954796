//! A folder to run programs in beside a server, and the running of one.

use std::io::{Read as _, Seek as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use libtest_mimic::Failed;

use crate::checkout::Checkout;
use crate::observer::Observer;
use crate::server::Server;

/// No single program takes longer; all of them end by themselves.
const DEADLINE: Duration = Duration::from_secs(60);

/// What one test has.
pub(crate) struct Lab<'checkout> {
    checkout: &'checkout Checkout,
    server: Server,
    folder: tempfile::TempDir,
    lost_membership: AtomicBool,
}

impl<'checkout> Lab<'checkout> {
    /// Where the TLS programs look for the authority, seen from the folder they run in.
    pub(crate) const AUTHORITY: &'static str = "core/certs/iggy_ca_cert.pem";

    pub(crate) fn new(checkout: &'checkout Checkout, server: Server) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        if let Some(authority) = server.authority_pem() {
            // Of the checkout the path is used and not the file, since certificates expire.
            let file = folder.path().join(Self::AUTHORITY);
            std::fs::create_dir_all(file.parent().ok_or("no folder")?)?;
            std::fs::write(file, authority)?;
        }
        Ok(Self {
            checkout,
            server,
            folder,
            lost_membership: AtomicBool::new(false),
        })
    }

    pub(crate) async fn end(self) {
        self.server.end().await;
    }

    /// What to fail with when a program joined a group and then never polled.
    ///
    /// That is a race of the official SDK, whatever the server: each of its consumers is told
    /// the events of the connection from the beginning, `connected` among them, after which it
    /// takes itself for no member; when that comes after it has joined, it waits for ever.
    pub(crate) fn lost_membership(&self) -> Failed {
        self.lost_membership.store(true, Ordering::Relaxed);
        "the consumer lost its place in the group before the first poll".into()
    }

    pub(crate) fn has_lost_membership(&self) -> bool {
        self.lost_membership.load(Ordering::Relaxed)
    }

    pub(crate) fn is_real(&self) -> bool {
        matches!(self.server, Server::Real(..))
    }

    /// How often the server was polled so far, where it counts.
    pub(crate) fn polls(&self) -> Option<u64> {
        self.server.polls()
    }

    pub(crate) fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// A client that is none of the programs.
    pub(crate) async fn observer(&self) -> Result<Observer, Failed> {
        let authority = self
            .server
            .authority_pem()
            .map(|_| self.folder.path().join(Self::AUTHORITY));
        Observer::connect(self.server.address(), authority.as_deref()).await
    }

    /// What one of the Rust programs printed.
    pub(crate) async fn rust(
        &self,
        program: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Printed, Failed> {
        self.run(&self.checkout.program(program), arguments, environment)
            .await
    }

    /// The same, of a program with the arguments that most have; it is told the address.
    pub(crate) async fn rust_at_address(&self, program: &str) -> Result<Printed, Failed> {
        let arguments = ["--tcp-server-address", &self.address()];
        self.rust(program, &arguments, &[]).await
    }

    /// What one of the Python programs printed.
    pub(crate) async fn python(&self, script: &str, arguments: &[&str]) -> Result<Printed, Failed> {
        let (python, script) = self.checkout.script(script)?;
        let script = script.canonicalize()?.display().to_string();
        // No bytecode next to the sources, nothing from the user's own site.
        let mut all = vec!["-B", "-s", &script];
        all.extend(arguments);
        self.run(python, &all, &[]).await
    }

    async fn run(
        &self,
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Printed, Failed> {
        // A file and not a pipe: what was printed is there when the program has to be killed, too.
        let mut output = tempfile::tempfile()?;
        let mut child = tokio::process::Command::new(std::path::absolute(program)?)
            .args(arguments)
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG")
            .env_remove("PYTHONPATH")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output.try_clone()?)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
        let ended = tokio::time::timeout(DEADLINE, child.wait()).await;
        if ended.is_err() {
            child.kill().await?;
        }
        let mut printed = Vec::new();
        output.rewind()?;
        output.read_to_end(&mut printed)?;
        let printed = Printed(String::from_utf8_lossy(&printed).into_owned());
        match ended {
            Ok(status) => {
                let status = status?;
                if status.success() {
                    Ok(printed)
                } else {
                    Err(printed.failure(&format!("{} ended with {status}", program.display())))
                }
            }
            Err(_) => Err(printed.failure(&format!(
                "{} has not ended after {} s",
                program.display(),
                DEADLINE.as_secs()
            ))),
        }
    }
}

/// Both outputs of a program, in the order of the writing.
pub(crate) struct Printed(String);

impl Printed {
    /// What follows these words, of each line that has them.
    pub(crate) fn after(&self, words: &str) -> Vec<&str> {
        self.0
            .lines()
            .filter_map(|line| line.split_once(words))
            .map(|(_, rest)| rest)
            .collect()
    }

    pub(crate) fn count(&self, words: &str) -> usize {
        self.after(words).len()
    }

    pub(crate) fn says(&self, words: &str) -> Result<(), Failed> {
        if self.count(words) == 0 {
            return Err(self.failure(&format!("expected {words:?}")));
        }
        Ok(())
    }

    /// Nothing that a program says when a call failed and it goes on.
    pub(crate) fn has_no_errors(&self) -> Result<(), Failed> {
        for words in [" ERROR ", "Failed to ", "panicked"] {
            // A client that was shut down says so when it was due to send a heartbeat.
            let errors = self.after(words);
            if errors.iter().any(|it| !it.ends_with("Client shutdown")) {
                return Err(self.failure(&format!("expected no {words:?}")));
            }
        }
        Ok(())
    }

    fn failure(&self, reason: &str) -> Failed {
        format!("{reason}:\n{}", self.0).into()
    }
}
