//! A rotation that is cut off anywhere, and the next apply: then there is
//! exactly one delivered token that works, and none whose value nobody has.
//!
//! The run is enumerated: it is cut at its first operation, then at its second,
//! until it comes to its end. An operation is a call on the server or on the
//! real files, and there is a cut before it, after it, and where files change
//! also in the middle.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

mod cutting;
mod knife;
mod lab;
mod situation;

use std::sync::Arc;

use iggy_binary_protocol::codes;
use iggyctl_embedded::{FaultKind, FaultPlan, FaultTarget};
use iggyctl_engine::apply::{Failure, StepResult};

use crate::cutting::Refusal;
use crate::knife::{Knife, Points};
use crate::lab::{Ended, Lab};
use crate::situation::Situation;

/// More than any run here has, so that one that never ends fails.
const MOST_POINTS: usize = 300;

/// After it, the note is there.
const NOT_BEGUN: &str = "begin: note not renamed yet";

/// What one play went through.
struct Played {
    lab: Lab,
    /// The points of each run that was cut, or the points of the whole run.
    points: Vec<String>,
    cuts: usize,
}

/// Cuts a run, then the next one, and then lets one come to its end.
async fn play(situation: Situation, which: Points, cuts: &[usize]) -> Played {
    let mut lab = Lab::new().await;
    situation.bring_about(&mut lab).await;
    let story = format!("{situation:?} cut at {cuts:?}");
    let mut points = Vec::new();
    let mut is_requested = situation.is_requested();
    let mut done = 0;
    for cut in cuts {
        let knife = Arc::new(Knife::at(which, *cut));
        let ended = lab.run(&situation, is_requested, &knife, None).await;
        let passed = knife.passed();
        // Who asks for a rotation and sees nothing begun asks again. Else the
        // request is kept where the token goes.
        let has_begun = passed.iter().any(|point| point == NOT_BEGUN);
        is_requested = is_requested && !has_begun;
        points.extend(passed);
        match ended {
            Ended::Cut => done += 1,
            Ended::Done(outcome) => {
                assert!(outcome.is_complete(), "{story}: {outcome:#?}");
                break;
            }
        }
        // What recovers may have to revoke a value that is there already.
        if situation.value_always_works() && done == 1 {
            assert!(lab.value_works().await, "{story}: {points:#?}");
        }
    }
    // A rotation that was asked for and is done is not asked for again.
    let is_open = done == cuts.len();
    lab.converge(&situation, is_requested && is_open, &story)
        .await;
    lab.is_as_promised(&situation, &story).await;
    Played {
        lab,
        points,
        cuts: done,
    }
}

