use serde::{Deserialize, Serialize};

/// Why a condition is as it is: one word that programs can rely on.
///
/// The set is closed; docs/operator.md explains each, and a test holds that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Reason {
    /// The server is as the object declares it.
    Applied,
    /// Something is being changed, or waits for the next attempt.
    Progressing,
    /// There is no server object of that name.
    ServerNotFound,
    /// The server does not answer, or not as it should.
    ServerUnavailable,
    /// The Secret with the credentials, or its key, is not there.
    CredentialsMissing,
    /// The server does not accept the credentials.
    CredentialsRefused,
    /// The spec means nothing, although the API server took it.
    InvalidSpec,
    /// Another object holds all that this one declares.
    Conflicted,
    /// Another object holds some of what this one declares.
    PartiallyConflicted,
    /// Something is on the server already, and the object does not say `adoption: Adopt`.
    AdoptionRefused,
    /// Something is needed that the operator does not do by itself.
    Blocked,
    /// The server refused a change, or whether it was made is not known.
    ApplyFailed,
    /// All that was held on the server is gone.
    ServerReplaced,
    /// An annotation says to leave it alone.
    Paused,
    /// The server was changed by somebody else.
    DriftFound,
    /// The server object does not allow the namespace to do this.
    NotPermitted,
    /// It is being deleted, and waits.
    Deleting,
    /// It holds data, and its policy is `DeleteIfEmpty`.
    HoldsData,
    /// A smoke test passed.
    SmokeTestPassed,
    /// A smoke test failed.
    SmokeTestFailed,
    /// The condition does not apply.
    Nothing,
}

impl Reason {
    /// All of them, in the order of the documentation.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 21] = [
        Self::Applied,
        Self::Progressing,
        Self::ServerNotFound,
        Self::ServerUnavailable,
        Self::CredentialsMissing,
        Self::CredentialsRefused,
        Self::InvalidSpec,
        Self::Conflicted,
        Self::PartiallyConflicted,
        Self::AdoptionRefused,
        Self::Blocked,
        Self::ApplyFailed,
        Self::ServerReplaced,
        Self::Paused,
        Self::DriftFound,
        Self::NotPermitted,
        Self::Deleting,
        Self::HoldsData,
        Self::SmokeTestPassed,
        Self::SmokeTestFailed,
        Self::Nothing,
    ];

    /// The word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "Applied",
            Self::Progressing => "Progressing",
            Self::ServerNotFound => "ServerNotFound",
            Self::ServerUnavailable => "ServerUnavailable",
            Self::CredentialsMissing => "CredentialsMissing",
            Self::CredentialsRefused => "CredentialsRefused",
            Self::InvalidSpec => "InvalidSpec",
            Self::Conflicted => "Conflicted",
            Self::PartiallyConflicted => "PartiallyConflicted",
            Self::AdoptionRefused => "AdoptionRefused",
            Self::Blocked => "Blocked",
            Self::ApplyFailed => "ApplyFailed",
            Self::ServerReplaced => "ServerReplaced",
            Self::Paused => "Paused",
            Self::DriftFound => "DriftFound",
            Self::NotPermitted => "NotPermitted",
            Self::Deleting => "Deleting",
            Self::HoldsData => "HoldsData",
            Self::SmokeTestPassed => "SmokeTestPassed",
            Self::SmokeTestFailed => "SmokeTestFailed",
            Self::Nothing => "Nothing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::documented::documented;
    use super::*;

    #[test]
    fn each_is_documented_in_the_same_order() {
        let documented = documented("| Reason | Means | What to do |");
        let all: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(documented, all);
    }
}
