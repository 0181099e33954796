//! What can go wrong, and what to do about it.

use std::time::Duration;

use iggy::prelude::IggyError;
use iggyctl_engine::connect::{AddressParseError, ConnectError};

use crate::codec::CodecError;

/// Why something could not be done. Shows no credential and no payload.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MessagingError {
    /// A text is not the address of a server.
    #[error(transparent)]
    Address(#[from] AddressParseError),
    /// A connection was built without the address of a server.
    #[error("no server was named: a connection needs at least one address")]
    NoEndpoint,
    /// A setting that cannot be.
    #[error("{setting} {expected}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What would have been right, as the words after it.
        expected: &'static str,
    },
    /// Something that needs a tokio runtime was called outside of one.
    #[error("there is no tokio runtime here")]
    NoRuntime,
    /// The server in this process does not start.
    #[error("the embedded server does not start: {reason}")]
    EmbeddedServer {
        /// Why.
        reason: String,
    },
    /// There is no connection to any of the named servers.
    #[error("no connection after {attempts} attempts in {waited:.1?}: {source}")]
    Connect {
        /// How often it was tried, over all servers.
        attempts: u32,
        /// How long it took in all.
        waited: Duration,
        /// What was wrong last.
        source: Box<ConnectError>,
    },
    /// The caller's own client has no connection, and does not get one.
    #[error("the client that was brought along has no connection: {reason}")]
    OwnClient {
        /// What it says.
        reason: String,
    },
    /// The connection, the producer or the consumer was shut down.
    #[error("it was shut down")]
    Closed,
    /// The server refuses, and would refuse again.
    #[error("the server refuses to {operation}: {} (code {code})", words(*code))]
    Refused {
        /// What was asked for, in words: `send messages`.
        operation: &'static str,
        /// The code, see the table of [`classify`].
        code: u32,
    },
    /// It was tried as often as the policy allows.
    #[error("could not {operation} in {attempts} attempts: {last}")]
    GaveUp {
        /// What was asked for, in words: `send messages`.
        operation: &'static str,
        /// How often it was tried.
        attempts: u32,
        /// What was wrong last.
        last: String,
    },
    /// There is no such topic, or no such stream.
    #[error("there is no topic {stream}/{topic}")]
    NoTopic {
        /// The stream.
        stream: String,
        /// The topic.
        topic: String,
    },
    /// There is no such stream.
    #[error("there is no stream {stream}")]
    NoStream {
        /// The stream.
        stream: String,
    },
    /// There is no such consumer group.
    #[error("there is no group {group} on {stream}/{topic}")]
    NoGroup {
        /// The stream.
        stream: String,
        /// The topic.
        topic: String,
        /// The group.
        group: String,
    },
    /// The offsets of a group are its members' to store while there are any.
    #[error(
        "the group {group} of {stream}/{topic} has {members} active member{}: the server takes \
         its offsets from them only, and they would go on with what they hold",
        if *members == 1 { "" } else { "s" }
    )]
    GroupInUse {
        /// The stream.
        stream: String,
        /// The topic.
        topic: String,
        /// The group.
        group: String,
        /// How many.
        members: usize,
    },
    /// The topic has no partition that a message could go to.
    #[error("the topic {stream}/{topic} has no partitions")]
    NoPartitions {
        /// The stream.
        stream: String,
        /// The topic.
        topic: String,
    },
    /// A message that the server never takes.
    #[error("this message cannot be sent: {reason}")]
    Message {
        /// Why.
        reason: String,
    },
    /// A value that its codec cannot turn into bytes, or bytes that it cannot turn
    /// into a value.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A payload that cannot be encrypted or decrypted.
    #[error("{0}")]
    Encryption(#[from] crate::encryption::EncryptionError),
    /// A payload that cannot be decompressed.
    #[error("{0}")]
    Compression(#[from] crate::compression::CompressionError),
    /// A message that a consumer cannot decrypt, decompress or decode, see
    /// [`report_unreadable`](crate::ConsumerBuilder::report_unreadable).
    #[error("the message at offset {offset} of partition {partition} cannot be read: {reason}")]
    Unreadable {
        /// The partition it is in.
        partition: u32,
        /// Its offset there.
        offset: u64,
        /// Why.
        reason: String,
    },
    /// A message that was read, with headers that are none.
    #[error("its headers cannot be read")]
    Headers,
    /// A dead letter that names a topic in another stream, which was not allowed, see
    /// [`Replay::into_topic`](crate::replay::Replay::into_topic).
    #[error(
        "the dead letter at offset {offset} of partition {partition} says that it belongs to \
         {stream}/{topic}, which is in another stream and was not named"
    )]
    Elsewhere {
        /// The partition it is in.
        partition: u32,
        /// Its offset there.
        offset: u64,
        /// The stream that it names.
        stream: String,
        /// The topic that it names.
        topic: String,
    },
    /// A manifest that has mistakes.
    #[error("the manifest has mistakes:\n{diagnostics}")]
    Manifest {
        /// Each with its line and what to do, as the command line shows them.
        diagnostics: String,
    },
    /// What a manifest declares could not be made.
    #[error("what the manifest declares could not be made: {reason}")]
    Ensure {
        /// What stood in the way.
        reason: String,
    },
}

