//! The operator on a real kube-apiserver. Where there is none, the tests are reported by name as
//! not run.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and the harness says which"
)]

mod chart;
mod columns;
mod control_plane;
mod cut_off;
mod definitions;
mod deletion;
mod documents;
mod drift;
mod examples;
mod export;
mod from_cluster;
mod gitops;
#[path = "../access_presets/grants.rs"]
mod grants;
mod hand_over;
mod image;
mod isolation;
mod kinds;
mod laboratory;
mod leader;
mod least_rights;
mod life;
mod messages;
mod metrics;
mod namespaces;
mod needs;
mod network;
mod orphans;
mod reader;
mod real_statuses;
mod renames;
mod restarts;
mod rights_used;
mod robust;
mod rules;
mod safety;
mod same_plan;
mod same_server;
mod scale;
mod servers;
mod smoke;
mod steady;
mod tenancy;
mod time_passes;
mod tls;
mod tokens;
mod whole_cluster;

use std::sync::OnceLock;

use control_plane::{ControlPlane, Failure, NotHere, find, find_own};
use libtest_mimic::{Arguments, Completion, Trial};

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = vec![
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
        trial(
            "every_example_is_planned_as_on_the_command_line",
            same_plan::of_every_example,
        ),
        trial(
            "what_is_refused_is_planned_as_on_the_command_line",
            same_plan::of_what_is_refused,
        ),
        trial("a_server_becomes_objects", export::becomes_objects),
        trial(
            "a_server_becomes_objects_and_nothing_is_changed",
            export::changes_nothing,
        ),
        Trial::test("argo_cd_understands_each_status", || {
            gitops::argo_cd().map_err(|error| error.to_string().into())
        }),
        Trial::test("the_configuration_of_argo_cd_has_the_script", || {
            gitops::configuration_is_current().map_err(|error| error.to_string().into())
        }),
        trial(
            "each_status_is_one_that_there_can_be",
            gitops::statuses_can_be,
        ),
        trial("flux_understands_each_status", gitops::flux),
        trial("the_life_of_a_stream", life::of_a_stream),
        trial("need_adopting_what_exists_a_stream", life::adoption),
        trial(
            "two_objects_claim_one_stream_and_one_hands_it_over",
            life::conflict_and_hand_over,
        ),
        trial("what_objects_declare_is_planned", from_cluster::is_planned),
        trial("what_objects_declare_is_listed", from_cluster::is_listed),
        trial("metrics_say_what_happened", metrics::say_what_happened),
        trial("who_waits_says_nothing_of_objects", metrics::who_waits),
        trial("a_secret_is_rotated", life::rotation),
        trial(
            "a_secret_is_rotated_beside_one_that_is_not_there",
            life::rotation_beside,
        ),
        trial("a_password_of_before_a_backup_is_seen", life::restored),
        trial(
            "a_secret_without_the_label_is_not_looked_at",
            life::unlabelled,
        ),
        trial("the_life_of_a_user", life::of_a_user),
        trial("what_is_held_is_renamed", renames::of_what_is_held),
        trial("the_login_of_the_operator_is_rotated", life::own_rotation),
    ];
    trials.push(
        Trial::ignorable_test("thousands_of_topics", || {
            if let Err(reason) = find().and_then(|()| scale::topics()) {
                return Ok(Completion::ignored_with(reason));
            }
            completion(plane().and_then(scale::of_topics))
        })
        .with_kind("scale"),
    );
    trials.extend(needs::trials());
    trials.extend(hand_over::trials());
    trials.extend(restarts::trials());
    trials.extend(isolation::trials());
    trials.extend(orphans::trials());
    trials.extend(leader::trials());
    trials.extend(cut_off::trials());
    trials.extend(servers::trials());
    trials.extend(tokens::trials());
    trials.extend(smoke::trials());
    trials.extend(deletion::trials());
    trials.extend(safety::trials());
    trials.extend(drift::trials());
    trials.extend(steady::trials());
    trials.extend(robust::trials());
    trials.extend(kinds::trials());
    trials.extend(same_server::trials());
    trials.extend(tenancy::trials());
    trials.extend(namespaces::trials());
    trials.extend(time_passes::trials());
    trials.extend(tls::trials());
    trials.extend(columns::trials());
    trials.extend(real_statuses::trials());
    trials.extend(documents::trials());
    trials.extend(least_rights::trials());
    trials.extend(chart::trials(trial));
    trials.extend(image::trials());
    let mut conclusion = libtest_mimic::run(&arguments, trials);
    let was_whole = arguments.filter.is_none()
        && arguments.skip.is_empty()
        && !arguments.list
        && !arguments.ignored
        && find_own().is_ok();
    if was_whole && !conclusion.has_failed() {
        // It is about what all the others did.
        let last = Trial::test("each_right_of_the_operator_is_used", || {
            let namespaced = PLANE.get().and_then(|plane| plane.as_ref().ok());
            let planes = namespaced.into_iter().chain(whole_cluster::plane());
            rights_used::check(planes).map_err(|error| error.to_string().into())
        });
        conclusion = libtest_mimic::run(&arguments, vec![last]);
    }
    // What a static holds is not dropped.
    stop();
    conclusion.exit_code()
}

static PLANE: OnceLock<Result<ControlPlane, String>> = OnceLock::new();

/// The control plane of all tests, with the definitions; started by the first that asks.
fn plane() -> Result<&'static ControlPlane, Failure> {
    let plane = PLANE.get_or_init(|| {
        let start = || {
            let plane = ControlPlane::start()?;
            definitions::install(&plane)?;
            Ok::<_, Failure>(plane)
        };
        start().map_err(|error| error.to_string())
    });
    plane.as_ref().map_err(|error| error.clone().into())
}

fn stop() {
    whole_cluster::stop();
    if let Some(Ok(plane)) = PLANE.get() {
        plane.stop();
    }
}

fn trial(name: &'static str, test: fn(&ControlPlane) -> Result<(), Failure>) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Err(reason) = find() {
            return Ok(Completion::ignored_with(reason));
        }
        completion(plane().and_then(test))
    })
    .with_kind("kubernetes")
}

/// What a test came to; without what it needs, it did not run.
fn completion(result: Result<(), Failure>) -> Result<Completion, libtest_mimic::Failed> {
    match result {
        Ok(()) => Ok(Completion::Completed),
        Err(error) => match error.downcast_ref::<NotHere>() {
            Some(reason) => Ok(Completion::ignored_with(reason.to_string())),
            None => Err(error.to_string().into()),
        },
    }
}
