//! Applies that do not go well, against a server that is told to fail.

use std::time::{Duration, Instant};

use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

/// `create_topic` of the wire protocol.
const CREATE_TOPIC: u32 = 302;
/// `get_stream` of the wire protocol.
const GET_STREAM: u32 = 200;

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: orders }
spec:
  streams:
    - name: orders
      topics:
        - name: a
          consumerGroups: [billing]
        - name: b
        - name: c
";

struct Lab {
    served: Served,
}

impl Lab {
    fn new(faults: FaultPlan) -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("topology.yaml", TOPOLOGY);
        let server = EmbeddedServer::builder().faults(faults);
        Self {
            served: Served::start(server, sandbox),
        }
    }

    fn server(&self) -> &EmbeddedServer {
        self.served.server()
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.served
            .run(&[arguments, &["-f", "topology.yaml"]].concat())
    }
}

#[test]
fn a_lost_reply_is_looked_up_and_the_apply_goes_on() {
    let lab = Lab::new(FaultPlan::none().once(
        FaultKind::LostReply,
        FaultTarget::Command(CREATE_TOPIC),
        2,
    ));
    let run = lab.run(&["apply", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert!(run.stdout.contains("everything is as declared"));
}

#[test]
fn a_server_that_goes_on_failing_leaves_a_partial_apply_and_the_next_one_converges() {
    let lab = Lab::new(
        FaultPlan::none().always(FaultKind::Disconnect, FaultTarget::Command(CREATE_TOPIC)),
    );
    let run = lab.run(&["apply", "--yes", "-o", "json"]);
    assert_eq!(run.code, 6, "{}", run.transcript());
    let outcome: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(outcome["counts"]["applied"], 1, "{outcome:#}");
    assert!(outcome["counts"]["unknown"].as_u64().unwrap() > 0);
    assert!(outcome["counts"]["notAttempted"].as_u64().unwrap() > 0);
    for step in outcome["steps"].as_array().unwrap() {
        assert_eq!(
            step["status"] == "applied",
            step["reason"].is_null(),
            "a step that was not applied says why: {step:#}"
        );
    }
    lab.server().faults().clear();
    assert_eq!(lab.run(&["apply", "--yes"]).code, 0);
    assert_eq!(lab.run(&["diff"]).code, 0);
}

#[test]
fn what_was_not_attempted_is_one_line_for_each_reason() {
    let lab = Lab::new(
        FaultPlan::none().always(FaultKind::Disconnect, FaultTarget::Command(CREATE_TOPIC)),
    );
    let groups: Vec<String> = (0..50).map(|number| format!("g{number}")).collect();
    let topology = TOPOLOGY.replace("[billing]", &format!("[{}]", groups.join(", ")));
    lab.served.sandbox.write("topology.yaml", topology);
    let run = lab.run(&["apply", "--yes"]);
    assert_eq!(run.code, 6, "{}", run.transcript());
    assert!(
        run.stdout.contains(
            "  50 not attempted: topic/orders/a is needed first, and its outcome is unknown (create topic"
        ),
        "{}",
        run.transcript()
    );
    assert!(
        !run.stderr.contains("not attempted"),
        "{}",
        run.transcript()
    );
    let run = lab.run(&["apply", "--yes", "-v"]);
    assert_eq!(run.stdout.matches("  not attempted group/").count(), 50);
}

#[test]
fn a_server_that_is_lost_does_not_flood_the_log() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;

    let mut lab = Lab::new(FaultPlan::none().always(
        FaultKind::Delay(Duration::from_millis(20)),
        FaultTarget::Command(CREATE_TOPIC),
    ));
    let topics: Vec<String> = (0..2000)
        .map(|number| format!("        - name: t{number}\n"))
        .collect();
    let head = TOPOLOGY.split("        - name: a").next().unwrap();
    lab.served
        .sandbox
        .write("topology.yaml", head.to_owned() + &topics.concat());
    let server = lab.server().connection_string();
    let mut process = lab
        .served
        .sandbox
        .command(&["apply", "--yes", "--connect-timeout", "1s"])
        .args(["-f", "topology.yaml", "--server", &server])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Not read at the same time as the other one: it must be small enough to wait.
    let mut messages = BufReader::new(process.stderr.take().unwrap());
    let mut shown = String::new();
    // After the server that it is for, the first step that was done.
    messages.read_line(&mut shown).unwrap();
    messages.read_line(&mut shown).unwrap();
    lab.served.stop();
    messages.read_to_string(&mut shown).unwrap();
    let output = process.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(6), "{stdout}{shown}");
    let outcome = stdout.split("Plan: ").nth(1).unwrap();
    assert_eq!(outcome.matches("nothing listens").count(), 1, "{outcome}");
    assert!(
        outcome.contains(" not attempted: no connection: "),
        "{outcome}"
    );
    assert!(!shown.contains("not attempted"), "{shown}");
    // As many failures at most as there are connections, each with its reason.
    assert!(outcome.lines().count() < 25, "{outcome}");
}

#[test]
fn a_setting_that_the_server_lacks_is_named_with_its_version() {
    let lab = Lab::new(FaultPlan::none().once(
        FaultKind::UnsupportedOptionKey,
        FaultTarget::Command(CREATE_TOPIC),
        1,
    ));
    let topology = TOPOLOGY.replace(
        "        - name: b\n        - name: c\n",
        "          durability: persisted\n          messageExpiry: 7d\n",
    );
    lab.served.sandbox.write("topology.yaml", topology);
    let run = lab.run(&["apply", "--yes"]);
    assert_eq!(run.code, 6, "{}", run.transcript());
    assert!(
        run.stdout
            .contains("does not know the setting durability (code 4041)"),
        "{}",
        run.transcript()
    );
    assert!(
        run.stdout.contains("this server (version "),
        "{}",
        run.stdout
    );
}

#[test]
fn a_timeout_before_the_first_step_changes_nothing() {
    let lab = Lab::new(FaultPlan::none().always(
        FaultKind::Delay(Duration::from_secs(60)),
        FaultTarget::Command(GET_STREAM),
    ));
    let started = Instant::now();
    let run = lab.run(&["apply", "--yes", "--timeout", "1s"]);
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(run.code, 69, "{}", run.transcript());
    assert!(run.stderr.contains("--timeout"), "{}", run.stderr);
    lab.server().faults().clear();
    assert_eq!(lab.run(&["diff"]).code, 2);
}

#[cfg(unix)]
#[test]
fn an_interrupt_finishes_what_was_sent_reports_and_is_partial() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    // Every topic takes a while, so that the interrupt comes between two steps.
    let lab = Lab::new(FaultPlan::none().always(
        FaultKind::Delay(Duration::from_millis(1500)),
        FaultTarget::Command(CREATE_TOPIC),
    ));
    let server = lab.server().connection_string();
    let mut process = lab
        .served
        .sandbox
        .command(&["apply", "--yes", "-f", "topology.yaml", "--server", &server])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut messages = BufReader::new(process.stderr.take().unwrap());
    let mut line = String::new();
    messages.read_line(&mut line).unwrap();
    assert!(line.starts_with("Server "), "{line}");
    line.clear();
    messages.read_line(&mut line).unwrap();
    assert!(line.contains("stream/orders"), "{line}");
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &process.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut messages, &mut rest).unwrap();
    let output = process.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(6), "{stdout}\n{rest}");
    assert!(rest.contains("Interrupted"), "{rest}");
    assert!(stdout.contains("not attempted"), "{stdout}");
    lab.server().faults().clear();
    assert_eq!(lab.run(&["apply", "--yes"]).code, 0);
}
