//! The steps of `docs/access.md`: for a new server as they stand there, and after a leak.

use std::collections::BTreeMap;

use iggyctl_embedded::EmbeddedServer;
use tokio::runtime::Runtime;

use crate::sandbox::{DevServer, Sandbox};

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

/// A manifest with these lines about the user `service`.
fn service(lines: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: shop }}\nspec:\n  \
         streams: [{{ name: orders }}]\n  users:\n    - name: service\n{lines}"
    )
}

#[test]
fn a_leaked_password_is_dealt_with_as_documented() {
    let sandbox = Sandbox::new()
        .variable("FORMER", "s3cret-former")
        .variable("SERVICE", "s3cret-new");
    let server = DevServer::start(&sandbox, &["--data-dir", "data"]);
    let run = |login: &str, address: &str, arguments: &[&str]| {
        let login = format!("iggy://{login}@{address}");
        sandbox.run(&[arguments, &["--server", &login]].concat())
    };
    let apply = |address: &str, lines: &str| {
        sandbox.write("topology.yaml", service(lines));
        let run = run(
            "iggy:iggy",
            address,
            &["apply", "--yes", "-f", "topology.yaml"],
        );
        assert_eq!(run.code, 0, "{}", run.transcript());
    };
    let may_read = |login: &str, address: &str| {
        let diff = ["export", "--stream", "orders"];
        let run = run(login, address, &diff);
        run.code == 0 && run.stdout.contains("- name: orders")
    };
    let rights = "      permissions: { streams: [{ name: orders, preset: readOnly }] }\n";
    let (former, new) = ("service:s3cret-former", "service:s3cret-new");
    apply(
        server.address(),
        &format!("      password: {{ env: FORMER }}\n{rights}"),
    );

    // Whoever has the password makes a token.
    let create = [
        "token", "create", "backdoor", "--expiry", "never", "--print",
    ];
    let made = run(former, server.address(), &create);
    let token = made.stdout.trim().to_owned();
    assert!(may_read(former, server.address()) && may_read(&token, server.address()));

    // 1. Another password, and no permissions.
    apply(
        server.address(),
        "      password: { env: SERVICE }\n      previousPassword: { env: FORMER }\n      \
         permissions: {}\n",
    );
    assert_eq!(run(former, server.address(), &["ping"]).code, 77);
    assert_eq!(run(&token, server.address(), &["ping"]).code, 0);
    assert!(!may_read(&token, server.address()) && !may_read(new, server.address()));

    // 2. The tokens that no manifest declares.
    let listed = run(new, server.address(), &["token", "list"]);
    assert!(
        listed.stdout.contains("backdoor"),
        "{}",
        listed.transcript()
    );
    let deleted = run(
        new,
        server.address(),
        &["token", "delete", "backdoor", "--yes"],
    );
    assert_eq!(deleted.code, 0, "{}", deleted.transcript());

    // 3. The sessions end with the server; then nothing of it is left.
    server.kill();
    let server = DevServer::start(&sandbox, &["--data-dir", "data"]);
    let listed = run(new, server.address(), &["token", "list", "-o", "json"]);
    assert_eq!(listed.stdout.trim(), "[]", "{}", listed.transcript());
    assert_eq!(run(&token, server.address(), &["ping"]).code, 77);

    // 4. The permissions.
    apply(
        server.address(),
        &format!("      password: {{ env: SERVICE }}\n{rights}"),
    );
    assert!(may_read(new, server.address()));
    assert_eq!(run(former, server.address(), &["ping"]).code, 77);
}
