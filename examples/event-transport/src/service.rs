//! A service: a group that gets all events, those of a tenant in order.

use std::pin::pin;

use bytes::Bytes;
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::{
    Connection, Consumer, DeadLetters, Manifest, Message, MessagingError, Start,
};

use crate::event::{Envelope, Event};
use crate::redrive::FOR_GROUP;
use crate::{EVENTS, STREAM, dead_letters_of, format};

/// What a service does with events: shows them, and books no order above its limit.
pub struct Service {
    group: String,
    limit_cents: u64,
    events: Consumer<Bytes>,
}

/// An event that was handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// The event.
    pub envelope: Envelope,
    /// Where it was.
    pub partition: u32,
    /// And its offset there.
    pub offset: u64,
}

impl Service {
    /// One more member of a group. A new group begins at `start`; one that has read
    /// before goes on where it stopped.
    ///
    /// # Errors
    /// As [`iggyctl_messaging::ConsumerBuilder::build`].
    pub fn new(
        connection: &Connection,
        group: &str,
        start: Start,
        limit_cents: u64,
    ) -> Result<Self, MessagingError> {
        let dead_letters = dead_letters_of(group);
        let events = Consumer::group(connection, group, STREAM, EVENTS)
            .start(start)
            // For groups that the topology does not know, such as one for a replay.
            .ensure(Manifest::topic(STREAM, &dead_letters, 1)?)
            .dead_letters(DeadLetters::to(STREAM, &dead_letters))
            .build(Raw)?;
        Ok(Self {
            group: group.to_owned(),
            limit_cents,
            events,
        })
    }

    /// Handles events until `stop` comes, or `handled` has seen enough; then stores how
    /// far it came and leaves the group.
    ///
    /// # Errors
    /// What a person has to see to.
    pub async fn run(
        mut self,
        stop: impl Future,
        mut handled: impl FnMut(Result<Handled, String>) -> Enough,
    ) -> Result<(), MessagingError> {
        let mut stop = pin!(stop);
        loop {
            let message = tokio::select! {
                message = self.events.next() => message,
                _ = &mut stop => break,
            };
            let Some(message) = message.transpose()? else {
                break;
            };
            let Some(outcome) = self.handle(message) else {
                continue;
            };
            if handled(outcome) == Enough::Yes {
                break;
            }
        }
        self.events.shutdown().await;
        Ok(())
    }

    /// None for what is meant for another group.
    fn handle(&self, message: Message<Bytes>) -> Option<Result<Handled, String>> {
        let meant_for = message.headers.text(FOR_GROUP).unwrap_or(&self.group);
        if meant_for != self.group {
            message.ack();
            return None;
        }
        let outcome = match format::decode(&message.headers, &message.payload) {
            Err(error) => Err(error.to_string()),
            Ok(envelope) => self.accept(&envelope).map(|()| Handled {
                envelope,
                partition: message.partition,
                offset: message.offset,
            }),
        };
        match &outcome {
            Ok(_) => message.ack(),
            // Another attempt would end in the same way.
            Err(reason) => message.reject(reason),
        }
        Some(outcome)
    }

    fn accept(&self, envelope: &Envelope) -> Result<(), String> {
        match &envelope.event {
            Event::OrderPlaced { order, cents } if *cents > self.limit_cents => Err(format!(
                "{order} costs {cents} cents, and the limit is {}",
                self.limit_cents
            )),
            Event::OrderPlaced { .. }
            | Event::CustomerRegistered { .. }
            | Event::OrderShipped { .. } => Ok(()),
        }
    }
}

/// Whether a service goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enough {
    /// It ends.
    Yes,
    /// It goes on.
    No,
}