/// What to do about an error of a server or a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reaction {
    /// It was done; only the confirmation is missing.
    Accept,
    /// The same again after a pause, on the same connection.
    Retry,
    /// A new connection first, then the same again: it may have been done already.
    Reconnect,
    /// This message will never get through: put it aside and go on.
    DeadLetter,
    /// Repeating changes nothing: tell a person.
    Stop,
}

impl Reaction {
    /// As the table of the documentation calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Retry => "retry",
            Self::Reconnect => "reconnect",
            Self::DeadLetter => "dead-letter",
            Self::Stop => "stop",
        }
    }
}

/// What to do about an error of the SDK. Everything that is not known to pass is
/// [`Reaction::Stop`]. The codes are those of `iggy_common` 0.11.0,
/// `error/iggy_error.rs`; `docs/messaging.md` has them as a table, which a test
/// holds to this function.
#[must_use]
pub fn classify(error: &IggyError) -> Reaction {
    match error {
        // The server has seen this very request before.
        IggyError::RequestAlreadyApplied => Reaction::Accept,

        IggyError::TransientNotCommitted
        | IggyError::TransientNotAccepted
        | IggyError::TaskTimeout
        | IggyError::ShardCommunicationError
        | IggyError::ShardNotFound(..)
        | IggyError::IoError(_)
        | IggyError::CannotAppendMessage
        | IggyError::CannotSaveMessagesToSegment
        // Retention makes room.
        | IggyError::TopicFull(..)
        // Damaged on the way.
        | IggyError::InvalidBatchChecksum(..)
        // A group that shares out its partitions anew.
        | IggyError::ConsumerGroupPartitionNotOwned(..)
        | IggyError::ConsumerGroupMemberNotFound(..)
        | IggyError::BackgroundSendTimeout
        | IggyError::BackgroundSendBufferFull
        | IggyError::HttpResponseError(408 | 429 | 500 | 502..=504, _) => Reaction::Retry,

        IggyError::Disconnected
        | IggyError::CannotEstablishConnection
        | IggyError::StaleClient
        | IggyError::TcpError
        | IggyError::QuicError
        | IggyError::HttpError(_)
        // The session is gone, or the token of HTTP has expired (after an hour).
        | IggyError::Unauthenticated
        | IggyError::InvalidSession(_)
        | IggyError::AccessTokenMissing
        | IggyError::InvalidAccessToken
        | IggyError::HttpResponseError(401, _)
        | IggyError::NotConnected
        | IggyError::ClientShutdown
        | IggyError::ConnectionClosed
        | IggyError::InvalidHttpRequest
        | IggyError::EmptyResponse
        | IggyError::CannotSendMessagesDueToClientDisconnection
        | IggyError::BackgroundWorkerDisconnected
        | IggyError::WebSocketError
        | IggyError::WebSocketConnectionError
        | IggyError::WebSocketCloseError
        | IggyError::WebSocketReceiveError
        | IggyError::WebSocketSendError => Reaction::Reconnect,

        IggyError::CannotDecryptData
        | IggyError::InvalidUtf8
        | IggyError::CannotParseHeaderKind(_)
        | IggyError::TooBigUserHeaders
        | IggyError::InvalidHeaderKey
        | IggyError::InvalidHeaderValue
        | IggyError::InvalidHeaderKind(_)
        | IggyError::TooBigMessagePayload
        | IggyError::EmptyMessagePayload
        | IggyError::InvalidMessagePayloadLength
        | IggyError::InvalidMessageChecksum(..)
        | IggyError::InvalidMessageTimestampDelta(_)
        | IggyError::TooSmallMessage(..) => Reaction::DeadLetter,

        IggyError::ProducerSendFailed { cause, .. } => classify(cause),

        _ => Reaction::Stop,
    }
}

/// The SDK's words for a code, without the arguments, which come back empty from
/// the wire: `topic id not found`.
#[must_use]
pub fn words(code: u32) -> String {
    IggyError::from_code_as_string(code).replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_producer_wraps_is_what_counts() {
        let wrapped = IggyError::ProducerSendFailed {
            cause: Box::new(IggyError::Disconnected),
            failed: Default::default(),
            committed: Default::default(),
            stream_name: String::new(),
            topic_name: String::new(),
        };
        assert_eq!(classify(&wrapped), Reaction::Reconnect);
    }

    #[test]
    fn what_will_not_pass_is_not_repeated() {
        for code in [3, 41, 42, 1009, 2010, 3007, 99_999] {
            assert_eq!(
                classify(&IggyError::from_code(code)),
                Reaction::Stop,
                "{code}"
            );
        }
    }

    #[test]
    fn an_error_shows_words_and_code() {
        let error = MessagingError::Refused {
            operation: "send messages",
            code: 41,
        };
        assert_eq!(
            error.to_string(),
            "the server refuses to send messages: unauthorized (code 41)"
        );
    }
}
