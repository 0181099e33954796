//! Three streams, twenty users and twenty tokens on `iggyctl dev`, and what
//! becomes of them: the Python SDK is everybody.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use libtest_mimic::Failed;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::rung::Outcome;

const STREAMS: usize = 3;
const USERS: usize = 20;

/// The official CLI, where there is one; else the SDK is also who does things by
/// hand.
const OFFICIAL_CLI: &str = "IGGYCTL_TEST_OFFICIAL_CLI";

fn user(number: usize) -> String {
    format!("svc-{number:02}")
}

/// The stream that a user may read.
fn stream(number: usize) -> String {
    format!("orders-{}", number % STREAMS)
}

fn password(number: usize, round: usize) -> String {
    format!("password-{round}-of-{number}")
}

fn manifest() -> String {
    let mut text = String::from(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: shop }\nspec:\n  streams:\n",
    );
    for number in 0..STREAMS {
        let name = stream(number);
        let _ = writeln!(
            text,
            "    - {{ name: {name}, topics: [{{ name: events }}] }}"
        );
    }
    text.push_str("  users:\n");
    for number in 0..USERS {
        let (user, stream) = (user(number), stream(number));
        let _ = writeln!(
            text,
            "    - name: {user}\n      password: {{ env: PASSWORD_{number} }}\n      \
             previousPassword: {{ env: PREVIOUS_{number} }}\n      \
             permissions: {{ streams: [{{ name: {stream}, allow: [read_stream] }}] }}\n      \
             tokens:\n        - {{ name: ci, expiry: 30d, writeTo: {{ file: tokens/{user} }} }}"
        );
    }
    text
}

/// What a run of `iggyctl` left.
struct Run {
    code: Option<i32>,
    shown: String,
}

impl Run {
    fn ended_with(self, code: i32) -> Result<String, Failed> {
        if self.code == Some(code) {
            Ok(self.shown)
        } else {
            Err(format!("{:?} instead of {code}:\n{}", self.code, self.shown).into())
        }
    }
}

/// The folder with the manifest, the server as a process, and the Python process.
struct Lab {
    folder: TempDir,
    address: String,
    /// How often the passwords were rotated.
    round: usize,
    // Killed when they are dropped.
    _server: Child,
    _python: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

fn iggyctl(folder: &Path, round: usize) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_iggyctl"));
    command
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .kill_on_drop(true);
    for number in 0..USERS {
        let previous = password(number, round.saturating_sub(1));
        command
            .env(format!("PASSWORD_{number}"), password(number, round))
            .env(format!("PREVIOUS_{number}"), previous);
    }
    command
}

impl Lab {
    async fn start(python: &Path) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("topology.yaml"), manifest())?;
        let mut server = iggyctl(folder.path(), 0)
            .args(["dev", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut printed = lines(&mut server)?;
        let line = printed.next_line().await?.unwrap_or_default();
        let (_, address) = line.rsplit_once('@').ok_or("dev printed no address")?;

        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python_sdk/everybody.py");
        let mut python = Command::new(python)
            .args(["-B", "-s"])
            .arg(script)
            .arg(address)
            .env_remove("PYTHONPATH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self {
            address: address.to_owned(),
            folder,
            round: 0,
            _server: server,
            requests: python.stdin.take().ok_or("no standard input")?,
            answers: lines(&mut python)?,
            _python: python,
        })
    }

    async fn run(&self, arguments: &[&str]) -> Result<Run, Failed> {
        let server = format!("iggy://iggy:iggy@{}", self.address);
        let output = iggyctl(self.folder.path(), self.round)
            .args(arguments)
            .args(["-f", "topology.yaml", "--server", &server])
            .output()
            .await?;
        let shown = [output.stdout, output.stderr].concat();
        Ok(Run {
            code: output.status.code(),
            shown: String::from_utf8(shown)?,
        })
    }

    async fn apply(&self, more: &[&str]) -> Result<String, Failed> {
        let apply = [&["apply", "--yes"], more].concat();
        self.run(&apply).await?.ended_with(0)
    }

    async fn nothing_is_left_to_do(&self) -> Outcome {
        self.run(&["diff"]).await?.ended_with(0)?;
        self.run(&["plan"]).await?.ended_with(0)?;
        Ok(())
    }

    /// Asks the Python process.
    async fn python(&mut self, request: &str, arguments: Value) -> Result<Value, Failed> {
        let line = format!("{}\n", json!([request, arguments]));
        self.requests.write_all(line.as_bytes()).await?;
        let answer = self.answers.next_line().await?;
        let answer = answer.ok_or_else(|| format!("the script ended at {line}"))?;
        Ok(serde_json::from_str(&answer)?)
    }

    /// Whether everybody's password of a round lets them in.
    async fn passwords_work(&mut self, round: usize) -> Result<Vec<bool>, Failed> {
        let pairs: Vec<Value> = (0..USERS)
            .map(|number| json!([user(number), password(number, round)]))
            .collect();
        let answer = self.python("passwords", json!([pairs])).await?;
        Ok(serde_json::from_value(answer)?)
    }

    fn values(&self) -> Result<BTreeMap<String, String>, Failed> {
        (0..USERS)
            .map(user)
            .map(|user| {
                Ok((
                    user.clone(),
                    std::fs::read_to_string(self.value_path(&user))?,
                ))
            })
            .collect()
    }

    fn value_path(&self, user: &str) -> PathBuf {
        self.folder.path().join("tokens").join(user)
    }

    /// Whether these values let their users in.
    async fn tokens_work(
        &mut self,
        values: &BTreeMap<String, String>,
    ) -> Result<Vec<bool>, Failed> {
        let pairs: Vec<Value> = values.iter().map(|pair| json!(pair)).collect();
        let answer = self.python("tokens", json!([pairs])).await?;
        Ok(serde_json::from_value(answer)?)
    }

    /// Deletes a stream and creates another, which gets its id.
    async fn replace_by_hand(&mut self, stream: &str, by: &str) -> Outcome {
        let id = self.python("stream_id", json!([stream])).await?;
        match std::env::var_os(OFFICIAL_CLI) {
            Some(program) => {
                for (verb, name) in [("delete", stream), ("create", by)] {
                    let status = Command::new(&program)
                        .args(["--tcp-server-address", &self.address])
                        .args(["--username", "iggy", "--password", "iggy"])
                        .args(["stream", verb, name])
                        .env_clear()
                        .env("HOME", self.folder.path())
                        .stdin(Stdio::null())
                        .stdout(Stdio::null())
                        .stderr(Stdio::null())
                        .kill_on_drop(true)
                        .status()
                        .await?;
                    same("the official CLI", status.success(), true)?;
                }
            }
            None => {
                self.python("delete_stream", json!([stream])).await?;
                self.python("create_stream", json!([by])).await?;
            }
        }
        same("its id", self.python("stream_id", json!([by])).await?, id)
    }

    /// Which of the streams a user may read, by its password and by its token.
    async fn reads(&mut self, number: usize, streams: &[&str]) -> Result<Vec<bool>, Failed> {
        let (user, password) = (user(number), password(number, self.round));
        let token = std::fs::read_to_string(self.value_path(&user))?;
        let by_password = json!([user, password, streams]);
        let by_password = self.python("reads", by_password).await?;
        let by_token = json!([token, streams]);
        let by_token = self.python("reads_with_token", by_token).await?;
        same("what a token may", &by_token, &by_password)?;
        Ok(serde_json::from_value(by_password)?)
    }
}

