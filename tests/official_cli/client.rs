//! The official CLI as a process, and how to read what it prints.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use libtest_mimic::Failed;
use tempfile::TempDir;

/// The official CLI, logged in to one server by its flags.
pub(crate) struct OfficialCli {
    program: PathBuf,
    address: SocketAddr,
    // It keeps contexts in the home folder; the tests' own must not be those.
    home: TempDir,
}

/// What one command left.
pub(crate) struct Answer {
    command: String,
    succeeded: bool,
    stdout: String,
    stderr: String,
}

impl OfficialCli {
    pub(crate) fn new(program: PathBuf, address: SocketAddr) -> Result<Self, Failed> {
        Ok(Self {
            program,
            address,
            home: TempDir::new()?,
        })
    }

    /// The same for another server.
    pub(crate) fn of(&self, address: SocketAddr) -> Result<Self, Failed> {
        Self::new(self.program.clone(), address)
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs a command as root.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<Answer, Failed> {
        self.run_as("iggy", "iggy", arguments).await
    }

    /// Runs a command with a login.
    pub(crate) async fn run_as(
        &self,
        username: &str,
        password: &str,
        arguments: &[&str],
    ) -> Result<Answer, Failed> {
        self.run_logged_in(&["--username", username, "--password", password], arguments)
            .await
    }

    /// Runs a command with an access token.
    pub(crate) async fn run_with(&self, token: &str, arguments: &[&str]) -> Result<Answer, Failed> {
        self.run_logged_in(&["--token", token], arguments).await
    }

    async fn run_logged_in(&self, login: &[&str], arguments: &[&str]) -> Result<Answer, Failed> {
        let output = tokio::process::Command::new(&self.program)
            .args(["--tcp-server-address", &self.address.to_string()])
            .args(login)
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        Ok(Answer {
            command: arguments.join(" "),
            succeeded: output.status.success(),
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }

    /// Runs a command that must succeed.
    pub(crate) async fn ok(&self, arguments: &[&str]) -> Result<Answer, Failed> {
        let answer = self.run(arguments).await?;
        answer.succeeds()?;
        Ok(answer)
    }

    /// Runs a command that must fail, and gives the cause it prints.
    pub(crate) async fn refused(&self, arguments: &[&str]) -> Result<String, Failed> {
        self.run(arguments).await?.cause()
    }
}

impl Answer {
    /// Fails unless the command succeeded.
    pub(crate) fn succeeds(&self) -> Result<(), Failed> {
        if self.succeeded {
            Ok(())
        } else {
            Err(format!("`{}` failed:\n{}", self.command, self.stderr).into())
        }
    }

    /// The line after `Caused by:` of a failed command.
    pub(crate) fn cause(&self) -> Result<String, Failed> {
        if self.succeeded {
            return Err(format!("`{}` succeeded:\n{}", self.command, self.stdout).into());
        }
        self.stderr
            .lines()
            .skip_while(|line| !line.starts_with("Caused by:"))
            .nth(1)
            // It prints the debug form of its error, closing bracket included.
            .map(|line| line.trim().trim_end_matches(')').to_owned())
            .ok_or_else(|| format!("`{}` gave no cause:\n{}", self.command, self.stderr).into())
    }

    /// Fails unless the command failed, and said this somewhere.
    pub(crate) fn fails_with(&self, words: &str) -> Result<(), Failed> {
        if !self.succeeded && self.stderr.contains(words) {
            Ok(())
        } else {
            let Self {
                command, stderr, ..
            } = self;
            Err(format!("`{command}` said:\n{stderr}").into())
        }
    }

    /// Whether it printed this line.
    pub(crate) fn says(&self, line: &str) -> Result<(), Failed> {
        if self.stdout.lines().any(|printed| printed.trim() == line) {
            Ok(())
        } else {
            Err(format!(
                "`{}` did not print `{line}`:\n{}",
                self.command, self.stdout
            )
            .into())
        }
    }

    /// Its standard output.
    pub(crate) fn text(&self) -> &str {
        &self.stdout
    }

    /// The rows of `--list-mode list`: fields between bars.
    pub(crate) fn rows(&self) -> Vec<Vec<&str>> {
        self.stdout
            .lines()
            .filter(|line| line.contains('|'))
            .map(|line| line.split('|').collect())
            .collect()
    }

    /// The table of properties and values that `get` and `me` print.
    pub(crate) fn properties(&self) -> BTreeMap<&str, &str> {
        self.stdout
            .lines()
            .filter_map(|line| {
                let row = line.strip_prefix('|')?.strip_suffix('|')?;
                let (name, value) = row.split_once('|')?;
                Some((name.trim(), value.trim()))
            })
            .collect()
    }
}
