//! Moving dead letters back, when what was wrong is mended.

use bytes::Bytes;
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::consumer::dead_letters;
use iggyctl_messaging::{Commit, Connection, Consumer, MessagingError, Outgoing, Producer};

use crate::{EVENTS, STREAM, dead_letters_of, format};

/// The header of what was moved back: for whom. Others handled it already.
pub const FOR_GROUP: &str = "for-group";

/// The headers that a dead letter has in addition.
const ADDED: [&str; 6] = [
    dead_letters::STREAM,
    dead_letters::TOPIC,
    dead_letters::PARTITION,
    dead_letters::OFFSET,
    dead_letters::ERROR,
    dead_letters::ATTEMPTS,
];

/// Moves the next dead letter of a group back to the events, and waits for one if there
/// is none. Payload, id and key stay. Its offset is stored when the server has it again:
/// after a crash in between it is moved twice, with the same id.
///
/// A letter that is no event stays where it is, and is passed over.
pub struct Redrive {
    group: String,
    letters: Consumer<Bytes>,
    events: Producer<Bytes>,
}

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The event.
    pub event: String,
    /// Why it had been put aside.
    pub error: String,
}

impl Redrive {
    /// Connects nothing yet.
    ///
    /// # Errors
    /// As [`iggyctl_messaging::ConsumerBuilder::build`].
    pub fn new(connection: &Connection, group: &str) -> Result<Self, MessagingError> {
        let letters = Consumer::plain(connection, "redrive", STREAM, &dead_letters_of(group))
            .commit(Commit::Manual)
            .build(Raw)?;
        Ok(Self {
            group: group.to_owned(),
            letters,
            events: Producer::builder(connection, STREAM, EVENTS).build(Raw)?,
        })
    }

    /// Moves one. None after a shutdown of the connection.
    ///
    /// # Errors
    /// What a person has to see to.
    pub async fn next(&mut self) -> Result<Option<Moved>, MessagingError> {
        loop {
            let Some(letter) = self.letters.next().await.transpose()? else {
                return Ok(None);
            };
            let Ok(envelope) = format::decode(&letter.headers, &letter.payload) else {
                letter.ack();
                continue;
            };
            let error = letter.headers.text(dead_letters::ERROR);
            let error = error.unwrap_or("unknown").to_owned();
            let mut headers = letter.headers.clone();
            for name in ADDED {
                headers.remove(name);
            }
            headers.insert(FOR_GROUP, &self.group)?;
            let message = Outgoing::new(letter.payload.clone())
                .id(letter.id)
                .key(envelope.tenant.clone())
                .headers(headers);
            self.events.send(message).await?;
            letter.ack();
            let event = envelope.to_string();
            return Ok(Some(Moved { event, error }));
        }
    }
}
