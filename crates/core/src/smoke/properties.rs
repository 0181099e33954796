//! What holds of the checks of every topology.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::access::{granted, may, partitions_of};
use super::{CopyNames, Expected, Limits, TopologyChecks, differences};
use crate::access::{Grants, Right, RightSet, Scope};
use crate::diff::diff;
use crate::name::ResourceName;
use crate::plan::{Approvals, DestructionGrant, plan};
use crate::quantity::ByteSize;
use crate::state::desired::{DesiredState, Presence};
use crate::state::observed::{AccessReading, ObservedState};
use crate::state::observed_access::ObservedAccess;
use crate::testing::{
    apply_plan, declare_stream, declare_topic, desired_state, name, observed_state, with_users,
    without_obstacles,
};

const PREFIX: &str = "iggyctl-smoke-1b2c3d4e-";

fn names() -> CopyNames {
    CopyNames::new(PREFIX).unwrap()
}

fn states() -> impl Strategy<Value = (DesiredState, ObservedState)> {
    let states = (desired_state(), observed_state()).prop_map(|(desired, observed)| {
        let desired = without_obstacles(desired, &observed);
        (desired, observed)
    });
    with_users(states)
}

fn limits() -> impl Strategy<Value = Limits> {
    let few = (
        1..20_usize,
        1..6_usize,
        1..40_u32,
        1..3_usize,
        1..20_usize,
        0..4_usize,
    )
        .prop_map(|(polls, topics, partitions, users, sends, groups)| Limits {
            polls,
            topics,
            partitions,
            users,
            sends,
            groups,
        });
    prop_oneof![Just(Limits::NONE), Just(Limits::USUAL), few]
}

fn rights_of(state: &DesiredState, user: &ResourceName) -> Grants<ResourceName> {
    granted(&state.users[user], state).unwrap_or_default()
}

/// What is tried on the copy.
fn about_messages() -> RightSet {
    [Right::SendMessages, Right::PollMessages, Right::ReadTopic]
        .into_iter()
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Nothing of a copy is called like anything of somebody else.
    #[test]
    fn everything_of_a_copy_has_a_reserved_name((desired, observed) in states(), limits in limits()) {
        let copy = TopologyChecks::new(&desired, &observed, &limits, &names()).copy;
        for name in copy.desired.streams.keys().chain(copy.desired.users.keys()) {
            prop_assert!(name.as_str().starts_with(PREFIX), "{name}");
            prop_assert!(name.as_str().len() <= 50, "{name}");
        }
        prop_assert!(copy.desired.tokens.is_empty());
        let streams: BTreeSet<_> = copy.topics.iter().map(|topic| &topic.copy.stream).collect();
        prop_assert_eq!(streams.len(), copy.desired.streams.len());
    }

    /// A temporary user may do with the messages of a copied topic exactly what its user
    /// is declared to do with those of the real one, and nothing anywhere else.
    #[test]
    fn a_temporary_user_has_the_rights_of_its_user_and_no_others(
        (desired, observed) in states(),
        limits in limits(),
    ) {
        let copy = TopologyChecks::new(&desired, &observed, &limits, &names()).copy;
        for user in &copy.users {
            let temporary = rights_of(&copy.desired, &user.copy);
            prop_assert!(temporary.server.is_empty());
            for stream in temporary.streams.keys() {
                prop_assert!(copy.desired.streams.contains_key(stream), "{stream}");
            }
            let (temporary, real) =
                (temporary.effective(), rights_of(&desired, &user.real).effective());
            for topic in &copy.topics {
                let here = temporary.at(Scope::Topic(&topic.copy.stream, &topic.copy.topic));
                let there = real.at(Scope::Topic(&topic.real.stream, &topic.real.topic));
                prop_assert!(here.is_subset_of(there), "{here:?} {there:?}");
                prop_assert_eq!(
                    here.intersection(about_messages()),
                    there.intersection(about_messages())
                );
            }
            for (place, expected) in &user.sends {
                let topic = &copy.topics[*place];
                let allowed = may(&temporary, Right::SendMessages, &topic.copy);
                prop_assert_eq!(*expected, Expected::of(allowed));
            }
        }
    }

    /// Groups are joined by the first temporary user that may, and by nobody else.
    #[test]
    fn groups_are_joined_by_the_first_user_that_may(
        (desired, observed) in states(),
        limits in limits(),
    ) {
        let copy = TopologyChecks::new(&desired, &observed, &limits, &names()).copy;
        let members = copy.members();
        for topic in &copy.topics {
            let mut users = copy.desired.users.keys();
            let first = users.find(|user| {
                let rights = rights_of(&copy.desired, user).effective();
                may(&rights, Right::ReadTopic, &topic.copy)
            });
            prop_assert_eq!(members.of(topic), first);
        }
    }

    /// The reconciler makes it without asking for anything, and then all of it is there.
    #[test]
    fn a_copy_can_be_made_and_is_then_as_it_should_be(
        (desired, observed) in states(),
        limits in limits(),
    ) {
        let copy = TopologyChecks::new(&desired, &observed, &limits, &names()).copy;
        let mut server = ObservedState {
            access: AccessReading::Read(Box::<ObservedAccess>::default()),
            ..ObservedState::default()
        };
        let first = plan(&diff(&copy.desired, &server), &Approvals::default());
        prop_assert_eq!(&first.blocked, &[]);
        let approved = first.clone().approve(false, &DestructionGrant::default());
        prop_assert!(approved.is_ok());
        prop_assert_eq!(apply_plan(&first, &mut server), Ok(()));
        let left = plan(&diff(&copy.desired, &server), &Approvals::default());
        prop_assert!(left.is_empty(), "{left:?}");
        prop_assert_eq!(differences(&left, &copy.desired).len(), 0);
    }

    /// What is declared is copied as it is; whatever is not is said.
    #[test]
    fn a_copied_topic_has_the_declared_settings((desired, observed) in states(), limits in limits()) {
        let checks = TopologyChecks::new(&desired, &observed, &limits, &names());
        for topic in &checks.copy.topics {
            let declared = &desired.streams[&topic.real.stream].topics[&topic.real.topic];
            let copied = &checks.copy.desired.streams[&topic.copy.stream].topics[&topic.copy.topic];
            prop_assert_eq!(declared.presence, Presence::Declared);
            prop_assert_eq!(copied.settings, declared.settings);
            prop_assert_eq!(copied.partitions, Some(topic.partitions));
            prop_assert!((1..=1000).contains(&topic.partitions));
            prop_assert!(declared.partitions.is_none_or(|count| topic.partitions <= count));
            let groups: Vec<_> = copied.groups.keys().cloned().collect();
            prop_assert_eq!(&topic.groups, &groups);
        }
        let fewer = checks.copy.topics.iter().any(|topic| {
            let there = partitions_of(&topic.real, &desired, &observed);
            there.is_some_and(|count| topic.partitions < count)
        });
        let said = |words: &str| checks.notes.iter().any(|note| note.contains(words));
        prop_assert_eq!(fewer, said("fewer partitions"));
    }

    /// Each declared topic is either read or not read by each user, or it is said why not;
    /// within limits, each kind is tried at least once.
    #[test]
    fn every_account_is_tried_on_every_topic((desired, observed) in states(), limits in limits()) {
        let all = TopologyChecks::new(&desired, &observed, &Limits::NONE, &names());
        let some = TopologyChecks::new(&desired, &observed, &limits, &names());
        prop_assert_eq!(all.polls.len(), desired.users.len());
        let declared: usize = desired.streams.values().map(|stream| {
            stream.topics.values().filter(|topic| topic.presence == Presence::Declared).count()
        }).sum();
        let tried = |checks: &TopologyChecks| -> usize {
            checks.polls.iter().map(|polls| polls.topics.len()).sum()
        };
        for (all, some) in all.polls.iter().zip(&some.polls) {
            let is_tried = all.topics.len() + all.not_tried.len() >= declared;
            prop_assert!(is_tried || !all.not_tried.is_empty());
            let kinds = |topics: &[(_, Expected)]| -> BTreeSet<Expected> {
                topics.iter().map(|(_, expected)| *expected).collect()
            };
            prop_assert_eq!(kinds(&all.topics), kinds(&some.topics));
            prop_assert!(some.topics.iter().all(|it| all.topics.contains(it)));
        }
        prop_assert!(tried(&some) <= limits.polls.max(2 * desired.users.len()));
        let said = some.notes.iter().any(|note| note.contains("as the real users"));
        prop_assert_eq!(tried(&some) < tried(&all), said);
    }
}

