//! Test kit: looks at and sets what a real client cannot set quickly, or at all.
//!
//! Nothing here exists on a real server. It is for tests of tools that treat a
//! topic with messages, or a group with members, with more care.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use iggy_binary_protocol::{WireIdentifier, WireName};
use thiserror::Error;

use crate::rules::Rejection;
use crate::shared::Shared;
use crate::state::PartitionCounters;

/// Sets what clients cannot set; see [`EmbeddedServer::testing`](crate::EmbeddedServer::testing).
/// Counters and members live in memory and are not kept in a data folder.
#[derive(Debug, Clone)]
pub struct Testing {
    shared: Arc<Shared>,
}

/// What was asked for is not there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TestingError {
    /// No such stream, topic, partition or group, or no name at all.
    #[error("{what} is not there")]
    Missing {
        /// What was looked for.
        what: String,
    },
}

/// Members that [`Testing::set_group_members`] adds have client ids from here on,
/// so that they do not meet the random ids of real clients.
const FIRST_MADE_UP_CLIENT: u128 = 1;

impl Testing {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Makes a partition look as if it held `messages` messages of together
    /// `size_bytes` bytes, until it is purged; what can be polled stays as it is.
    ///
    /// # Errors
    /// [`TestingError::Missing`]
    pub fn set_partition_counters(
        &self,
        stream: &str,
        topic: &str,
        partition: u32,
        messages: u64,
        size_bytes: u64,
    ) -> Result<(), TestingError> {
        let missing = || TestingError::Missing {
            what: format!("partition {partition} of {stream}/{topic}"),
        };
        let (stream, topic) = (named(stream)?, named(topic)?);
        let mut metadata = self.shared.metadata();
        let (stream, topic) = metadata.topic_ids(&stream, &topic).map_err(|_| missing())?;
        let entry = metadata
            .topic_mut(stream, topic)
            .ok()
            .and_then(|topic| topic.partitions.get_mut(partition as usize))
            .ok_or_else(missing)?;
        entry.made_up = Some(PartitionCounters {
            messages,
            size_bytes,
            current_offset: messages.saturating_sub(1),
        });
        Ok(())
    }

    /// Gives a group exactly this many made-up members; real ones leave.
    ///
    /// # Errors
    /// [`TestingError::Missing`]
    pub fn set_group_members(
        &self,
        stream: &str,
        topic: &str,
        group: &str,
        members: u32,
    ) -> Result<(), TestingError> {
        let missing = |_: Rejection| TestingError::Missing {
            what: format!("group {group} of {stream}/{topic}"),
        };
        let (stream_id, topic_id, group_id) = (named(stream)?, named(topic)?, named(group)?);
        let mut metadata = self.shared.metadata();
        let (entry, partitions) = metadata
            .group_mut(&stream_id, &topic_id, &group_id)
            .map_err(missing)?;
        entry.members.clear();
        for member in 0..u128::from(members) {
            entry.join(
                FIRST_MADE_UP_CLIENT + member,
                partitions,
                &BTreeSet::new(),
                0,
            );
        }
        Ok(())
    }

    /// Deletes the tokens that have expired, as the server does every minute (at most 256
    /// at a time); how many those were.
    pub fn delete_expired_tokens(&self) -> usize {
        crate::cleaner::delete_expired_tokens(&self.shared)
    }

    /// Puts the server's clock forward; it stays ahead of the system's.
    pub fn advance_clock(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// Removes the messages that the age and size limits of their topics do not keep, as
    /// the server does every minute; how many partitions lost some.
    pub fn clean_segments(&self) -> usize {
        crate::cleaner::clean_segments(&self.shared)
    }

    /// Lets partitions go from members that had their 30 seconds to commit what they were
    /// given, as the server does every second.
    pub fn hand_over_partitions(&self) {
        crate::cleaner::hand_over(&self.shared);
    }

    /// Ends the sessions of members of groups that have made no request for 36 seconds, as
    /// the server does every 30 seconds; how many those are. They end a little later.
    pub fn evict_silent_members(&self) -> usize {
        crate::cleaner::evict_silent_members(&self.shared)
    }

    /// Number of open connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.clients().len()
    }
}

fn named(name: &str) -> Result<WireIdentifier, TestingError> {
    // A name that cannot be one names nothing.
    WireName::new(name)
        .map(WireIdentifier::String)
        .map_err(|_| TestingError::Missing {
            what: format!("{name:?}"),
        })
}
