//! The commands that the program has, as its help tells: what is not there nobody can use.

use crate::sandbox::Sandbox;

/// A command that does something by itself.
pub(crate) struct Command {
    /// Such as `offsets set`.
    pub(crate) name: String,
    /// The values of `-o`, if there is one.
    pub(crate) formats: Vec<String>,
    /// Whether it asks a server.
    pub(crate) has_server: bool,
}

pub(crate) fn commands() -> Vec<Command> {
    let mut found = Vec::new();
    walk(&Sandbox::new(), &[], &mut found);
    found
}

fn walk(sandbox: &Sandbox, path: &[&str], found: &mut Vec<Command>) {
    let run = sandbox.run(&[path, &["--help"]].concat());
    assert_eq!(run.code, 0, "{}", run.transcript());
    let help = &run.stdout;
    let children: Vec<&str> = section(help, "Commands:")
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    for child in &children {
        walk(sandbox, &[path, &[child]].concat(), found);
    }
    // A command with others below it may still do something by itself: then its usage says so.
    let usages = help.lines().filter(|line| line.contains("iggyctl"));
    let is_only_a_parent = usages
        .take_while(|line| line.starts_with("Usage:") || line.starts_with("       iggyctl"))
        .all(|line| line.ends_with("<COMMAND>"));
    if !children.is_empty() && is_only_a_parent {
        return;
    }
    found.push(Command {
        name: path.join(" "),
        formats: formats(help),
        has_server: help.contains("--server <ADDRESS>"),
    });
}

/// The lines of an indented section.
fn section<'a>(help: &'a str, title: &str) -> impl Iterator<Item = &'a str> {
    let mut lines = help.lines();
    lines.by_ref().find(|line| *line == title);
    // Descriptions are further in, and continued lines, too.
    lines
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
}

/// What `-o` may be: a list with explanations, or one in brackets.
fn formats(help: &str) -> Vec<String> {
    let Some((_, text)) = help.split_once("-o, --output <FORMAT>") else {
        assert!(
            !help.contains("--output"),
            "an --output of another form: {help}"
        );
        return Vec::new();
    };
    let text: Vec<&str> = text
        .lines()
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with("          "))
        .collect();
    let listed: Vec<String> = text
        .iter()
        .filter_map(|line| line.trim_start().strip_prefix("- "))
        .filter_map(|line| Some(line.split_once(':')?.0.to_owned()))
        .collect();
    if !listed.is_empty() {
        return listed;
    }
    let text = text.join(" ");
    let values = text.split_once("[possible values: ").expect("values").1;
    let values = values.split_once(']').expect("an end").0;
    values
        .split(',')
        .map(|value| value.trim().to_owned())
        .collect()
}
