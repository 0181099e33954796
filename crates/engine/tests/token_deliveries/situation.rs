//! What there is before the run that is cut.

use iggyctl_core::access::TokenSlot;

use crate::lab::Lab;

/// An expiry and a `rotateBefore`; each but the first finds a token of the one
/// before due, and leaves its own valid.
const LONG: &str = "expiry: 30d, rotateBefore: 1d";
const LONGER: &str = "expiry: 80d, rotateBefore: 40d";
const LONGEST: &str = "expiry: 180d, rotateBefore: 90d";
/// Ended when it is delivered.
const ENDED: &str = "expiry: 1us";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Situation {
    /// The user is there, and has no token.
    New,
    /// The user is not there either.
    NewUser,
    /// The token ends soon.
    Scheduled,
    /// The token is valid, and named with `--rotate`.
    Requested,
    /// The token has ended.
    Ended,
    /// … and is named.
    EndedRequested,
    /// The token ends soon, and its predecessor is valid.
    BothScheduled,
    /// The token is named, and its predecessor is valid.
    BothRequested,
    /// Somebody deleted the token on the server.
    Gone,
    /// … and its predecessor is valid, and it is named.
    GoneRequested,
    /// Somebody removed the value and its note, and the token is named.
    FileRemoved,
}

impl Situation {
    pub(crate) const ALL: [Self; 11] = [
        Self::New,
        Self::NewUser,
        Self::Scheduled,
        Self::Requested,
        Self::Ended,
        Self::EndedRequested,
        Self::BothScheduled,
        Self::BothRequested,
        Self::Gone,
        Self::GoneRequested,
        Self::FileRemoved,
    ];

    pub(crate) async fn bring_about(self, lab: &mut Lab) {
        if self == Self::NewUser {
            return;
        }
        lab.set_up(None).await;
        match self {
            Self::NewUser | Self::New => return,
            Self::Ended | Self::EndedRequested => lab.set_up(Some(ENDED)).await,
            Self::Scheduled
            | Self::Requested
            | Self::BothScheduled
            | Self::BothRequested
            | Self::Gone
            | Self::GoneRequested
            | Self::FileRemoved => lab.set_up(Some(LONG)).await,
        }
        match self {
            Self::BothScheduled | Self::BothRequested | Self::GoneRequested => {
                lab.set_up(Some(LONGER)).await;
            }
            _ => {}
        }
        match self {
            Self::Gone => lab.delete_on_the_server(TokenSlot::First).await,
            Self::GoneRequested => lab.delete_on_the_server(TokenSlot::Second).await,
            Self::FileRemoved => lab.remove_files(),
            _ => {}
        }
    }

    /// What the manifest says of the token in the run that is cut.
    pub(crate) fn settings(self) -> &'static str {
        match self {
            Self::New | Self::NewUser | Self::Requested | Self::FileRemoved => LONG,
            Self::Ended | Self::EndedRequested | Self::Gone => LONG,
            Self::Scheduled | Self::BothRequested | Self::GoneRequested => LONGER,
            Self::BothScheduled => LONGEST,
        }
    }

    pub(crate) fn is_requested(self) -> bool {
        match self {
            Self::Requested
            | Self::EndedRequested
            | Self::BothRequested
            | Self::GoneRequested
            | Self::FileRemoved => true,
            Self::New
            | Self::NewUser
            | Self::Scheduled
            | Self::Ended
            | Self::BothScheduled
            | Self::Gone => false,
        }
    }

    /// Whether the predecessor stays valid.
    pub(crate) fn overlaps(self) -> bool {
        matches!(self, Self::Scheduled | Self::BothScheduled)
    }

    /// Whether a run revokes anything.
    pub(crate) fn revokes(self) -> bool {
        !matches!(
            self,
            Self::New | Self::NewUser | Self::Scheduled | Self::Gone
        )
    }

    /// Whether the value in the file lets somebody in all the time, until a
    /// recovery begins.
    pub(crate) fn value_always_works(self) -> bool {
        matches!(
            self,
            Self::Scheduled | Self::Requested | Self::BothScheduled | Self::BothRequested
        )
    }
}
