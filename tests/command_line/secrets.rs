//! No password is ever seen: every command, in every format, as talkative as it
//! gets, when it works and when it fails.

use iggyctl_embedded::EmbeddedServer;
use tokio::runtime::Runtime;

use crate::sandbox::Sandbox;

/// With everything that quoting, escaping or encoding could trip over.
const OLD: &str = "marked-old-'\"%41\\n${x} \u{e9}";
const NEW: &str = "marked-new-`$(id)`<b>&\u{1b}[31m";
const IN_FILE: &str = "marked-file-line1";

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams: [{ name: orders }]
  users:
    - name: svc-orders
      password: { env: PASSWORD }
      permissions: { streams: [{ name: orders, preset: consumer }] }
    - name: auditor
      password: { file: password.txt }
    - name: clerk
      password: { context: clerk }
";

const CONTEXTS: &str = "\
contexts: {}
secrets:
  clerk: { command: [sh, -c, 'echo marked-command; echo marked-noise >&2'] }
";

/// What no output may hold: the beginnings, so that no escaping hides one.
const MARKS: [&str; 5] = [
    "marked-old",
    "marked-new",
    "marked-file",
    "marked-command",
    "marked-noise",
];

fn all_runs(sandbox: &Sandbox, address: &str, previous: &str) {
    let topology = TOPOLOGY.replace("{ env: PASSWORD }", previous);
    sandbox.write("topology.yaml", topology);
    let remote = ["-f", "topology.yaml", "--server", address];
    let commands: [&[&str]; 14] = [
        &["validate", "-f", "topology.yaml"],
        &["validate", "-f", "topology.yaml", "-o", "json"],
        &["render", "-f", "topology.yaml"],
        &["plan"],
        &["plan", "-o", "json"],
        &["diff"],
        &["apply", "--yes"],
        &["apply", "--yes", "-o", "json"],
        &["apply", "--yes", "--skip-blocked", "--no-verify"],
        &["export", "--server", address],
        &["get", "users", "--server", address],
        &["get", "users", "-o", "json", "--server", address],
        &["access", "--user", "svc-orders", "-f", "topology.yaml"],
        &["access", "--user", "svc-orders", "--server", address],
    ];
    for command in commands {
        for more in [&[][..], &["-vv"]] {
            let needs_server = matches!(command[0], "plan" | "diff" | "apply");
            let place = if needs_server { &remote[..] } else { &[] };
            let run = sandbox.run(&[command, place, more].concat());
            for mark in MARKS {
                assert!(
                    !run.stdout.contains(mark) && !run.stderr.contains(mark),
                    "{mark} is in the output of {command:?} {more:?}: {}",
                    run.transcript()
                );
            }
        }
    }
}

#[test]
fn no_command_shows_a_password() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(EmbeddedServer::builder().start()).unwrap();
    let address = server.connection_string();
    let sandbox = |old: &str| {
        let sandbox = Sandbox::new()
            .variable("RUST_LOG", "trace")
            .variable("PASSWORD", old)
            .variable("NEW_PASSWORD", NEW)
            .variable("XDG_CONFIG_HOME", "config");
        sandbox.write("password.txt", format!("{IN_FILE}\n"));
        sandbox.write("config/iggyctl/config.yaml", CONTEXTS);
        sandbox
    };
    // Created, then nothing to do.
    all_runs(&sandbox(OLD), &address, "{ env: PASSWORD }");
    // Nobody knows the live one: blocked.
    all_runs(&sandbox(OLD), &address, "{ env: NEW_PASSWORD }");
    // Rotated; afterwards the old one is not needed any more.
    let rotation = "{ env: NEW_PASSWORD }\n      previousPassword: { env: PASSWORD }";
    all_runs(&sandbox(OLD), &address, rotation);
    // A missing one, and one that stands in the manifest.
    all_runs(&sandbox(OLD), &address, "{ env: NOT_SET }");
    all_runs(&sandbox(OLD), &address, "marked-old-literal");
    all_runs(&sandbox(OLD), &address, "[marked-old-literal]");
    all_runs(&sandbox(OLD), &address, "{ enw: marked-old-literal }");
    // The server goes away.
    runtime.block_on(server.shutdown());
    all_runs(&sandbox(OLD), &address, "{ env: PASSWORD }");
}

/// The server chooses the value, so it is known only afterwards.
#[test]
fn no_command_shows_the_value_of_a_token() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(EmbeddedServer::builder().start()).unwrap();
    let address = server.connection_string();
    let sandbox = Sandbox::new().variable("RUST_LOG", "trace");
    let mut seen = Vec::new();
    for more in [&[][..], &["-v"], &["-vv"]] {
        let name = format!("token{}", more.len() + seen.len());
        let create = ["token", "create", &name, "--expiry", "1d"];
        let commands: [&[&str]; 5] = [
            &[&create[..], &["--write-to", &name]].concat(),
            &["token", "list"],
            &["token", "list", "-o", "json"],
            &["get", "tokens"],
            &["token", "delete", &name, "--yes"],
        ];
        for command in commands {
            let run = sandbox.run(&[command, more, &["--server", &address]].concat());
            assert_eq!(run.code, 0, "{}", run.transcript());
            seen.push(run);
        }
        let value = std::fs::read_to_string(sandbox.path().join(&name)).unwrap();
        // And what a login with it says, and one after it is deleted.
        let own = format!("iggy://{value}@{}", server.address());
        seen.push(sandbox.run(&[&["ping", "--server", &own], more].concat()));
        for run in &mut seen {
            // The arguments of the last one are ours.
            let shown = format!("{}{}", run.stdout, run.stderr);
            assert!(!shown.contains(&value), "{shown}");
            // Nor a part of it, nor its bytes as numbers.
            assert!(!shown.contains(&value[8..24]), "{shown}");
            let bytes: Vec<String> = value.bytes().take(8).map(|byte| byte.to_string()).collect();
            assert!(!shown.contains(&bytes.join(", ")), "{shown}");
        }
    }
    runtime.block_on(server.shutdown());
}

#[test]
fn a_secret_that_is_missing_when_it_is_needed_leaves_one_document() {
    let sandbox = Sandbox::new();
    sandbox.write("topology.yaml", TOPOLOGY);
    let run = sandbox.run(&[
        "apply",
        "-f",
        "topology.yaml",
        "--server",
        "embedded",
        "--yes",
        "--skip-password-check",
        "-o",
        "json",
    ]);
    assert_eq!(run.code, 65, "{}", run.transcript());
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["counts"]["applied"], 0, "{}", run.transcript());
    assert_ne!(report["counts"]["notAttempted"], 0, "{}", run.transcript());
}
