//! What an apply removed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Incarnation, Removed, Revision};
use crate::address::Address;
use crate::plan::{Action, Step};
use crate::render::{StepReport, StepStatus};

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
