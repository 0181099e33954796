//! Every example is valid, can be planned, applied and converges.

use std::path::{Path, PathBuf};

use crate::sandbox::Sandbox;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// The manifests beside each other, and those of the programs.
fn examples() -> Vec<PathBuf> {
    let mut all = manifests();
    let programs: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().join("topology.yaml"))
        .filter(|path| path.is_file())
        .collect();
    assert!(programs.len() >= 4, "{programs:?}");
    all.extend(programs);
    all.sort();
    all
}

fn manifests() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && path.extension().is_none_or(|it| it != "md"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn every_example_is_validated_planned_and_applied() {
    let examples = examples();
    assert!(examples.len() >= 5, "{examples:?}");
    for path in examples {
        let sandbox = Sandbox::new()
            .variable("SVC_LEDGER_PASSWORD", "ledger")
            .variable("AUDITOR_PASSWORD", "auditor")
            .variable("TRAINEE_PASSWORD", "trainee")
            .variable("CHECKOUT_PASSWORD", "checkout")
            .variable("BILLING_PASSWORD", "billing")
            .variable("INTERN_PASSWORD", "intern");
        // A copy: access tokens are written beside the manifest.
        let name = path.file_name().unwrap().to_str().unwrap();
        let path = sandbox.write(name, std::fs::read(&path).unwrap());
        let path = path.to_str().unwrap();
        let run = |command: &[&str]| {
            let mut all = command.to_vec();
            all.extend(["-f", path]);
            if command != ["validate"] {
                all.extend(["--server", "embedded:data"]);
            }
            sandbox.run(&all)
        };
        for (command, code) in [
            (vec!["validate"], 0),
            (vec!["plan", "--detailed-exitcode"], 2),
            (vec!["apply", "--yes"], 0),
            (vec!["diff"], 0),
        ] {
            let run = run(&command);
            assert_eq!(run.code, code, "{path}: {}", run.transcript());
        }
    }
}

#[test]
fn the_examples_are_valid_together_with_nothing_else_in_their_folder() {
    let sandbox = Sandbox::new();
    for path in examples() {
        let text = std::fs::read_to_string(&path).unwrap();
        let is_yaml = path
            .extension()
            .is_some_and(|extension| extension == "yaml");
        assert!(
            !is_yaml || text.starts_with("# yaml-language-server: $schema="),
            "{} names its schema for editors",
            path.display()
        );
        if is_yaml {
            let line = text.lines().next().unwrap();
            let schema = path.parent().unwrap().join(line.split_once('=').unwrap().1);
            assert!(schema.is_file(), "{}: {line}", path.display());
        }
        let copy = sandbox.write("copy.yaml", text);
        let run = sandbox.run(&["render", "-f", copy.to_str().unwrap()]);
        assert_eq!(run.code, 0, "{}", run.transcript());
    }
}

#[test]
fn what_the_page_of_the_examples_says_about_them_together_is_so() {
    let folder = folder();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let page = std::fs::read_to_string(file("README.md")).unwrap();
    let sandbox = Sandbox::new();
    let granular = file("granular.yaml");
    for path in examples() {
        let name = path.strip_prefix(&folder).unwrap().to_str().unwrap();
        // A program is listed with its own page.
        let link = name.replace("topology.yaml", "README.md");
        let link = if name.contains('/') { &link } else { name };
        assert!(page.contains(&format!("]({link})")), "{name} is listed");
        let run = sandbox.run(&["validate", "-f", path.to_str().unwrap(), "-f", &granular]);
        assert_eq!(run.code, 0, "{}", run.transcript());
    }
    let run = sandbox.run(&["validate", "-f", folder.to_str().unwrap()]);
    assert_eq!(run.code, 65, "{}", run.transcript());
}

#[test]
fn the_commands_of_getting_started_go_on_where_they_stopped() {
    let sandbox = Sandbox::new();
    let folder = folder().join("getting-started");
    let manifest = folder.join("topology.yaml");
    let server = ["--server", "embedded:data"];
    let run = |command: &[&str], input: &str| {
        let run = sandbox.run_with_input(&[command, &server].concat(), input);
        assert_eq!(run.code, 0, "{}", run.transcript());
        run.stdout
    };
    let manifest = manifest.to_str().unwrap();
    run(&["apply", "--yes", "-f", manifest], "");
    let line = |id: u32| format!("{{\"id\":{id},\"text\":\"message {id}\",\"ts\":\"now\"}}\n");
    let produce = ["produce", "getting-started/events"];
    let consume = ["consume", "getting-started/events"];
    let member = "--group readers --poll-interval 500ms --ack auto";
    let as_member: Vec<&str> = consume.into_iter().chain(member.split(' ')).collect();

    run(&produce, &(line(1) + &line(2)));
    assert_eq!(run(&as_member, ""), line(1) + &line(2));
    run(&produce, &line(3));
    assert_eq!(run(&as_member, ""), line(3));
    assert_eq!(
        run(&consume, ""),
        line(1) + &line(2) + &line(3),
        "nothing is stored"
    );

    let page = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for command in [
        produce.join(" "),
        consume.join(" ") + "\n",
        member.to_owned(),
    ] {
        assert!(page.contains(&command), "{command}");
    }
}
