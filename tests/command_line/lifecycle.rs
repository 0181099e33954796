//! From a manifest to a converged server and back.

use insta::assert_snapshot;

use crate::sandbox::{DevServer, Run, Sandbox};

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: orders }
spec:
  streams:
    - name: orders
      topics:
        - name: events
          partitions: 3
          messageExpiry: 7d
          maxTopicSize: 50GiB
          segmentSize: 256MiB
          consumerGroups: [audit, billing]
        - name: dead-letters
          messageExpiry: 30d
";

struct Lab {
    sandbox: Sandbox,
    server: DevServer,
}

impl Lab {
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        let server = DevServer::start(&sandbox, &[]);
        sandbox.mask(server.connection_string.clone(), "[SERVER]");
        sandbox.mask(server.address().to_owned(), "[ADDRESS]");
        Self { sandbox, server }
    }

    fn write(&self, manifest: &str) {
        self.sandbox.write("topology.yaml", manifest);
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let mut all = arguments.to_vec();
        all.extend(["--server", &self.server.connection_string]);
        self.sandbox.run(&all)
    }

    fn apply(&self, manifest: &str) -> Run {
        self.write(manifest);
        self.run(&["apply", "-f", "topology.yaml", "--yes"])
    }

    fn plan(&self, arguments: &[&str]) -> Run {
        let mut all = vec!["plan", "-f", "topology.yaml"];
        all.extend(arguments);
        self.run(&all)
    }
}

#[test]
fn the_embedded_server_lives_for_one_command() {
    let sandbox = Sandbox::new();
    sandbox.write("topology.yaml", TOPOLOGY);
    let run = sandbox.run(&[
        "apply",
        "-f",
        "topology.yaml",
        "--server",
        "embedded",
        "--yes",
    ]);
    assert_snapshot!(run.sorted_transcript());
}

