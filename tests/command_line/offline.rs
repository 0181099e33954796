//! Commands that need no server.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

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
          messageExpiry: ${retention:-7d}
          consumerGroups: [billing]
";

#[test]
fn help_names_every_command_with_examples() {
    assert_snapshot!(Sandbox::new().run(&["--help"]).transcript());
}

#[test]
fn version() {
    let run = Sandbox::new().run(&["--version"]);
    assert_eq!(run.code, 0);
    assert_eq!(
        run.stdout,
        format!("iggyctl {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn every_command_has_help_with_an_example() {
    let sandbox = Sandbox::new();
    for command in [
        "init",
        "validate",
        "render",
        "plan",
        "diff",
        "apply",
        "export",
        "get",
        "graph",
        "access",
        "token",
        "ping",
        "dev",
        "context",
        "schema",
        "explain",
        "completions",
    ] {
        let run = sandbox.run(&[command, "--help"]);
        assert_eq!(run.code, 0, "{command}");
        assert!(run.stdout.contains("Example"), "{command}:\n{}", run.stdout);
    }
}

#[test]
fn a_wrong_command_line_is_64() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.run(&["aply"]).transcript());
    assert_snapshot!(sandbox.run(&["plan"]).transcript());
    assert_eq!(sandbox.run(&["get", "queues"]).code, 64);
    assert_eq!(
        sandbox
            .run(&["plan", "-f", "a", "--connect-timeout", "soon"])
            .code,
        64
    );
}

#[test]
fn what_init_writes_is_valid_and_never_overwrites() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.run(&["init", "topology.yaml"]).transcript());
    assert_snapshot!(sandbox.run(&["init", "topology.yaml"]).transcript());
    assert_snapshot!(
        sandbox
            .run(&["validate", "-f", "topology.yaml"])
            .transcript()
    );
    let printed = sandbox.run(&["init"]).stdout;
    assert_eq!(
        printed,
        std::fs::read_to_string(sandbox.path().join("topology.yaml")).unwrap()
    );
}

#[test]
fn files_folders_patterns_and_standard_input() {
    let sandbox = Sandbox::new();
    sandbox.write("manifests/a.yaml", TOPOLOGY);
    sandbox.write(
        "manifests/deep/b.yml",
        TOPOLOGY
            .replace("kind: IggyTopology", "kind: IggyStream")
            .replace(
                &TOPOLOGY[TOPOLOGY.find("spec:").unwrap()..],
                "spec: { name: audit }\n",
            ),
    );
    sandbox.write("manifests/.hidden.yaml", "not: a manifest");
    sandbox.write("manifests/notes.txt", "not a manifest");
    let valid = "Valid: 2 streams, 1 topic, 1 consumer group.\n";
    for paths in [
        vec!["validate", "-f", "manifests"],
        vec![
            "validate",
            "-f",
            "manifests/a.yaml",
            "-f",
            "manifests/deep/b.yml",
        ],
        vec!["validate", "-f", "manifests/**/*.y*ml"],
        // The same file twice is one declaration.
        vec!["validate", "-f", "manifests", "-f", "manifests/a.yaml"],
    ] {
        let run = sandbox.run(&paths);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (0, valid),
            "{}",
            run.transcript()
        );
    }
    let run = sandbox.run_with_input(&["validate", "-f", "-"], TOPOLOGY);
    assert_eq!(run.code, 0, "{}", run.transcript());
}

#[test]
fn all_unreadable_sources_are_named_at_once() {
    let sandbox = Sandbox::new();
    sandbox.write("empty-folder/readme.txt", "");
    assert_snapshot!(
        sandbox
            .run(&[
                "validate",
                "-f",
                "missing.yaml",
                "-f",
                "empty-folder",
                "-f",
                "none-*.yaml",
                "-f",
                "bad-[.yaml",
                "-f",
                "a**.yaml",
            ])
            .transcript()
    );
}

#[test]
fn all_errors_of_all_files_are_shown() {
    let sandbox = Sandbox::new();
    sandbox.write("a.yaml", TOPOLOGY.replace("partitions: 3", "partition: 3"));
    sandbox.write("b.yaml", TOPOLOGY.replace("7d", "soon"));
    assert_snapshot!(
        sandbox
            .run(&["validate", "-f", "a.yaml", "-f", "b.yaml"])
            .transcript()
    );
}

#[test]
fn variables_come_from_the_flag_the_file_and_the_environment_in_that_order() {
    let sandbox = Sandbox::new().variable("IGGYCTL_VAR_retention", "1d");
    sandbox.write("topology.yaml", TOPOLOGY);
    sandbox.write("values.yaml", "retention: 2d\n");
    let rendered = |arguments: &[&str]| {
        let mut all = vec!["render", "-f", "topology.yaml"];
        all.extend(arguments);
        sandbox.run(&all).stdout
    };
    assert!(rendered(&[]).contains("messageExpiry: 1d"));
    assert!(rendered(&["--values", "values.yaml"]).contains("messageExpiry: 2d"));
    assert!(
        rendered(&["--values", "values.yaml", "--set", "retention=3d"])
            .contains("messageExpiry: 3d")
    );
}

