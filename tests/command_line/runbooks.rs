//! The command lines of the runbooks and of the operator's pages are ones that iggyctl
//! understands: somebody types them in a hurry.

use std::path::{Path, PathBuf};

use crate::sandbox::Sandbox;

/// What the shell makes of a line of the runbooks: quotes, and no more than that.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for character in line.chars() {
        match (character, words.last_mut()) {
            ('\'', _) => is_quoted = !is_quoted,
            (' ', Some(word)) if !is_quoted && !word.is_empty() => words.push(String::new()),
            (' ', _) if !is_quoted => {}
            (other, Some(word)) => word.push(other),
            (_, None) => unreachable!("there is always one"),
        }
    }
    words
}

/// Each command of iggyctl in a block of a page.
fn commands(page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let mut is_shell = false;
    let mut commands = Vec::new();
    for line in text.lines() {
        match line {
            "```sh" => is_shell = true,
            "```" => is_shell = false,
            line if is_shell && line.starts_with("iggyctl ") => commands.push(line.to_owned()),
            _ => {}
        }
    }
    commands
}

#[test]
fn every_command_is_understood() {
    let sandbox = Sandbox::new()
        // Nobody listens there.
        .variable("IGGY_CONNECTION_STRING", "iggy://iggy:iggy@127.0.0.1:1")
        .variable("BILLING_PASSWORD", "not-a-secret");
    sandbox.write(
        "topology.yaml",
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: orders }\nspec:\n  streams:\n    - name: orders\n      topics:\n        - name: events\n  users:\n    - name: billing\n      status: active\n      password: { env: BILLING_PASSWORD }\n      permissions: { streams: [{ name: orders, allow: [poll_messages] }] }\n",
    );
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
    let mut tried = 0;
    for page in std::fs::read_dir(folder).unwrap() {
        let page = page.unwrap().path();
        for command in commands(&page) {
            let words = words(command.strip_prefix("iggyctl ").unwrap());
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let run = sandbox.run(&words);
            // Not "usage", and not "invalid input": only the server is missing.
            assert_eq!(run.code, 69, "{}: {}", page.display(), run.transcript());
            tried += 1;
        }
    }
    assert!(tried > 20, "only {tried} commands were found");
}

/// What comes after a command in a line is the shell's.
fn without_the_rest(line: &str) -> &str {
    let ends = [" | ", " > ", " && ", " #"];
    let ends = ends.iter().filter_map(|end| line.find(end));
    ends.min().map_or(line, |end| &line[..end])
}

#[test]
fn every_command_of_the_pages_of_the_operator_is_understood() {
    let sandbox = Sandbox::new();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut tried = 0;
    for page in std::fs::read_dir(folder).unwrap() {
        let page = page.unwrap().path();
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("operator") {
            continue;
        }
        for command in commands(&page) {
            let command = without_the_rest(&command).strip_prefix("iggyctl ").unwrap();
            let words = words(command);
            let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
            // It says how it is called instead of running, once it has understood the rest.
            words.push("--help");
            let run = sandbox.run(&words);
            assert_eq!(run.code, 0, "{name}: {}", run.transcript());
            tried += 1;
        }
    }
    assert!(tried > 5, "only {tried} commands were found");
    let run = sandbox.run(&["operator", "crds", "--no-such-flag", "--help"]);
    assert_ne!(run.code, 0, "{}", run.transcript());
}
