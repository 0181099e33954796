//! `iggyctl smoke` with a server that it restarts by a command: one that keeps its data,
//! and one that loses them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::sandbox::{DevServer, Run, Sandbox};

/// A server, and what restarts it.
struct Lab {
    sandbox: Sandbox,
    address: String,
}

impl Lab {
    fn start() -> Self {
        let sandbox = Sandbox::new();
        let first = DevServer::start(&sandbox, &["--data-dir", "data"]);
        let address = first.connection_string.clone();
        let listen = first.address().to_owned();
        // Started again by the same command that restarts it, so that nobody but this
        // file's processes is to be ended.
        drop(first);
        let start = |before: &str| {
            format!(
                "if [ -f dev.pid ]; then kill -9 \"$(cat dev.pid)\"; sleep 0.2; fi\n{before}\n\
                 '{}' dev --listen {listen} --data-dir data >dev.out 2>&1 </dev/null &\n\
                 echo $! >dev.pid\n",
                env!("CARGO_BIN_EXE_iggyctl")
            )
        };
        sandbox.write("restart.sh", start(""));
        sandbox.write("restart-and-lose.sh", start("rm -rf data"));
        let lab = Self { sandbox, address };
        run_script(lab.sandbox.path(), "restart.sh");
        lab
    }

    fn smoke(&self, arguments: &[&str]) -> Run {
        let common = ["smoke", "--server", &self.address, "-o", "json"];
        // It may only just have been started.
        let patience = ["--connect-timeout", "20s", "--parallel", "1"];
        self.sandbox
            .run(&[&common[..], &patience, arguments].concat())
    }
}

fn run_script(folder: &Path, script: &str) {
    let status = Command::new("sh")
        .arg(script)
        .current_dir(folder)
        .status()
        .unwrap();
    assert!(status.success());
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.sandbox
            .write("stop.sh", "kill -9 \"$(cat dev.pid)\"\n");
        run_script(self.sandbox.path(), "stop.sh");
    }
}

fn statuses(run: &Run) -> Vec<(String, String)> {
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let scenarios = report["scenarios"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    scenarios
        .iter()
        .map(|scenario| (text(&scenario["name"]), text(&scenario["status"])))
        .collect()
}

fn ended(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, status)| ((*name).to_owned(), (*status).to_owned()))
        .collect()
}

#[test]
fn a_restart_that_loses_data_is_noticed_and_one_that_keeps_them_is_fine() {
    let lab = Lab::start();
    wait_until_it_answers(&lab);
    for scenario in ["persistence", "login-after-restart"] {
        let both = ["--scenario", "basic", "--scenario", scenario];
        let keeps = ["--restart-command", "sh restart.sh"];
        let run = lab.smoke(&[&both[..], &keeps].concat());
        assert_eq!(run.code, 0, "{}", run.transcript());
        let expected = ended(&[("basic", "passed"), (scenario, "passed")]);
        assert_eq!(statuses(&run), expected);

        let loses = ["--restart-command", "sh restart-and-lose.sh"];
        let run = lab.smoke(&[&both[..], &loses].concat());
        assert_eq!(run.code, 7, "{}", run.transcript());
        let expected = ended(&[("basic", "passed"), (scenario, "failed")]);
        assert_eq!(statuses(&run), expected, "{}", run.stdout);
    }
}

#[test]
fn without_a_command_nobody_restarts_and_a_command_that_fails_is_said() {
    let lab = Lab::start();
    wait_until_it_answers(&lab);
    // A pattern takes what can be run, a name wants it.
    let run = lab.smoke(&["--scenario", "persist*", "--scenario", "basic"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    let expected = ended(&[("basic", "passed"), ("persistence", "skipped")]);
    assert_eq!(statuses(&run), expected);
    let run = lab.smoke(&["--scenario", "persistence"]);
    assert_eq!(run.code, 7, "{}", run.transcript());
    assert!(run.stdout.contains("--restart-command"), "{}", run.stdout);

    let run = lab.smoke(&[
        "--scenario",
        "persistence",
        "--restart-command",
        "exit 3 # s3cret",
    ]);
    assert_eq!(run.code, 7, "{}", run.transcript());
    assert!(
        run.stdout.contains("it ended with exit code 3"),
        "{}",
        run.stdout
    );
    for printed in [&run.stdout, &run.stderr] {
        assert!(!printed.contains("s3cret"), "{printed}");
    }
}

fn wait_until_it_answers(lab: &Lab) {
    for _ in 0..200 {
        if lab.sandbox.run(&["ping", "--server", &lab.address]).code == 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the server does not start");
}
