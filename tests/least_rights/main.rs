//! The least rights with which iggyctl itself does something, as the table of
//! `docs/access.md` has them: with exactly these it is done, and neither without one of
//! them nor with a weaker one in its place. And what it says about a leak.
//!
//! On the embedded server; and on a real one, found as for the contract
//! (`docs/testing.md`).

#![allow(
    clippy::unwrap_used,
    reason = "a test program of its own, which clippy does not take for one"
)]

#[path = "../access_presets/grants.rs"]
mod grants;
mod leak;
#[path = "../../crates/embedded/tests/contract/server.rs"]
#[allow(dead_code, reason = "the contract uses more of it")]
mod server;
mod task;
mod weaker;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Command, ExitCode, Output};
use std::time::Duration;

use iggy::prelude::*;
use iggyctl_core::access::{Grants, StreamGrants};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tempfile::TempDir;

use grants::{permissions, with_one_word_less};
use server::{PASSWORD, RealServer, RunningServer, USERNAME};
use task::{Run, TASKS, Task, Words};
use weaker::with_one_word_weaker;

/// Bound on one test, so that a server that hangs fails instead of blocking the run.
const DEADLINE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let mut trials = vec![Trial::test("the_documentation_has_this_table", || {
        the_documentation_has_this_table();
        Ok(())
    })];
    let real = RealServer::find();
    if let Ok(RealServer::Address(_)) = real {
        // One server for all: one test at a time.
        arguments.test_threads = Some(1);
    }
    for task in TASKS {
        let prove = move |mut fixture: Fixture| async move { fixture.prove(task).await };
        trials.extend(on_each_server(task.name, &real, prove));
    }
    let leak = leak::what_ends_at_once_and_what_goes_on;
    trials.extend(on_each_server("a_leak", &real, leak));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A test on the embedded server, and on a real one where there is one.
fn on_each_server<F>(
    name: &str,
    real: &Result<RealServer, String>,
    test: impl Fn(Fixture) -> F + Clone + Send + 'static,
) -> [Trial; 2]
where
    F: Future<Output = ()>,
{
    let real = real.clone();
    let on_real = test.clone();
    [
        Trial::test(format!("embedded/{name}"), move || {
            block_on(async {
                let server = server::embedded().await?;
                test(Fixture::start(server.address()).await).await;
                server.shutdown().await;
                Ok(Completion::Completed)
            })
            .map(|_| ())
        }),
        Trial::ignorable_test(format!("real/{name}"), move || {
            let real = match real {
                Ok(real) => real,
                Err(reason) => return Ok(Completion::ignored_with(reason)),
            };
            block_on(async {
                let server = RunningServer::real(&real).await?;
                on_real(Fixture::start(server.address()).await).await;
                if let RunningServer::Shared(address) = server {
                    server::clean(address).await?;
                }
                Ok(Completion::Completed)
            })
        }),
    ]
}

fn block_on(test: impl Future<Output = Result<Completion, String>>) -> Result<Completion, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match tokio::time::timeout(DEADLINE, test).await {
            Ok(outcome) => outcome.map_err(Failed::from),
            Err(_) => Err(format!("not done after {} s", DEADLINE.as_secs()).into()),
        }
    })
}

fn the_documentation_has_this_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/access.md");
    let text = std::fs::read_to_string(path).unwrap();
    let section = text.split("## The least rights for iggyctl").nth(1);
    let section = section.unwrap().split("\n## ").next().unwrap();
    let lines = section
        .lines()
        .filter(|line| line.starts_with("| `") || line.starts_with("| the"));
    let documented: Vec<String> = lines.map(str::to_owned).collect();
    let mut expected: Vec<String> = Vec::new();
    for Task {
        documented, needs, ..
    } in TASKS
    {
        let line = format!("| {documented} | {needs} |");
        if !expected.contains(&line) {
            expected.push(line);
        }
    }
    assert_eq!(documented, expected, "docs/access.md");
}

struct Fixture {
    address: SocketAddr,
    root: IggyClient,
    folder: TempDir,
    attempts: u32,
}

impl Fixture {
    async fn start(address: SocketAddr) -> Self {
        let root = IggyClient::builder()
            .with_tcp()
            .with_server_address(address.to_string())
            .with_reconnection_max_retries(Some(0))
            .build()
            .unwrap();
        root.connect().await.unwrap();
        root.login_user(USERNAME, PASSWORD).await.unwrap();
        Self {
            address,
            root,
            folder: tempfile::tempdir().unwrap(),
            attempts: 0,
        }
    }

