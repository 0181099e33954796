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
mod lab;
mod platform;
mod runner;
#[path = "../command_line/sandbox.rs"]
#[allow(dead_code, reason = "shared with the tests of commands")]
mod sandbox;
#[path = "../command_line/served.rs"]
#[allow(dead_code, reason = "shared with the tests of commands")]
mod served;
mod workflow;

use libtest_mimic::{Arguments, Completion, Trial};

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let tests = action::TESTS.iter().chain(workflow::TESTS);
    let trials = tests.map(|(name, test)| trial(name, *test)).collect();
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

fn is_here(program: &str) -> bool {
    let version = std::process::Command::new(program)
        .arg("--version")
        .output();
    version.is_ok_and(|output| output.status.success())
}
