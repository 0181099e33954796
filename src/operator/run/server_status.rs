//! What is said of a server object.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::operator::cluster::ServerObject;
use crate::operator::model::Reason;
use crate::operator::resources::status::{ConnectionStatus, ServerStatus};
use crate::operator::round::{Health, standard_conditions};

/// How a look at the server went.
pub(super) struct Look {
    pub(super) health: Health,
    pub(super) reason: Reason,
    pub(super) message: String,
    pub(super) version: Option<String>,
    pub(super) identity: Option<String>,
    pub(super) latency: Option<Duration>,
    pub(super) dependants: usize,
    /// The marks of what may still have to be known for its own by them.
    pub(super) creating: BTreeSet<String>,
}

/// The status, with what is not known now as it was known before.
pub(super) fn server_status(server: &ServerObject, look: Look, now: Timestamp) -> ServerStatus {
    let Look {
        health,
        reason,
        message,
        version,
        identity,
        latency,
        dependants,
        creating,
    } = look;
    let before = &server.status;
    let (before_conditions, generation) = (&before.conditions, server.generation);
    let conditions =
        standard_conditions(before_conditions, generation, now, health, reason, &message);
    let known = before.connection.as_ref();
    let known = known.and_then(|it| it.latency_milliseconds);
    let latency = latency.map(rounded);
    let mut status = ServerStatus {
        observed_generation: Some(generation),
        conditions,
        server_version: version.or_else(|| before.server_version.clone()),
        server_identity: identity.or_else(|| before.server_identity.clone()),
        connection: Some(ConnectionStatus {
            latency_milliseconds: known,
            last_error: (health != Health::Ready).then_some(message),
        }),
        dependants: i64::try_from(dependants).ok(),
        creating,
    };
    // An answer is never as fast as the last one: alone it is not worth a write. The metrics
    // have each.
    if (status != *before || known.is_none())
        && let (Some(latency), Some(connection)) = (latency, &mut status.connection)
    {
        connection.latency_milliseconds = Some(latency);
    }
    status
}

/// Up to the next of 1, 2, 5, 10, 20, 50 and so on: more nobody needs to know.
fn rounded(latency: Duration) -> i64 {
    let milliseconds = i64::try_from(latency.as_millis()).unwrap_or(i64::MAX);
    let mut step = 1;
    loop {
        for factor in [1, 2, 5] {
            let bound = step * factor;
            if milliseconds <= bound || bound > i64::MAX / 20 {
                return bound;
            }
        }
        step *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_rounded_up() {
        let of = |milliseconds| rounded(Duration::from_millis(milliseconds));
        assert_eq!(
            [0, 1, 2, 3, 7, 30, 51, 100].map(of),
            [1, 1, 2, 5, 10, 50, 100, 100]
        );
    }
}
