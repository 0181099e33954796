use std::fmt;
use std::sync::Arc;

use iggy::prelude::{IggyClient, IggyError};
use iggyctl_engine::connect::RemoteAddress;

/// The client of the SDK that a connection has right now. Whoever finds its
/// connection lost says so to [`Connection::lost`](super::Connection::lost) and asks
/// for the next one.
#[derive(Clone)]
pub struct Session {
    pub(super) generation: u64,
    pub(super) client: Arc<IggyClient>,
    /// None for a client that the caller brought along.
    pub(super) address: Option<Arc<RemoteAddress>>,
}

impl Session {
    /// Counts the connections, from 1: what was made with the client of another
    /// generation is to be made anew.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The SDK's client, connected and logged in. It sends one request at a time, and
    /// a request must not be dropped before its answer is there (in a `select!`, for
    /// example): run it in a task of its own, or report the session as lost.
    #[must_use]
    pub fn client(&self) -> &Arc<IggyClient> {
        &self.client
    }

    /// Where it is connected to, with its credentials; none when the caller brought
    /// the client along.
    #[must_use]
    pub fn address(&self) -> Option<&RemoteAddress> {
        self.address.as_deref()
    }
}

impl fmt::Debug for Session {
    /// Without the client, which remembers the credentials.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Session")
            .field("generation", &self.generation)
            .field("address", &self.address.as_ref().map(ToString::to_string))
            .finish_non_exhaustive()
    }
}

/// Why a session is of no use any more.
#[derive(Debug, Clone)]
pub enum Loss {
    /// A request failed with this error.
    Error(IggyError),
    /// A request had no answer in time; one that comes now would be taken for that of
    /// the next request.
    NoAnswer,
}

impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => formatter.write_str(&crate::error::words(error.as_code())),
            Self::NoAnswer => formatter.write_str("no answer in time"),
        }
    }
}

impl From<IggyError> for Loss {
    fn from(error: IggyError) -> Self {
        Self::Error(error)
    }
}
