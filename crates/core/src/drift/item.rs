use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::Address;

/// Something that is not as it was applied, or not as it is declared.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct DriftItem {
    /// The resource, as it is declared; as the server calls it where nobody declares it.
    #[schemars(with = "String")]
    pub address: Address,
    /// The name of the attribute in a manifest; absent where it is about the whole
    /// resource. What a user is granted for one scope is `permissions server`,
    /// `permissions stream/orders` and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// What happened.
    pub kind: DriftKind,
    /// What the last apply left there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<String>,
    /// Whether the last apply only found that there: it was not asked for the attribute, or
    /// did not get to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_set: bool,
    /// What the server has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<String>,
    /// What Git declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<String>,
    /// Where the resource is now, when it is known under another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub now: Option<Address>,
    /// More to know about it, in words for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl DriftItem {
    pub(super) fn new(address: Address, kind: DriftKind) -> Self {
        Self {
            address,
            attribute: None,
            kind,
            applied: None,
            not_set: false,
            live: None,
            declared: None,
            now: None,
            note: None,
        }
    }

    /// Streams before users, and each stream as a tree.
    pub(super) fn place(&self) -> (bool, Option<Address>, u8, &Address, Option<&str>) {
        let address = &self.address;
        let rank = match address {
            Address::Stream(_) | Address::User(_) => 0,
            Address::Topic(..) | Address::Token(..) => 1,
            Address::ConsumerGroup(..) => 2,
        };
        let owner = match (address.stream(), address.user()) {
            (Some(stream), _) => Some(Address::Stream(stream.clone())),
            (None, Some(user)) => Some(Address::User(user.clone())),
            (None, None) => None,
        };
        let is_access = address.user().is_some();
        (is_access, owner, rank, address, self.attribute.as_deref())
    }
}

/// What happened to a resource or an attribute since the last apply.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum DriftKind {
    /// The attribute was changed on the server; Git still declares what was applied.
    Changed,
    /// The attribute was changed on the server, and in Git to something else.
    Both,
    /// The resource was deleted on the server.
    Deleted,
    /// The resource got another name on the server.
    Renamed,
    /// The resource was deleted and created again on the server: another one has its name,
    /// without what the former one held.
    Recreated,
    /// Something is owned, nobody declares it, and it was created after the last apply.
    Appeared,
    /// Something that an apply removed is there again.
    CameBack,
    /// Git declares it otherwise than it was applied, or it is new in Git.
    Ahead,
    /// Git no longer declares it, and it is owned: an apply leaves it alone, and one with
    /// `--prune` removes it.
    NotPruned,
    /// The last apply did not finish here, so nobody can tell whose the difference is.
    Unsettled,
    /// There is no record of an apply, so nobody can tell whose the difference is.
    Unrecorded,
    /// It could not be read.
    Unreadable,
    /// It was changed on the server, and Git declares it so by now: nothing is left to do.
    Adopted,
    /// It was changed on the server, or it is there, and Git no longer says anything about it.
    Released,
    /// It was deleted on the server, and Git no longer declares it.
    Gone,
    /// It is owned and nobody declares it, as when the last apply was made.
    Undeclared,
    /// It got another name on the server, and a later apply made another one with the
    /// declared name: what the former one holds is there under the other name.
    RenamedAway,
}

/// What a kind means for whoever has to do something.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum DriftClass {
    /// Somebody changed the server by hand.
    Drift,
    /// Git is ahead: the next apply changes it.
    Ahead,
    /// Nobody can tell which of both it is.
    Undecided,
    /// It could not be read.
    Unreadable,
    /// Nothing that an apply would change, and nothing that counts as drift.
    Information,
}

impl DriftClass {
    /// Each of them, the most urgent first.
    pub const ALL: [Self; 5] = [
        Self::Drift,
        Self::Unreadable,
        Self::Undecided,
        Self::Ahead,
        Self::Information,
    ];
}

impl DriftKind {
    /// Each of them.
    pub const ALL: [Self; 17] = [
        Self::Changed,
        Self::Both,
        Self::Deleted,
        Self::Renamed,
        Self::Recreated,
        Self::Appeared,
        Self::CameBack,
        Self::Ahead,
        Self::NotPruned,
        Self::Unsettled,
        Self::Unrecorded,
        Self::Unreadable,
        Self::Adopted,
        Self::Released,
        Self::Gone,
        Self::Undeclared,
        Self::RenamedAway,
    ];

    /// What it means.
    #[must_use]
    pub fn class(self) -> DriftClass {
        match self {
            Self::Changed
            | Self::Both
            | Self::Deleted
            | Self::Renamed
            | Self::Recreated
            | Self::Appeared
            | Self::CameBack => DriftClass::Drift,
            Self::Ahead => DriftClass::Ahead,
            Self::Unsettled | Self::Unrecorded => DriftClass::Undecided,
            Self::Unreadable => DriftClass::Unreadable,
            Self::Adopted
            | Self::Released
            | Self::Gone
            | Self::Undeclared
            | Self::NotPruned
            | Self::RenamedAway => DriftClass::Information,
        }
    }

    /// As JSON and metrics call it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Both => "both",
            Self::Deleted => "deleted",
            Self::Renamed => "renamed",
            Self::Recreated => "recreated",
            Self::Appeared => "appeared",
            Self::CameBack => "cameBack",
            Self::Ahead => "ahead",
            Self::NotPruned => "notPruned",
            Self::Unsettled => "unsettled",
            Self::Unrecorded => "unrecorded",
            Self::Unreadable => "unreadable",
            Self::Adopted => "adopted",
            Self::Released => "released",
            Self::Gone => "gone",
            Self::Undeclared => "undeclared",
            Self::RenamedAway => "renamedAway",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_called_the_same_everywhere() {
        for kind in DriftKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.word());
        }
    }
}
