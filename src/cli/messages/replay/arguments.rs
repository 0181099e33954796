//! What can be said about sending messages again.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::messages::encryption::EncryptionArguments;
use crate::cli::messages::header::HeaderArgument;
use crate::cli::messages::metrics::MetricsArguments;
use crate::cli::messages::moment::Moment;
use crate::cli::messages::output::Output;
use crate::cli::messages::pace::Pace;
use crate::cli::messages::place::TopicPlace;
use crate::cli::server_arguments::{ServerArguments, parse_duration};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iggyctl replay --from orders/events --to orders/events-copy --dry-run
  iggyctl replay --from orders/events --to test/events --since 2h --header tenant=acme
  iggyctl replay --from orders/events --to orders/v2 --state replay.json --rate 5000
  iggyctl replay --resume --state replay.json

Payloads, ids and headers stay, and each message gets headers that say where it was taken from:
replay-stream, replay-topic, replay-partition and replay-offset. Where it ends is decided at the
start, so a topic can be replayed to itself. Nothing is created.

With --state, the replay is kept in a file after each batch, and --resume goes on with it after
whatever ended it: nothing is lost, and one batch at most is sent twice, with the same ids.

Messages that retention or a purge removes before they are read are counted as gone.

Exit codes: 0 all sent that are there, 6 some of them, 1 none.")]
pub(in crate::cli) struct ReplayArguments {
    /// The topic to take messages from, such as orders/events
    #[arg(long, value_name = "STREAM/TOPIC", required_unless_present = "resume")]
    pub(super) from: Option<TopicPlace>,
    /// The topic to send them to
    #[arg(long, value_name = "STREAM/TOPIC", required_unless_present = "resume")]
    pub(super) to: Option<TopicPlace>,
    /// Only this partition
    #[arg(short, long, value_name = "N", help_heading = "Range options")]
    pub(super) partition: Option<u32>,
    /// Begin with this offset in each partition
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "since",
        help_heading = "Range options"
    )]
    pub(super) from_offset: Option<u64>,
    /// Begin with the first message since then: 2026-11-21T20:00:00Z, or so long ago, 2h
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        help_heading = "Range options"
    )]
    pub(super) since: Option<Moment>,
    /// End with this offset in each partition; it is sent
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "until",
        help_heading = "Range options"
    )]
    pub(super) to_offset: Option<u64>,
    /// End before the first message since then
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        help_heading = "Range options"
    )]
    pub(super) until: Option<Moment>,
    /// Only messages with this header: NAME=VALUE for a text, NAME:KIND=VALUE for others; can be repeated, then all of them
    #[arg(short = 'H', long, value_name = "NAME=VALUE", value_parser = header_text, help_heading = "Range options")]
    pub(super) header: Vec<String>,
    /// Which partition of the target: that of the same number, which keeps the order by key, or each batch to the next one
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "HOW",
        help_heading = "Sending options"
    )]
    pub(super) partitioning: Partitioning,
    /// How many messages a second at most
    #[arg(long, value_name = "N", value_parser = Pace::parse, help_heading = "Sending options")]
    pub(super) rate: Option<Pace>,
    /// How many messages go together at most
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Sending options")]
    pub(super) batch_size: u32,
    /// Count what would be sent, and send nothing
    #[arg(long, conflicts_with_all = ["state", "resume"], help_heading = "Sending options")]
    pub(super) dry_run: bool,
    /// Keep the replay in this file, which must be new, so that it can be gone on with
    #[arg(long, value_name = "PATH", help_heading = "Sending options")]
    pub(super) state: Option<PathBuf>,
    /// Leave out messages whose headers cannot be read, where --header needs them, instead of ending at the first
    #[arg(long, help_heading = "Sending options")]
    pub(super) skip_unreadable: bool,
    /// Go on with the replay that is kept in --state
    #[arg(long, requires = "state", conflicts_with_all = ["from", "to", "partition", "from_offset", "since", "to_offset", "until", "header", "partitioning"], help_heading = "Sending options")]
    pub(super) resume: bool,
    #[command(flatten)]
    pub(super) encryption: EncryptionArguments,
    #[command(flatten)]
    pub(super) metrics: MetricsArguments,
    /// What to print on standard output: nothing (text), or a summary (json)
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) output: Output,
    #[command(flatten)]
    pub(super) server: ServerArguments,
    /// How long a server that went away is waited for; the first connection is not
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parse_duration, help_heading = "Server options")]
    pub(super) give_up_after: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Partitioning {
    /// That of the same number.
    #[default]
    Keep,
    /// Each batch to the next one.
    Balanced,
}

fn header_text(text: &str) -> Result<String, String> {
    text.parse::<HeaderArgument>().map(|_| text.to_owned())
}
