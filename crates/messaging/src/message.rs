//! A message as a consumer hands it over.

use std::fmt;
use std::sync::Arc;

use crate::consumer::{Answer, Shared, Ticket};
use crate::headers::Headers;

/// A message, decoded. With [`Commit::Manual`](crate::Commit::Manual) it is to be
/// answered with [`ack`](Self::ack) or [`nack`](Self::nack), by whatever task handles
/// it; one that is dropped without an answer counts as not handled.
#[derive(Debug)]
#[non_exhaustive]
pub struct Message<T> {
    /// The value.
    pub payload: T,
    /// The partition it is in.
    pub partition: u32,
    /// Its offset in its partition.
    pub offset: u64,
    /// Its id: the same for a message that was sent again by a retry of its producer.
    pub id: u128,
    /// When the server got it, in microseconds since the Unix epoch.
    pub timestamp: u64,
    /// When its producer made it, in microseconds since the Unix epoch.
    pub origin_timestamp: u64,
    /// Its headers, decrypted.
    pub headers: Headers,
    /// How often it was handed over by this consumer, this time included: from 1.
    pub attempt: u32,
    pub(crate) acknowledgement: Acknowledgement,
}

impl<T> Message<T> {
    /// It is handled. Its offset is stored soon, when all before it in its partition
    /// are handled, too; see [`Consumer::commit`](crate::Consumer::commit) for who has
    /// to know.
    pub fn ack(self) {
        self.acknowledgement.ack();
    }

    /// It could not be handled, for this reason, and comes again after a pause, as the
    /// [`RedeliveryPolicy`](crate::RedeliveryPolicy) says; after the last attempt it
    /// becomes a [dead letter](crate::DeadLetters).
    pub fn nack(self, reason: impl fmt::Display) {
        self.acknowledgement.nack(reason);
    }

    /// It never can be handled, for this reason, and becomes a
    /// [dead letter](crate::DeadLetters) at once.
    pub fn reject(self, reason: impl fmt::Display) {
        self.acknowledgement.reject(reason);
    }

    /// The value, and the answer to give later.
    pub fn into_parts(self) -> (T, Acknowledgement) {
        (self.payload, self.acknowledgement)
    }
}

/// The answer to one delivery of a message.
pub struct Acknowledgement {
    shared: Option<Arc<Shared>>,
    ticket: Ticket,
}

impl Acknowledgement {
    pub(crate) fn new(shared: Arc<Shared>, ticket: Ticket) -> Self {
        Self {
            shared: Some(shared),
            ticket,
        }
    }

    /// As [`Message::ack`].
    pub fn ack(mut self) {
        self.give(Answer::Ack);
    }

    /// As [`Message::nack`].
    pub fn nack(mut self, reason: impl fmt::Display) {
        self.give(Answer::Nack(reason.to_string()));
    }

    /// As [`Message::reject`].
    pub fn reject(mut self, reason: impl fmt::Display) {
        self.give(Answer::Reject(reason.to_string()));
    }

    fn give(&mut self, answer: Answer) {
        if let Some(shared) = self.shared.take() {
            shared.answer(self.ticket, answer);
        }
    }
}

impl Drop for Acknowledgement {
    fn drop(&mut self) {
        self.give(Answer::Dropped);
    }
}

impl fmt::Debug for Acknowledgement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ticket {
            partition,
            epoch: _,
            offset,
        } = self.ticket;
        formatter
            .debug_struct("Acknowledgement")
            .field("partition", &partition)
            .field("offset", &offset)
            .finish_non_exhaustive()
    }
}