fn lines(process: &mut Child) -> Result<Lines<BufReader<ChildStdout>>, Failed> {
    let output = process.stdout.take().ok_or("no standard output")?;
    Ok(BufReader::new(output).lines())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Outcome {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what}: {found:?} instead of {expected:?}").into())
    }
}

fn says(shown: &str, text: &str) -> Outcome {
    if shown.contains(text) {
        Ok(())
    } else {
        Err(format!("no `{text}` in:\n{shown}").into())
    }
}

/// The whole of it, on one server.
pub(crate) async fn demonstration(python: PathBuf) -> Outcome {
    let mut lab = Lab::start(&python).await?;
    lab.apply(&[]).await?;
    lab.nothing_is_left_to_do().await?;
    same("passwords", lab.passwords_work(0).await?, vec![true; USERS])?;
    let first = lab.values()?;
    same("tokens", lab.tokens_work(&first).await?, vec![true; USERS])?;

    a_stream_is_replaced_by_hand(&mut lab).await?;

    for _ in 0..2 {
        lab.round += 1;
        lab.apply(&[]).await?;
        lab.nothing_is_left_to_do().await?;
        let (old, new) = (lab.round - 1, lab.round);
        same("new", lab.passwords_work(new).await?, vec![true; USERS])?;
        same("old", lab.passwords_work(old).await?, vec![false; USERS])?;
    }
    // Tokens are no passwords.
    same("files", lab.values()?, first.clone())?;
    same("tokens", lab.tokens_work(&first).await?, vec![true; USERS])?;

    a_file_is_removed(&mut lab, &first).await
}

async fn a_stream_is_replaced_by_hand(lab: &mut Lab) -> Outcome {
    let (lost, other, intruder) = ("orders-1", "orders-2", "intruder");
    let streams = [lost, other, intruder];
    // The first user of the stream, and one of another.
    let (affected, unaffected) = (1, 2);
    same(
        "before",
        lab.reads(affected, &streams[..2]).await?,
        vec![true, false],
    )?;
    lab.replace_by_hand(lost, intruder).await?;
    // The grant is on the id: this is what has to be repaired.
    let leaked = vec![false, false, true];
    same("leaked", lab.reads(affected, &streams).await?, leaked)?;

    let shown = lab.run(&["diff", "--verbose"]).await?.ended_with(2)?;
    says(&shown, "stream/orders-1")?;
    for number in (0..USERS).filter(|number| stream(*number) == lost) {
        says(&shown, &format!("user/{}", user(number)))?;
    }
    lab.apply(&[]).await?;
    lab.nothing_is_left_to_do().await?;
    let repaired = vec![true, false, false];
    same("repaired", lab.reads(affected, &streams).await?, repaired)?;
    let as_before = vec![false, true, false];
    same("others", lab.reads(unaffected, &streams).await?, as_before)
}

async fn a_file_is_removed(lab: &mut Lab, before: &BTreeMap<String, String>) -> Outcome {
    let removed = user(7);
    std::fs::remove_file(lab.value_path(&removed))?;
    // A finding, and nothing that is done by itself.
    let shown = lab.run(&["plan"]).await?.ended_with(0)?;
    says(&shown, &format!("IGW0017: token/{removed}/ci"))?;
    lab.apply(&[]).await?;
    same("its file", lab.value_path(&removed).exists(), false)?;

    let address = format!("token/{removed}/ci");
    lab.apply(&["--rotate", &address]).await?;
    lab.nothing_is_left_to_do().await?;
    let after = lab.values()?;
    let changed: Vec<&String> = after
        .iter()
        .filter(|(user, value)| before.get(*user) != Some(*value))
        .map(|(user, _)| user)
        .collect();
    same("replaced", changed, vec![&removed])?;
    same("tokens", lab.tokens_work(&after).await?, vec![true; USERS])?;
    let mut lost = before.clone();
    lost.retain(|user, _| *user == removed);
    same("the lost one", lab.tokens_work(&lost).await?, vec![false])
}
