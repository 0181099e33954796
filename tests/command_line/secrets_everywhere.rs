//! No secret anywhere but where it belongs: every command, in every format, as
//! talkative as it gets, while every step works and while it fails. What was
//! printed and every file that was written is searched, records and temporary
//! files included.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget, PasswordHashing};
use tokio::runtime::Runtime;

use crate::sandbox::{DevServer, Sandbox};

/// Codes of the wire protocol.
const CREATE_USER: u32 = 33;
const CHANGE_PASSWORD: u32 = 37;
const LOGIN: u32 = 40;
const GET_TOKENS: u32 = 41;
const CREATE_TOKEN: u32 = 42;
const DELETE_TOKEN: u32 = 43;

/// With what quoting, escaping or encoding could trip over.
const ROOT: &str = "marked-root-%41'\" \n&@:/?#";
const OLD: &str = "marked-old-'\"%41\n${x} \u{e9}";
const NEW: &str = "marked-new-`$(id)`<b>&\u{1b}[31m\n%s";
const SHARED: &str = "marked-file-line1\nmarked-file-line2";

/// What all of them begin with, however the rest is escaped.
const MARK: &str = "marked-";

/// Addresses that are none have it.
const WRONG: &str = "wrong-uri";

/// No other word that is printed is exactly as long as the value of a token, 50
/// bytes in Base64. That of one that was revoked again is nowhere else to be read.
const LENGTH_OF_A_VALUE: usize = 68;

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams: [{ name: orders, topics: [{ name: events }] }]
  users:
    - name: svc-orders
      password: PASSWORD
      permissions: { streams: [{ name: orders, preset: consumer }] }
      tokens:
        - { name: ci, expiry: 30d, writeTo: { file: values/ci } }
    - name: auditor
      password: { file: inputs/password.txt }
      tokens:
        - { name: reports, expiry: 30d, writeTo: { secretKeyRef: { name: auditor, key: token } } }
    - name: clerk
      password: { context: clerk }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyAccessToken
metadata: { name: ops }
spec: { user: iggy, expiry: 12h, writeTo: { file: values/ops } }
";

const CONTEXTS: &str = "\
contexts:
  shop: { server: 'SERVER' }
currentContext: shop
secrets:
  clerk: { command: [sh, -c, 'echo marked-command; echo marked-noise >&2'] }
";

struct Lab {
    runtime: Runtime,
    server: EmbeddedServer,
    sandbox: Sandbox,
    address: String,
    /// What was printed, and by what.
    printed: Vec<(String, String)>,
    /// Every value that ever was in a file.
    values: BTreeSet<String>,
}

