//! The SDK's own calls, as the official samples make them: the one place of the program
//! that names `iggy`. Words and types in, words and types out.

use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use iggy::prelude::{
    Consumer, Identifier, IggyError, IggyMessage, MessageClient as _, Partitioning,
    PollingStrategy, StreamClient as _,
};
use iggyctl_messaging::{Connection, Headers, MessagingError, words};

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
    Balanced,
}

/// Where reading begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum From {
    Offset(u64),
    First,
    Last,
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
            To::Balanced => Partitioning::balanced(),
        };
        let mut built = Vec::with_capacity(messages.len());
        for Sent { payload, headers } in messages {
            let builder = IggyMessage::builder().payload(payload.clone());
            let map = headers
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()));
            built.push(match headers.is_empty() {
                true => builder.build()?,
                false => builder.user_headers(map.collect()).build()?,
            });
        }
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
            From::Last => PollingStrategy::last(),
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
