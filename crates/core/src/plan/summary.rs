use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, Blocked, Risk, Step};
use crate::address::Address;
use crate::diff::TokenCause;

/// What happens to a resource, all its steps taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// It is changed in place.
    Update,
    /// It gets another name, and perhaps other settings.
    Rename,
    /// It is created.
    Create,
    /// Nobody declares it, and it stays without effect: a user without
    /// permissions who may not log in.
    Deactivate,
    /// It is gone afterwards.
    Delete,
}

impl Verb {
    /// What happens to each resource, with the greatest risk of its steps;
    /// those in `pruned` nobody declares.
    #[must_use]
    pub fn of_resources<'a>(
        steps: &'a [Step],
        pruned: &BTreeSet<Address>,
    ) -> BTreeMap<&'a Address, (Self, Risk)> {
        let mut resources: BTreeMap<&Address, (Self, Risk)> = BTreeMap::new();
        for step in steps {
            let verb = match Self::of(&step.action) {
                Self::Update if pruned.contains(&step.address) => Self::Deactivate,
                verb => verb,
            };
            let entry = resources.entry(&step.address).or_insert((verb, step.risk));
            *entry = (entry.0.max(verb), entry.1.max(step.risk));
        }
        resources
    }

    fn of(action: &Action) -> Self {
        match action {
            Action::CreateStream { .. }
            | Action::CreateTopic { .. }
            | Action::CreateConsumerGroup { .. }
            | Action::CreateUser { .. } => Self::Create,
            Action::DeleteStream { .. }
            | Action::DeleteTopic { .. }
            | Action::DeleteConsumerGroup { .. }
            | Action::DeleteUser { .. } => Self::Delete,
            // To whoever declared it, one that takes the place of a valid one is the
            // same token.
            Action::CreateToken {
                cause: TokenCause::EndsSoon | TokenCause::Requested,
                ..
            } => Self::Update,
            Action::CreateToken { .. } => Self::Create,
            Action::RenameStream { .. }
            | Action::RenameUser { .. }
            | Action::UpdateTopic {
                rename_to: Some(_), ..
            } => Self::Rename,
            Action::UpdateTopic {
                rename_to: None, ..
            }
            | Action::AddPartitions { .. }
            | Action::RemovePartitions { .. }
            | Action::SetUserStatus { .. }
            | Action::ChangePassword { .. }
            | Action::SetPermissions { .. }
            | Action::RevokeToken { .. } => Self::Update,
        }
    }
}

/// How many resources of a plan are created, changed and so on. A resource
/// counts once, whatever number of steps it takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Resources that are created.
    pub create: u32,
    /// Resources that are changed in place and keep their name.
    pub update: u32,
    /// Resources that get another name, and perhaps other settings.
    pub rename: u32,
    /// Users that nobody declares, and that lose all permissions and become
    /// inactive.
    pub deactivate: u32,
    /// Resources that are deleted.
    pub delete: u32,
    /// Of all these, resources that lose data, or are users that are gone for
    /// good.
    pub destructive: u32,
    /// Lines that are blocked: one resource may have several.
    pub blocked: u32,
    /// Declared resources that do not differ.
    pub unchanged: u32,
}

impl Summary {
    /// Resources that change, however.
    #[must_use]
    pub fn changes(self) -> u32 {
        let Self {
            create,
            update,
            rename,
            deactivate,
            delete,
            destructive: _,
            blocked: _,
            unchanged: _,
        } = self;
        create + update + rename + deactivate + delete
    }

    pub(super) fn of(
        steps: &[Step],
        blocked: &[Blocked],
        pruned: &BTreeSet<Address>,
        unchanged: u32,
    ) -> Self {
        let resources = Verb::of_resources(steps, pruned);
        let mut summary = Self {
            blocked: u32::try_from(blocked.len()).unwrap_or(u32::MAX),
            unchanged,
            ..Self::default()
        };
        for (verb, risk) in resources.into_values() {
            match verb {
                Verb::Create => summary.create += 1,
                Verb::Update => summary.update += 1,
                Verb::Rename => summary.rename += 1,
                Verb::Deactivate => summary.deactivate += 1,
                Verb::Delete => summary.delete += 1,
            }
            summary.destructive += u32::from(risk == Risk::Destructive);
        }
        summary
    }
}
