//! `iggyctl policy test`: what policies say of cases that somebody wrote down.

mod case;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use iggyctl_core::render::escape;
use iggyctl_core::wording::counted;

use self::case::{CaseFile, Outcome};
use super::Process;
use super::policy_arguments::is_cases;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl policy test policies/\n  iggyctl policy test policies/retention.cases.yaml\n\nWhat policies are: docs/policies.md."
)]
pub(super) struct PolicyCommandArguments {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Run the cases of policies
    Test(TestArguments),
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl policy test policies/\n  iggyctl policy test policies/retention.cases.yaml\n\nA file of cases:\n  policies: [retention.yaml]            # beside this file\n  today: 2026-11-22                     # for exceptions; the real day without it\n  cases:\n    - name: a topic without an end is refused\n      manifests:                        # or files: [topology.yaml]\n        - apiVersion: iggyctl.dev/v1alpha1\n          kind: IggyTopology\n          metadata: { name: orders }\n          spec: { streams: [{ name: orders, topics: [{ name: events }] }] }\n      changes:                          # for rules about changes\n        - { address: topic/orders/events, verb: delete, messages: 12 }\n      expect:                           # exactly these; none without it\n        - { rule: retention/bounded, address: topic/orders/events }\n\nExit codes: 0 all as expected, 7 not, 65 a policy or a case cannot be read."
)]
struct TestArguments {
    /// Files of cases (*.cases.yaml), or folders with such files
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(
    process: &Process,
    arguments: &PolicyCommandArguments,
) -> Result<ExitCode, CommandError> {
    match &arguments.command {
        PolicyCommand::Test(arguments) => test(process, arguments),
    }
}

fn test(process: &Process, arguments: &TestArguments) -> Result<ExitCode, CommandError> {
    let (mut passed, mut failed) = (0_usize, 0_usize);
    for path in case_files(&arguments.paths)? {
        let file = CaseFile::read(&path)?;
        let mut text = format!("{}\n", escape(&path.display().to_string()));
        for Outcome {
            name,
            missing,
            unexpected,
        } in file.run(process, &path)?
        {
            let is_good = missing.is_empty() && unexpected.is_empty();
            let mark = match is_good {
                true => "pass",
                false => "FAIL",
            };
            text.push_str(&format!("  {mark} {}\n", escape(&name)));
            let missing = missing
                .iter()
                .map(|it| format!("expected, not found: {it}"));
            let unexpected = unexpected.iter().map(|it| format!("not expected: {it}"));
            for line in missing.chain(unexpected) {
                text.push_str(&format!("       {}\n", escape(&line)));
            }
            match is_good {
                true => passed += 1,
                false => failed += 1,
            }
        }
        process.output(&text)?;
    }
    let fail = match failed {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    process.output(&format!("{} passed{fail}.\n", counted(passed, "case")))?;
    Ok(match failed {
        0 => ExitCode::Done,
        _ => ExitCode::CheckSaysNo,
    })
}

/// The files that the paths name or hold, by name within a folder.
fn case_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
            let entry = entry.map_err(|error| unreadable(path, &error))?;
            if entry.file_type().is_file() && is_cases(entry.path()) {
                files.push(entry.into_path());
            }
        }
        if files.len() == before {
            return Err(CommandError::invalid_input(format!(
                "the folder {} holds no cases",
                path.display()
            ))
            .hint("name a file of cases NAME.cases.yaml; `iggyctl policy test --help` shows one"));
        }
    }
    Ok(files)
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> CommandError {
    CommandError::invalid_input(format!("cannot read {}: {error}", path.display()))
}
