//! What is there, what is wanted, and what happens in between.

use std::collections::{BTreeMap, BTreeSet};

use iggy_binary_protocol::codes;
use iggyctl_core::access::{Grants, StreamGrants, StreamPermission, UserStatus};
use iggyctl_core::manifest::{SourceFile, Variables, compile};
use iggyctl_core::name::ResourceName;
use iggyctl_core::secret::{Secret, SecretSource};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::{AccessReading, ObservedState, ObservedStream};
use iggyctl_core::state::observed_access::{ObservedAccess, ObservedUser, PasswordCheck};
use iggyctl_core::testing::{
    Pruning, desired_state, observed_state, pruning, with_users, without_obstacles,
};
use iggyctl_embedded::{FaultKind, FaultTarget};
use iggyctl_engine::Secrets;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) observed: ObservedState,
    pub(crate) behind_our_back: Vec<Replacement>,
    pub(crate) desired: DesiredState,
    pub(crate) pruning: Pruning,
    pub(crate) interruption: Interruption,
    /// A user is inactive, has the previous password and becomes active: only
    /// then a login can show which password it has.
    pub(crate) passwords_show_up_late: bool,
}

/// Somebody deletes a stream or topic and perhaps makes another, which gets
/// the id: the lowest free one.
#[derive(Debug, Clone)]
pub(crate) struct Replacement {
    pub(crate) stream: usize,
    /// One of its topics instead.
    pub(crate) topic: Option<usize>,
    pub(crate) successor: Option<Successor>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Successor {
    OfTheSameName,
    OfAnother,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    None,
    /// The `at`-th of these requests meets it.
    Fault {
        kind: FaultKind,
        target: FaultTarget,
        at: u64,
    },
    /// The process dies when it has told of so many events.
    Crash {
        events: usize,
    },
}

/// Larger topologies take more writes than this only seldom.
const WRITES: std::ops::Range<u64> = 1..24;

/// Each step has two events.
const EVENTS: std::ops::Range<usize> = 1..48;

pub(crate) fn scenarios() -> impl Strategy<Value = Scenario> {
    let states = (desired_state(), observed_state()).prop_map(|(desired, mut observed)| {
        // Thousands of partitions are a matter of other tests.
        for stream in observed.streams.values_mut() {
            for topic in stream.topics.values_mut() {
                topic.partitions %= 3;
            }
        }
        let mut desired = without_obstacles(desired, &observed);
        for stream in desired.streams.values_mut() {
            for topic in stream.topics.values_mut() {
                topic.partitions = topic.partitions.map(|count| 3 + count % 3);
            }
        }
        (desired, observed)
    });
    let behind_our_back = vec(replacement(), 0..3);
    (
        with_users(states),
        behind_our_back,
        pruning(),
        interruption(),
    )
        .prop_map(
            |((desired, observed), behind_our_back, pruning, interruption)| Scenario {
                passwords_show_up_late: passwords_show_up_late(&desired, &observed),
                observed,
                behind_our_back,
                desired,
                pruning,
                interruption,
            },
        )
}

/// The permissions of `ann` on the stream `c` are to be taken away before it is
/// deleted, which the server refuses once.
pub(crate) fn a_deletion_waits_for_a_refused_narrowing() -> Scenario {
    let manifest = "apiVersion: iggyctl.dev/v1alpha1\n\
        kind: IggyTopology\n\
        metadata: { name: test }\n\
        spec:\n  \
          owns: { streams: [c] }\n  \
          users:\n  \
          - { name: ann, permissions: {} }\n  \
          - { name: bob, password: { env: NEW }, permissions: { allow: [read_servers] } }\n";
    let desired = compile(
        &[SourceFile::new("test.yaml", manifest.as_bytes())],
        &Variables::default(),
    )
    .unwrap()
    .state;
    let of_stream = StreamGrants {
        allow: [StreamPermission::ReadStream].into(),
        topics: BTreeMap::new(),
    };
    let ann = ObservedUser {
        id: 1,
        created_at_micros: 1,
        status: UserStatus::Active,
        grants: Grants {
            server: BTreeSet::new(),
            streams: [(0, of_stream)].into(),
        },
        password: PasswordCheck::Declared,
        tokens: None,
    };
    let stream = ObservedStream {
        id: 0,
        created_at_micros: 1,
        size_bytes: 0,
        messages: 0,
        topics: BTreeMap::new(),
    };
    Scenario {
        observed: ObservedState {
            streams: [("c".parse().unwrap(), stream)].into(),
            access: AccessReading::Read(Box::new(ObservedAccess {
                users: [("ann".parse().unwrap(), ann)].into(),
                ..ObservedAccess::default()
            })),
            ..ObservedState::default()
        },
        behind_our_back: Vec::new(),
        desired,
        pruning: Pruning::Deletes,
        interruption: Interruption::Fault {
            kind: FaultKind::UnsupportedOptionKey,
            target: FaultTarget::Command(codes::UPDATE_PERMISSIONS_CODE),
            at: 1,
        },
        passwords_show_up_late: false,
    }
}

fn replacement() -> impl Strategy<Value = Replacement> {
    let successor = prop::sample::select(vec![Successor::OfTheSameName, Successor::OfAnother]);
    (0..5_usize, option::of(0..4_usize), option::of(successor)).prop_map(
        |(stream, topic, successor)| Replacement {
            stream,
            topic,
            successor,
        },
    )
}

fn interruption() -> impl Strategy<Value = Interruption> {
    let kind = prop::sample::select(vec![
        FaultKind::LostReply,
        FaultKind::Disconnect,
        FaultKind::TransientNotAccepted,
        FaultKind::TransientNotCommitted,
        // A plain refusal.
        FaultKind::UnsupportedOptionKey,
    ]);
    prop_oneof![
        1 => Just(Interruption::None),
        2 => (kind.clone(), WRITES).prop_map(|(kind, at)| {
            let target = FaultTarget::Writes;
            Interruption::Fault { kind, target, at }
        }),
        2 => (kind, 1..4_u64).prop_map(|(kind, at)| {
            let target = FaultTarget::Command(codes::UPDATE_PERMISSIONS_CODE);
            Interruption::Fault { kind, target, at }
        }),
        2 => EVENTS.prop_map(|events| Interruption::Crash { events }),
    ]
}

pub(crate) fn access(observed: &ObservedState) -> &ObservedAccess {
    match &observed.access {
        AccessReading::Read(access) => access,
        AccessReading::NotNeeded | AccessReading::Refused { .. } => panic!("it has users"),
    }
}

fn passwords_show_up_late(desired: &DesiredState, observed: &ObservedState) -> bool {
    let users = &access(observed).users;
    desired.users.iter().any(|(name, declared)| {
        let names: [Option<&ResourceName>; 2] = [Some(name), declared.previous_name.as_ref()];
        names.into_iter().flatten().any(|name| {
            users.get(name).is_some_and(|live| {
                live.status == UserStatus::Inactive
                    && live.password == PasswordCheck::Previous
                    && declared.status == Some(UserStatus::Active)
            })
        })
    })
}

pub(crate) const DECLARED: &str = "the-declared-password";
pub(crate) const PREVIOUS: &str = "the-previous-password";

/// What the generated manifests name.
pub(crate) fn secrets(desired: &DesiredState) -> Secrets {
    Secrets::needed(desired)
        .into_iter()
        .map(|reference| {
            let text = match &reference.source {
                SecretSource::Env(name) if name == "OLD" => PREVIOUS,
                _ => DECLARED,
            };
            (reference.clone(), Secret::new(text))
        })
        .collect()
}
