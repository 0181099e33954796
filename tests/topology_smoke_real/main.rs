//! `iggyctl smoke -f` on a real server, over its transports, and after a kill.
//!
//! The program is that of `IGGYCTL_TEST_SERVER`, or `iggy-server` on the `PATH`. Without
//! one the trials are *ignored*, with the reason, never passed.

#![allow(
    clippy::unwrap_used,
    reason = "a test program of its own, which clippy does not take for one"
)]

#[allow(dead_code, reason = "shared with the transcripts")]
#[path = "../command_line/sandbox.rs"]
mod sandbox;
#[allow(dead_code, reason = "shared with the tests of messages")]
#[path = "../../crates/messaging/tests/real_server/server.rs"]
mod server;

use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Trial};
use sandbox::{Run, Sandbox};
use server::Server;

/// A name, and what is done with the program of a server.
type Case = (&'static str, fn(PathBuf));

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let program = server::program();
    let trials: [Case; 3] = [
        ("smoke/each_transport", each_transport),
        ("smoke/a_grant_that_is_missing", a_grant_that_is_missing),
        ("smoke/a_killed_run", a_killed_run),
    ];
    let trials = trials.into_iter().map(|(name, trial)| {
        let program = program.clone();
        Trial::ignorable_test(format!("real/{name}"), move || match program {
            Ok(program) => {
                trial(program);
                Ok(Completion::Completed)
            }
            Err(reason) => Ok(Completion::ignored_with(reason)),
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// The topology of `examples/smoke.yaml`, applied.
fn applied(server: &Server) -> Sandbox {
    let sandbox = Sandbox::new()
        .variable("CHECKOUT_PASSWORD", "s3cret-checkout")
        .variable("BILLING_PASSWORD", "s3cret-billing")
        .variable("INTERN_PASSWORD", "s3cret-intern");
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/smoke.yaml");
    sandbox.write("smoke.yaml", std::fs::read(manifest).unwrap());
    let apply = ["apply", "--yes", "--smoke", "-f", "smoke.yaml"];
    let run = on(&sandbox, server, &apply);
    assert_eq!(run.code, 0, "{}", run.transcript());
    sandbox
}

fn on(sandbox: &Sandbox, server: &Server, arguments: &[&str]) -> Run {
    let address = server.address("iggy");
    sandbox.run(&[arguments, &["--server", &address]].concat())
}

/// Streams and users of smoke tests.
fn left_behind(sandbox: &Sandbox, server: &Server) -> String {
    ["streams", "users"]
        .map(|what| on(sandbox, server, &["get", what]).stdout)
        .concat()
        .lines()
        .filter(|line| line.contains("iggyctl-smoke-"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn each_transport(program: PathBuf) {
    let server = Server::start(program);
    let sandbox = applied(&server);
    for scheme in ["iggy", "iggy+ws", "iggy+quic"] {
        let address = server.address(scheme);
        let run = sandbox.run(&[
            "smoke",
            "-f",
            "smoke.yaml",
            "--canary",
            "--server",
            &address,
        ]);
        assert_eq!(run.code, 0, "{}", run.transcript());
        assert!(
            run.stdout.contains("20 passed, 1 skipped"),
            "{}",
            run.transcript()
        );
    }
    assert_eq!(left_behind(&sandbox, &server), "");
}

fn a_grant_that_is_missing(program: PathBuf) {
    let server = Server::start(program);
    let sandbox = applied(&server);
    let manifest = std::fs::read_to_string(sandbox.path().join("smoke.yaml")).unwrap();
    let fewer = manifest.replace("allow: [read_topic]", "allow: []");
    assert_ne!(manifest, fewer);
    sandbox.write("fewer.yaml", fewer);
    let run = on(&sandbox, &server, &["apply", "--yes", "-f", "fewer.yaml"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    let run = on(&sandbox, &server, &["smoke", "-f", "smoke.yaml"]);
    assert_eq!(run.code, 7, "{}", run.transcript());
    let failed: Vec<&str> = run
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("FAIL")?.split_whitespace().next())
        .collect();
    assert_eq!(failed, ["exists/user/billing", "poll/user/billing"]);
    assert_eq!(left_behind(&sandbox, &server), "");
}

/// The age below which a run may only be starting, and some time.
const UNTIL_REMOVED: Duration = Duration::from_secs(30);

fn a_killed_run(program: PathBuf) {
    let server = Server::start(program);
    let sandbox = applied(&server);
    let address = server.address("iggy");
    let mut run = sandbox
        .command(&["smoke", "-f", "smoke.yaml", "--server", &address])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !left_behind(&sandbox, &server).contains("-0") {
        assert!(begun.elapsed() < UNTIL_REMOVED, "no copy is made");
        assert_eq!(run.try_wait().unwrap(), None, "it ended by itself");
    }
    run.kill().unwrap();
    run.wait().unwrap();
    let begun = Instant::now();
    while !left_behind(&sandbox, &server).is_empty() {
        assert!(begun.elapsed() < UNTIL_REMOVED, "it is not removed");
        let next = ["smoke", "-f", "smoke.yaml", "--scenario", "login/*"];
        let run = on(&sandbox, &server, &next);
        assert_eq!(run.code, 0, "{}", run.transcript());
    }
}
