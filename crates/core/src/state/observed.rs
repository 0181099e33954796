//! What a server has, as far as it was read.

use std::collections::BTreeMap;

use crate::address::Address;
use crate::name::ResourceName;
use crate::state::desired::TopicSettings;
use crate::state::observed_access::ObservedAccess;

/// What was read of a server. Never more than the desired state needs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObservedState {
    /// The streams that were asked for and are there; one that is missing here
    /// and not in [`ObservedState::gaps`] does not exist.
    pub streams: BTreeMap<ResourceName, ObservedStream>,
    /// Whether the streams that are owned by a pattern were looked for.
    pub listing: Listing,
    /// Users and what their grants speak of.
    pub access: AccessReading,
    /// Reads that the server refused.
    pub gaps: Vec<ObservationGap>,
}

impl ObservedState {
    /// Whether nobody can tell if something is there, because the server refused to show it or
    /// what it is in. Tokens are seen by their users alone, and never count.
    #[must_use]
    pub fn is_unread(&self, address: &Address) -> bool {
        match address {
            Address::User(_) => !matches!(self.access, AccessReading::Read(_)),
            Address::Token(..) => false,
            Address::Stream(_) | Address::Topic(..) | Address::ConsumerGroup(..) => {
                self.gaps.iter().any(|gap| gap.address.contains(address))
            }
        }
    }
}

/// Whether the list of all streams was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Listing {
    /// Nothing needs it.
    #[default]
    NotNeeded,
    /// The login may not list streams.
    Refused {
        /// Why, in words for a person.
        reason: String,
    },
    /// It was, and what is owned of it was read.
    Read,
}

/// Whether users were read.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum AccessReading {
    /// Nothing needs them.
    #[default]
    NotNeeded,
    /// The login may not read users.
    Refused {
        /// Why, in words for a person.
        reason: String,
    },
    /// They were.
    Read(Box<ObservedAccess>),
}

/// A read that was refused: data, not a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservationGap {
    /// What could not be read.
    pub address: Address,
    /// Why, in words for a person.
    pub reason: String,
}

/// A stream of the server.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedStream {
    /// Numeric id; the server gives a freed one to the next stream.
    pub id: u32,
    /// Creation time in microseconds since the Unix epoch; with the id, the
    /// incarnation of the stream.
    pub created_at_micros: u64,
    /// Bytes stored, eventually consistent.
    pub size_bytes: u64,
    /// Messages stored, eventually consistent.
    pub messages: u64,
    /// All its topics: the one read of a stream brings all of them.
    pub topics: BTreeMap<ResourceName, ObservedTopic>,
}

/// A topic of the server.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedTopic {
    /// Numeric id within its stream, reused by the server.
    pub id: u32,
    /// Creation time in microseconds since the Unix epoch.
    pub created_at_micros: u64,
    /// Number of partitions.
    pub partitions: u32,
    /// The effective settings, whatever they came from. `None` for a key that
    /// this server does not know.
    pub settings: TopicSettings,
    /// Bytes stored, eventually consistent.
    pub size_bytes: u64,
    /// Messages stored, eventually consistent.
    pub messages: u64,
    /// Its consumer groups, or `None` when they were not read because nothing
    /// needs them.
    pub groups: Option<BTreeMap<ResourceName, ObservedConsumerGroup>>,
}

/// A consumer group of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservedConsumerGroup {
    /// Numeric id within its topic.
    pub id: u32,
    /// Members that are connected now.
    pub members: u32,
}
