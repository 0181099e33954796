//! What is known of the offsets in one topic.

use std::collections::BTreeMap;
use std::fmt;

use crate::observe::consume::Observer;

/// Who has offsets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    /// A consumer by itself, by its name. The server cannot list these.
    Consumer(String),
    /// A group. Its members share the offsets.
    Group(String),
}

impl Reader {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Consumer(name) | Self::Group(name) => name,
        }
    }

    /// Whether it is a group.
    #[must_use]
    pub fn is_group(&self) -> bool {
        matches!(self, Self::Group(_))
    }
}

impl fmt::Display for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Consumer(name) => write!(formatter, "consumer {name}"),
            Self::Group(name) => write!(formatter, "group {name}"),
        }
    }
}

/// One partition, as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartitionOffsets {
    /// What is stored: the offset of the last message that is handled. The reader goes
    /// on with the one after it. None when nothing is stored.
    pub stored: Option<u64>,
    /// The oldest message that is there.
    pub first: Option<u64>,
    /// The newest offset there has been; none when there was no message since the last
    /// purge.
    pub last: Option<u64>,
}

/// How far a reader is behind in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lag {
    /// So many messages wait for it.
    Behind(u64),
    /// What is stored lies beyond the end, as after a purge: so many messages that are
    /// still to come will be passed over.
    Ahead(u64),
}

impl PartitionOffsets {
    /// The offset that the next message will get.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.last.map_or(0, |last| last.saturating_add(1))
    }

    /// Where the reader goes on: after the stored offset; without one, with the oldest
    /// message.
    #[must_use]
    pub fn next(&self) -> u64 {
        match (self.stored, self.first) {
            (Some(stored), _) => stored.saturating_add(1),
            (None, Some(first)) => first,
            (None, None) => self.end(),
        }
    }

    /// How far the reader is behind. Messages that retention has removed do not count.
    #[must_use]
    pub fn lag(&self) -> Lag {
        let (next, end) = (self.next(), self.end());
        if next > end {
            return Lag::Ahead(next - end);
        }
        let oldest = self.first.unwrap_or(end);
        Lag::Behind(end - next.max(oldest).min(end))
    }
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The number that the server gives it.
    pub id: u32,
    /// What it reads.
    pub partitions: Vec<u32>,
}

/// The offsets of one reader in one topic, as they were seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedOffsets {
    /// Whose.
    pub reader: Reader,
    /// The members of a group; empty for a consumer by itself, of which nobody knows
    /// whether it is there.
    pub members: Vec<Member>,
    /// By partition.
    pub partitions: BTreeMap<u32, PartitionOffsets>,
}

impl ObservedOffsets {
    /// How many messages wait for the reader in all partitions.
    #[must_use]
    pub fn total_lag(&self) -> u64 {
        self.partitions
            .values()
            .map(|partition| match partition.lag() {
                Lag::Behind(messages) => messages,
                Lag::Ahead(_) => 0,
            })
            .fold(0, u64::saturating_add)
    }

    /// Sets the metric of the lag of each partition, for a topic of this name.
    pub fn publish(&self, stream: &str, topic: &str) {
        let observer = Observer::new(stream, topic, self.reader.name());
        for (&partition, offsets) in &self.partitions {
            if let Lag::Behind(messages) = offsets.lag() {
                observer.lag(partition, messages);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(stored: Option<u64>, first: Option<u64>, last: Option<u64>) -> PartitionOffsets {
        PartitionOffsets {
            stored,
            first,
            last,
        }
    }

    #[test]
    fn stored_means_handled_and_nothing_stored_means_from_the_oldest() {
        for (seen, next, lag) in [
            (seen(None, None, None), 0, Lag::Behind(0)),
            (seen(None, Some(0), Some(9)), 0, Lag::Behind(10)),
            (seen(Some(0), Some(0), Some(9)), 1, Lag::Behind(9)),
            (seen(Some(9), Some(0), Some(9)), 10, Lag::Behind(0)),
            // Retention took 0 to 6.
            (seen(None, Some(7), Some(9)), 7, Lag::Behind(3)),
            (seen(Some(2), Some(7), Some(9)), 3, Lag::Behind(3)),
            // And then everything.
            (seen(Some(2), None, Some(9)), 3, Lag::Behind(0)),
            (seen(None, None, Some(9)), 10, Lag::Behind(0)),
            // Purged.
            (seen(Some(9), None, None), 10, Lag::Ahead(10)),
            (seen(Some(9), Some(0), Some(2)), 10, Lag::Ahead(7)),
            (
                seen(Some(u64::MAX), Some(0), Some(0)),
                u64::MAX,
                Lag::Ahead(u64::MAX - 1),
            ),
        ] {
            assert_eq!((seen.next(), seen.lag()), (next, lag), "{seen:?}");
        }
    }
}
