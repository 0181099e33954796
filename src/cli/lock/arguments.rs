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
    /// With a ledger: for how long others wait for this apply if it dies; it says three times as
    /// often that it lives
    #[arg(long, value_name = "DURATION", value_parser = parse_lease, default_value = "60s")]
    pub(in crate::cli) lock_duration: Duration,
}

fn parse_lease(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text)?;
    if (SHORTEST..=LONGEST).contains(&duration) {
        Ok(duration)
    } else {
        Err(format!("between {SHORTEST:?} and 1h"))
    }
}
