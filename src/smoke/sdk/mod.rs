//! The SDK's own calls, as the official samples make them: the one place of the program
//! that names `iggy`. Words and types in, words and types out.

mod error;
mod high_level;
mod message;
mod place;

use std::time::Instant;

use bytes::Bytes;
use iggy::prelude::{
    ClusterClient as _, ConsumerGroupClient as _, ConsumerOffsetClient as _, Identifier, IggyError,
    MessageClient as _, PersonalAccessTokenClient as _, PersonalAccessTokenExpiry, PollingStrategy,
    StreamClient as _, TopicClient as _,
};
use iggyctl_engine::connect::Transport;
use iggyctl_messaging::{Connection, Reaction, Secret, classify};

pub(crate) use error::CallError;
pub(crate) use message::{Received, Sent, bytes_header, numbered_header};
pub(crate) use place::{From, Reader, To};

use super::recorder::Recorder;

/// A connection of its own that is used as the samples use theirs.
pub(crate) struct Client {
    connection: Connection,
    recorder: Recorder,
}

impl Client {
    pub(crate) fn new(connection: Connection, recorder: Recorder) -> Self {
        Self {
            connection,
            recorder,
        }
    }

    /// Deletes a stream, or finds that it is gone.
    pub(crate) async fn delete_stream(&self, stream: &str) -> Result<(), CallError> {
        let session = self.connection.session().await?;
        match session.client().delete_stream(&named(stream)?).await {
            Err(IggyError::StreamIdNotFound(_) | IggyError::ResourceNotFound(_)) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Sends messages in one request.
    pub(crate) async fn send(
        &self,
        stream: &str,
        topic: &str,
        to: To<'_>,
        messages: &[Sent],
    ) -> Result<(), CallError> {
        let session = self.connection.session().await?;
        let partitioning = to.to_sdk()?;
        let mut built = messages
            .iter()
            .map(Sent::to_sdk)
            .collect::<Result<Vec<_>, _>>()?;
        let started = Instant::now();
        session
            .client()
            .send_messages(&named(stream)?, &named(topic)?, &partitioning, &mut built)
            .await?;
        let sizes = messages.iter().map(|message| message.payload.len());
        self.recorder.request(started.elapsed(), sizes);
        Ok(())
    }

    /// Reads at most so many messages in one request.
    #[allow(clippy::too_many_arguments, reason = "the SDK's call has as many")]
    pub(crate) async fn poll(
        &self,
        stream: &str,
        topic: &str,
        partition: Option<u32>,
        reader: Reader<'_>,
        from: From,
        count: u32,
        commits: bool,
    ) -> Result<Vec<Received>, CallError> {
        let session = self.connection.session().await?;
        let consumer = reader.to_sdk()?;
        let started = Instant::now();
        let polled = session
            .client()
            .poll_messages(
                &named(stream)?,
                &named(topic)?,
                partition,
                &consumer,
                &from.to_sdk(),
                count,
                commits,
            )
            .await?;
        let took = started.elapsed();
        let sizes = polled.messages.iter().map(|message| message.payload.len());
        self.recorder.request(took, sizes);
        polled.messages.into_iter().map(Received::new).collect()
    }

    /// Payloads and headers of one partition from its beginning, as bytes, for what is
    /// not to be read.
    pub(crate) async fn poll_raw(
        &self,
        stream: &str,
        topic: &str,
        partition: u32,
        reader: Reader<'_>,
        count: u32,
    ) -> Result<Vec<(Bytes, Bytes)>, CallError> {
        let session = self.connection.session().await?;
        let polled = session
            .client()
            .poll_messages(
                &named(stream)?,
                &named(topic)?,
                Some(partition),
                &reader.to_sdk()?,
                &PollingStrategy::first(),
                count,
                false,
            )
            .await?;
        let messages = polled.messages.into_iter();
        Ok(messages
            .map(|it| (it.payload, it.user_headers.unwrap_or_default()))
            .collect())
    }

    /// The offset that the server has stored, if it has.
    pub(crate) async fn stored_offset(
        &self,
        stream: &str,
        topic: &str,
        partition: u32,
        reader: Reader<'_>,
    ) -> Result<Option<u64>, CallError> {
        let session = self.connection.session().await?;
        let (stream, topic) = (named(stream)?, named(topic)?);
        let offset = session
            .client()
            .get_consumer_offset(&reader.to_sdk()?, &stream, &topic, Some(partition))
            .await?;
        Ok(offset.map(|offset| offset.stored_offset))
    }

    /// The partitions that each member of a group has.
    pub(crate) async fn group_members(
        &self,
        stream: &str,
        topic: &str,
        group: &str,
    ) -> Result<Vec<Vec<u32>>, CallError> {
        let session = self.connection.session().await?;
        let details = session
            .client()
            .get_consumer_group(&named(stream)?, &named(topic)?, &named(group)?)
            .await?;
        let members = details.map(|details| details.members).unwrap_or_default();
        Ok(members
            .into_iter()
            .map(|member| member.partitions)
            .collect())
    }

    /// Whether the server shows a topic to this user.
    pub(crate) async fn sees_topic(&self, stream: &str, topic: &str) -> Result<bool, CallError> {
        let session = self.connection.session().await?;
        let topic = session
            .client()
            .get_topic(&named(stream)?, &named(topic)?)
            .await?;
        Ok(topic.is_some())
    }

    /// Creates an access token of this user.
    pub(crate) async fn create_token(&self, name: &str) -> Result<Secret, CallError> {
        let session = self.connection.session().await?;
        let expiry = PersonalAccessTokenExpiry::NeverExpire;
        let token = session
            .client()
            .create_personal_access_token(name, expiry)
            .await?;
        Ok(Secret::new(token.token))
    }

    /// Connects and logs in, and does nothing else.
    pub(crate) async fn log_in(&self) -> Result<(), CallError> {
        self.connection.session().await?;
        Ok(())
    }

    /// Whether an error is about the connection; if so, the next call has a new one.
    pub(crate) async fn reconnects_after(&self, error: &CallError) -> bool {
        let CallError::Refused(error) = error else {
            return false;
        };
        let is_lost = classify(error) == Reaction::Reconnect;
        if is_lost && let Ok(session) = self.connection.session().await {
            self.connection.lost(&session, error.clone());
        }
        is_lost
    }

    /// The ports of the server by transport, as it gives them; those that it lacks are
    /// left out.
    pub(crate) async fn ports(&self) -> Result<Vec<(Transport, u16)>, CallError> {
        let session = self.connection.session().await?;
        let cluster = session.client().get_cluster_metadata().await?;
        let Some(node) = cluster.nodes.first() else {
            return Ok(Vec::new());
        };
        let ports = [
            (Transport::Tcp, node.endpoints.tcp),
            (Transport::Quic, node.endpoints.quic),
            (Transport::Http, node.endpoints.http),
            (Transport::WebSocket, node.endpoints.websocket),
        ];
        Ok(ports.into_iter().filter(|(_, port)| *port != 0).collect())
    }
}

/// Never a number: the SDK would take the text `7` for an id.
fn named(name: &str) -> Result<Identifier, CallError> {
    Ok(Identifier::named(name)?)
}
