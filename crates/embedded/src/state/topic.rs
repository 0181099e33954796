//! One topic and its partitions.

use iggy_binary_protocol::WireName;

use super::group::Groups;
use super::slots::Named;
use crate::rules::topic_options::TopicSettings;

/// A topic with its partitions and consumer groups.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: WireName,
    /// Microseconds since the Unix epoch.
    pub(crate) created_at: u64,
    pub(crate) settings: TopicSettings,
    /// The position is the id: partitions are dense and go from the tail.
    pub(crate) partitions: Vec<Partition>,
    pub(crate) groups: Groups,
}

impl Named for Topic {
    fn name(&self) -> &str {
        self.name.as_str()
    }
}

/// A partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Partition {
    /// Microseconds since the Unix epoch.
    pub(crate) created_at: u64,
    pub(crate) counters: PartitionCounters,
}

/// How much a partition holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PartitionCounters {
    pub(crate) messages: u64,
    pub(crate) size_bytes: u64,
}

impl PartitionCounters {
    pub(crate) fn add(&mut self, other: Self) {
        let Self {
            messages,
            size_bytes,
        } = other;
        self.messages = self.messages.saturating_add(messages);
        self.size_bytes = self.size_bytes.saturating_add(size_bytes);
    }

    /// Offset of the newest message, 0 for an empty partition.
    pub(crate) fn current_offset(self) -> u64 {
        self.messages.saturating_sub(1)
    }
}

impl Topic {
    /// Messages and bytes of all its partitions.
    pub(crate) fn counters(&self) -> PartitionCounters {
        let mut sum = PartitionCounters::default();
        for partition in &self.partitions {
            sum.add(partition.counters);
        }
        sum
    }

    /// Number of partitions; bounded by the limits far below 2^32.
    pub(crate) fn partitions_count(&self) -> u32 {
        u32::try_from(self.partitions.len()).unwrap_or(u32::MAX)
    }

    /// Appends empty partitions.
    pub(crate) fn add_partitions(&mut self, count: u32, now: u64) {
        let fresh = Partition {
            created_at: now,
            counters: PartitionCounters::default(),
        };
        self.partitions
            .extend(std::iter::repeat_n(fresh, count as usize));
    }

    /// Empties every partition.
    pub(crate) fn purge(&mut self) {
        for partition in &mut self.partitions {
            partition.counters = PartitionCounters::default();
        }
    }
}
