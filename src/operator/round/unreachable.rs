//! What is said and let go while there is no server.

use std::time::Duration;

use iggyctl_core::address::Address;

use super::conclude::{Conclusion, Happening, names};
use super::conditions::{Conditions, Health, OF_THE_SERVER};
use super::member::{Member, Subject};
use crate::operator::model::{EventReason, Reason};
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
    let refusal = Happening::refusal(object, *reason, message);
    let mut happenings: Vec<Happening> = refusal.into_iter().collect();
    let left = to_delete(member);
    if releases && !left.is_empty() {
        happenings.push(Happening::warning(
            EventReason::Orphaned,
            format!("{message}; left on the server: {}", names(left.into_iter())),
        ));
    }
    let health = match reason {
        // Only a person can help.
        Reason::ServerNotFound
        | Reason::CredentialsMissing
        | Reason::InvalidSpec
        | Reason::NotPermitted => Health::Stalled,
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
            claims: match releases {
                // Once is enough, whatever else keeps it.
                true => Vec::new(),
                false => object.status.claims.clone(),
            },
            ..object.status.as_ref().clone()
        },
        happenings,
        releases,
        retries: false,
        drift_found: 0,
        drift_corrected: 0,
    }
}

/// How long the first of those that wait for the server to be let go still waits.
pub(crate) fn rest_of_wait(
    members: &[Member],
    why: &NoServer,
    subject: &Subject,
) -> Option<Duration> {
    let waiting = members.iter().filter(|member| {
        let is_asked = member.is_deleting() && !member.is_foreign && !member.is_paused();
        is_asked && !releases(member, why.orphan_after, subject)
    });
    let rests = waiting.filter_map(|member| {
        let waited = subject.now.duration_since(member.object.deleted_at?);
        let waited = Duration::try_from(waited).unwrap_or_default();
        Some(why.orphan_after?.saturating_sub(waited))
    });
    rests.min()
}

/// What it would delete if there were a server.
fn to_delete(member: &Member) -> Vec<&Address> {
    let held = member.claims.keys();
    held.filter(|address| member.would_delete(address))
        .collect()
}

fn releases(member: &Member, orphan_after: Option<Duration>, subject: &Subject) -> bool {
    let Some(deleted_at) = member.object.deleted_at else {
        return false;
    };
    if member.is_forced() {
        return true;
    }
    if member.is_paused() {
        return false;
    }
    match orphan_after {
        None => true,
        _ if to_delete(member).is_empty() => true,
        Some(wait) => {
            let waited = subject.now.duration_since(deleted_at);
            jiff::SignedDuration::try_from(wait).is_ok_and(|wait| waited >= wait)
        }
    }
}
