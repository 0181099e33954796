//! The walk-through of `examples/team/README.md`: each of its commands is run, in its order,
//! in a copy of the folder, and prints what the page shows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use iggyctl_embedded::EmbeddedServer;
use tokio::runtime::Runtime;

/// A command of the page, how it ends, and what it prints.
struct Shown {
    line: usize,
    command: String,
    exits: i32,
    output: Vec<String>,
}

/// The commands in the blocks that are marked as `console`.
fn commands(page: &str) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    let mut is_console = false;
    for (index, text) in page.lines().enumerate() {
        if let Some(language) = text.strip_prefix("```") {
            is_console = language == "console";
        } else if let (true, Some(command)) = (is_console, text.strip_prefix("$ ")) {
            let (command, exits) = match command.split_once("  # exits ") {
                Some((command, code)) => (command, code.trim().parse().unwrap()),
                None => (command, 0),
            };
            commands.push(Shown {
                line: index + 1,
                command: command.to_owned(),
                exits,
                output: Vec::new(),
            });
        } else if is_console {
            let shown = commands.last_mut().expect("output before a command");
            shown.output.push(squeezed(text));
        }
    }
    commands
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first shown line that is not printed in its place; `…` stands for any lines, and at
/// the end of a line for the rest of it.
fn missing<'a>(shown: &'a [String], printed: &str) -> Option<&'a str> {
    let mut printed = printed
        .lines()
        .map(squeezed)
        .filter(|line| !line.is_empty());
    let mut skips = false;
    for wanted in shown.iter().filter(|line| !line.is_empty()) {
        if wanted == "…" {
            skips = true;
            continue;
        }
        let is_it = |line: &String| match wanted.strip_suffix('…') {
            Some(start) => line.starts_with(start),
            None => line == wanted,
        };
        let found = match skips {
            true => printed.any(|line| is_it(&line)),
            false => printed.next().is_some_and(|line| is_it(&line)),
        };
        if !found {
            return Some(wanted);
        }
        skips = false;
    }
    None
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn the_walk_through_does_what_it_says() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/team");
    let folder = tempfile::tempdir().unwrap();
    copy(&source, folder.path());
    let runtime = Runtime::new().unwrap();
    let start = || runtime.block_on(EmbeddedServer::builder().start()).unwrap();
    let (dev, prod) = (start(), start());
    let contexts = fs::read_to_string(source.join("contexts.yaml")).unwrap();
    assert!(contexts.contains("127.0.0.1:8090") && contexts.contains("127.0.0.1:8091"));
    let contexts = contexts
        .replace("127.0.0.1:8090", &dev.address().to_string())
        .replace("127.0.0.1:8091", &prod.address().to_string());
    fs::write(folder.path().join("contexts.yaml"), contexts).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_iggyctl"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let page = fs::read_to_string(source.join("README.md")).unwrap();
    let commands = commands(&page);
    assert!(commands.len() > 20, "{}", commands.len());
    for shown in commands {
        let Shown {
            line,
            command,
            exits,
            output,
        } = shown;
        let ran = Command::new("sh")
            .args(["-c", &format!("{{ {command}\n}} 2>&1")])
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", &path)
            .env("HOME", folder.path())
            .env("IGGYCTL_CONFIG", "contexts.yaml")
            .env("IGGY_DEV_PASSWORD", "iggy")
            .env("IGGY_PROD_PASSWORD", "iggy")
            .env("SVC_ORDERS_PASSWORD", "orders-of-2026")
            .env("SVC_BILLING_PASSWORD", "billing-of-2026")
            .output()
            .unwrap();
        let printed = String::from_utf8(ran.stdout).unwrap();
        let at = format!("README.md:{line}: $ {command}\n{printed}");
        assert_eq!(ran.status.code(), Some(exits), "{at}");
        let missing = missing(&output, &printed);
        assert_eq!(missing, None, "{at}");
    }
    // What a pull request shows.
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("plan.md").len() < 60_000);
    assert!(read("plan.md").starts_with("<!-- iggyctl plan: shop/prod -->"));
    assert!(read("plan.html").contains("the auditors want 30 days of invoices"));
    runtime.block_on(async {
        dev.shutdown().await;
        prod.shutdown().await;
    });
}