#[test]
fn a_variable_of_the_command_line_must_be_used() {
    let sandbox = Sandbox::new().variable("IGGYCTL_VAR_other", "1");
    sandbox.write("topology.yaml", TOPOLOGY);
    sandbox.write("values.yaml", "retention: 2d\nshared: by other manifests\n");
    let run = |command: &str, assignment: &str| {
        sandbox.run(&[
            command,
            "-f",
            "topology.yaml",
            "--values",
            "values.yaml",
            "--set",
            assignment,
        ])
    };
    assert_snapshot!(run("validate", "retentoin=3d").transcript());
    assert_snapshot!(run("render", "environment=prod").transcript());
    assert_eq!(run("validate", "retention=3d").code, 0);
}

#[test]
fn a_log_level_that_is_none_is_said() {
    for directives in ["verbose", "iggyctl=loud"] {
        let sandbox = Sandbox::new().variable("RUST_LOG", directives);
        assert_snapshot!(sandbox.run(&["schema"]).transcript());
    }
    let sandbox = Sandbox::new().variable("RUST_LOG", "hyper=info,iggyctl=warn");
    assert_eq!(sandbox.run(&["schema"]).code, 0);
}

#[test]
fn without_a_home_the_variables_that_set_it_are_named() {
    let sandbox = Sandbox::new().variable("HOME", "");
    sandbox.write("topology.yaml", TOPOLOGY);
    assert_snapshot!(sandbox.run(&["plan", "-f", "topology.yaml"]).transcript());
    assert_snapshot!(sandbox.run(&["context", "list"]).transcript());
    assert_snapshot!(
        sandbox
            .run(&["get", "streams", "--context", "dev"])
            .transcript()
    );
}

#[test]
fn init_and_export_name_one_schema_for_editors() {
    let sandbox = Sandbox::new();
    let written = sandbox.run(&["init"]).stdout;
    let exported = sandbox.run(&["export", "--server", "embedded"]).stdout;
    let line = |text: &str| {
        let named = text
            .lines()
            .find(|line| line.contains("yaml-language-server"));
        named.unwrap().to_owned()
    };
    assert_eq!(line(&written), line(&exported));
}

#[test]
fn the_rest_of_the_environment_is_no_variable() {
    let sandbox = Sandbox::new().variable("SECRET", "hunter2");
    sandbox.write("topology.yaml", TOPOLOGY.replace("retention:-7d", "SECRET"));
    let run = sandbox.run(&["render", "-f", "topology.yaml"]);
    assert_eq!(run.code, 65);
    assert!(!run.transcript().contains("hunter2"));
}

#[test]
fn what_is_rendered_is_a_manifest_unless_it_is_for_others() {
    let sandbox = Sandbox::new();
    let text = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: a }\nspec: { name: 'a$${b}' }\n";
    sandbox.write("a.yaml", text);
    let run = sandbox.run(&["render", "-f", "a.yaml"]);
    assert!(run.stdout.contains("a$${b}"), "{}", run.transcript());
    sandbox.write("b.yaml", run.stdout);
    let again = sandbox.run(&["validate", "-f", "b.yaml"]);
    assert_eq!(again.code, 0, "{}", again.transcript());
    let run = sandbox.run(&["render", "-f", "a.yaml", "--literal"]);
    assert!(run.stdout.contains("name: a${b}"), "{}", run.transcript());
}

#[test]
fn codes_are_explained() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["explain", "igc0001"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert!(run.stdout.starts_with("IGC0001: "));
    for short in ["igc1", "1", "IGC0001"] {
        assert_eq!(sandbox.run(&["explain", short]).stdout, run.stdout);
    }
    let warning = sandbox.run(&["explain", "igw1"]).stdout;
    assert!(warning.starts_with("IGW0001: more partitions"), "{warning}");
    assert_snapshot!(sandbox.run(&["explain", "IGC9999"]).transcript());
    assert_snapshot!(sandbox.run(&["explain", "IGC012x"]).transcript());
}

#[test]
fn schemas_are_printed() {
    let sandbox = Sandbox::new();
    for arguments in [vec!["schema"], vec!["schema", "IggyTopic"]] {
        let run = sandbox.run(&arguments);
        assert_eq!(run.code, 0);
        serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap();
    }
    assert_snapshot!(sandbox.run(&["schema", "IggyQueue"]).transcript());
    assert_snapshot!(sandbox.run(&["schema", "topics"]).transcript());
}

#[test]
fn completions_are_printed() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = sandbox.run(&["completions", shell]);
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("iggyctl"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let sandbox = Sandbox::new();
    let mut process = sandbox
        .command(&["schema"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(process.stdout.take());
    let output = process.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn a_file_of_values_or_of_variables_that_cannot_be_read_is_named_by_line() {
    let sandbox = Sandbox::new();
    sandbox.write("topology.yaml", "{}");
    sandbox.write("values.yaml", "good: 1\nbad: [hunter2]\n");
    let validate = ["validate", "-f", "topology.yaml"];
    let run = sandbox.run(&[&validate[..], &["--values", "values.yaml"]].concat());
    assert_snapshot!(run.transcript());
    sandbox.write("variables.env", "GOOD=1\n\n# comment\nhunter2 is no line\n");
    let run = sandbox.run(&[&validate[..], &["--env-file", "variables.env"]].concat());
    assert_snapshot!(run.transcript());
}
