use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::diff::{Change, Difference};
use crate::quantity::bytes_text;
use crate::wording::counted;

/// Something that is owned and not declared, and stays. Users are a finding of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unmanaged {
    /// The resource.
    #[schemars(with = "String")]
    pub address: Address,
    /// Messages stored in it; eventually consistent. Absent for what holds none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// Bytes stored in it; eventually consistent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Members that are connected now, of a consumer group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<u32>,
}

impl Unmanaged {
    pub(super) fn of(change: &Change) -> Option<Self> {
        let (holds, members) = match &change.difference {
            Difference::DeleteStream(stream) => (Some(stream.holds()), None),
            Difference::DeleteTopic(topic) => (Some(topic.holds), None),
            Difference::DeleteConsumerGroup(group) => (None, Some(group.members)),
            _ => return None,
        };
        Some(Self {
            address: change.address.clone(),
            messages: holds.map(|holds| holds.messages),
            bytes: holds.map(|holds| holds.bytes),
            members,
        })
    }
}

impl Unmanaged {
    /// What it holds, in words; empty where that is not known.
    pub(super) fn holds(&self) -> String {
        match (self.messages, self.members) {
            (Some(0), _) => "no messages".to_owned(),
            (Some(messages), _) => {
                let bytes = bytes_text(self.bytes.unwrap_or(0));
                format!("{} in {bytes}", counted(messages, "message"))
            }
            (None, Some(members)) => counted(members, "member"),
            (None, None) => String::new(),
        }
    }
}

impl fmt::Display for Unmanaged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.address)?;
        match self.holds() {
            holds if holds.is_empty() => Ok(()),
            holds => write!(formatter, "  {holds}"),
        }
    }
}
