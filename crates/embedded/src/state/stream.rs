//! One stream.

use iggy_binary_protocol::WireName;

use super::slots::{Named, Slots};
use super::topic::{PartitionCounters, Topic};

/// A stream and its topics.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) name: WireName,
    /// Microseconds since the Unix epoch.
    pub(crate) created_at: u64,
    pub(crate) topics: Slots<Topic>,
}

impl Named for Stream {
    fn name(&self) -> &str {
        self.name.as_str()
    }
}

impl Stream {
    /// Messages and bytes of all its topics.
    pub(crate) fn counters(&self) -> PartitionCounters {
        let mut sum = PartitionCounters::default();
        for (_, topic) in self.topics.iter() {
            sum.add(topic.counters());
        }
        sum
    }
}
