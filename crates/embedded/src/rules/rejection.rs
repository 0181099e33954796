//! The error codes this server answers with, and the two ways they travel.

use iggy_common::IggyError;

/// An error code of the Iggy wire protocol, as far as this server produces it.
///
/// The numbers are those of `iggy_common::IggyError`; only the number crosses
/// the wire, so the variants carry nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Rejection {
    InvalidCommand = 3,
    InvalidFormat = 4,
    FeatureUnavailable = 5,
    ResourceNotFound = 20,
    Unauthenticated = 40,
    Unauthorized = 41,
    InvalidCredentials = 42,
    InvalidUserName = 43,
    UserNameTaken = 46,
    CannotDeleteUser = 48,
    CannotChangePermissions = 49,
    TokenNameTaken = 51,
    TooManyTokens = 52,
    InvalidTokenExpiry = 56,
    TransientNotCommitted = 57,
    TransientNotAccepted = 58,
    RequestAlreadyApplied = 59,
    StreamNotFound = 1009,
    StreamNameTaken = 1012,
    TopicSizeBelowSegment = 1019,
    TooManyStreams = 1020,
    TopicNotFound = 2010,
    TopicNameTaken = 2013,
    TooManyPartitionsInRequest = 2015,
    InvalidPartitionsCount = 2019,
    TooManyTopics = 2021,
    PartitionNotFound = 3007,
    TooManyPartitionsInTopic = 3013,
    ConsumerOffsetNotFound = 3021,
    InvalidMessageChecksum = 4027,
    InvalidBatchChecksum = 4039,
    UnsupportedOptionKey = 4041,
    InvalidOptionValue = 4042,
    OptionsTooLarge = 4043,
    InvalidOffset = 4100,
    GroupNotFound = 5000,
    GroupNameTaken = 5004,
    GroupMemberNotFound = 5006,
}

impl Rejection {
    /// The number on the wire.
    pub(crate) const fn code(self) -> u32 {
        self as u32
    }

    /// What an option error of the shared catalogue becomes on the wire.
    pub(crate) fn of_option(error: &IggyError) -> Self {
        match error {
            IggyError::UnsupportedOptionKey(_) => Self::UnsupportedOptionKey,
            IggyError::OptionsBlockTooLarge(_) => Self::OptionsTooLarge,
            _ => Self::InvalidOptionValue,
        }
    }
}

/// A refused request: before it was logged, or as a logged no-op.
///
/// The real server refuses what it can see without its state before consensus,
/// in the status of the reply header; what only the state can tell is committed
/// with its code, in the result section of the body. Clients read both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Travels as the status of the reply header, with an empty body.
    Early(Rejection),
    /// Travels in the result section of a replicated operation's reply.
    Committed(Rejection),
}

impl Refused {
    /// A body that does not decode.
    pub(crate) const MALFORMED: Self = Self::Early(Rejection::InvalidCommand);
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self::Committed(rejection)
    }
}
