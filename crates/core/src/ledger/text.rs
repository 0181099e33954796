//! The form on the server: JSON that begins with the number of its form.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The newest form that is written and read.
pub const FORMAT_VERSION: u32 = 1;

/// Why something in a ledger cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// It is something else.
    #[error("this is not a record of iggyctl")]
    NotARecord,
    /// A later iggyctl wrote it.
    #[error(
        "this record has the form {found}, and this version of iggyctl reads the form {FORMAT_VERSION}: a newer one wrote it"
    )]
    Newer {
        /// The form that it has.
        found: u32,
    },
    /// An iggyctl wrote it that could not be.
    #[error("this record has the form {found}, which there never was")]
    NoSuchForm {
        /// The form that it says.
        found: u32,
    },
    /// The form is right, and something in it is not.
    #[error("this record cannot be read: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// It is larger than any record.
    #[error("this is not a record of iggyctl: it has {bytes} bytes")]
    TooLarge {
        /// How large it is, or says it is.
        bytes: u64,
    },
    /// It is not what the entry that names it says.
    #[error("this record was changed or is incomplete")]
    Changed,
}

impl LedgerError {
    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotARecord => "ledger/not-a-record",
            Self::Newer { .. } => "ledger/newer",
            Self::NoSuchForm { .. } => "ledger/no-such-form",
            Self::Malformed { .. } => "ledger/malformed",
            Self::TooLarge { .. } => "ledger/too-large",
            Self::Changed => "ledger/changed",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Versioned<'a, T> {
    format_version: u32,
    #[serde(flatten)]
    content: &'a T,
}

/// Every form has this, whatever else it has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    format_version: u32,
}

pub(super) fn to_json(content: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Versioned {
        format_version: FORMAT_VERSION,
        content,
    })
}

/// Fields that this version does not know are skipped: a later one of the same form may
/// add some.
pub(super) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, LedgerError> {
    let Version {
        format_version: found,
    } = serde_json::from_slice(bytes).map_err(|_| LedgerError::NotARecord)?;
    if found > FORMAT_VERSION {
        return Err(LedgerError::Newer { found });
    }
    if found < FORMAT_VERSION {
        return Err(LedgerError::NoSuchForm { found });
    }
    serde_json::from_slice(bytes).map_err(|error| LedgerError::Malformed {
        reason: error.to_string(),
    })
}
