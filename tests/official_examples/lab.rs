//! A server, a folder to run programs in, and the running of one.

use std::io::{Read as _, Seek as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use iggyctl_embedded::{EmbeddedServer, TlsIdentity};
use libtest_mimic::Failed;

use crate::checkout::Checkout;
use crate::observer::Observer;

/// No single program takes longer; all of them end by themselves.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where the server of a test listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The programs are told the address.
    Any,
    AnyWithTls,
    /// The programs know [`Place::FIXED`] only.
    Fixed,
    FixedWithTls,
}

impl Place {
    const FIXED: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8090);

    pub(crate) fn is_fixed(self) -> bool {
        match self {
            Self::Any | Self::AnyWithTls => false,
            Self::Fixed | Self::FixedWithTls => true,
        }
    }

    fn has_tls(self) -> bool {
        match self {
            Self::Any | Self::Fixed => false,
            Self::AnyWithTls | Self::FixedWithTls => true,
        }
    }
}

/// What one test has.
pub(crate) struct Lab {
    checkout: Checkout,
    server: EmbeddedServer,
    folder: tempfile::TempDir,
}

impl Lab {
    /// Where the TLS programs look for the authority, seen from the folder they run in.
    pub(crate) const AUTHORITY: &'static str = "core/certs/iggy_ca_cert.pem";

    /// The inner error says why the test cannot run here.
    pub(crate) async fn start(
        checkout: Checkout,
        place: Place,
    ) -> Result<Result<Self, String>, Failed> {
        let folder = tempfile::tempdir()?;
        let mut builder = EmbeddedServer::builder();
        if place.is_fixed() {
            if let Err(error) = std::net::TcpListener::bind(Place::FIXED) {
                return Ok(Err(format!("{} is taken: {error}", Place::FIXED)));
            }
            builder = builder.listen(Place::FIXED);
        }
        if place.has_tls() {
            // Of the checkout the path is used and not the file, since certificates expire.
            let identity = TlsIdentity::self_signed(std::iter::empty::<String>())?;
            let file = folder.path().join(Self::AUTHORITY);
            std::fs::create_dir_all(file.parent().ok_or("no folder")?)?;
            std::fs::write(file, identity.authority_pem().unwrap_or_default())?;
            builder = builder.tls(identity);
        }
        let server = builder.start().await?;
        Ok(Ok(Self {
            checkout,
            server,
            folder,
        }))
    }

    pub(crate) async fn end(self) {
        self.server.shutdown().await;
    }

    pub(crate) fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// A client that is none of the programs.
    pub(crate) async fn observer(&self) -> Result<Observer, Failed> {
        let authority = self
            .server
            .tls()
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
        for words in [" ERROR ", "| ERROR ", "Failed to ", "panicked"] {
            if self.count(words) != 0 {
                return Err(self.failure(&format!("expected no {words:?}")));
            }
        }
        Ok(())
    }

    fn failure(&self, reason: &str) -> Failed {
        format!("{reason}:\n{}", self.0).into()
    }
}
