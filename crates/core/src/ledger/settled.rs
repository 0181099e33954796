//! What of the declared is known to be as declared, and which thing it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Incarnation, Removed, Revision};
use crate::address::Address;
use crate::diff::diff;
use crate::plan::{Action, Step};
use crate::render::{StepReport, StepStatus};
use crate::state::desired::{DesiredState, Presence};
use crate::state::observed::{AccessReading, ObservedState};

/// How the declared stands on a server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settled {
    /// Which thing has each declared name, as far as it is there.
    pub incarnations: BTreeMap<Address, Incarnation>,
    /// What is not as declared, or was not read.
    pub unsettled: BTreeSet<Address>,
}

impl Settled {
    /// Compares what is declared with what was read of a server.
    #[must_use]
    pub fn of(desired: &DesiredState, observed: &ObservedState) -> Self {
        let mut settled = Self::default();
        let differing: BTreeSet<Address> = diff(desired, observed)
            .changes
            .into_iter()
            .map(|change| change.address)
            .collect();
        for address in declared(desired) {
            if let Some(incarnation) = Incarnation::of(observed, &address) {
                settled.incarnations.insert(address.clone(), incarnation);
            }
            let is_unread = observed
                .gaps
                .iter()
                .any(|gap| gap.address.contains(&address));
            let is_user = address.user().is_some();
            let are_users_unread = !matches!(observed.access, AccessReading::Read(_));
            if differing.contains(&address) || is_unread || is_user && are_users_unread {
                settled.unsettled.insert(address);
            }
        }
        settled
    }

    /// With what was not done, whatever was read: not everything can be read.
    #[must_use]
    pub fn without<'a>(mut self, undone: impl IntoIterator<Item = &'a Address>) -> Self {
        self.unsettled.extend(undone.into_iter().cloned());
        self
    }
}

/// What steps removed that are done: what they deleted, and the former names of what they
/// renamed.
#[must_use]
pub fn removed_by(
    revision: Revision,
    steps: &[Step],
    ended: &[StepReport],
) -> BTreeMap<Address, Removed> {
    let applied: BTreeSet<_> = ended
        .iter()
        .filter(|report| report.status == StepStatus::Applied)
        .map(|report| report.id)
        .collect();
    let done = steps.iter().filter(|step| applied.contains(&step.id));
    let removed = done.filter_map(|step| {
        let (address, was) = removal(&step.action)?;
        Some((address, Removed { revision, was }))
    });
    removed.collect()
}

fn removal(action: &Action) -> Option<(Address, Option<Incarnation>)> {
    match action {
        Action::DeleteStream { stream, found, .. } => {
            Some((Address::Stream(stream.clone()), Some(*found)))
        }
        Action::DeleteTopic {
            stream,
            topic,
            found,
            ..
        } => Some((Address::Topic(stream.clone(), topic.clone()), Some(*found))),
        Action::DeleteConsumerGroup {
            stream,
            topic,
            group,
            found,
        } => Some((
            Address::ConsumerGroup(stream.clone(), topic.clone(), group.clone()),
            Some(*found),
        )),
        Action::DeleteUser { user } => Some((Address::User(user.clone()), None)),
        Action::RenameStream { from, to: _ } => Some((Address::Stream(from.clone()), None)),
        Action::UpdateTopic {
            stream,
            topic,
            rename_to: Some(_),
            settings: _,
        } => Some((Address::Topic(stream.clone(), topic.clone()), None)),
        Action::RenameUser { from, to: _ } => Some((Address::User(from.clone()), None)),
        Action::UpdateTopic {
            rename_to: None, ..
        }
        | Action::CreateStream { .. }
        | Action::CreateTopic { .. }
        | Action::AddPartitions { .. }
        | Action::RemovePartitions { .. }
        | Action::CreateConsumerGroup { .. }
        | Action::CreateUser { .. }
        | Action::SetUserStatus { .. }
        | Action::ChangePassword { .. }
        | Action::SetPermissions { .. }
        | Action::CreateToken { .. }
        | Action::RevokeToken { .. } => None,
    }
}

/// Everything that manifests declare.
fn declared(desired: &DesiredState) -> Vec<Address> {
    let mut addresses = Vec::new();
    for (name, stream) in &desired.streams {
        if stream.presence == Presence::Declared {
            addresses.push(Address::Stream(name.clone()));
        }
        for (topic_name, topic) in &stream.topics {
            if topic.presence == Presence::Declared {
                addresses.push(Address::Topic(name.clone(), topic_name.clone()));
            }
            addresses.extend(topic.groups.keys().map(|group| {
                Address::ConsumerGroup(name.clone(), topic_name.clone(), group.clone())
            }));
        }
    }
    addresses.extend(desired.users.keys().cloned().map(Address::User));
    for (user, tokens) in &desired.tokens {
        addresses.extend(
            tokens
                .keys()
                .map(|token| Address::Token(user.clone(), token.clone())),
        );
    }
    addresses
}
