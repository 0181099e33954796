//! The SDK's own calls, as the official samples make them: the one place of the program
//! that names `iggy`. Words and types in, words and types out.

mod high_level;

use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use iggy::prelude::{
    ClusterClient as _, Consumer, ConsumerGroupClient as _, ConsumerOffsetClient as _, HeaderKey,
    HeaderValue, Identifier, IggyError, IggyMessage, MessageClient as _, Partitioning,
    PersonalAccessTokenClient as _, PersonalAccessTokenExpiry, PollingStrategy, StreamClient as _,
    TopicClient as _,
};
use iggyctl_engine::connect::{ConnectError, Transport};
use iggyctl_messaging::{Connection, Headers, MessagingError, Reaction, Secret, classify, words};

use super::recorder::Recorder;

/// A connection of its own that is used as the samples use theirs.
pub(crate) struct Client {
    connection: Connection,
    recorder: Recorder,
}

/// A call that was refused, or had no answer.
#[derive(Debug)]
pub(crate) enum CallError {
    /// There is no connection.
    Connect(MessagingError),
    /// The server or the SDK says no.
    Refused(IggyError),
    /// A message that cannot be made.
    Message(String),
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) payload: Bytes,
    pub(crate) headers: Headers,
}

/// A message that was read.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) offset: u64,
    pub(crate) payload: Bytes,
    pub(crate) headers: Headers,
}

/// Where messages go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To<'a> {
    Partition(u32),
    Key(&'a str),
}

/// Where reading begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum From {
    Offset(u64),
    First,
    /// After the stored offset of this reader.
    Next,
}

/// Who reads.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reader<'a> {
    Plain(&'a str),
    Group(&'a str),
}

impl Sent {
    /// A text without headers.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self {
            payload: Bytes::from(text.into()),
            headers: Headers::new(),
        }
    }

    /// With these headers.
    pub(crate) fn headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    fn to_sdk(&self) -> Result<IggyMessage, IggyError> {
        let Self { payload, headers } = self;
        let builder = IggyMessage::builder().payload(payload.clone());
        if headers.is_empty() {
            return builder.build();
        }
        let map = headers
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()));
        builder.user_headers(map.collect()).build()
    }
}

/// Adds a header whose key is a number.
pub(crate) fn numbered_header(headers: Headers, key: u32, value: f64) -> Headers {
    let mut map: std::collections::BTreeMap<_, _> = headers
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    map.insert(HeaderKey::from(key), HeaderValue::from(value));
    Headers::from(map)
}

/// Adds a header of raw bytes.
pub(crate) fn bytes_header(
    headers: Headers,
    key: &[u8],
    value: &[u8],
) -> Result<Headers, CallError> {
    let mut map: std::collections::BTreeMap<_, _> = headers
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    map.insert(HeaderKey::try_from(key)?, HeaderValue::try_from(value)?);
    Ok(Headers::from(map))
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
        let partitioning = match to {
            To::Partition(partition) => Partitioning::partition_id(partition),
            To::Key(key) => Partitioning::messages_key_str(key)?,
        };
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
        let strategy = match from {
            From::Offset(offset) => PollingStrategy::offset(offset),
            From::First => PollingStrategy::first(),
            From::Next => PollingStrategy::next(),
        };
        let started = Instant::now();
        let polled = session
            .client()
            .poll_messages(
                &named(stream)?,
                &named(topic)?,
                partition,
                &consumer,
                &strategy,
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

impl Received {
    fn new(message: IggyMessage) -> Result<Self, CallError> {
        let headers = match message.user_headers {
            None => Headers::new(),
            Some(bytes) if bytes.is_empty() => Headers::new(),
            Some(bytes) => Headers::from_wire(bytes)
                .map_err(|_| CallError::Message("headers that cannot be read".to_owned()))?,
        };
        Ok(Self {
            offset: message.header.offset,
            payload: message.payload,
            headers,
        })
    }
}

impl Reader<'_> {
    fn to_sdk(self) -> Result<Consumer, CallError> {
        Ok(match self {
            Self::Plain(name) => Consumer::new(named(name)?),
            Self::Group(name) => Consumer::group(named(name)?),
        })
    }
}

/// Never a number: the SDK would take the text `7` for an id.
fn named(name: &str) -> Result<Identifier, CallError> {
    Ok(Identifier::named(name)?)
}

impl std::convert::From<IggyError> for CallError {
    fn from(error: IggyError) -> Self {
        Self::Refused(error)
    }
}

impl std::convert::From<MessagingError> for CallError {
    fn from(error: MessagingError) -> Self {
        Self::Connect(error)
    }
}

impl CallError {
    /// Whether the server lets nobody in with these credentials.
    pub(crate) fn is_wrong_login(&self) -> bool {
        match self {
            Self::Connect(MessagingError::Connect { source, .. }) => {
                matches!(**source, ConnectError::CredentialsRefused { .. })
            }
            Self::Connect(_) | Self::Refused(_) | Self::Message(_) => false,
        }
    }

    /// Whether the server says that this user may not do it.
    pub(crate) fn is_denied(&self) -> bool {
        match self {
            Self::Refused(IggyError::Unauthorized | IggyError::HttpResponseError(403, _)) => true,
            Self::Refused(_) | Self::Connect(_) | Self::Message(_) => false,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(formatter),
            Self::Refused(error) => {
                let code = error.as_code();
                write!(formatter, "{} (code {code})", words(code))
            }
            Self::Message(reason) => formatter.write_str(reason),
        }
    }
}
