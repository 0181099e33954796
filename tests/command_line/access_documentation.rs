//! The steps of `docs/access.md` for a new server, as they stand there.

use std::collections::BTreeMap;

use iggyctl_embedded::EmbeddedServer;
use tokio::runtime::Runtime;

use crate::sandbox::Sandbox;

/// The content of the fenced blocks of a section with this language.
fn blocks(section: &str, language: &str) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/access.md");
    let text = std::fs::read_to_string(path).unwrap();
    let section = text.split(&format!("\n## {section}\n")).nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let opening = format!("```{language}\n");
    let blocks = section.split(&opening).skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

/// `$NAME` is what was exported, `$(…)` something made up.
fn value(text: &str, variables: &BTreeMap<String, String>, number: usize) -> String {
    match text.strip_prefix('$') {
        Some(command) if command.starts_with('(') => format!("s3cret-{number}"),
        Some(name) => variables[name].clone(),
        None => text.to_owned(),
    }
}

#[test]
fn a_new_server_is_set_up_as_documented() {
    let section = "A new server";
    let mut sandbox = Sandbox::new();
    let [manifest] = &blocks(section, "yaml")[..] else {
        panic!("one manifest");
    };
    sandbox.write("access.yaml", manifest);
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(EmbeddedServer::builder().start()).unwrap();
    let address = server.address().to_string();

    let mut variables = BTreeMap::new();
    let mut outputs = Vec::new();
    for block in blocks(section, "console") {
        for command in block.lines() {
            let command = command.strip_prefix("$ ").unwrap();
            // A value that is made up has blanks in its command.
            let command = command.replace("$(openssl rand -hex 24)", "$(openssl)");
            let words: Vec<&str> = command.split(' ').collect();
            match words.split_first().unwrap() {
                (&"export", assignments) => {
                    for assignment in assignments {
                        let (name, text) = assignment.split_once('=').unwrap();
                        let value = value(text, &variables, variables.len());
                        variables.insert(name.to_owned(), value.clone());
                        sandbox = sandbox.variable(name, &value);
                    }
                }
                (&"iggyctl", arguments) => {
                    let arguments: Vec<String> = arguments
                        .iter()
                        .map(|argument| argument.replace("iggy.example.com:8090", &address))
                        .collect();
                    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                    let run = sandbox.run(&arguments);
                    assert_eq!(run.code, 0, "{}", run.transcript());
                    assert!(!run.transcript().contains("s3cret"), "{}", run.transcript());
                    outputs.push(format!("{}{}", run.stdout, run.stderr));
                }
                (other, _) => panic!("{other} is not known here"),
            }
        }
    }
    let [applied, compared] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    assert!(
        applied.contains("The login of iggyctl itself was changed"),
        "{applied}"
    );
    assert!(compared.contains("No changes."), "{compared}");

    // The default password lets nobody in, and the other users may do what they are for.
    let log_in = |user: &str, password: &str, arguments: &[&str]| {
        let login = format!("iggy://{user}:{password}@{address}");
        sandbox
            .run(&[arguments, &["--server", &login]].concat())
            .code
    };
    assert_eq!(log_in("iggy", "iggy", &["ping"]), 77);
    let password = |name: &str| variables[name].as_str();
    assert_eq!(log_in("iggy", password("ROOT_PASSWORD"), &["ping"]), 0);
    let plan = ["plan", "--detailed-exitcode", "-f", "access.yaml"];
    assert_eq!(log_in("planner", password("PLANNER_PASSWORD"), &plan), 0);
    // Without the password before, as the text says.
    let line = "      previousPassword: { env: ROOT_PASSWORD_BEFORE }\n";
    assert!(manifest.contains(line));
    sandbox.write("access.yaml", manifest.replace(line, ""));
    assert_eq!(log_in("deployer", password("DEPLOYER_PASSWORD"), &plan), 0);
    runtime.block_on(server.shutdown());
}
