use iggyctl_core::ledger::{LedgerError, LedgerIdentity, Revision};

use crate::broker::{BrokerError, BrokerErrorKind};
use crate::observe::ReadError;

/// Why a ledger cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerFailure {
    /// A request failed.
    #[error(transparent)]
    Broker(#[from] ReadError),
    /// The login may not do this.
    #[error("the login may not {what} the ledger (stream iggyctl): {error}")]
    NotAllowed {
        /// `read` or `write`.
        what: &'static str,
        /// What the server said.
        error: Box<BrokerError>,
    },
    /// The stream is there and not what iggyctl makes.
    #[error("the stream iggyctl is no ledger: {what}")]
    NotALedger {
        /// What is wrong with it.
        what: String,
    },
    /// Something in it cannot be used.
    #[error("revision {revision} of the ledger cannot be used: {error}")]
    Record {
        /// Of which revision.
        revision: Revision,
        /// What is wrong with it.
        error: LedgerError,
    },
    /// There is no such revision.
    #[error("the ledger has no revision {revision}")]
    NoSuchRevision {
        /// Which.
        revision: Revision,
    },
    /// An entry names a document that is not there any more.
    #[error("the document of revision {revision} is not in the ledger any more")]
    DocumentGone {
        /// Of which revision.
        revision: Revision,
    },
    /// The record was written to another ledger, and its messages were copied here.
    #[error(
        "revision {revision} was written to the ledger {written}, and this is the ledger {found}: \
         its stream was copied from elsewhere"
    )]
    Copied {
        /// Which revision.
        revision: Revision,
        /// The ledger that it says.
        written: LedgerIdentity,
        /// The ledger that it is in.
        found: LedgerIdentity,
    },
    /// A message was sent, and whether it was stored cannot be found out.
    #[error("whether the ledger was written is not known")]
    Unsettled,
    /// Serialising failed.
    #[error("the record cannot be written: {reason}")]
    Unprintable {
        /// Why.
        reason: String,
    },
}

impl LedgerFailure {
    /// A failed request, with what it was for.
    pub(super) fn of(error: ReadError, what: &'static str) -> Self {
        match error {
            ReadError::Broker(error) if error.kind == BrokerErrorKind::Unauthorized => {
                Self::NotAllowed {
                    what,
                    error: Box::new(error),
                }
            }
            error => Self::Broker(error),
        }
    }
}
