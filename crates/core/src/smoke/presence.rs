//! Everything that is declared is there as it is declared: the plan has nothing for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::Address;
use crate::plan::{BlockReason, Blocked, Plan};
use crate::state::desired::DesiredState;

/// A declared resource with all that is declared in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// A stream or a user. It may be only named as the parent of something declared.
    pub root: Address,
    /// How many declared resources it stands for, itself included when it is declared.
    pub resources: usize,
}

/// What a plan has to say about a resource that should need nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The resource.
    pub address: Address,
    /// What would be done, or what stands in the way.
    pub found: String,
    /// Whether it only could not be read.
    pub is_unreadable: bool,
}

impl Difference {
    /// What stands in the way.
    #[must_use]
    pub fn blocked(line: &Blocked) -> Self {
        let (found, is_unreadable) = match &line.reason {
            BlockReason::NotReadable { reason } => (format!("could not be read: {reason}"), true),
            _ => (
                format!("apply cannot make it so by itself: {}", line.way_out),
                false,
            ),
        };
        Self {
            address: line.address.clone(),
            found,
            is_unreadable,
        }
    }
}

pub(super) fn presence(desired: &DesiredState) -> Vec<Presence> {
    let mut counted: BTreeMap<Address, usize> = BTreeMap::new();
    for address in declared(desired) {
        *counted.entry(root(&address)).or_default() += 1;
    }
    let presence = counted.into_iter();
    presence
        .map(|(root, resources)| Presence { root, resources })
        .collect()
}

/// Every address that a manifest declares.
fn declared(desired: &DesiredState) -> BTreeSet<Address> {
    let mut all = BTreeSet::new();
    for (stream, declared) in &desired.streams {
        all.insert(Address::Stream(stream.clone()));
        for (topic, declared) in &declared.topics {
            all.insert(Address::Topic(stream.clone(), topic.clone()));
            for group in declared.groups.keys() {
                let (stream, topic) = (stream.clone(), topic.clone());
                all.insert(Address::ConsumerGroup(stream, topic, group.clone()));
            }
        }
    }
    for user in desired.users.keys() {
        all.insert(Address::User(user.clone()));
    }
    for (user, tokens) in &desired.tokens {
        for token in tokens.keys() {
            all.insert(Address::Token(user.clone(), token.clone()));
        }
    }
    all.retain(|address| desired.declares(address));
    all
}

fn root(address: &Address) -> Address {
    let mut root = address.clone();
    while let Some(parent) = root.parent() {
        root = parent;
    }
    root
}

/// What a plan has for what is declared, by the stream or the user that it is about. The
/// plan is made with no approval and no restriction.
#[must_use]
pub fn differences(plan: &Plan, desired: &DesiredState) -> BTreeMap<Address, Vec<Difference>> {
    let steps = plan.steps.iter().map(|step| Difference {
        address: step.address.clone(),
        found: format!("apply would {}", step.action),
        is_unreadable: false,
    });
    let blocked = plan.blocked.iter().map(Difference::blocked);
    let mut by_root: BTreeMap<Address, Vec<Difference>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for difference in steps.chain(blocked) {
        // What is done to others, such as a user that nobody declares, is no promise.
        if desired.names(&difference.address) && seen.insert(difference.clone()) {
            let root = root(&difference.address);
            by_root.entry(root).or_default().push(difference);
        }
    }
    by_root
}
