//! At no moment of an apply can anybody do what neither the old nor the new
//! manifests allow.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Action, Approvals, BlockReason, Plan, Stage, plan};
use crate::access::{Grants, Right, Scope, UserStatus};
use crate::diff::{Difference, diff};
use crate::name::ResourceName;
use crate::state::desired::DesiredState;
use crate::state::observed::{AccessReading, ObservedState};
use crate::state::observed_access::ObservedUser;
use crate::testing::{
    Pruning, all_approvals, apply_plan, apply_step, desired_state, observed_state, pruning,
    with_tokens, with_users, without_obstacles,
};

fn states() -> impl Strategy<Value = (DesiredState, ObservedState)> {
    let states = (desired_state(), observed_state()).prop_map(|(desired, observed)| {
        let desired = without_obstacles(desired, &observed);
        (desired, observed)
    });
    with_tokens(with_users(states))
}

fn users(state: &ObservedState) -> BTreeMap<ResourceName, ObservedUser> {
    match &state.access {
        AccessReading::Read(access) => access.users.clone(),
        AccessReading::NotNeeded | AccessReading::Refused { .. } => BTreeMap::new(),
    }
}

fn planned(desired: &DesiredState, observed: &ObservedState, approvals: &Approvals) -> Plan {
    plan(&diff(desired, observed), approvals)
}

/// A user, a right and the incarnation that it is for: a stream or topic by its
/// ids and creation times, nothing for the server.
type Ability = (u32, Right, Vec<(u32, u64)>);

/// All that everybody can do right now.
fn abilities(state: &ObservedState) -> BTreeSet<Ability> {
    let mut abilities = BTreeSet::new();
    for user in users(state).values() {
        let rights = user.grants.effective();
        let mut add = |scope: &Scope<u32>, incarnation: Vec<(u32, u64)>| {
            for right in Right::ALL {
                if rights.allows(*right, scope) {
                    abilities.insert((user.id, *right, incarnation.clone()));
                }
            }
        };
        add(&Scope::Server, Vec::new());
        for stream in state.streams.values() {
            let of_stream = (stream.id, stream.created_at_micros);
            add(&Scope::Stream(stream.id), vec![of_stream]);
            for topic in stream.topics.values() {
                let of_topic = (topic.id, topic.created_at_micros);
                add(
                    &Scope::Topic(stream.id, topic.id),
                    vec![of_stream, of_topic],
                );
            }
        }
    }
    abilities
}

/// Whether they speak of what is not there.
fn is_stale(grants: &Grants<u32>, state: &ObservedState) -> bool {
    grants.streams.iter().any(|(id, granted)| {
        let stream = state.streams.values().find(|stream| stream.id == *id);
        stream.is_none_or(|stream| {
            let there = |id: &u32| stream.topics.values().any(|topic| topic.id == *id);
            !granted.topics.keys().all(there)
        })
    })
}

