//! Counting what is in a topic, by cause.

use std::collections::BTreeMap;

use iggyctl_messaging::MessagingError;
use iggyctl_messaging::dead_letters::{DeadLetterTopic, Letter};
use iggyctl_messaging::replay::Span;

/// Where dead letters come from, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cause {
    pub(super) stream: String,
    pub(super) topic: String,
    pub(super) error: String,
}

/// What is in a topic.
#[derive(Debug, Default)]
pub(super) struct Census {
    pub(super) causes: BTreeMap<Cause, Count>,
    /// Messages that are no dead letters, or cannot be told to be some.
    pub(super) others: u64,
    /// Offsets that were not looked at, since there are more than that.
    pub(super) unseen: u64,
    /// Offsets in all.
    pub(super) offsets: u64,
}

/// How many of one cause.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) messages: u64,
    /// Those of them that were not sent back.
    pub(super) pending: u64,
}

const BATCH: u32 = 1000;

impl Census {
    /// Looks at this many messages at most, the oldest of each partition first.
    pub(super) async fn take(topic: &DeadLetterTopic, most: u64) -> Result<Self, MessagingError> {
        let spans = topic.spans().await?;
        let pending = topic.pending(&spans).await?;
        let mut census = Self::default();
        let mut looked = 0;
        for (&partition, &span) in &spans {
            census.offsets += span.left();
            let mut next = span.next;
            while next < span.end {
                let room = most.saturating_sub(looked);
                if room == 0 {
                    census.unseen += span.end - next;
                    break;
                }
                let count = u32::try_from(room).unwrap_or(BATCH).min(BATCH);
                let letters = topic.read(partition, next, count).await?;
                let Some(last) = letters.last() else {
                    break;
                };
                next = last.offset + 1;
                for letter in letters.iter().filter(|it| it.offset < span.end) {
                    looked += 1;
                    let is_pending = pending
                        .get(&partition)
                        .is_some_and(|pending| letter.offset >= pending.next);
                    census.count(letter, is_pending);
                }
            }
        }
        Ok(census)
    }

    fn count(&mut self, letter: &Letter, is_pending: bool) {
        let Some(dead) = &letter.dead else {
            self.others += 1;
            return;
        };
        let cause = Cause {
            stream: dead.stream.clone(),
            topic: dead.topic.clone(),
            error: dead.error.clone(),
        };
        let count = self.causes.entry(cause).or_default();
        count.messages += 1;
        count.pending += u64::from(is_pending);
    }

    /// All dead letters that were looked at.
    pub(super) fn dead(&self) -> Count {
        let mut all = Count::default();
        for Count { messages, pending } in self.causes.values() {
            all.messages += messages;
            all.pending += pending;
        }
        all
    }
}

/// Whether the newest message of any partition is a dead letter.
pub(super) async fn has_dead_letters(
    topic: &DeadLetterTopic,
    spans: &BTreeMap<u32, Span>,
) -> Result<bool, MessagingError> {
    for (&partition, span) in spans {
        if span.left() == 0 {
            continue;
        }
        let newest = topic.read(partition, span.end - 1, 1).await?;
        if newest.iter().any(|letter| letter.dead.is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}
