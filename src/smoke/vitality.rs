//! Which runs are no longer alive.
//!
//! A run is a member of the group of its lease. But a group without members is not yet a
//! dead run: when the server restarts, or a connection is lost, the member is gone until
//! it has joined again. So a run counts as dead only when many looks, one after another,
//! saw nobody in its group, by somebody whose own connection to the server held all the
//! time: a restart in between begins the count anew.
//!
//! It is looks that count, and no clock: on a machine that has no time for the other run
//! to join again there is little for looking, too, and time in which nobody looked, since
//! the machine or this process was stopped, shows nothing.

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

/// Each look is one request for each run that is not known to be alive.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
/// Looks that have to see nobody. They take ten seconds at least: a member that lost its
/// connection looks for the server every four seconds at least, and needs a login and two
/// round trips then.
const ABSENT_LOOKS: u32 = 40;
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

/// How many looks in a row saw nobody, with answers to all of them.
#[derive(Debug, Default)]
struct Absence(u32);

impl Absence {
    fn look(&mut self, look: Look) -> Vitality {
        match look {
            Look::Somebody => Vitality::Alive,
            Look::NoAnswer => {
                self.0 = 0;
                Vitality::Unknown
            }
            Look::Nobody => {
                self.0 += 1;
                // The first one begins the time in which the others are made.
                match self.0 > ABSENT_LOOKS {
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
            match looked.map(|look| absence.look(look)) {
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

    /// The verdicts of looks that are made so often, after the last of each.
    fn verdicts(looks: &[(u32, Look)]) -> Vec<Vitality> {
        let mut absence = Absence::default();
        let verdicts = looks.iter().map(|(times, look)| {
            let each = (0..*times).map(|_| absence.look(*look));
            each.last().unwrap()
        });
        verdicts.collect()
    }

    #[test]
    fn one_look_tells_no_death() {
        assert_eq!(verdicts(&[(1, Look::Nobody)]), [Vitality::Unknown]);
        assert_eq!(verdicts(&[(1, Look::Somebody)]), [Vitality::Alive]);
    }

    #[test]
    fn who_joins_again_in_time_is_alive() {
        let looks = [(ABSENT_LOOKS, Look::Nobody), (1, Look::Somebody)];
        assert_eq!(verdicts(&looks), [Vitality::Unknown, Vitality::Alive]);
    }

    #[test]
    fn who_is_not_there_for_so_many_looks_is_dead() {
        let looks = [(ABSENT_LOOKS, Look::Nobody), (1, Look::Nobody)];
        assert_eq!(verdicts(&looks), [Vitality::Unknown, Vitality::Dead]);
        // A member needs so long to find its way back, and the looks are made meanwhile.
        assert!(BETWEEN_LOOKS * ABSENT_LOOKS >= Duration::from_secs(10));
    }

    #[test]
    fn a_restart_in_between_begins_the_count_anew() {
        let looks = [
            (ABSENT_LOOKS, Look::Nobody),
            (1, Look::NoAnswer),
            (ABSENT_LOOKS, Look::Nobody),
            (1, Look::Nobody),
        ];
        use Vitality::{Dead, Unknown};
        assert_eq!(verdicts(&looks), [Unknown, Unknown, Unknown, Dead]);
    }
}
