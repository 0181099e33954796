//! How many messages may be here, so that their bytes are bounded. Without IO.
//!
//! The server is asked for a number of messages and never for a number of bytes, so
//! the size of those that come is guessed from those that came.

use iggy::prelude::IggyMessage;

/// How many there may be before the first one was seen. Half of them are asked for: 16
/// of the largest that usual services send, 1 MB, are not too many.
const FIRST: usize = 32;

#[derive(Debug)]
pub(super) struct BatchLimit {
    most_messages: usize,
    most_bytes: usize,
    messages: usize,
}

impl BatchLimit {
    pub(super) fn new(most_messages: u32, most_bytes: usize) -> Self {
        let most_messages = usize::try_from(most_messages).unwrap_or(usize::MAX);
        Self {
            most_messages,
            most_bytes,
            messages: FIRST.min(most_messages),
        }
    }

    /// How many may be here that are not done with; at least one.
    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    /// These came.
    pub(super) fn learn(&mut self, messages: &[IggyMessage]) {
        let bytes: usize = messages.iter().map(bytes_of).sum();
        // A few small ones say little about those that follow, and need no more room.
        let are_few = messages.is_empty() || messages.len() < self.messages / 2;
        if are_few && bytes < self.most_bytes {
            return;
        }
        let mean = (bytes / messages.len().max(1)).max(1);
        self.messages = (self.most_bytes / mean)
            .min(self.messages.saturating_mul(2))
            .min(self.most_messages)
            .max(1);
    }
}

fn bytes_of(message: &IggyMessage) -> usize {
    message.payload.len()
        + message
            .user_headers
            .as_ref()
            .map_or(0, |headers| headers.len())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn messages(count: usize, bytes: usize) -> Vec<IggyMessage> {
        let payload = Bytes::from(vec![0; bytes]);
        let message = || IggyMessage::builder().payload(payload.clone()).build();
        (0..count).map(|_| message().expect("a message")).collect()
    }

    fn after(polls: usize, limit: &mut BatchLimit, bytes: usize) -> usize {
        for _ in 0..polls {
            limit.learn(&messages(limit.messages(), bytes));
        }
        limit.messages()
    }

    #[test]
    fn small_messages_are_bounded_by_their_number() {
        let mut limit = BatchLimit::new(1000, 8 << 20);
        assert_eq!(limit.messages(), 32);
        assert_eq!(after(1, &mut limit, 100), 64);
        assert_eq!(after(6, &mut limit, 100), 1000);
    }

    #[test]
    fn large_messages_are_bounded_by_their_bytes() {
        let mut limit = BatchLimit::new(1000, 1_000_000);
        assert_eq!(after(1, &mut limit, 100_000), 10);
        assert_eq!(after(1, &mut limit, 2_000_000), 1, "one always fits");
        assert_eq!(after(2, &mut limit, 100_000), 4, "and it grows again");
    }

    #[test]
    fn a_few_messages_change_nothing() {
        let mut limit = BatchLimit::new(1000, 1_000_000);
        limit.learn(&[]);
        limit.learn(&messages(3, 300_000));
        assert_eq!(limit.messages(), 32);
        limit.learn(&messages(3, 500_000));
        assert_eq!(limit.messages(), 2, "unless they are too large");
    }

    #[test]
    fn a_short_batch_stays_short() {
        let mut limit = BatchLimit::new(2, 8 << 20);
        assert_eq!(after(3, &mut limit, 10), 2);
    }
}
