//! Consumer groups that nobody can be in.

use super::{Finding, FindingCode, Severity};
use crate::access::{EffectiveRights, Grants, Right, Scope};
use crate::address::Address;
use crate::diff::declared_grants;
use crate::name::ResourceName;
use crate::state::desired::DesiredState;

/// What the declared users may do.
pub(super) struct Readers(Vec<EffectiveRights<ResourceName>>);

impl Readers {
    /// None where that is not known: nobody is declared, or somebody whose
    /// permissions no manifest manages.
    pub(super) fn new(desired: &DesiredState) -> Option<Self> {
        let users = desired.users.values();
        let rights = users
            .map(|user| {
                let entries = declared_grants(user, desired)?.into_iter();
                let all = entries.fold(Grants::default(), |all, entry| all.join(entry.grants));
                Some(all.normal().effective())
            })
            .collect::<Option<Vec<_>>>()?;
        (!rights.is_empty()).then_some(Self(rights))
    }

    /// A group of which none of them may be a member.
    pub(super) fn of_group(&self, address: &Address) -> Option<Finding> {
        let Address::ConsumerGroup(stream, topic, _) = address else {
            return None;
        };
        let scope = Scope::Topic(stream.clone(), topic.clone());
        // Joining reads the topic, and members poll.
        let may_join = |rights: &EffectiveRights<ResourceName>| {
            rights.allows(Right::ReadTopic, &scope) && rights.allows(Right::PollMessages, &scope)
        };
        let topic = Address::Topic(stream.clone(), topic.clone());
        (!self.0.iter().any(may_join)).then(|| Finding {
            code: FindingCode::GroupWithoutReader.into(),
            severity: Severity::Note,
            address: address.clone(),
            message: format!("no declared user may join it: that needs read_topic on {topic}"),
            fix: "give its reader the preset consumer, unless its user is managed elsewhere"
                .to_owned(),
            origin: None,
        })
    }
}
