//! A server with the topic `orders/events`, for commands that move messages.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, EmbeddedServerBuilder, PasswordHashing};
use serde_json::Value;

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

pub(crate) struct Topic {
    pub(crate) served: Served,
    data: PathBuf,
}

/// A user with a right or two, and the password of it.
pub(crate) const BOB: &str = "bob:hunter2bob";

impl Topic {
    pub(crate) fn with_partitions(partitions: u32) -> Self {
        Self::of(EmbeddedServer::builder(), partitions)
    }

    pub(crate) fn of(builder: EmbeddedServerBuilder, partitions: u32) -> Self {
        let sandbox = Sandbox::new();
        let data = sandbox.path().join("data");
        let builder = builder
            .password_hashing(PasswordHashing::Fast)
            .data_dir(&data);
        let served = Served::start(builder, sandbox);
        served.by_hand(async |root| {
            root.create_stream("orders").await.unwrap();
            let options = TopicCreateOptions {
                partitions_count: Some(partitions),
                ..Default::default()
            };
            let orders = Identifier::named("orders").unwrap();
            root.create_topic(&orders, "events", &options)
                .await
                .unwrap();
        });
        Self { served, data }
    }

    /// Adds the user [`BOB`] with these rights on the topic.
    pub(crate) fn with_bob(self, rights: TopicPermissions) -> Self {
        self.served.by_hand(async |root| {
            let stream = StreamPermissions {
                topics: Some([(0, rights)].into()),
                ..Default::default()
            };
            let permissions = Permissions {
                global: GlobalPermissions::default(),
                streams: Some([(0, stream)].into()),
            };
            root.create_user("bob", "hunter2bob", UserStatus::Active, Some(permissions))
                .await
                .unwrap();
        });
        self
    }

    pub(crate) fn produce(&self, arguments: &[&str]) -> Run {
        self.served
            .run(&[&["produce", "orders/events"], arguments].concat())
    }

    pub(crate) fn produce_lines(&self, lines: &str, arguments: &[&str]) -> Run {
        let address = self.served.address();
        let all = [&["produce", "orders/events"], arguments, &["-s", &address]].concat();
        self.served.sandbox.run_with_input(&all, lines)
    }

    /// What `-o json` says.
    pub(crate) fn report(&self, lines: &str, arguments: &[&str]) -> Value {
        let run = self.produce_lines(lines, &[arguments, &["-o", "json"]].concat());
        assert_eq!(run.code, 0, "{}", run.transcript());
        serde_json::from_str(&run.stdout).unwrap()
    }

    pub(crate) fn consume(&self, arguments: &[&str]) -> Run {
        let run = self
            .served
            .run(&[&["consume", "orders/events"], arguments].concat());
        assert_eq!(run.code, 0, "{}", run.transcript());
        run
    }

    /// Each line of `-o json`.
    pub(crate) fn messages(&self, arguments: &[&str]) -> Vec<Value> {
        self.consume(&[arguments, &["-o", "json"]].concat())
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// A command that is running, with pipes for all it reads and writes.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// As root.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let address = self.served.address();
        self.served
            .sandbox
            .command(&[arguments, &["--server", &address]].concat())
    }

    /// Ends the server and starts it again where it was, with what it had.
    pub(crate) fn restart(&mut self, pause: impl FnOnce()) {
        let address: SocketAddr = self.served.server().address();
        self.served.stop();
        pause();
        let builder = || {
            EmbeddedServer::builder()
                .password_hashing(PasswordHashing::Fast)
                .data_dir(&self.data)
        };
        self.served.start_again(address, builder);
    }
}

/// Writes a line to the standard input of a command.
pub(crate) fn type_line(process: &mut Child, line: &str) {
    let input = process.stdin.as_mut().unwrap();
    input.write_all(line.as_bytes()).unwrap();
    input.write_all(b"\n").unwrap();
    input.flush().unwrap();
}

/// The exit code, standard output and standard error of one that ended.
pub(crate) fn ended(process: Child) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = process.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// Sends a signal to a command.
#[cfg(unix)]
pub(crate) fn signal(process: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), process.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}
