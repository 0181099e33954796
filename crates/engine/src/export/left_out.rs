use std::fmt;

use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::ManifestNameError;

/// Something that a manifest cannot say, or that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// What.
    pub what: NotExported,
    /// Why; holds nothing that could deceive.
    pub reason: String,
}

/// What is not in an export.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotExported {
    /// A stream, topic, group or user.
    Resource(Address),
    /// What a user is granted; the user itself is there.
    Permissions(Address),
    /// What a user is granted on what is no longer there.
    StaleGrants(Address),
    /// All users.
    Users,
}

impl fmt::Display for NotExported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource(address) => address.fmt(formatter),
            Self::Permissions(user) => write!(formatter, "what {user} is granted"),
            Self::StaleGrants(user) => {
                write!(formatter, "what {user} is granted on what was deleted")
            }
            Self::Users => formatter.write_str("every user"),
        }
    }
}

impl LeftOut {
    /// A resource with a name that no manifest can have.
    pub(super) fn unnameable(address: Address, reason: &ManifestNameError) -> Self {
        Self {
            what: NotExported::Resource(address),
            reason: without_the_name(reason),
        }
    }
}

/// The reason for a reader who sees the name, escaped, in the address.
pub(super) fn without_the_name(reason: &ManifestNameError) -> String {
    match reason {
        ManifestNameError::Number(_) => {
            "a name that is a number would be taken for a numeric id".to_owned()
        }
        ManifestNameError::Reserved(_) | ManifestNameError::TokenMark(_) => {
            "it belongs to iggyctl".to_owned()
        }
        ManifestNameError::ControlCharacter(_)
        | ManifestNameError::Bytes { .. }
        | ManifestNameError::Length(_)
        | ManifestNameError::MetadataTooLong(_) => reason.to_string(),
    }
}