    /// Exactly the rights of a task are enough, and nothing less is.
    async fn prove(&mut self, task: &Task) {
        let needed = self.attempt(task, |grants| grants).await;
        assert!(
            (task.is_done)(&needed),
            "{} with {:?}: {needed}",
            task.name,
            task.needs
        );
        let Words {
            server,
            on_stream,
            on_topic,
        } = task.needs;
        let count = server.len() + on_stream.len() + on_topic.len();
        for index in 0..count {
            let run = self
                .attempt(task, |grants| {
                    with_one_word_less(&grants).swap_remove(index)
                })
                .await;
            run.is_refused(task, "a word less");
        }
        let example = task.needs.grants(0, 0);
        for index in 0..with_one_word_weaker(&example).len() {
            let run = self
                .attempt(task, |grants| {
                    with_one_word_weaker(&grants).swap_remove(index)
                })
                .await;
            run.is_refused(task, "a weaker word");
        }
    }

    /// Everything anew: root prepares, a user of its own does the task, and what
    /// was applied is there.
    async fn attempt(&mut self, task: &Task, change: impl Fn(Grants<u32>) -> Grants<u32>) -> Run {
        self.attempts += 1;
        let number = self.attempts;
        let root = format!("{USERNAME}:{PASSWORD}");
        if !task.before.is_empty() {
            self.write("before.yaml", task.before, number);
            let prepared = self.run(&root, &["apply", "--yes", "-f", "before.yaml"], number);
            assert_eq!(prepared.code, 0, "{}: {prepared}", task.name);
        }
        let stream = self.id_of_stream(&format!("orders-{number}")).await;
        let granted = change(task.needs.grants(stream.unwrap_or_default(), 0));
        let login = format!("login-{number}");
        let permissions = Some(permissions(&granted));
        self.root
            .create_user(&login, "password", UserStatus::Active, permissions)
            .await
            .unwrap();
        self.write("topology.yaml", task.manifest, number);
        let mut run = self.run(&format!("{login}:password"), task.command, number);
        run.granted = format!("{granted:?}");
        if (task.is_done)(&run) && task.command[0] == "apply" {
            let again = ["plan", "--detailed-exitcode", "-f", "topology.yaml"];
            let again = self.run(&root, &again, number);
            assert_eq!(again.code, 0, "{}: {again}", task.name);
        }
        run
    }

    async fn id_of_stream(&self, name: &str) -> Option<u32> {
        let stream = Identifier::named(name).unwrap();
        let found = self.root.get_stream(&stream).await.unwrap();
        found.map(|stream| stream.id)
    }

    fn write(&self, file: &str, spec: &str, number: u32) {
        let text = format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: shop }}\n\
             spec:\n{}",
            spec.replace('@', &number.to_string())
        );
        std::fs::write(self.folder.path().join(file), text).unwrap();
    }

    fn run(&self, login: &str, arguments: &[&str], number: u32) -> Run {
        let number = number.to_string();
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| argument.replace('@', &number))
            .collect();
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new(env!("CARGO_BIN_EXE_iggyctl"))
            .args(&arguments)
            .args(["--server", &format!("iggy://{login}@{}", self.address)])
            .current_dir(self.folder.path())
            .env_clear()
            .envs([
                ("HOME", "home"),
                ("SERVICE", "service"),
                ("FORMER", "former"),
            ])
            .output()
            .unwrap();
        Run {
            arguments: arguments.join(" "),
            granted: login.to_owned(),
            code: status.code().unwrap_or(-1),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }
}

impl Words {
    fn grants(&self, stream: u32, topic: u32) -> Grants<u32> {
        let Self {
            server,
            on_stream,
            on_topic,
        } = *self;
        let topics = (!on_topic.is_empty())
            .then(|| (topic, on_topic.iter().copied().collect()))
            .into_iter();
        let granted = StreamGrants {
            allow: on_stream.iter().copied().collect(),
            topics: topics.collect(),
        };
        let streams = (!on_stream.is_empty() || !on_topic.is_empty()).then_some((stream, granted));
        Grants {
            server: server.iter().copied().collect(),
            streams: streams.into_iter().collect::<BTreeMap<_, _>>(),
        }
    }
}
