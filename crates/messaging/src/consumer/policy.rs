use std::time::Duration;

/// When a message counts as handled, and its offset is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Commit {
    /// When it is acknowledged, see [`Message::ack`](crate::Message::ack); at least
    /// once. A message that is dropped without an answer is not handled and comes
    /// again.
    #[default]
    Manual,
    /// When the next one is asked for, unless it was not acknowledged
    /// ([`Message::nack`](crate::Message::nack)); at least once, for those who handle
    /// one message after the other.
    Handled,
    /// When it is handed over: a message that is being handled when the program ends
    /// does not come again.
    Delivered,
    /// By the server, when it sends it, with all others of the poll: at most once.
    Polled,
    /// Never: nothing is stored, for looking on.
    Never,
}

/// How often to try to handle a message, and how long to wait before each time: twice
/// as long as the time before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedeliveryPolicy {
    /// How often a message is handed over in all, at least once. Default 5. Counted in
    /// this process: after a restart it begins anew.
    pub max_attempts: u32,
    /// Before the second attempt. Default 100 ms.
    pub base_backoff: Duration,
    /// The longest wait. Default 30 s.
    pub max_backoff: Duration,
    /// Whether the messages after it in its partition wait, too, so that their order
    /// stays. Those that were handed over already are not called back. Default yes.
    pub keeps_order: bool,
}

impl Default for RedeliveryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            base_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(30),
            keeps_order: true,
        }
    }
}

impl RedeliveryPolicy {
    /// How long to wait after this many attempts.
    pub(super) fn pause(&self, attempts: u32) -> Duration {
        let doubled = 1_u32.checked_shl(attempts.saturating_sub(1));
        doubled
            .and_then(|factor| self.base_backoff.checked_mul(factor))
            .unwrap_or(self.max_backoff)
            .min(self.max_backoff)
    }
}

/// What becomes of messages that cannot be handled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeadLetters {
    /// They are left out, with a line in the log.
    #[default]
    Skip,
    /// They are sent to another topic, see [`to`](Self::to).
    Topic {
        /// Its stream.
        stream: String,
        /// Its name.
        topic: String,
    },
}

impl DeadLetters {
    /// They are sent to this topic, with their payload and headers as they were and
    /// [headers](super::dead_letters) that say where they come from and why. Only when
    /// they are there the offset moves past them.
    #[must_use]
    pub fn to(stream: &str, topic: &str) -> Self {
        Self::Topic {
            stream: stream.to_owned(),
            topic: topic.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let policy = RedeliveryPolicy {
            base_backoff: Duration::from_millis(10),
            max_backoff: Duration::from_millis(35),
            ..RedeliveryPolicy::default()
        };
        let pauses: Vec<u128> = [1, 2, 3, 4, 40, u32::MAX]
            .map(|attempts| policy.pause(attempts).as_millis())
            .into();
        assert_eq!(pauses, [10, 20, 35, 35, 35, 35]);
    }
}
