//! Removing users that nobody declares: what a plan says and does.

use std::collections::BTreeSet;
use std::slice;

use crate::access::{Grants, StreamGrants, StreamPermission, UserStatus};
use crate::address::Address;
use crate::check::check;
use crate::diff::{BlockReason, diff};
use crate::plan::{Approvals, DestructionGrant, Plan, Stage, plan};
use crate::render::{PlanReport, TextOptions};
use crate::secret::SecretSource;
use crate::state::desired::DesiredState;
use crate::state::desired_user::{DesiredUser, SecretReference};
use crate::state::observed::{AccessReading, ObservedState};
use crate::state::observed_access::{KnownStream, ObservedAccess, ObservedUser, PasswordCheck};
use crate::testing::{declare_stream, name, there_stream};

/// `svc-*` is owned, and nobody is declared. On stream 0 are `svc-old` and
/// `svc-gone`, who polls stream 1, too, which is no longer there, and would be
/// created by the manifests. `svc-tomb` was removed before.
fn states() -> (DesiredState, ObservedState) {
    let mut desired = DesiredState::default();
    declare_stream(&mut desired, "orders");
    declare_stream(&mut desired, "payments");
    desired.owns.users = vec!["svc-*".to_owned()];
    let mut observed = ObservedState::default();
    there_stream(&mut observed, "orders");
    let poll = |ids: &[u32]| {
        let granted = StreamGrants {
            allow: [StreamPermission::PollMessages].into(),
            ..StreamGrants::default()
        };
        Grants {
            streams: ids.iter().map(|id| (*id, granted.clone())).collect(),
            ..Grants::default()
        }
    };
    let mut access = ObservedAccess::default();
    let orders = KnownStream {
        name: name("orders"),
        topics: None,
    };
    access.streams.insert(0, orders);
    for (id, user, status, grants) in [
        (1, "svc-old", UserStatus::Active, poll(&[0])),
        (2, "svc-gone", UserStatus::Inactive, poll(&[0, 1])),
        (3, "svc-tomb", UserStatus::Inactive, poll(&[])),
        (4, "ann", UserStatus::Active, poll(&[0])),
    ] {
        let there = ObservedUser {
            id,
            created_at_micros: u64::from(id),
            status,
            grants,
            password: PasswordCheck::NotChecked,
            tokens: None,
        };
        access.users.insert(name(user), there);
    }
    observed.access = AccessReading::Read(Box::new(access));
    (desired, observed)
}

fn approvals(prune: bool, allowed: &[&str]) -> Approvals {
    Approvals {
        prune,
        allow_destroy: allowed.iter().map(|text| text.parse().unwrap()).collect(),
        ..Approvals::default()
    }
}

fn planned(approvals: &Approvals) -> (Plan, String) {
    let (desired, observed) = states();
    text_of(&desired, &observed, approvals)
}

fn text_of(
    desired: &DesiredState,
    observed: &ObservedState,
    approvals: &Approvals,
) -> (Plan, String) {
    let changes = diff(desired, observed);
    let findings = check(&changes, desired, observed);
    let plan = plan(&changes, approvals);
    let options = TextOptions {
        color: false,
        verbose: false,
    };
    let text = PlanReport::new(&plan, &changes, &findings).to_text(options);
    (plan, text)
}

fn steps(plan: &Plan) -> Vec<(Stage, String)> {
    let steps = plan.steps.iter();
    steps
        .map(|step| (step.stage, format!("{}: {}", step.address, step.action)))
        .collect()
}

#[test]
fn without_being_asked_for_nobody_is_removed_and_all_are_named() {
    let (plan, text) = planned(&approvals(false, &[]));
    insta::assert_snapshot!(text);
    assert!(plan.pruned.is_empty());
    assert!(plan.steps.is_empty(), "{plan:#?}");
}

