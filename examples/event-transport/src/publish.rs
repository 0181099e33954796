//! Saying what happened.

use bytes::Bytes;
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::{
    CONTENT_TYPE, Confirmation, Connection, Headers, MessagingError, Outgoing, Producer,
};

use crate::event::Envelope;
use crate::format::Format;
use crate::{EVENTS, STREAM};

/// Publishes events in the order in which it gets them.
pub struct Publisher(Producer<Bytes>);

impl Publisher {
    /// Connects nothing yet.
    ///
    /// # Errors
    /// As [`iggyctl_messaging::ProducerBuilder::build`].
    pub fn new(connection: &Connection) -> Result<Self, MessagingError> {
        Ok(Self(
            Producer::builder(connection, STREAM, EVENTS).build(Raw)?,
        ))
    }

    /// Publishes an event. All of a tenant go to the same partition, whoever publishes
    /// them and in whatever format: the partition is that of the hash of the key.
    ///
    /// # Errors
    /// As [`Producer::send`].
    pub async fn publish(
        &self,
        envelope: &Envelope,
        format: Format,
    ) -> Result<Confirmation, MessagingError> {
        let headers = Headers::new().with(CONTENT_TYPE, format.content_type())?;
        let message = Outgoing::new(format.encode(envelope)?)
            .key(envelope.tenant.clone())
            .headers(headers);
        self.0.send(message).await
    }
}
