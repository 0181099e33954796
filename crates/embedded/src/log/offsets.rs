//! How far consumers are in one partition.

use std::collections::BTreeMap;

use iggy_binary_protocol::primitives::consumer::{KIND_CONSUMER, KIND_CONSUMER_GROUP};

/// Who has an offset: a consumer by its number (of a name: its hash), or a group by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ConsumerKey {
    Consumer(u32),
    Group(u32),
}

impl ConsumerKey {
    /// As it is stored: the kind as on the wire, and the number.
    pub(crate) fn parts(self) -> (u8, u32) {
        match self {
            Self::Consumer(id) => (KIND_CONSUMER, id),
            Self::Group(id) => (KIND_CONSUMER_GROUP, id),
        }
    }

    /// Back from [`parts`](Self::parts).
    pub(crate) fn from_parts(kind: u8, id: u32) -> Option<Self> {
        match kind {
            KIND_CONSUMER => Some(Self::Consumer(id)),
            KIND_CONSUMER_GROUP => Some(Self::Group(id)),
            _ => None,
        }
    }
}

/// The offsets of one partition.
#[derive(Debug, Default)]
pub(crate) struct ConsumerOffsets {
    stored: BTreeMap<ConsumerKey, u64>,
    /// By group id, the last message a member was given. Not kept over a restart: neither
    /// are members.
    last_polled: BTreeMap<u32, u64>,
}

impl ConsumerOffsets {
    pub(crate) fn get(&self, consumer: ConsumerKey) -> Option<u64> {
        self.stored.get(&consumer).copied()
    }

    /// Also backwards: who stores an offset may go back.
    pub(crate) fn store(&mut self, consumer: ConsumerKey, offset: u64) {
        self.stored.insert(consumer, offset);
    }

    /// What a poll commits by itself only goes forward. Whether anything changed.
    pub(crate) fn advance(&mut self, consumer: ConsumerKey, offset: u64) -> bool {
        if self.get(consumer).is_some_and(|stored| stored >= offset) {
            return false;
        }
        self.store(consumer, offset);
        true
    }

    /// False when there was none.
    pub(crate) fn delete(&mut self, consumer: ConsumerKey) -> bool {
        self.stored.remove(&consumer).is_some()
    }

    /// What a group that is gone leaves behind goes, too.
    pub(crate) fn forget_group(&mut self, group: u32) {
        self.stored.remove(&ConsumerKey::Group(group));
        self.last_polled.remove(&group);
    }

    /// The lowest of all: segments that somebody has not read are kept.
    pub(crate) fn lowest(&self) -> Option<u64> {
        self.stored.values().min().copied()
    }

    /// A member of a group was given messages up to here.
    pub(crate) fn polled(&mut self, group: u32, offset: u64) {
        let last = self.last_polled.entry(group).or_insert(offset);
        *last = offset.max(*last);
    }

    /// Whether a group was given messages that it has not committed.
    pub(crate) fn in_flight(&self, group: u32) -> bool {
        self.last_polled.get(&group).is_some_and(|polled| {
            self.get(ConsumerKey::Group(group))
                .is_none_or(|committed| committed < *polled)
        })
    }

    /// Nobody is at work on what the group was given any more.
    pub(crate) fn forget_polled(&mut self, group: u32) {
        self.last_polled.remove(&group);
    }
}
