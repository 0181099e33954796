use super::Reason;

/// What an event is about: one word that programs can rely on.
///
/// The set is closed; docs/operator.md explains each, and a test holds that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum EventReason {
    /// Something was changed on the server, as the spec says.
    Applied,
    /// Something that was there was taken over.
    Adopted,
    /// Somebody else changed the server.
    DriftFound,
    /// What somebody else changed is as declared again.
    DriftCorrected,
    /// What is no longer declared stays on the server.
    Retained,
    /// Another object goes on with what is no longer declared.
    HandedOver,
    /// Something stays behind that was to be deleted.
    Orphaned,
    /// As the reason of the condition.
    Conflicted,
    /// As the reason of the condition.
    PartiallyConflicted,
    /// As the reason of the condition.
    AdoptionRefused,
    /// As the reason of the condition.
    NotPermitted,
    /// As the reason of the condition.
    InvalidSpec,
    /// As the reason of the condition.
    Blocked,
    /// As the reason of the condition.
    HoldsData,
    /// As the reason of the condition.
    ApplyFailed,
    /// As the reason of the condition.
    ServerReplaced,
    /// As the reason of the condition.
    ServerUnavailable,
    /// As the reason of the condition.
    CredentialsMissing,
    /// As the reason of the condition.
    CredentialsRefused,
    /// A server object is ready again.
    ServerReady,
    /// As the reason of the condition.
    SmokeTestPassed,
    /// As the reason of the condition.
    SmokeTestFailed,
}

impl EventReason {
    /// All of them, in the order of the documentation.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 22] = [
        Self::Applied,
        Self::Adopted,
        Self::DriftFound,
        Self::DriftCorrected,
        Self::Retained,
        Self::HandedOver,
        Self::Orphaned,
        Self::Conflicted,
        Self::PartiallyConflicted,
        Self::AdoptionRefused,
        Self::NotPermitted,
        Self::InvalidSpec,
        Self::Blocked,
        Self::HoldsData,
        Self::ApplyFailed,
        Self::ServerReplaced,
        Self::ServerUnavailable,
        Self::CredentialsMissing,
        Self::CredentialsRefused,
        Self::ServerReady,
        Self::SmokeTestPassed,
        Self::SmokeTestFailed,
    ];

    /// The word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "Applied",
            Self::Adopted => "Adopted",
            Self::DriftFound => "DriftFound",
            Self::DriftCorrected => "DriftCorrected",
            Self::Retained => "Retained",
            Self::HandedOver => "HandedOver",
            Self::Orphaned => "Orphaned",
            Self::Conflicted => "Conflicted",
            Self::PartiallyConflicted => "PartiallyConflicted",
            Self::AdoptionRefused => "AdoptionRefused",
            Self::NotPermitted => "NotPermitted",
            Self::InvalidSpec => "InvalidSpec",
            Self::Blocked => "Blocked",
            Self::HoldsData => "HoldsData",
            Self::ApplyFailed => "ApplyFailed",
            Self::ServerReplaced => "ServerReplaced",
            Self::ServerUnavailable => "ServerUnavailable",
            Self::CredentialsMissing => "CredentialsMissing",
            Self::CredentialsRefused => "CredentialsRefused",
            Self::ServerReady => "ServerReady",
            Self::SmokeTestPassed => "SmokeTestPassed",
            Self::SmokeTestFailed => "SmokeTestFailed",
        }
    }

    /// What is told of an object when the reason of its `Ready` turns to this. That its server
    /// does not answer is told of the server object alone: thousands may use it.
    pub(crate) fn of_refusal(reason: Reason) -> Option<Self> {
        match reason {
            Reason::NotPermitted => Some(Self::NotPermitted),
            Reason::InvalidSpec => Some(Self::InvalidSpec),
            Reason::Blocked => Some(Self::Blocked),
            Reason::HoldsData => Some(Self::HoldsData),
            Reason::ApplyFailed => Some(Self::ApplyFailed),
            Reason::ServerReplaced => Some(Self::ServerReplaced),
            // These are told by conditions of their own, which stay while the reason changes.
            Reason::Conflicted
            | Reason::PartiallyConflicted
            | Reason::AdoptionRefused
            | Reason::DriftFound => None,
            Reason::Applied
            | Reason::Progressing
            | Reason::ServerNotFound
            | Reason::ServerUnavailable
            | Reason::CredentialsMissing
            | Reason::CredentialsRefused
            | Reason::Paused
            | Reason::Deleting
            | Reason::SmokeTestPassed
            | Reason::SmokeTestFailed
            | Reason::Nothing => None,
        }
    }

    /// What is told of a server object when the reason of its `Ready` turns to this.
    pub(crate) fn of_server(reason: Reason) -> Option<Self> {
        match reason {
            Reason::Applied => Some(Self::ServerReady),
            Reason::ServerUnavailable => Some(Self::ServerUnavailable),
            Reason::CredentialsMissing => Some(Self::CredentialsMissing),
            Reason::CredentialsRefused => Some(Self::CredentialsRefused),
            _ => Self::of_refusal(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::documented::documented;
    use super::*;

    #[test]
    fn each_is_documented_in_the_same_order() {
        let documented = documented("| Event | Told of |");
        let all: Vec<&str> = EventReason::ALL.iter().map(|it| it.as_str()).collect();
        assert_eq!(documented, all);
    }

    /// What is called as the reason of a condition is told where it becomes that.
    #[test]
    fn an_event_is_called_as_the_reason_that_it_is_about() {
        for reason in Reason::ALL {
            for told in [
                EventReason::of_refusal(reason),
                EventReason::of_server(reason),
            ] {
                let is_called = told.map(EventReason::as_str);
                let is_ready = told == Some(EventReason::ServerReady);
                assert!(is_ready || is_called.is_none_or(|it| it == reason.as_str()));
            }
        }
    }
}