#[test]
fn ten_thousand_topics_are_sampled_and_it_is_said() {
    let mut desired = DesiredState::default();
    for stream in 0..10 {
        declare_stream(&mut desired, &format!("stream-{stream}"));
        for topic in 0..1000 {
            let topic = declare_topic(
                &mut desired,
                &format!("stream-{stream}"),
                &format!("{}-{topic}", "long".repeat(60)),
            );
            topic.partitions = Some(3);
        }
    }
    let observed = ObservedState::default();
    let checks = TopologyChecks::new(&desired, &observed, &Limits::USUAL, &names());
    assert_eq!(checks.presence.len(), 10, "each of all is there");
    assert_eq!(checks.presence[0].resources, 1001);
    assert_eq!(checks.copy.topics.len(), 200);
    assert_eq!(checks.copy.desired.streams.len(), 10, "from all streams");
    assert_eq!(
        checks.notes,
        ["of 10000 topics, 200 are copied, evenly spread; --all copies each"]
    );
    let all = TopologyChecks::new(&desired, &observed, &Limits::NONE, &names());
    assert_eq!(all.copy.topics.len(), 10_000);
    assert_eq!(all.notes, [""; 0]);
}

#[test]
fn a_copy_takes_no_space_in_advance() {
    let mut desired = DesiredState::default();
    declare_stream(&mut desired, "orders");
    let topic = declare_topic(&mut desired, "orders", "events");
    topic.settings.preallocate_segments = Some(true);
    topic.settings.segment_size = Some(ByteSize::GIB);
    let checks = TopologyChecks::new(
        &desired,
        &ObservedState::default(),
        &Limits::USUAL,
        &names(),
    );
    let copied = &checks.copy.desired.streams[&name("iggyctl-smoke-1b2c3d4e-0")];
    let settings = &copied.topics[&name("events")].settings;
    assert_eq!(settings.preallocate_segments, None);
    assert_eq!(settings.segment_size, Some(ByteSize::GIB));
    assert!(
        checks.notes[0].contains("preallocate"),
        "{:?}",
        checks.notes
    );
}

#[test]
fn a_prefix_leaves_room_for_a_number() {
    assert!(CopyNames::new("x".repeat(42)).is_ok());
    assert!(CopyNames::new("x".repeat(43)).is_err());
}
