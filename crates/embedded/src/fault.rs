//! Faults to order, for tests of clients: what a real server does rarely, here at
//! the n-th request.
//!
//! A fault counts the requests it is about, over all connections, from the moment
//! its plan was set. Only logins and requests of logged-in clients count. The traffic that
//! the SDK makes by itself (login, logout, ping, cluster metadata) counts only for
//! a fault that names its command code, so that "the third request" is the third
//! one a test made.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use iggy_binary_protocol::codes;

use crate::misbehavior::{Misbehavior, Misdeed, Misdeeds};
use crate::rules::Rejection;

/// The faults a server injects; empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultPlan {
    faults: Vec<Fault>,
    misdeeds: Vec<Misdeed>,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// Which requests count.
    pub target: FaultTarget,
    /// The first request that it happens to, counted from 1.
    pub at: u64,
    /// How many requests in a row it happens to.
    pub times: u64,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The request is executed, then the connection closes without a reply: the
    /// client cannot know.
    LostReply,
    /// The connection closes before the request is executed.
    Disconnect,
    /// The request waits this long, then goes on.
    Delay(Duration),
    /// Refused with 57 TransientNotCommitted. The SDK sends it again by itself
    /// every 50 ms for up to 30 s.
    TransientNotCommitted,
    /// Refused with 58 TransientNotAccepted. The SDK sends it again by itself.
    TransientNotAccepted,
    /// Refused with 4041 UnsupportedOptionKey, as by a server with a smaller
    /// catalogue of options.
    UnsupportedOptionKey,
}

/// Which requests a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultTarget {
    /// Every request but those the SDK makes by itself.
    Any,
    /// Requests that change something.
    Writes,
    /// Requests of one command code, see `iggy_binary_protocol::codes`.
    Command(u32),
}

impl FaultPlan {
    /// No faults.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a fault that happens once, to the `at`-th request of its target
    /// (counted from 1).
    #[must_use]
    pub fn once(self, kind: FaultKind, target: FaultTarget, at: u64) -> Self {
        self.with(Fault {
            kind,
            target,
            at,
            times: 1,
        })
    }

    /// Adds a fault that happens to every request of its target.
    #[must_use]
    pub fn always(self, kind: FaultKind, target: FaultTarget) -> Self {
        self.with(Fault {
            kind,
            target,
            at: 1,
            times: u64::MAX,
        })
    }

    /// Does something wrong without saying so, as long as the plan is set: in the streams
    /// whose names contain this, or in all for an empty text. What is permitted to users
    /// does not depend on streams.
    #[must_use]
    pub fn misbehave(mut self, misbehavior: Misbehavior, streams: impl Into<String>) -> Self {
        self.misdeeds.push(Misdeed {
            misbehavior,
            streams: streams.into(),
        });
        self
    }

    /// Adds a fault.
    #[must_use]
    pub fn with(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }
}

/// Changes the faults of a running server.
#[derive(Debug, Clone, Default)]
pub struct FaultHandle {
    armed: Arc<Mutex<Vec<ArmedFault>>>,
    pub(crate) misdeeds: Misdeeds,
}

#[derive(Debug)]
struct ArmedFault {
    fault: Fault,
    seen: u64,
}

/// What a request has to suffer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Injection {
    pub(crate) delay: Option<Duration>,
    pub(crate) action: Option<Action>,
}

/// What happens instead of a plain answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    LoseReply,
    Disconnect,
    Refuse(Rejection),
}

impl FaultHandle {
    /// Replaces the plan; counting begins anew.
    pub fn set(&self, plan: FaultPlan) {
        let FaultPlan { faults, misdeeds } = plan;
        self.misdeeds.set(misdeeds);
        let armed = faults
            .into_iter()
            .map(|fault| ArmedFault { fault, seen: 0 })
            .collect();
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = armed;
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.set(FaultPlan::none());
    }

    /// Counts a request, and tells what happens to it. Of several faults for one
    /// request the delays add up and the first of the others wins.
    pub(crate) fn next(&self, code: u32, is_write: bool) -> Injection {
        let mut injection = Injection::default();
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        for ArmedFault { fault, seen } in armed.iter_mut() {
            if !fault.target.covers(code, is_write) {
                continue;
            }
            *seen += 1;
            let end = fault.at.saturating_add(fault.times);
            if *seen < fault.at || *seen >= end {
                continue;
            }
            let action = match fault.kind {
                FaultKind::Delay(delay) => {
                    injection.delay = Some(injection.delay.unwrap_or_default() + delay);
                    continue;
                }
                FaultKind::LostReply => Action::LoseReply,
                FaultKind::Disconnect => Action::Disconnect,
                FaultKind::TransientNotCommitted => {
                    Action::Refuse(Rejection::TransientNotCommitted)
                }
                FaultKind::TransientNotAccepted => Action::Refuse(Rejection::TransientNotAccepted),
                FaultKind::UnsupportedOptionKey => Action::Refuse(Rejection::UnsupportedOptionKey),
            };
            injection.action = injection.action.or(Some(action));
        }
        injection
    }
}

impl FaultTarget {
    fn covers(self, code: u32, is_write: bool) -> bool {
        match self {
            Self::Any => !matches!(
                code,
                codes::PING_CODE
                    | codes::GET_CLUSTER_METADATA_CODE
                    | codes::LOGIN_REGISTER_CODE
                    | codes::LOGIN_REGISTER_WITH_PAT_CODE
                    | codes::LOGOUT_USER_CODE
            ),
            Self::Writes => is_write && code != codes::LOGOUT_USER_CODE,
            Self::Command(wanted) => wanted == code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_counts_only_its_target_and_happens_in_its_window() {
        let handle = FaultHandle::default();
        handle.set(FaultPlan::none().with(Fault {
            kind: FaultKind::LostReply,
            target: FaultTarget::Writes,
            at: 2,
            times: 2,
        }));
        let write = || handle.next(codes::CREATE_STREAM_CODE, true).action;
        assert_eq!(write(), None);
        assert_eq!(handle.next(codes::GET_STREAM_CODE, false).action, None);
        assert_eq!(write(), Some(Action::LoseReply));
        assert_eq!(write(), Some(Action::LoseReply));
        assert_eq!(write(), None);
    }

    #[test]
    fn the_sdks_own_traffic_counts_only_by_its_code() {
        let handle = FaultHandle::default();
        handle.set(FaultPlan::none().always(FaultKind::Disconnect, FaultTarget::Any));
        assert_eq!(handle.next(codes::PING_CODE, false).action, None);
        assert_eq!(
            handle.next(codes::GET_STREAMS_CODE, false).action,
            Some(Action::Disconnect)
        );
        handle.set(FaultPlan::none().always(
            FaultKind::Disconnect,
            FaultTarget::Command(codes::PING_CODE),
        ));
        assert_eq!(
            handle.next(codes::PING_CODE, false).action,
            Some(Action::Disconnect)
        );
    }

    #[test]
    fn delays_add_up_and_keep_the_other_fault() {
        let handle = FaultHandle::default();
        let delay = FaultKind::Delay(Duration::from_millis(3));
        handle.set(
            FaultPlan::none()
                .always(delay, FaultTarget::Any)
                .always(delay, FaultTarget::Writes)
                .once(FaultKind::TransientNotCommitted, FaultTarget::Any, 1),
        );
        let injection = handle.next(codes::CREATE_TOPIC_CODE, true);
        assert_eq!(injection.delay, Some(Duration::from_millis(6)));
        assert_eq!(
            injection.action,
            Some(Action::Refuse(Rejection::TransientNotCommitted))
        );
    }
}
