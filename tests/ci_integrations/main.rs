//! The GitHub action and the files for other platforms, run step by step as the platform runs
//! them: against an embedded server, with the events and variables that the platform gives, and
//! an API of comments of our own. They need bash, python3 and git; without them the tests are
//! reported as not run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends at the first surprise"
)]

/// Tests with their names.
macro_rules! tests {
    ($($test:ident),* $(,)?) => { &[$((stringify!($test), $test)),*] };
}

mod action;
mod gitlab;
mod lab;
mod platform;
mod runner;
#[path = "../command_line/sandbox.rs"]
#[allow(dead_code, reason = "shared with the tests of commands")]
mod sandbox;
#[path = "../command_line/served.rs"]
#[allow(dead_code, reason = "shared with the tests of commands")]
mod served;
mod shell;
mod workflow;

use std::path::PathBuf;

use libtest_mimic::{Arguments, Completion, Trial};

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let tests = [action::TESTS, workflow::TESTS, gitlab::TESTS, shell::TESTS].concat();
    let trials = tests.into_iter().map(|(name, test)| trial(name, test));
    let trials = trials.chain([pre_commit()]).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A test and its name.
type Test = (&'static str, fn());

fn trial(name: &'static str, test: fn()) -> Trial {
    Trial::ignorable_test(name, move || {
        for program in ["bash", "python3", "git"] {
            if !is_here(program) {
                return Ok(Completion::ignored_with(format!("there is no {program}")));
            }
        }
        test();
        Ok(Completion::Completed)
    })
    .with_kind("ci-integrations")
}

/// With a program that comes from elsewhere.
fn pre_commit() -> Trial {
    const VARIABLE: &str = "IGGYCTL_TEST_PRE_COMMIT";
    Trial::ignorable_test("pre_commit_runs_the_hook", || {
        let Some(program) = std::env::var_os(VARIABLE).map(PathBuf::from) else {
            return Ok(Completion::ignored_with(format!("{VARIABLE} is not set")));
        };
        shell::pre_commit_runs_the_hook(&program);
        Ok(Completion::Completed)
    })
    .with_kind("pre-commit")
}

fn is_here(program: &str) -> bool {
    let version = std::process::Command::new(program)
        .arg("--version")
        .output();
    version.is_ok_and(|output| output.status.success())
}
