//! The operator on a real kube-apiserver. Where there is none, the tests are reported by name as
//! not run.

mod control_plane;
mod definitions;
mod examples;
mod export;
mod rules;

use std::sync::OnceLock;

use control_plane::{ControlPlane, Failure, find};
use libtest_mimic::{Arguments, Completion, Trial};

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let trials = vec![
        Trial::test("the_definitions_in_the_chart_are_current", || {
            definitions::are_current().map_err(|error| error.to_string().into())
        }),
        trial(
            "the_definitions_are_accepted_without_a_warning",
            definitions::are_accepted,
        ),
        trial(
            "entries_of_lists_are_known_by_their_names",
            definitions::lists_are_merged,
        ),
        trial("each_rule_refuses_and_accepts", rules::each_case),
        trial("every_example_applies_as_it_is", examples::each),
        trial(
            "what_is_for_the_command_line_is_refused_with_a_hint",
            examples::refused,
        ),
        trial("a_server_becomes_objects", export::becomes_objects),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    // What a static holds is not dropped.
    stop();
    conclusion.exit_code()
}

static PLANE: OnceLock<Result<ControlPlane, String>> = OnceLock::new();

/// The control plane of all tests, with the definitions; started by the first that asks.
fn plane() -> Result<&'static ControlPlane, Failure> {
    let plane = PLANE.get_or_init(|| {
        let start = || {
            let plane = ControlPlane::start(find()?)?;
            definitions::install(&plane)?;
            Ok::<_, Failure>(plane)
        };
        start().map_err(|error| error.to_string())
    });
    plane.as_ref().map_err(|error| error.clone().into())
}

fn stop() {
    if let Some(Ok(plane)) = PLANE.get() {
        plane.stop();
    }
}

fn trial(name: &'static str, test: fn(&ControlPlane) -> Result<(), Failure>) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Err(reason) = find() {
            return Ok(Completion::ignored_with(reason));
        }
        plane().and_then(test).map_err(|error| error.to_string())?;
        Ok(Completion::Completed)
    })
    .with_kind("kubernetes")
}
