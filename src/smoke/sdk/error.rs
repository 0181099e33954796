//! Why a call came to nothing.

use std::fmt;

use iggy::prelude::IggyError;
use iggyctl_engine::connect::ConnectError;
use iggyctl_messaging::{MessagingError, words};

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

impl From<IggyError> for CallError {
    fn from(error: IggyError) -> Self {
        Self::Refused(error)
    }
}

impl From<MessagingError> for CallError {
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
