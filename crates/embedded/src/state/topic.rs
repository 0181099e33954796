//! One topic and its partitions.

use std::collections::BTreeSet;

use iggy_binary_protocol::WireName;

use super::group::Groups;
use super::slots::Named;
use crate::log::{FlushPolicy, PartitionLog};
use crate::rules::topic_options::TopicSettings;

/// A topic with its partitions and consumer groups.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: WireName,
    /// Microseconds since the Unix epoch.
    pub(crate) created_at: u64,
    pub(crate) settings: TopicSettings,
    pub(crate) flush_policy: FlushPolicy,
    /// The position is the id: partitions are dense and go from the tail.
    pub(crate) partitions: Vec<Partition>,
    pub(crate) groups: Groups,
    /// Which partition the next batch goes to that names none.
    next_balanced: u32,
}

impl Named for Topic {
    fn name(&self) -> &str {
        self.name.as_str()
    }
}

/// A partition.
#[derive(Debug)]
pub(crate) struct Partition {
    /// Microseconds since the Unix epoch.
    pub(crate) created_at: u64,
    /// Made when it is first needed: a topic may have a million partitions.
    log: Option<Box<PartitionLog>>,
    /// Test kit: what it is to look like instead.
    pub(crate) made_up: Option<PartitionCounters>,
}

/// How much a partition holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PartitionCounters {
    pub(crate) messages: u64,
    pub(crate) size_bytes: u64,
    /// Offset of the newest message, 0 for a partition that never had one.
    pub(crate) current_offset: u64,
}

impl PartitionCounters {
    /// Adds what can be added.
    pub(crate) fn add(&mut self, other: Self) {
        let Self {
            messages,
            size_bytes,
            current_offset: _,
        } = other;
        self.messages = self.messages.saturating_add(messages);
        self.size_bytes = self.size_bytes.saturating_add(size_bytes);
    }
}

impl Partition {
    pub(crate) fn new(created_at: u64) -> Self {
        Self {
            created_at,
            log: None,
            made_up: None,
        }
    }

    /// A partition that a data folder holds.
    pub(crate) fn restore(created_at: u64, log: Option<PartitionLog>) -> Self {
        Self {
            created_at,
            log: log.map(Box::new),
            made_up: None,
        }
    }

    /// `None` while nothing was ever sent to it.
    pub(crate) fn log(&self) -> Option<&PartitionLog> {
        self.log.as_deref()
    }

    /// The same, to change what is there.
    pub(crate) fn existing_log(&mut self) -> Option<&mut PartitionLog> {
        self.log.as_deref_mut()
    }

    /// The log to append to.
    pub(crate) fn log_mut(&mut self) -> &mut PartitionLog {
        self.log.get_or_insert_default()
    }

    pub(crate) fn counters(&self) -> PartitionCounters {
        self.made_up.unwrap_or_else(|| {
            self.log
                .as_deref()
                .map(|log| PartitionCounters {
                    messages: log.messages(),
                    size_bytes: log.size_bytes(),
                    current_offset: log.current_offset(),
                })
                .unwrap_or_default()
        })
    }

    /// At least one, which may be empty.
    pub(crate) fn segments_count(&self) -> u32 {
        self.log.as_deref().map_or(1, PartitionLog::segments_count)
    }

    fn purge(&mut self) {
        self.log = None;
        self.made_up = None;
    }
}

impl Topic {
    /// A topic without partitions and groups.
    pub(crate) fn new(name: WireName, created_at: u64, settings: TopicSettings) -> Self {
        Self {
            name,
            created_at,
            flush_policy: FlushPolicy::of(&settings),
            settings,
            partitions: Vec::new(),
            groups: Groups::default(),
            next_balanced: 0,
        }
    }

    /// Messages and bytes of all its partitions.
    pub(crate) fn counters(&self) -> PartitionCounters {
        let mut sum = PartitionCounters::default();
        for partition in &self.partitions {
            sum.add(partition.counters());
        }
        sum
    }

    /// Number of partitions; bounded by the limits far below 2^32.
    pub(crate) fn partitions_count(&self) -> u32 {
        u32::try_from(self.partitions.len()).unwrap_or(u32::MAX)
    }

    /// Appends empty partitions.
    pub(crate) fn add_partitions(&mut self, count: u32, now: u64) {
        self.partitions
            .extend((0..count).map(|_| Partition::new(now)));
    }

    /// Empties every partition; what consumers have read is forgotten.
    pub(crate) fn purge(&mut self) {
        for partition in &mut self.partitions {
            partition.purge();
        }
    }

    /// The next partition in turn; `None` when there is none.
    pub(crate) fn next_balanced(&mut self) -> Option<u32> {
        let partitions = self.partitions_count();
        let chosen = self.next_balanced.checked_rem(partitions)?;
        self.next_balanced = (chosen + 1) % partitions;
        Some(chosen)
    }

    /// The partitions of which a member of a group was given messages that it has not
    /// committed. What members gave up who are gone counts no more, and is forgotten.
    pub(crate) fn in_flight(&mut self, group: u32) -> BTreeSet<u32> {
        let owned: BTreeSet<u32> = self
            .groups
            .get(group)
            .into_iter()
            .flat_map(|entry| entry.members.values())
            .flat_map(|member| member.partitions.iter().copied())
            .collect();
        let mut in_flight = BTreeSet::new();
        for (id, partition) in (0..).zip(&mut self.partitions) {
            let Some(log) = partition.existing_log() else {
                continue;
            };
            if !log.offsets.in_flight(group) {
                continue;
            }
            if owned.contains(&id) {
                in_flight.insert(id);
            } else {
                log.offsets.forget_polled(group);
            }
        }
        in_flight
    }

    /// Lets partitions go to the members they are on their way to, when nothing holds
    /// them up any more.
    pub(crate) fn hand_over(&mut self, now: u64) {
        let partitions = &self.partitions;
        for (id, group) in self.groups.iter_mut() {
            group.hand_over(now, |partition| {
                partitions
                    .get(partition as usize)
                    .and_then(Partition::log)
                    .is_some_and(|log| log.offsets.in_flight(id))
            });
        }
    }

    /// What a deleted group leaves in the partitions goes, too.
    pub(crate) fn forget_group_offsets(&mut self, group: u32) {
        for partition in &mut self.partitions {
            if let Some(log) = partition.existing_log() {
                log.offsets.forget_group(group);
            }
        }
    }
}
