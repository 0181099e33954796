//! Every command, in every format it has, with every outcome: standard output is data in that
//! format or nothing, standard error is for people, and the exit code is the documented one.
//!
//! The table is in `table.rs`. What follows from it by itself (nobody there, a wrong password, a
//! wrong option, a wrong manifest) is added here for each command, and a command or a format
//! that is not covered is a failing test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends at the first surprise"
)]

mod commands;
mod formats;
mod lab;
#[path = "../command_line/sandbox.rs"]
#[allow(dead_code, reason = "shared with the tests of commands")]
mod sandbox;
#[path = "../command_line/served.rs"]
#[allow(dead_code, reason = "shared with the tests of commands")]
mod served;
mod table;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use libtest_mimic::{Arguments, Trial};

use crate::commands::{Command, commands};
use crate::lab::Lab;
use crate::sandbox::Sandbox;
use crate::table::{Output, Row, TABLE};

/// Shared by the runs that change nothing.
static SHARED: LazyLock<Lab> = LazyLock::new(Lab::new);

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = vec![
        trial(
            "every command is in the table",
            every_command_is_in_the_table,
        ),
        trial(
            "every exit code is documented",
            every_exit_code_is_documented,
        ),
        trial("dev says where it listens", dev_says_where_it_listens),
    ];
    for command in commands() {
        let rows = TABLE.iter().filter(|row| row.command == command.name);
        for row in rows.clone() {
            trials.extend(trials_of(&command, row));
        }
        for derived in rows.take(1).flat_map(|row| derived(&command, row)) {
            trials.extend(trials_of(&command, &derived));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

/// What goes wrong with each command in the same way.
fn derived(command: &Command, row: &Row) -> Vec<Row> {
    let with = |outcome: &'static str, option: &str| Row {
        outcome,
        arguments: format!("{} {option}", row.arguments).leak(),
        ..*row
    };
    let mut rows = vec![
        with("verbose", "--verbose"),
        with("in colour", "--color always"),
        Row {
            code: 64,
            output: Output::Nothing,
            ..with("a wrong option", "--no-such-option")
        },
    ];
    if command.has_server {
        for (outcome, server, code) in [
            ("nobody there", "@nobody", 69),
            ("nobody answers", "@silent --connect-timeout 300ms", 69),
            ("a wrong password", "@stranger", 77),
            ("an address that is none", "://", 64),
        ] {
            rows.push(Row {
                outcome,
                arguments: row.arguments.replace("@server", server).leak(),
                code,
                output: Output::Nothing,
                ..*row
            });
        }
    }
    if row.arguments.contains("-f same.yaml") {
        rows.push(Row {
            outcome: "a wrong manifest",
            arguments: row.arguments.replace("same.yaml", "wrong.yaml").leak(),
            code: 65,
            output: Output::OnlyAnnotations,
            ..*row
        });
        rows.push(Row {
            outcome: "no such manifest",
            arguments: row.arguments.replace("same.yaml", "nowhere.yaml").leak(),
            code: 65,
            output: Output::OnlyAnnotations,
            ..*row
        });
    }
    rows
}

/// A row in each format of its command.
fn trials_of(command: &Command, row: &Row) -> Vec<Trial> {
    let formats: Vec<Option<String>> = match command.formats.is_empty() {
        true => vec![None],
        false => command.formats.iter().cloned().map(Some).collect(),
    };
    formats
        .into_iter()
        .map(|format| {
            let shown = format.as_deref().unwrap_or("data");
            let name = format!("{}, {}, as {shown}", command.name, row.outcome);
            let row = *row;
            Trial::test(name, move || {
                check(&row, format.as_deref());
                Ok(())
            })
        })
        .collect()
}

fn check(row: &Row, format: Option<&str>) {
    // What changes something has a server of its own.
    let own;
    let lab = match row.changes && row.code < 64 {
        true => {
            own = Lab::new();
            &own
        }
        false => &*SHARED,
    };
    let format_arguments = format.map(|format| ["-o", format]);
    let mut arguments: Vec<&str> = row.command.split(' ').collect();
    let command = arguments.len();
    let given = lab.fill_in(row.arguments);
    arguments.extend(given.iter().map(String::as_str));
    // Options belong to the innermost command.
    for (at, argument) in format_arguments.into_iter().flatten().enumerate() {
        arguments.insert(command + at, argument);
    }
    let run = lab.run(&arguments);
    let transcript = run.transcript();
    assert_eq!(run.code, row.code, "{transcript}");

    let is_empty_here = match row.output {
        Output::Data => false,
        Output::Nothing => true,
        Output::OnlyAnnotations => format != Some("github"),
        Output::OnlyIn(formats) => !formats.contains(&format.unwrap_or_default()),
    };
    if is_empty_here {
        assert_eq!(run.stdout, "", "{transcript}");
    } else {
        assert_ne!(run.stdout, "", "{transcript}");
        formats::check(row, format, &run.stdout).unwrap_or_else(|wrong| {
            panic!("standard output is no {format:?}: {wrong}\n{transcript}")
        });
    }
    formats::check_messages(row, &run.stderr)
        .unwrap_or_else(|wrong| panic!("standard error: {wrong}\n{transcript}"));
}

fn every_command_is_in_the_table() {
    let there: BTreeSet<String> = commands().into_iter().map(|it| it.name).collect();
    let mut tested: BTreeSet<String> = TABLE.iter().map(|row| row.command.to_owned()).collect();
    tested.extend(table::ELSEWHERE.map(str::to_owned));
    assert_eq!(
        there, tested,
        "left: what the program has, right: the table"
    );
}

fn every_exit_code_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/exit-codes.md");
    let documentation = std::fs::read_to_string(path).unwrap();
    for row in TABLE {
        let line = format!("\n| {} | ", row.code);
        assert!(documentation.contains(&line), "{}", row.code);
    }
}

/// The only command that ends by a signal.
fn dev_says_where_it_listens() {
    let sandbox = Arc::new(Sandbox::new());
    sandbox.write("same.yaml", lab::SAME);
    sandbox.write("password", "s3cret-of-orders");
    // The first line of standard output is its address: that is what this waits for.
    let server = sandbox::DevServer::start(&sandbox, &["-f", "same.yaml"]);
    let run = sandbox.run(&["ping", "--server", &server.connection_string]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    let taken = sandbox.run(&["dev", "--listen", server.address()]);
    assert_eq!(
        (taken.code, &*taken.stdout),
        (1, ""),
        "{}",
        taken.transcript()
    );
    for (arguments, code) in [
        (&["dev", "-f", "nowhere.yaml"][..], 65),
        (&["dev", "--no-such-option"], 64),
    ] {
        let run = sandbox.run(arguments);
        assert_eq!((run.code, &*run.stdout), (code, ""), "{}", run.transcript());
        assert!(run.stderr.contains("error"), "{}", run.transcript());
    }
}
