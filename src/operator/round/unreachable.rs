//! What is said and let go while there is no server.

use std::time::Duration;

use iggyctl_core::state::DeletionPolicy;

use super::conclude::{Conclusion, Happening, names};
use super::conditions::{Conditions, Health, OF_THE_SERVER};
use super::member::{Member, Subject};
use crate::operator::model::Reason;
use crate::operator::resources::status::TopologyStatus;

/// Why nothing can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoServer {
    pub(crate) reason: Reason,
    /// For people; the same for as long as nothing changes.
    pub(crate) message: String,
    /// How long an object that is being deleted waits; `None` when it does not.
    pub(crate) orphan_after: Option<Duration>,
}

/// Says of every member that it waits, and lets go who has waited long enough.
pub(crate) fn without_server(
    members: &[Member],
    why: &NoServer,
    subject: &Subject,
) -> Vec<Option<Conclusion>> {
    members
        .iter()
        .map(|member| (!member.is_foreign).then(|| without(member, why, subject)))
        .collect()
}

fn without(member: &Member, why: &NoServer, subject: &Subject) -> Conclusion {
    let NoServer {
        reason,
        message,
        orphan_after,
    } = why;
    let object = &member.object;
    let releases = releases(member, *orphan_after, subject);
    let mut happenings = Vec::new();
    let left: Vec<_> = member
        .claims
        .iter()
        .filter(|(address, _)| member.deletion_policy(address) != DeletionPolicy::Retain)
        .map(|(address, _)| address)
        .collect();
    if releases && !left.is_empty() {
        happenings.push(Happening::warning(
            "Orphaned",
            format!("{message}; left on the server: {}", names(left.into_iter())),
        ));
    }
    let health = match reason {
        // Only a person can help.
        Reason::ServerNotFound | Reason::CredentialsMissing | Reason::NotPermitted => {
            Health::Stalled
        }
        _ => Health::Reconciling,
    };
    let mut conditions = Conditions::new(object, subject.now, health, *reason, message);
    for kind in OF_THE_SERVER {
        conditions.keep(kind);
    }
    Conclusion {
        status: TopologyStatus {
            observed_generation: Some(object.generation),
            conditions: conditions.finish(),
            ..object.status.as_ref().clone()
        },
        happenings,
        releases,
        retries: false,
        drift_found: 0,
        drift_corrected: 0,
    }
}

fn releases(member: &Member, orphan_after: Option<Duration>, subject: &Subject) -> bool {
    let Some(deleted_at) = member.object.deleted_at else {
        return false;
    };
    if member.object.requests.force_release {
        return true;
    }
    match orphan_after {
        None => true,
        Some(wait) => {
            let waited = subject.now.duration_since(deleted_at);
            jiff::SignedDuration::try_from(wait).is_ok_and(|wait| waited >= wait)
        }
    }
}
