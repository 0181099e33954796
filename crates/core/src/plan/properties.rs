//! For random pairs of states: what a plan promises.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Approvals, Plan, plan};
use crate::address::Address;
use crate::diff::{Difference, diff};
use crate::state::desired::{DesiredState, Presence};
use crate::state::observed::ObservedState;
use crate::testing::{apply_plan, apply_step, desired_state, observed_state, without_obstacles};

fn planned(desired: &DesiredState, observed: &ObservedState) -> Plan {
    plan(&diff(desired, observed), &Approvals::default())
}

/// Every address of the server, with everything that is known about it.
fn facts(state: &ObservedState) -> BTreeSet<(String, String)> {
    let mut facts = BTreeSet::new();
    for (stream, there) in &state.streams {
        let at = Address::Stream(stream.clone());
        facts.insert((
            at.to_string(),
            format!("{} {}", there.id, there.created_at_micros),
        ));
        for (topic, there) in &there.topics {
            let at = Address::Topic(stream.clone(), topic.clone());
            let mut alone = there.clone();
            let groups = alone.groups.take().unwrap_or_default();
            facts.insert((at.to_string(), format!("{alone:?}")));
            for (group, there) in groups {
                let at = Address::ConsumerGroup(stream.clone(), topic.clone(), group);
                facts.insert((at.to_string(), format!("{there:?}")));
            }
        }
    }
    facts
}

