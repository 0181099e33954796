//! Which runs are no longer alive.
//!
//! A run is a member of the group of its lease. But a group without members is not yet a
//! dead run: when the server restarts, or a connection is lost, the member is gone until
//! it has joined again. So a run counts as dead only when nobody was seen in its group
//! for longer than joining again takes, by somebody whose own connection to the server
//! held all the time: a restart in between begins the wait anew.

use std::collections::BTreeMap;
use std::time::Duration;

use iggyctl_core::name::ResourceName;
use iggyctl_engine::broker::{BrokerErrorKind, BrokerRead as _};
use iggyctl_engine::connect::{Lease as Held, ServerConnector};
use tokio::time::Instant;

use super::lease::LEASE;
use super::names::RunId;
use super::target::Target;

type Admin<'a> = Held<'a, ServerConnector>;

/// A member that lost its connection looks for the server every four seconds at least,
/// and needs a login and two round trips then.
const ABSENCE: Duration = Duration::from_secs(10);
/// Each look is one request for each run that is not known to be alive.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
/// Who cannot look for so long leaves it to the next run.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a look at the group of a lease showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Somebody,
    Nobody,
    /// There was no answer: the server, or the connection to it, went away.
    NoAnswer,
}

/// What is known of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vitality {
    Alive,
    Dead,
    /// It takes more looks.
    Unknown,
}

/// Since when nobody was seen, with answers to all looks.
#[derive(Debug, Default)]
struct Absence(Option<Instant>);

impl Absence {
    fn look(&mut self, now: Instant, look: Look) -> Vitality {
        match look {
            Look::Somebody => Vitality::Alive,
            Look::NoAnswer => {
                self.0 = None;
                Vitality::Unknown
            }
            Look::Nobody => {
                let since = *self.0.get_or_insert(now);
                match now.duration_since(since) >= ABSENCE {
                    true => Vitality::Dead,
                    false => Vitality::Unknown,
                }
            }
        }
    }
}

/// Which of these runs, with the streams of their leases, are dead; and about which of
/// them it cannot be told, with the reason. At once when all of them are seen alive.
pub(super) async fn dead_among(
    target: &Target,
    leases: BTreeMap<RunId, ResourceName>,
) -> (Vec<RunId>, Vec<(RunId, String)>) {
    let (mut dead, mut untold) = (Vec::new(), Vec::new());
    let unknown = leases.into_iter();
    let mut unknown: Vec<_> = unknown
        .map(|(run, lease)| (run, lease, Absence::default()))
        .collect();
    let began = Instant::now();
    // The same one as long as it holds: another one would not notice a restart.
    let mut held: Option<Admin<'_>> = None;
    while !unknown.is_empty() {
        if held.is_none() {
            held = target.admin.acquire().await.ok();
        }
        for (run, lease, mut absence) in std::mem::take(&mut unknown) {
            let looked = match &held {
                Some(admin) => look(admin, &lease).await,
                None => Ok(Look::NoAnswer),
            };
            if looked == Ok(Look::NoAnswer)
                && let Some(admin) = held.take()
            {
                admin.discard();
                target.admin.forget_idle();
            }
            match looked.map(|look| absence.look(Instant::now(), look)) {
                Ok(Vitality::Alive) => tracing::info!(%run, "another run is alive"),
                Ok(Vitality::Dead) => dead.push(run),
                Ok(Vitality::Unknown) => unknown.push((run, lease, absence)),
                Err(error) => untold.push((run, error)),
            }
        }
        if held.is_none() {
            // Whatever went away was away for all of them.
            for (_, _, absence) in &mut unknown {
                *absence = Absence::default();
            }
        }
        if began.elapsed() >= PATIENCE {
            let reason = "it cannot be told whether it is alive, since the server goes away";
            untold.extend(unknown.drain(..).map(|(run, ..)| (run, reason.to_owned())));
        }
        if !unknown.is_empty() {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }
    (dead, untold)
}

/// What is no answer about the group is in the error, in words.
async fn look(admin: &Admin<'_>, lease: &ResourceName) -> Result<Look, String> {
    let name: ResourceName = LEASE.parse().map_err(|_| "no name".to_owned())?;
    match admin.consumer_groups(lease, &name).await {
        Ok(groups) => Ok(match groups.get(&name).map_or(0, |group| group.members) {
            0 => Look::Nobody,
            _ => Look::Somebody,
        }),
        Err(error) => match error.kind {
            BrokerErrorKind::NotFound => Ok(Look::Nobody),
            BrokerErrorKind::Unreachable { .. } | BrokerErrorKind::OutcomeUnknown { .. } => {
                Ok(Look::NoAnswer)
            }
            BrokerErrorKind::Unauthorized
            | BrokerErrorKind::AlreadyExists
            | BrokerErrorKind::Refused { .. } => Err(error.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdicts of looks, each so long after the first one.
    fn verdicts(looks: &[(Duration, Look)]) -> Vec<Vitality> {
        let first = Instant::now();
        let mut absence = Absence::default();
        looks
            .iter()
            .map(|(after, look)| absence.look(first + *after, *look))
            .collect()
    }

    #[test]
    fn one_look_tells_no_death() {
        let begin = Duration::ZERO;
        assert_eq!(verdicts(&[(begin, Look::Nobody)]), [Vitality::Unknown]);
        assert_eq!(verdicts(&[(begin, Look::Somebody)]), [Vitality::Alive]);
    }

    #[test]
    fn who_joins_again_in_time_is_alive() {
        let looks = [
            (Duration::ZERO, Look::Nobody),
            (ABSENCE / 2, Look::Nobody),
            (ABSENCE, Look::Somebody),
        ];
        assert_eq!(verdicts(&looks).last(), Some(&Vitality::Alive));
    }

    #[test]
    fn who_is_not_there_for_so_long_is_dead() {
        let looks = [(Duration::ZERO, Look::Nobody), (ABSENCE, Look::Nobody)];
        assert_eq!(verdicts(&looks), [Vitality::Unknown, Vitality::Dead]);
    }

    #[test]
    fn a_restart_in_between_begins_the_wait_anew() {
        let looks = [
            (Duration::ZERO, Look::Nobody),
            (ABSENCE / 2, Look::NoAnswer),
            (ABSENCE, Look::Nobody),
            (ABSENCE * 3 / 2, Look::Nobody),
            (ABSENCE * 2, Look::Nobody),
        ];
        use Vitality::{Dead, Unknown};
        assert_eq!(verdicts(&looks), [Unknown, Unknown, Unknown, Unknown, Dead]);
    }
}
