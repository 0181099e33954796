//! The library against a real server, over all of its transports, and while it
//! restarts.
//!
//! The program is that of `IGGYCTL_TEST_SERVER`, or `iggy-server` on the `PATH`. Without
//! one, or with the address of a server that runs already, the trials are *ignored*,
//! with the reason, never passed.

#![allow(
    clippy::unwrap_used,
    reason = "a test program of its own, which clippy does not take for one"
)]

mod administering;
mod consuming;
mod scenarios;
mod server;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let program = server::program();
    let trials = scenarios::all()
        .into_iter()
        .chain(consuming::all())
        .chain(administering::all())
        .map(|(name, scenario)| {
            let program = program.clone();
            Trial::ignorable_test(format!("real/{name}"), move || match program {
                Ok(program) => {
                    tokio::runtime::Runtime::new()
                        .unwrap()
                        .block_on(scenario(program));
                    Ok(Completion::Completed)
                }
                Err(reason) => Ok(Completion::ignored_with(reason)),
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