/// Whether a manifest says anything about a resource under this name, or under
/// the name that it or its parents take over.
fn is_named(desired: &DesiredState, address: &str) -> bool {
    let address: Address = address.parse().unwrap();
    desired.streams.iter().any(|(name, stream)| {
        let stream_names = [Some(name), stream.previous_name.as_ref()];
        if !stream_names.contains(&address.stream()) {
            return false;
        }
        let Some(topic_name) = address.topic() else {
            return stream.presence == Presence::Declared;
        };
        // A renamed stream takes all its topics along.
        stream.previous_name.is_some()
            || stream.topics.iter().any(|(name, topic)| {
                let names = [Some(name), topic.previous_name.as_ref()];
                names.contains(&Some(topic_name))
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn apply_then_plan_is_empty(desired in desired_state(), observed in observed_state()) {
        let desired = without_obstacles(desired, &observed);
        let mut live = observed;
        let first = planned(&desired, &live);
        prop_assert_eq!(&first.blocked, &Vec::new());
        apply_plan(&first, &mut live).unwrap();
        let again = planned(&desired, &live);
        prop_assert!(again.is_empty(), "{:#?}", again);
    }

    #[test]
    fn what_is_blocked_stays_and_all_else_converges(
        desired in desired_state(),
        observed in observed_state(),
    ) {
        let mut live = observed;
        let first = planned(&desired, &live);
        apply_plan(&first, &mut live).unwrap();
        let again = planned(&desired, &live);
        prop_assert_eq!(&again.steps, &Vec::new());
        prop_assert_eq!(again.blocked.len(), first.blocked.len());
    }

    #[test]
    fn a_crash_after_any_step_is_repaired_by_the_next_apply(
        desired in desired_state(),
        observed in observed_state(),
    ) {
        let desired = without_obstacles(desired, &observed);
        let mut whole = observed.clone();
        let first = planned(&desired, &observed);
        apply_plan(&first, &mut whole).unwrap();
        let mut crashed = observed;
        for step in &first.steps {
            let rest = planned(&desired, &crashed);
            prop_assert_eq!(&rest.blocked, &Vec::new());
            let mut repaired = crashed.clone();
            apply_plan(&rest, &mut repaired).unwrap();
            prop_assert!(planned(&desired, &repaired).is_empty());
            let names = |state: &ObservedState| -> BTreeSet<String> {
                facts(state).into_iter().map(|(address, _)| address).collect()
            };
            prop_assert_eq!(names(&repaired), names(&whole));
            apply_step(step, &mut crashed).unwrap();
        }
    }

    /// Any order that respects `needs` is as good as the plan's: what runs in
    /// parallel may finish in any of them.
    #[test]
    fn needs_are_all_that_the_order_is_for(
        desired in desired_state(),
        observed in observed_state(),
        choices in prop::collection::vec(any::<prop::sample::Index>(), 64),
    ) {
        let desired = without_obstacles(desired, &observed);
        let first = planned(&desired, &observed);
        let mut live = observed;
        let mut done = BTreeSet::new();
        let mut waiting = first.steps.clone();
        let mut choices = choices.into_iter().cycle();
        while !waiting.is_empty() {
            let ready: Vec<usize> = (0..waiting.len())
                .filter(|index| waiting[*index].needs.iter().all(|need| done.contains(need)))
                .collect();
            let chosen = *choices.next().unwrap().get(&ready);
            let step = waiting.remove(chosen);
            apply_step(&step, &mut live).unwrap();
            done.insert(step.id);
        }
        prop_assert!(planned(&desired, &live).is_empty());
    }

    #[test]
    fn nothing_outside_the_declared_is_touched(
        desired in desired_state(),
        observed in observed_state(),
    ) {
        let mut live = observed.clone();
        apply_plan(&planned(&desired, &observed), &mut live).unwrap();
        let (before, after) = (facts(&observed), facts(&live));
        for (address, _) in before.symmetric_difference(&after) {
            prop_assert!(is_named(&desired, address), "{address} was touched");
        }
        // Without a grant nothing goes: every incarnation is still there.
        let streams = |state: &ObservedState| -> BTreeSet<(u32, u64)> {
            state.streams.values().map(|s| (s.id, s.created_at_micros)).collect()
        };
        prop_assert!(streams(&live).is_superset(&streams(&observed)));
        let topics = |state: &ObservedState| -> usize {
            state.streams.values().map(|stream| stream.topics.len()).sum()
        };
        prop_assert!(topics(&live) >= topics(&observed));
    }

    #[test]
    fn the_same_input_gives_the_same_bytes(
        desired in desired_state(),
        observed in observed_state(),
    ) {
        let text = |plan: &Plan| serde_json::to_string(plan).unwrap();
        let again = (desired.clone(), observed.clone());
        prop_assert_eq!(
            text(&planned(&desired, &observed)),
            text(&planned(&again.0, &again.1))
        );
        // Gaps are the only list of the input: their order is nobody's business.
        let gaps: Vec<_> = observed
            .streams
            .keys()
            .map(|name| crate::state::observed::ObservationGap {
                address: Address::Stream(name.clone()),
                reason: format!("no {name}"),
            })
            .collect();
        let (mut forwards, mut backwards) = (observed.clone(), observed);
        forwards.gaps = gaps.clone();
        backwards.gaps = gaps.into_iter().rev().collect();
        prop_assert_eq!(
            text(&planned(&desired, &forwards)),
            text(&planned(&desired, &backwards))
        );
        // Nothing is done to what could not be read.
        for change in &diff(&desired, &forwards).changes {
            let stream = change.address.stream().unwrap();
            let is_there = forwards.streams.contains_key(stream);
            prop_assert!(!is_there || matches!(change.difference, Difference::Unknown));
        }
    }

    /// `--only` gives steps that work alone, and everything else stays as it is.
    #[test]
    fn a_restricted_plan_stands_alone(
        desired in desired_state(),
        observed in observed_state(),
        choice in any::<prop::sample::Index>(),
    ) {
        let desired = without_obstacles(desired, &observed);
        let whole = planned(&desired, &observed);
        prop_assume!(!whole.steps.is_empty());
        let only = whole.steps[choice.index(whole.steps.len())].address.clone();
        let part = whole.restrict(std::slice::from_ref(&only), &desired).unwrap();
        let mut live = observed;
        apply_plan(&part, &mut live).unwrap();
        let rest = planned(&desired, &live);
        for step in &rest.steps {
            prop_assert!(!only.contains(&step.address), "{step:?} is left of {only}");
        }
        apply_plan(&rest, &mut live).unwrap();
        prop_assert!(planned(&desired, &live).is_empty());
    }
}