#[test]
fn an_embedded_folder_keeps_what_was_applied() {
    let sandbox = Sandbox::new();
    sandbox.write("topology.yaml", TOPOLOGY);
    let run = sandbox.run(&[
        "apply",
        "-f",
        "topology.yaml",
        "--server",
        "embedded:data",
        "--yes",
    ]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert!(!run.stderr.contains("is gone"));
    let run = sandbox.run(&["diff", "-f", "topology.yaml", "--server", "embedded:data"]);
    assert_snapshot!(run.transcript());
}

#[test]
fn apply_converges_and_repairs_what_was_changed_by_hand() {
    let lab = Lab::new();
    let run = lab.apply(TOPOLOGY);
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert_snapshot!(lab.plan(&["--detailed-exitcode"]).transcript());
    // Somebody else changes the topic.
    let run = lab.apply(&TOPOLOGY.replace("7d", "12h"));
    assert_eq!(run.code, 0, "{}", run.transcript());
    lab.write(TOPOLOGY);
    assert_snapshot!(lab.plan(&["--detailed-exitcode"]).transcript());
    assert_eq!(lab.run(&["diff", "-f", "topology.yaml"]).code, 2);
    assert_snapshot!(
        lab.run(&["apply", "-f", "topology.yaml", "--yes"])
            .transcript()
    );
    assert_eq!(lab.run(&["diff", "-f", "topology.yaml"]).code, 0);
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_changed() {
    let lab = Lab::new();
    lab.write(TOPOLOGY);
    let run = lab.run(&["apply", "-f", "topology.yaml"]);
    assert_eq!(run.code, 64, "{}", run.transcript());
    assert!(run.stderr.contains("--yes"));
    // What reads standard output gets a document of this end, too.
    let run = lab.run(&["apply", "-f", "topology.yaml", "-o", "json"]);
    assert_eq!(run.code, 64, "{}", run.transcript());
    let ended: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(ended["counts"]["applied"], 0);
    assert_eq!(ended["counts"]["notAttempted"], 5);
    let reason = ended["steps"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("nobody to ask"), "{reason}");
    assert_eq!(lab.run(&["get", "streams", "-o", "json"]).stdout, "[]\n");
}

#[test]
fn a_create_only_setting_is_blocked() {
    let lab = Lab::new();
    lab.apply(TOPOLOGY);
    let changed = TOPOLOGY.replace("256MiB", "512MiB").replace("30d", "31d");
    let run = lab.apply(&changed);
    assert_snapshot!(run.transcript());
    let plan: serde_json::Value = serde_json::from_str(&lab.plan(&["-o", "json"]).stdout).unwrap();
    let place = &plan["blocked"][0]["declaredAt"];
    assert_eq!(
        (&place["file"], &place["line"]),
        (&"topology.yaml".into(), &8.into()),
        "{plan:#}"
    );
    // Everything stopped, the other change, too.
    lab.write(TOPOLOGY);
    assert_eq!(lab.run(&["diff", "-f", "topology.yaml"]).code, 0);
    lab.write(&changed);
    let run = lab.run(&["apply", "-f", "topology.yaml", "--yes", "--skip-blocked"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    // Once more all that is left is blocked, and it says how it ended.
    let run = lab.run(&["apply", "-f", "topology.yaml", "--yes", "--skip-blocked"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    let ended =
        "Apply: 0 steps applied. Read again: what was applied is as declared; 1 still blocked.\n";
    assert!(run.stdout.ends_with(ended), "{}", run.transcript());
    // What is blocked is still not as declared.
    let run = lab.plan(&["--skip-blocked", "--detailed-exitcode"]);
    assert_eq!(run.code, 2, "{}", run.transcript());
    assert_eq!(lab.plan(&["--skip-blocked"]).code, 0);
}

#[test]
fn partitions_grow_with_a_warning_and_shrink_only_by_address() {
    let lab = Lab::new();
    lab.apply(TOPOLOGY);
    assert_snapshot!(
        lab.apply(&TOPOLOGY.replace("partitions: 3", "partitions: 5"))
            .transcript()
    );
    lab.write(TOPOLOGY);
    assert_snapshot!(lab.plan(&[]).transcript());
    let run = lab.run(&[
        "apply",
        "-f",
        "topology.yaml",
        "--yes",
        "--allow-destroy",
        "topic/orders/events",
    ]);
    assert_snapshot!(run.transcript());
    assert_eq!(lab.run(&["diff", "-f", "topology.yaml"]).code, 0);
}

#[test]
fn an_approval_that_allows_nothing_is_named() {
    let lab = Lab::new();
    lab.apply(TOPOLOGY);
    lab.write(&TOPOLOGY.replace("partitions: 3", "partitions: 1"));
    let allow =
        |address: &str| lab.run(&["diff", "-f", "topology.yaml", "--allow-destroy", address]);
    assert_snapshot!(allow("topic/orders/event").transcript());
    let run = allow("topic/orders/dead-letters");
    assert!(
        run.stderr.contains("no step of this plan loses its data"),
        "{}",
        run.transcript()
    );
    assert_eq!(run.code, 3);
    let run = allow("topic/orders/events");
    assert_eq!(run.code, 2);
    assert!(!run.stderr.contains("allows nothing"), "{}", run.stderr);
}

#[test]
fn dev_says_why_it_cannot_listen_and_how_to_choose() {
    let lab = Lab::new();
    let run = lab.sandbox.run(&["dev", "--listen", lab.server.address()]);
    assert_snapshot!(run.transcript());
}

#[test]
fn only_restricts_a_plan() {
    let lab = Lab::new();
    lab.write(TOPOLOGY);
    assert_snapshot!(
        lab.plan(&["--only", "topic/orders/dead-letters"])
            .transcript()
    );
    assert_snapshot!(lab.plan(&["--only", "topic/orders/none"]).transcript());
    assert_eq!(lab.plan(&["--only", "orders/events"]).code, 64);
    let all = lab.plan(&["--only", "stream/orders"]);
    assert!(
        all.stdout
            .ends_with("Restricted by --only: nothing is left out.\n"),
        "{}",
        all.transcript()
    );
}

#[test]
fn renames_keep_the_topic() {
    let lab = Lab::new();
    lab.apply(TOPOLOGY);
    let renamed = TOPOLOGY.replace(
        "- name: events\n",
        "- name: facts\n          previousName: events\n",
    );
    lab.write(&renamed);
    assert_snapshot!(lab.plan(&[]).transcript());
    assert_eq!(lab.run(&["apply", "-f", "topology.yaml", "--yes"]).code, 0);
    let run = lab.run(&["diff", "-f", "topology.yaml"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
}

#[test]
fn an_export_plans_empty() {
    let lab = Lab::new();
    lab.apply(TOPOLOGY);
    let exported = lab.run(&["export"]);
    assert_snapshot!(exported.transcript());
    lab.write(&exported.stdout);
    let run = lab.run(&["diff", "-f", "topology.yaml"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
}

#[test]
fn get_lists_what_is_there() {
    let lab = Lab::new();
    lab.apply(TOPOLOGY);
    assert_snapshot!(lab.run(&["get", "streams"]).transcript());
    assert_snapshot!(lab.run(&["get", "topics"]).transcript());
    assert_snapshot!(lab.run(&["get", "groups"]).transcript());
    assert_snapshot!(
        lab.run(&["get", "topics", "--stream", "orders", "-o", "yaml"])
            .transcript()
    );
    assert_snapshot!(
        lab.run(&["get", "topics", "--stream", "orders", "-o", "json"])
            .transcript()
    );
}

#[test]
fn json_is_one_document_on_standard_output() {
    let lab = Lab::new();
    lab.write(TOPOLOGY);
    let plan: serde_json::Value = serde_json::from_str(&lab.plan(&["-o", "json"]).stdout).unwrap();
    assert_eq!(plan["formatVersion"], 1);
    let run = lab.run(&["apply", "-f", "topology.yaml", "--yes", "-o", "json"]);
    let outcome: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(outcome["formatVersion"], 1, "{outcome:#}");
}

#[test]
fn dev_comes_back_after_sigkill_with_everything_that_was_acknowledged() {
    let sandbox = Sandbox::new();
    sandbox.write("topology.yaml", TOPOLOGY);
    let server = DevServer::start(&sandbox, &["--data-dir", "data"]);
    let run = sandbox.run(&[
        "apply",
        "-f",
        "topology.yaml",
        "--yes",
        "--server",
        &server.connection_string,
    ]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    server.kill();
    let server = DevServer::start(&sandbox, &["--data-dir", "data"]);
    let run = sandbox.run(&[
        "diff",
        "-f",
        "topology.yaml",
        "--server",
        &server.connection_string,
    ]);
    assert_eq!(run.code, 0, "{}", run.transcript());
}

#[test]
fn dev_applies_its_manifests_and_says_when_its_folder_is_taken() {
    let sandbox = Sandbox::new();
    sandbox.write("topology.yaml", TOPOLOGY);
    let server = DevServer::start(&sandbox, &["--data-dir", "data", "-f", "topology.yaml"]);
    let run = sandbox.run(&["dev", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
    assert_eq!(run.code, 1, "{}", run.transcript());
    assert!(run.stderr.contains(server.address()), "{}", run.stderr);
}

#[test]
fn dev_killed_in_the_middle_of_an_apply_comes_back_and_the_next_apply_converges() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let sandbox = Sandbox::new();
    let topics: String = (0..300)
        .map(|number| format!("        - name: topic-{number}\n"))
        .collect();
    sandbox.write(
        "topology.yaml",
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: many }}\nspec:\n  streams:\n    - name: many\n      topics:\n{topics}"
        ),
    );
    let server = DevServer::start(&sandbox, &["--data-dir", "data"]);
    let mut process = sandbox
        .command(&[
            "apply",
            "-f",
            "topology.yaml",
            "--yes",
            "--server",
            &server.connection_string,
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut progress = BufReader::new(process.stderr.take().unwrap()).lines();
    // Some topics were acknowledged, and most were not.
    let acknowledged = progress.nth(10).unwrap().unwrap();
    server.kill();
    for line in progress {
        line.unwrap();
    }
    assert_eq!(process.wait().unwrap().code(), Some(6));

    let server = DevServer::start(&sandbox, &["--data-dir", "data"]);
    let run = |command: &[&str]| {
        let mut all = command.to_vec();
        all.extend(["--server", &server.connection_string]);
        sandbox.run(&all)
    };
    let topics = run(&["get", "topics", "-o", "json"]).stdout;
    let last = acknowledged
        .split("topic/many/")
        .nth(1)
        .and_then(|rest| rest.split(':').next())
        .unwrap();
    assert!(
        topics.contains(&format!("\"{last}\"")),
        "{last} was acknowledged"
    );
    assert_eq!(run(&["diff", "-f", "topology.yaml"]).code, 2);
    let applied = run(&["apply", "-f", "topology.yaml", "--yes"]);
    assert_eq!(applied.code, 0, "{}", applied.transcript());
    assert_eq!(run(&["diff", "-f", "topology.yaml"]).code, 0);
}

#[test]
fn dev_applies_again_when_a_manifest_changes() {
    use std::time::{Duration, Instant};

    let sandbox = Sandbox::new();
    sandbox.write("manifests/topology.yaml", TOPOLOGY);
    let server = DevServer::start(&sandbox, &["-f", "manifests/*.yaml", "--watch"]);
    let topics = || {
        let run = sandbox.run(&[
            "get",
            "topics",
            "-o",
            "json",
            "--server",
            &server.connection_string,
        ]);
        run.stdout
    };
    sandbox.write(
        "manifests/topology.yaml",
        TOPOLOGY.replace("dead-letters", "dead-letters\n        - name: added"),
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    while !topics().contains("\"added\"") {
        assert!(Instant::now() < deadline, "the change is applied");
    }
}