/// Every point of a run.
async fn every_point(situation: Situation, which: Points) -> Vec<String> {
    for cut in 0..MOST_POINTS {
        let played = play(situation, which, &[cut]).await;
        played.lab.shutdown().await;
        if played.cuts == 0 {
            assert_eq!(played.points.len(), cut);
            return played.points;
        }
    }
    panic!("{situation:?} does not come to its end");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn cut_everywhere(situation: Situation) {
    let points = runtime().block_on(every_point(situation, Points::OfTheApply));
    // Without these nothing was tried.
    for expected in [
        "before begin",
        NOT_BEGUN,
        "after begin",
        "before create_token",
        "after create_token",
        "before deliver",
        "deliver: half of the value in a temporary file",
        "deliver: value not renamed yet",
        "deliver: value without its note",
        "deliver: note not renamed yet",
        "after deliver",
    ] {
        assert!(points.iter().any(|point| point == expected), "{expected}");
    }
    let revokes = points.iter().any(|point| point == "after delete_token");
    assert_eq!(revokes, situation.revokes(), "{points:#?}");
}

#[test]
fn a_new_token_cut_everywhere() {
    cut_everywhere(Situation::New);
}

#[test]
fn a_new_token_of_a_new_user_cut_everywhere() {
    cut_everywhere(Situation::NewUser);
}

#[test]
fn a_rotation_by_schedule_cut_everywhere() {
    cut_everywhere(Situation::Scheduled);
}

#[test]
fn a_rotation_by_name_cut_everywhere() {
    cut_everywhere(Situation::Requested);
}

#[test]
fn a_rotation_of_an_ended_token_cut_everywhere() {
    cut_everywhere(Situation::Ended);
    cut_everywhere(Situation::EndedRequested);
}

#[test]
fn a_rotation_with_both_names_taken_cut_everywhere() {
    cut_everywhere(Situation::BothScheduled);
    cut_everywhere(Situation::BothRequested);
}

#[test]
fn a_token_that_the_server_lost_cut_everywhere() {
    cut_everywhere(Situation::Gone);
    cut_everywhere(Situation::GoneRequested);
}

#[test]
fn a_token_whose_file_was_removed_cut_everywhere() {
    cut_everywhere(Situation::FileRemoved);
}

/// What only looks is cut off, too.
#[test]
fn an_observation_cut_everywhere() {
    let points = runtime().block_on(every_point(Situation::Requested, Points::All));
    for expected in ["before read", "after value", "after own_tokens"] {
        assert!(points.iter().any(|point| point == expected), "{expected}");
    }
}

/// What recovers is cut off, too: at each change after each change.
#[test]
fn a_recovery_is_cut_everywhere() {
    runtime().block_on(async {
        for first in 0..MOST_POINTS {
            for second in 0..MOST_POINTS {
                let played = play(Situation::Requested, Points::Changes, &[first, second]).await;
                played.lab.shutdown().await;
                match played.cuts {
                    0 => return,
                    1 => break,
                    _ => {}
                }
            }
        }
        panic!("no end");
    });
}

/// Nobody dies, only replies do: the same apply gets over it.
#[test]
fn lost_replies_and_broken_connections() {
    runtime().block_on(async {
        for situation in Situation::ALL {
            for command in [
                codes::CREATE_PERSONAL_ACCESS_TOKEN_CODE,
                codes::DELETE_PERSONAL_ACCESS_TOKEN_CODE,
                codes::GET_PERSONAL_ACCESS_TOKENS_CODE,
            ] {
                for kind in [FaultKind::LostReply, FaultKind::Disconnect] {
                    for at in 1.. {
                        if !faulted(situation, command, kind, at).await {
                            break;
                        }
                    }
                }
            }
        }
    });
}

/// Whether there was a request for the fault to happen to.
async fn faulted(situation: Situation, command: u32, kind: FaultKind, at: u64) -> bool {
    let story = format!("{situation:?}: {kind:?} at request {at} of command {command}");
    let mut lab = Lab::new().await;
    situation.bring_about(&mut lab).await;
    lab.faults_of_the_apply = FaultPlan::none().once(kind, FaultTarget::Command(command), at);
    let (knife, is_requested) = (Arc::new(Knife::blunt()), situation.is_requested());
    let ended = lab.run(&situation, is_requested, &knife, None).await;
    let Ended::Done(outcome) = ended else {
        panic!("{story}: nothing cuts it");
    };
    assert!(outcome.is_complete(), "{story}: {outcome:#?}");
    let happened = lab.requests_of_the_apply(command) >= at;
    lab.is_as_promised(&situation, &story).await;
    lab.shutdown().await;
    happened
}

/// The file cannot be written, and then it can.
#[test]
fn a_place_that_cannot_be_written() {
    runtime().block_on(async {
        for situation in Situation::ALL {
            for refusal in Refusal::ALL {
                let story = format!("{situation:?}: {refusal:?}");
                let mut lab = Lab::new().await;
                situation.bring_about(&mut lab).await;
                let (knife, is_requested) = (Arc::new(Knife::blunt()), situation.is_requested());
                let ended = lab
                    .run(&situation, is_requested, &knife, Some(refusal))
                    .await;
                let Ended::Done(outcome) = ended else {
                    panic!("{story}: nothing cuts it");
                };
                let is_reported = outcome.steps.iter().any(|step| {
                    matches!(&step.result, StepResult::Failed(Failure::NotDelivered(error, _))
                        if error.to_string().contains(refusal.reason()))
                });
                assert!(is_reported, "{story}: {outcome:#?}");
                // What was created is revoked again.
                let names = lab.token_names().await;
                assert_eq!(lab.known_tokens().await, names.len(), "{story}: {names:?}");
                let has_begun = refusal != Refusal::Begin;
                lab.converge(&situation, is_requested && !has_begun, &story)
                    .await;
                lab.is_as_promised(&situation, &story).await;
                lab.shutdown().await;
            }
        }
    });
}

/// Nor can what was created be revoked: the note is what is left of it.
#[test]
fn a_place_that_cannot_be_written_while_the_server_goes_away() {
    runtime().block_on(async {
        for situation in [Situation::New, Situation::Scheduled, Situation::Requested] {
            let story = format!("{situation:?}");
            let mut lab = Lab::new().await;
            situation.bring_about(&mut lab).await;
            let command = FaultTarget::Command(codes::DELETE_PERSONAL_ACCESS_TOKEN_CODE);
            lab.faults_of_the_apply = FaultPlan::none().always(FaultKind::Disconnect, command);
            let (knife, is_requested) = (Arc::new(Knife::blunt()), situation.is_requested());
            let refusal = Some(Refusal::Deliver);
            lab.run(&situation, is_requested, &knife, refusal).await;
            // Now there is one whose value nobody has.
            let names = lab.token_names().await;
            assert_eq!(lab.known_tokens().await + 1, names.len(), "{story}");
            lab.faults_of_the_apply = FaultPlan::none();
            lab.converge(&situation, false, &story).await;
            lab.is_as_promised(&situation, &story).await;
            lab.shutdown().await;
        }
    });
}
