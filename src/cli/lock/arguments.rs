use std::time::Duration;

use iggyctl_engine::lease::LONGEST;

use crate::cli::server_arguments::parse_duration;

/// Shorter than this it would be lost on a slow network.
const SHORTEST: Duration = Duration::from_secs(1);

/// How applies that are recorded in a ledger wait for each other.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LockArguments {
    /// With a ledger: do not care whether another apply of the same project runs
    #[arg(long, conflicts_with_all = ["lock_timeout", "lock_duration"])]
    pub(in crate::cli) no_lock: bool,
    /// With a ledger: how long to wait for another apply of the same project to end; without it
    /// nobody is waited for, and the exit code is 5
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(in crate::cli) lock_timeout: Option<Duration>,
    /// With a ledger: for how long others wait for this apply if it dies, 60s if nothing else is
    /// said; it says three times as often that it lives
    #[arg(long, value_name = "DURATION", value_parser = parse_lease)]
    lock_duration: Option<Duration>,
}

/// A job that was killed is not waited for much longer than starting another one takes, and
/// a network may be away for twenty seconds twice.
const DURATION: Duration = Duration::from_secs(60);

impl LockArguments {
    /// For how long others wait if nothing is heard of the owner.
    pub(super) fn duration(&self) -> Duration {
        self.lock_duration.unwrap_or(DURATION)
    }

    /// A flag that means nothing where nobody has a lease, with why.
    pub(in crate::cli) fn needs_ledger(&self) -> Option<(&'static str, &'static str)> {
        let Self {
            no_lock,
            lock_timeout,
            lock_duration,
        } = self;
        let given = [
            (*no_lock, "--no-lock", "nobody is waited for anyway"),
            (
                lock_timeout.is_some(),
                "--lock-timeout",
                "nobody is waited for",
            ),
            (
                lock_duration.is_some(),
                "--lock-duration",
                "nobody waits for this apply",
            ),
        ];
        let given = given.into_iter().find(|(is_given, _, _)| *is_given);
        given.map(|(_, flag, why)| (flag, why))
    }
}

fn parse_lease(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text)?;
    if (SHORTEST..=LONGEST).contains(&duration) {
        Ok(duration)
    } else {
        Err(format!("between {SHORTEST:?} and 1h"))
    }
}
