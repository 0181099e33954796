//! What is at stake where something is deleted or kept for less long.

use std::time::{SystemTime, UNIX_EPOCH};

use iggyctl_core::address::Address;
use iggyctl_core::diff::{FactQuestions, Facts};
use iggyctl_core::name::ResourceName;
use iggyctl_core::quantity::MessageExpiry;
use iggyctl_core::state::observed::ObservedState;

use super::reads::ReadError;
use crate::broker::{BrokerError, MessageFacts, MessagePlace, PartitionRef, Which};
use crate::connect::{Connect, ConnectionPool};

/// How many reads are made for facts: they are information, and a plan must not wait for
/// minutes for them. At the server's pace of about 4,000 a second that is half a second.
const MAX_READS: u32 = 2_000;

/// Asks what there is an answer to; what cannot be read, or would take too many reads, is
/// not known.
///
/// # Errors
/// When there is no connection.
pub async fn observe_facts<C: Connect>(
    pool: &ConnectionPool<C>,
    questions: &FactQuestions,
    observed: &ObservedState,
) -> Result<Facts, ReadError>
where
    C::Broker: MessageFacts,
{
    let mut facts = Facts::default();
    if questions.is_empty() {
        return Ok(facts);
    }
    let lease = pool.acquire().await?;
    let mut reader = Reader {
        broker: &*lease,
        observed,
        left: MAX_READS,
    };
    let answered = reader.answer(questions, &mut facts).await;
    if answered.is_err() {
        lease.discard();
    }
    Ok(facts)
}

/// The connection does not answer any more.
struct Lost;

struct Reader<'a, B> {
    broker: &'a B,
    observed: &'a ObservedState,
    left: u32,
}

impl<B: MessageFacts> Reader<'_, B> {
    async fn answer(&mut self, questions: &FactQuestions, facts: &mut Facts) -> Result<(), Lost> {
        let FactQuestions {
            oldest,
            lags,
            older_than,
        } = questions;
        for (topic, expiry) in older_than {
            if let Some(older) = self.older(topic, *expiry).await? {
                facts.older.insert(topic.clone(), older);
            }
        }
        for topic in oldest {
            if let Some(micros) = self.oldest(topic).await? {
                facts.oldest_micros.insert(topic.clone(), micros);
            }
        }
        for group in lags {
            if let Some(lag) = self.lag(group).await? {
                facts.lags.insert(group.clone(), lag);
            }
        }
        Ok(())
    }

    async fn oldest(&mut self, topic: &Address) -> Result<Option<u64>, Lost> {
        let Some((stream, topic, partitions)) = self.topic(topic) else {
            return Ok(None);
        };
        let mut oldest: Option<u64> = None;
        for partition in 0..partitions {
            let of = PartitionRef {
                stream: &stream,
                topic: &topic,
                partition,
            };
            let Some(found) = self.find(of, Which::First).await? else {
                return Ok(None);
            };
            let micros = found.map(|message| message.timestamp_micros);
            oldest = match (oldest, micros) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        Ok(oldest)
    }

    /// How many messages are too old for an expiry.
    async fn older(&mut self, topic: &Address, expiry: MessageExpiry) -> Result<Option<u64>, Lost> {
        let Some((stream, topic, partitions)) = self.topic(topic) else {
            return Ok(None);
        };
        let since = now_micros().saturating_sub(expiry.micros());
        let mut older: u64 = 0;
        for partition in 0..partitions {
            let of = PartitionRef {
                stream: &stream,
                topic: &topic,
                partition,
            };
            let Some(first) = self.find(of, Which::First).await? else {
                return Ok(None);
            };
            let Some(first) = first.filter(|first| first.timestamp_micros < since) else {
                continue;
            };
            let Some(kept) = self.find(of, Which::Since(since)).await? else {
                return Ok(None);
            };
            let end = match kept {
                Some(kept) => kept.offset,
                None => match self.find(of, Which::Last).await? {
                    Some(last) => last.map_or(first.offset, |last| last.offset + 1),
                    None => return Ok(None),
                },
            };
            older = older.saturating_add(end.saturating_sub(first.offset));
        }
        Ok(Some(older))
    }

    async fn lag(&mut self, group: &Address) -> Result<Option<u64>, Lost> {
        let Address::ConsumerGroup(stream, topic, name) = group else {
            return Ok(None);
        };
        let topic = Address::Topic(stream.clone(), topic.clone());
        let Some((stream, topic, partitions)) = self.topic(&topic) else {
            return Ok(None);
        };
        let mut lag: u64 = 0;
        for partition in 0..partitions {
            let of = PartitionRef {
                stream: &stream,
                topic: &topic,
                partition,
            };
            let (Some(first), Some(last)) = (
                self.find(of, Which::First).await?,
                self.find(of, Which::Last).await?,
            ) else {
                return Ok(None);
            };
            let (Some(first), Some(last)) = (first, last) else {
                continue;
            };
            let Some(stored) = self.stored(of, name).await? else {
                return Ok(None);
            };
            let next = stored.map_or(first.offset, |stored| (stored + 1).max(first.offset));
            lag = lag.saturating_add((last.offset + 1).saturating_sub(next));
        }
        Ok(Some(lag))
    }

    fn topic(&self, topic: &Address) -> Option<(ResourceName, ResourceName, u32)> {
        let Address::Topic(stream, name) = topic else {
            return None;
        };
        let found = self.observed.streams.get(stream)?.topics.get(name)?;
        Some((stream.clone(), name.clone(), found.partitions))
    }

    /// `None` when it cannot be known.
    async fn find(
        &mut self,
        of: PartitionRef<'_>,
        which: Which,
    ) -> Result<Option<Option<MessagePlace>>, Lost> {
        if !self.may_read() {
            return Ok(None);
        }
        known(self.broker.find_message(of, which).await)
    }

    async fn stored(
        &mut self,
        of: PartitionRef<'_>,
        group: &ResourceName,
    ) -> Result<Option<Option<u64>>, Lost> {
        if !self.may_read() {
            return Ok(None);
        }
        known(self.broker.stored_offset(of, group).await)
    }

    fn may_read(&mut self) -> bool {
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

fn known<T>(read: Result<T, BrokerError>) -> Result<Option<T>, Lost> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind.is_about_the_connection() => Err(Lost),
        Err(_) => Ok(None),
    }
}

fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since
        .ok()
        .and_then(|since| u64::try_from(since.as_micros()).ok())
        .unwrap_or(0)
}