/// Whether a user whose permissions are declared keeps some on what would be deleted:
/// that has to be taken out of the manifests first.
fn keeps_grants(plan: &Plan) -> bool {
    let mut reasons = plan.blocked.iter().map(|line| &line.reason);
    reasons.any(|reason| matches!(reason, BlockReason::StillGranted { .. }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn apply_then_plan_is_empty((desired, observed) in states(), pruning in pruning()) {
        let approvals = all_approvals(&desired, &observed, pruning);
        let first = planned(&desired, &observed, &approvals);
        prop_assume!(!keeps_grants(&first));
        prop_assert_eq!(&first.blocked, &Vec::new());
        let mut live = observed;
        apply_plan(&first, &mut live).unwrap();
        for approvals in [Approvals::default(), all_approvals(&desired, &live, pruning)] {
            let again = planned(&desired, &live, &approvals);
            prop_assert!(again.is_empty(), "{:#?}", again);
        }
        // What no step is planned for would not be in a plan either.
        let left = diff(&desired, &live);
        prop_assert_eq!(left.changes, []);
        match pruning {
            Pruning::Nothing => {}
            Pruning::Tombstones => for change in left.prunable {
                let is_removed =
                    matches!(&change.difference, Difference::PruneUser(user) if user.is_tombstone());
                prop_assert!(is_removed, "{:#?}", change);
            },
            Pruning::Deletes => prop_assert_eq!(left.prunable, []),
        }
    }

    #[test]
    fn nobody_can_at_any_moment_do_what_neither_allows(
        (desired, observed) in states(),
        pruning in pruning(),
    ) {
        let approvals = all_approvals(&desired, &observed, pruning);
        let steps = planned(&desired, &observed, &approvals).steps;
        let mut moments = vec![observed.clone()];
        for step in &steps {
            let mut next = moments.last().unwrap().clone();
            apply_step(step, &mut next).unwrap();
            moments.push(next);
        }
        let old = abilities(&observed);
        let new = abilities(moments.last().unwrap());
        // Server-wide rights of before are rights on what is new, too.
        let old_server: BTreeMap<u32, Grants<u32>> = users(&observed)
            .into_values()
            .map(|user| {
                let server = user.grants.server;
                (user.id, Grants { server, ..Grants::default() })
            })
            .collect();
        let old_stream: BTreeMap<(u32, u32), Grants<u32>> = users(&observed)
            .into_values()
            .flat_map(|user| {
                let streams = user.grants.streams.clone().into_iter();
                let id = user.id;
                streams.map(move |(stream, mut granted)| {
                    granted.topics.clear();
                    let mut grants = Grants::default();
                    grants.streams.insert(stream, granted);
                    ((id, stream), grants)
                })
            })
            .collect();
        let known: BTreeSet<(u32, u64)> = observed
            .streams
            .values()
            .map(|stream| (stream.id, stream.created_at_micros))
            .collect();
        let always = |(user, right, incarnation): &Ability| {
            let scope = match incarnation.as_slice() {
                [] => Scope::Server,
                [stream] => Scope::Stream(stream.0),
                [stream, topic, ..] => Scope::Topic(stream.0, topic.0),
            };
            let by_server = old_server
                .get(user)
                .is_some_and(|grants| grants.effective().allows(*right, &scope));
            let by_stream = incarnation.first().is_some_and(|stream| {
                known.contains(stream)
                    && old_stream
                        .get(&(*user, stream.0))
                        .is_some_and(|grants| grants.effective().allows(*right, &scope))
            });
            by_server || by_stream
        };
        for (moment, state) in moments.iter().enumerate() {
            for ability in abilities(state) {
                prop_assert!(
                    old.contains(&ability) || new.contains(&ability) || always(&ability),
                    "after step {moment}, {ability:?}"
                );
            }
        }
    }

    /// So that one of these that fails keeps the ids from being given out, and
    /// one that `--only` leaves out comes along.
    #[test]
    fn creates_need_every_step_that_takes_stale_grants_away(
        (desired, observed) in states(),
        pruning in pruning(),
    ) {
        let approvals = all_approvals(&desired, &observed, pruning);
        let steps = planned(&desired, &observed, &approvals).steps;
        let stale: BTreeSet<usize> = steps
            .iter()
            .enumerate()
            .filter(|(_, step)| step.stage == Stage::Narrow)
            .filter(|(_, step)| match &step.action {
                Action::SetPermissions { user, .. } => {
                    is_stale(&users(&observed)[user].grants, &observed)
                }
                _ => false,
            })
            .map(|(index, _)| index)
            .collect();
        let mut needed: Vec<BTreeSet<usize>> = Vec::new();
        for step in &steps {
            let mut all = BTreeSet::new();
            for need in &step.needs {
                all.insert(need.0 as usize);
                all.extend(needed[need.0 as usize].clone());
            }
            let creates = matches!(
                step.action,
                Action::CreateStream { .. } | Action::CreateTopic { .. }
            );
            prop_assert!(!creates || stale.is_subset(&all), "{step:#?} needs {stale:?}");
            needed.push(all);
        }
    }

    #[test]
    fn without_an_approval_nobody_gets_what_they_were_not_given(
        (desired, observed) in states(),
        prune: bool,
    ) {
        // What is blocked may stay away; what is done must open nothing.
        let approvals = Approvals { prune, ..Approvals::default() };
        let steps = planned(&desired, &observed, &approvals).steps;
        let mut live = observed.clone();
        let declared: BTreeSet<u32> = users(&observed)
            .into_iter()
            .filter(|(name, _)| {
                desired.users.iter().any(|(declared, user)| {
                    declared == name || user.previous_name.as_ref() == Some(name)
                })
            })
            .map(|(_, user)| user.id)
            .collect();
        for step in &steps {
            let before: BTreeSet<u32> = users(&live).into_values().map(|user| user.id).collect();
            apply_step(step, &mut live).unwrap();
            for (user, right, incarnation) in abilities(&live) {
                let is_new = incarnation.iter().any(|(_, created)| *created >= 1_800_000_000_000_000);
                let is_stranger = before.contains(&user)
                    && !declared.contains(&user)
                    && users(&observed).values().any(|it| it.id == user);
                if is_new && is_stranger {
                    let grants = &users(&live)
                        .into_values()
                        .find(|it| it.id == user)
                        .unwrap()
                        .grants;
                    // Only through a wider right that was theirs before.
                    let mut wide = grants.clone();
                    let scope = match incarnation.as_slice() {
                        [stream] => {
                            wide.streams.clear();
                            Scope::Stream(stream.0)
                        }
                        [stream, topic, ..] => {
                            if stream.1 >= 1_800_000_000_000_000 {
                                wide.streams.clear();
                            }
                            for granted in wide.streams.values_mut() {
                                granted.topics.clear();
                            }
                            Scope::Topic(stream.0, topic.0)
                        }
                        [] => Scope::Server,
                    };
                    prop_assert!(
                        wide.effective().allows(right, &scope),
                        "{user} {right:?} {incarnation:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_crash_after_any_step_is_repaired(
        (desired, observed) in states(),
        pruning in pruning(),
    ) {
        let first = planned(&desired, &observed, &all_approvals(&desired, &observed, pruning));
        prop_assume!(!keeps_grants(&first));
        let mut crashed = observed;
        for step in &first.steps {
            let allowed = all_approvals(&desired, &crashed, pruning);
            let rest = planned(&desired, &crashed, &allowed);
            prop_assert_eq!(&rest.blocked, &Vec::new());
            let mut repaired = crashed.clone();
            apply_plan(&rest, &mut repaired).unwrap();
            let allowed = all_approvals(&desired, &repaired, pruning);
            let left = planned(&desired, &repaired, &allowed);
            prop_assert!(left.is_empty(), "{left:#?}");
            apply_step(step, &mut crashed).unwrap();
        }
    }

    /// A connection that goes on after its user was deleted can do nothing then,
    /// and no user that this plan creates gets the id.
    #[test]
    fn only_tombstones_are_deleted_and_nothing_comes_after((desired, observed) in states()) {
        let approvals = all_approvals(&desired, &observed, Pruning::Deletes);
        let steps = planned(&desired, &observed, &approvals).steps;
        let mut live = observed;
        let mut has_deleted = false;
        for step in &steps {
            if let Action::DeleteUser { user } = &step.action {
                let deleted = &users(&live)[user];
                prop_assert!(deleted.grants.is_empty());
                prop_assert_eq!(deleted.status, UserStatus::Inactive);
                has_deleted = true;
                let creates = steps.iter().filter(|it| matches!(it.action, Action::CreateUser { .. }));
                prop_assert!(creates.into_iter().all(|create| step.needs.contains(&create.id)));
            } else {
                prop_assert!(!has_deleted, "{step:#?}");
            }
            apply_step(step, &mut live).unwrap();
        }
    }

    #[test]
    fn who_is_not_owned_or_is_declared_is_not_removed(
        (desired, observed) in states(),
        pruning in pruning(),
    ) {
        let approvals = all_approvals(&desired, &observed, pruning);
        let prunable: BTreeSet<u32> = diff(&desired, &observed)
            .prunable
            .iter()
            .filter_map(|change| users(&observed).get(change.address.user()?).map(|it| it.id))
            .collect();
        let mut live = observed.clone();
        apply_plan(&planned(&desired, &observed, &approvals), &mut live).unwrap();
        let owned = desired.owns.owned_users();
        let after: BTreeMap<u32, ObservedUser> =
            users(&live).into_values().map(|user| (user.id, user)).collect();
        for (name, before) in users(&observed) {
            if !owned.contains(&name) || desired.users.contains_key(&name) {
                prop_assert!(!prunable.contains(&before.id));
            }
            let is_declared = desired.users.iter().any(|(declared, user)| {
                *declared == name || user.previous_name.as_ref() == Some(&name)
            });
            if pruning == Pruning::Nothing || !prunable.contains(&before.id) {
                prop_assert!(after.contains_key(&before.id));
                if !is_declared {
                    prop_assert_eq!(after[&before.id].status, before.status);
                }
            }
        }
    }
}