#[test]
fn who_is_removed_becomes_a_tombstone_and_nothing_waits_for_it() {
    let (plan, text) = planned(&approvals(true, &[]));
    insta::assert_snapshot!(text);
    let expected = [
        (Stage::Narrow, "user/svc-gone: set permissions"),
        (Stage::Narrow, "user/svc-old: set permissions"),
        (Stage::Deactivate, "user/svc-old: make inactive"),
        (Stage::Resources, "stream/payments: create stream"),
    ];
    assert_eq!(
        steps(&plan),
        expected.map(|(stage, text)| (stage, text.to_owned()))
    );
    // What is created could get the number that it polls.
    assert_eq!(plan.steps[3].needs, [plan.steps[0].id]);
    assert_eq!(plan.summary.deactivate, 2);
    assert_eq!(plan.summary.changes(), 3);
}

#[test]
fn who_is_named_is_deleted_at_the_end() {
    let (plan, text) = planned(&approvals(true, &["user/svc-old", "user/svc-tomb"]));
    insta::assert_snapshot!(text);
    let deletes: Vec<_> = plan
        .steps
        .iter()
        .filter(|step| step.stage == Stage::DeleteUsers)
        .map(|step| (step.address.to_string(), step.needs.len()))
        .collect();
    assert_eq!(
        deletes,
        [
            ("user/svc-old".to_owned(), 2),
            ("user/svc-tomb".to_owned(), 0)
        ]
    );
    let (desired, observed) = states();
    let prunable = BTreeSet::new();
    assert_eq!(plan.unused_approvals(&desired, &observed, &prunable), []);
    // A grant that does not name them is none.
    let refused = plan.approve(false, &DestructionGrant::default());
    assert!(refused.is_err());
}

#[test]
fn only_the_ones_that_are_chosen_are_removed() {
    let (mut desired, observed) = states();
    let origin = declare_stream(&mut desired, "orders").origin.clone();
    let new = DesiredUser {
        previous_name: None,
        status: None,
        password: Some(SecretReference {
            source: SecretSource::Env("NEW".to_owned()),
            origin: origin.clone(),
        }),
        previous_password: None,
        permissions: None,
        origin,
    };
    desired.users.insert(name("new"), new);
    let (plan, _) = text_of(&desired, &observed, &approvals(true, &["user/svc-old"]));
    let delete = plan.steps.last().unwrap();
    assert_eq!((delete.stage, delete.needs.len()), (Stage::DeleteUsers, 3));
    let old: Address = "user/svc-old".parse().unwrap();
    let only = plan
        .clone()
        .restrict(slice::from_ref(&old), &desired)
        .unwrap();
    assert!(only.steps.iter().all(|step| step.address == old));
    assert_eq!(only.steps.len(), 3);
    assert_eq!(only.steps[2].needs, [only.steps[0].id, only.steps[1].id]);
    assert_eq!(only.summary.delete, 1);
    assert_eq!(only.summary.deactivate, 0);
    let nobody: Address = "user/ann".parse().unwrap();
    assert!(plan.restrict(&[nobody], &desired).is_err());
}

#[test]
fn the_own_login_is_never_removed() {
    let (desired, mut observed) = states();
    let AccessReading::Read(access) = &mut observed.access else {
        panic!("it has users");
    };
    access.me = Some(name("svc-gone"));
    let allowed = approvals(true, &["user/svc-gone"]);
    let (plan, text) = text_of(&desired, &observed, &allowed);
    insta::assert_snapshot!(text);
    let reasons: Vec<_> = plan.blocked.iter().map(|line| &line.reason).collect();
    assert_eq!(reasons, [&BlockReason::OwnLoginUndeclared]);
    // What it holds of a deleted stream is still taken away before that number
    // is given out.
    let gone: Vec<_> = steps(&plan)
        .into_iter()
        .filter(|(_, text)| text.starts_with("user/svc-gone"))
        .collect();
    assert_eq!(
        gone,
        [(Stage::Narrow, "user/svc-gone: set permissions".to_owned())]
    );
    let (plan, _) = text_of(&desired, &observed, &approvals(false, &[]));
    let is_own = |reason: &BlockReason| matches!(reason, BlockReason::OwnLoginUndeclared);
    assert!(!plan.blocked.iter().any(|line| is_own(&line.reason)));
}