impl Lab {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let server = EmbeddedServer::builder()
            .password_hashing(PasswordHashing::Fast)
            .credentials("iggy", ROOT);
        let server = runtime.block_on(server.start()).unwrap();
        let address = server.connection_string();
        let sandbox = Sandbox::new()
            .variable("RUST_LOG", "trace")
            .variable("RUST_BACKTRACE", "1")
            .variable("TMPDIR", "temporary")
            .variable("PASSWORD", OLD)
            .variable("NEW_PASSWORD", NEW)
            .variable("XDG_CONFIG_HOME", "inputs");
        sandbox.write("temporary/.keep", "");
        sandbox.write("inputs/password.txt", format!("{SHARED}\n"));
        let contexts = CONTEXTS.replace("SERVER", &address);
        sandbox.write("inputs/iggyctl/config.yaml", contexts);
        let mut lab = Self {
            runtime,
            server,
            sandbox,
            address,
            printed: Vec::new(),
            values: BTreeSet::new(),
        };
        lab.declare("{ env: PASSWORD }");
        lab
    }

    fn declare(&mut self, password: &str) {
        let topology = TOPOLOGY.replace("PASSWORD", password);
        self.sandbox.write("topology.yaml", topology);
    }

    fn value_files(&self) -> [PathBuf; 3] {
        ["values/ci", "values/ops", "mounted/auditor/token"]
            .map(|path| self.sandbox.path().join(path))
    }

    /// Runs it, and keeps what it printed; its exit code.
    fn run(&mut self, arguments: &[&str]) -> i32 {
        let run = self.sandbox.run(arguments);
        let said = format!("{}\n{}", run.stdout, run.stderr);
        let is_meant_to_be_wrong = arguments.iter().any(|argument| argument.contains(WRONG));
        assert_eq!(run.code == 64, is_meant_to_be_wrong, "{}", run.transcript());
        self.printed.push((arguments.join(" "), said));
        for path in self.value_files() {
            self.values.extend(std::fs::read_to_string(path).ok());
        }
        run.code
    }

    fn with_manifest<'a>(&self, arguments: &[&'a str], server: &'a str) -> Vec<&'a str> {
        let manifest = ["-f", "topology.yaml", "--secrets-dir", "mounted"];
        [arguments, &manifest, &["--server", server]].concat()
    }

    /// The command with the manifest on the server.
    fn run_with_manifest(&mut self, arguments: &[&str]) -> i32 {
        let server = self.address.clone();
        self.run(&self.with_manifest(arguments, &server))
    }

    /// Everything that only looks, in every format and as talkative as it gets.
    fn look_everywhere(&mut self) {
        let server = self.address.clone();
        let wrong = server.replace("marked-root", "marked-wrong");
        for more in [&[][..], &["-v"], &["-vvv", "--color", "always"]] {
            for format in ["text", "json"] {
                for command in ["plan", "diff"] {
                    for rotate in [&[][..], &["--rotate", "token/svc-orders/ci"]] {
                        let command = [&[command, "-o", format], rotate, more].concat();
                        self.run_with_manifest(&command);
                    }
                }
                let file = ["-f", "topology.yaml"];
                let output = ["-o", format];
                for target in [&file[..], &["--server", &server]] {
                    for question in [["--user", "svc-orders"], ["--topic", "orders/events"]] {
                        self.run(&[&["access"], &question[..], target, &output, more].concat());
                    }
                    let check = "access check --user clerk --can poll_messages orders/events";
                    let check: Vec<&str> = check.split(' ').collect();
                    self.run(&[&check[..], target, &output, more].concat());
                }
                for what in ["streams", "topics", "groups", "users", "tokens"] {
                    for server in [&server, &wrong] {
                        self.run(&[&["get", what, "--server", server], &output[..], more].concat());
                    }
                }
                for command in [["token", "list"], ["ping", "--verbose"]] {
                    for server in [&server, &wrong] {
                        self.run(&[&command[..], &["--server", server], &output, more].concat());
                    }
                }
            }
            for command in [
                &["validate", "-f", "topology.yaml"][..],
                &["render", "-f", "topology.yaml"],
                &["get", "users", "-o", "yaml", "--server", &server],
                &[
                    "access",
                    "--user",
                    "clerk",
                    "-f",
                    "topology.yaml",
                    "-o",
                    "markdown",
                ],
                &[
                    "access",
                    "--topic",
                    "orders/events",
                    "-o",
                    "markdown",
                    "--server",
                    &server,
                ],
                &["export", "--server", &server],
                &["export", "--server", &wrong],
                &["context", "list"],
                &["context", "show", "shop"],
                &["context", "use", "shop"],
                &["plan", "-f", "topology.yaml", "--context", "shop"],
                &["explain", "IGW0017"],
                &["schema"],
                &["init"],
                &["completions", "bash"],
                &["token", "delete", "nobody", "--yes", "--server", &server],
                &[
                    "get",
                    "users",
                    "--server",
                    "iggy://wrong-uri:marked-p%zz@[::1",
                ],
                &["get", "users", "--server", "wrong-uri://iggy:marked-p@host"],
            ] {
                self.run(&[command, more].concat());
            }
        }
    }

    /// Applies in all ways.
    fn apply_everyhow(&mut self, rotate: &[&str]) {
        for (format, more) in [("text", "-vvv"), ("json", "-v")] {
            let apply = ["apply", "--yes", "--skip-blocked", "-o", format, more];
            self.run_with_manifest(&[&apply[..], rotate].concat());
        }
    }

    /// Whether what was printed or written holds anything that it must not.
    fn is_clean(&self) {
        assert!(self.values.len() > 5, "tokens were created and replaced");
        let is_talkative =
            |(_, said): &(String, String)| said.contains(" DEBUG ") || said.contains(" INFO ");
        assert!(self.printed.iter().any(is_talkative), "the log is on");
        for (command, said) in &self.printed {
            self.holds_nothing(said, command);
        }
        let inputs = self.sandbox.path().join("inputs");
        for path in files(self.sandbox.path()) {
            if self.value_files().contains(&path) || path.starts_with(&inputs) {
                continue;
            }
            let content = std::fs::read(&path).unwrap();
            self.holds_nothing(
                &String::from_utf8_lossy(&content),
                &path.display().to_string(),
            );
        }
    }

    fn holds_nothing(&self, text: &str, place: &str) {
        assert!(!text.contains(MARK), "{place}:\n{text}");
        for value in &self.values {
            // A part of it is too much as well.
            assert!(!text.contains(&value[8..32]), "{place}:\n{text}");
            let bytes: Vec<String> = value.bytes().take(8).map(|byte| byte.to_string()).collect();
            assert!(!text.contains(&bytes.join(", ")), "{place}:\n{text}");
        }
        let is_base64 = |character: char| {
            character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '-' | '_' | '=')
        };
        let long = text
            .split(|character: char| !is_base64(character))
            .find(|word| word.len() == LENGTH_OF_A_VALUE);
        assert_eq!(long, None, "{place}");
    }

    fn fail(&self, kind: FaultKind, command: u32) {
        let always = FaultPlan::none().always(kind, FaultTarget::Command(command));
        self.server.faults().set(always);
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

const ALL: [&str; 6] = [
    "--rotate",
    "token/svc-orders/ci",
    "--rotate",
    "token/auditor/reports",
    "--rotate",
    "token/iggy/ops",
];

#[test]
fn while_everything_works() {
    let mut lab = Lab::new();
    lab.look_everywhere();
    assert_eq!(lab.run_with_manifest(&["apply", "--yes", "-vv"]), 0);
    lab.look_everywhere();
    lab.apply_everyhow(&ALL);
    let rotated = "{ env: NEW_PASSWORD }\n      previousPassword: { env: PASSWORD }";
    lab.declare(rotated);
    lab.apply_everyhow(&[]);
    lab.declare("{ env: NEW_PASSWORD }");
    lab.look_everywhere();
    assert_eq!(lab.run_with_manifest(&["diff"]), 0);
    lab.is_clean();
    lab.runtime.block_on(lab.server.shutdown());
}

#[test]
fn while_every_step_fails() {
    let mut lab = Lab::new();
    for (command, kind) in [
        CREATE_USER,
        CHANGE_PASSWORD,
        LOGIN,
        GET_TOKENS,
        CREATE_TOKEN,
        DELETE_TOKEN,
    ]
    .into_iter()
    .flat_map(|command| {
        [
            FaultKind::UnsupportedOptionKey,
            FaultKind::LostReply,
            FaultKind::Disconnect,
        ]
        .map(|kind| (command, kind))
    }) {
        lab.fail(kind, command);
        lab.apply_everyhow(&[]);
        lab.server.faults().clear();
        lab.apply_everyhow(&[]);
        lab.fail(kind, command);
        lab.apply_everyhow(&ALL);
        lab.server.faults().clear();
    }
    // The password is neither, is missing, stands in the manifest.
    for password in [
        "{ env: NEW_PASSWORD }",
        "{ env: NOT_SET }",
        "{ file: inputs }",
        "marked-literal",
        "[marked-literal]",
        "{ enw: marked-literal }",
    ] {
        lab.declare(password);
        lab.apply_everyhow(&[]);
    }
    lab.declare("{ env: PASSWORD }");
    lab.apply_everyhow(&ALL);
    lab.is_clean();
    lab.runtime.block_on(lab.server.shutdown());
}

#[test]
fn while_values_cannot_be_written() {
    let mut lab = Lab::new();
    assert_eq!(lab.run_with_manifest(&["apply", "--yes"]), 0);
    lab.apply_everyhow(&ALL);
    let value = lab.sandbox.path().join("values/ci");
    let note = lab.sandbox.path().join("values/ci.iggyctl.json");
    let noted = std::fs::read(&note).unwrap();
    // A note that is not understood, none, and a folder where the value goes.
    for content in ["marked-garbage", "{\"token\": \"marked-garbage\"}", ""] {
        std::fs::write(&note, content).unwrap();
        lab.apply_everyhow(&ALL);
        std::fs::write(&note, &noted).unwrap();
    }
    std::fs::remove_file(&note).unwrap();
    lab.apply_everyhow(&ALL);
    std::fs::write(&note, &noted).unwrap();
    std::fs::remove_file(&value).unwrap();
    std::fs::create_dir(&value).unwrap();
    lab.apply_everyhow(&ALL);
    std::fs::remove_dir(&value).unwrap();
    // A value that no server ever gave.
    std::fs::write(&value, "marked-value-\"%\n").unwrap();
    lab.apply_everyhow(&[]);
    lab.apply_everyhow(&ALL);
    lab.values
        .retain(|value| !value.starts_with(MARK) && !value.is_empty());
    lab.is_clean();
    lab.runtime.block_on(lab.server.shutdown());
}

#[test]
fn of_a_development_server() {
    let mut lab = Lab::new();
    let sandbox = std::mem::replace(&mut lab.sandbox, Sandbox::new());
    lab.sandbox = sandbox
        .variable("IGGY_ROOT_USERNAME", "iggy")
        .variable("IGGY_ROOT_PASSWORD", ROOT);
    let arguments = ["-f", "topology.yaml", "--secrets-dir", "mounted", "-vv"];
    let server = DevServer::start(&lab.sandbox, &arguments);
    let printed = server.connection_string.clone();
    let begun = std::time::Instant::now();
    while !lab.value_files().iter().all(|path| path.exists()) {
        assert!(begun.elapsed().as_secs() < 30, "no tokens");
        std::thread::yield_now();
    }
    server.kill();
    lab.printed.push(("dev".to_owned(), printed));
    for path in lab.value_files() {
        lab.values.insert(std::fs::read_to_string(&path).unwrap());
        // What is of another server stays in the way.
        std::fs::remove_file(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        std::fs::remove_file(path.with_file_name(format!("{name}.iggyctl.json"))).unwrap();
    }
    // Six, as is asked for elsewhere.
    lab.apply_everyhow(&ALL);
    // What it said is in a file of the sandbox.
    assert!(lab.sandbox.path().join("dev.log").exists());
    lab.is_clean();
    lab.runtime.block_on(lab.server.shutdown());
}
