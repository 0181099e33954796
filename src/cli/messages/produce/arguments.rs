//! What can be said about sending messages.

use std::path::PathBuf;
use std::time::Duration;

use iggyctl_core::quantity::ByteSize;

use super::state::StateArguments;
use crate::cli::messages::encryption::EncryptionArguments;
use crate::cli::messages::header::HeaderArgument;
use crate::cli::messages::metrics::MetricsArguments;
use crate::cli::messages::output::Output;
use crate::cli::messages::pace::Pace;
use crate::cli::messages::place::TopicPlace;
use crate::cli::server_arguments::{ServerArguments, parse_duration};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  printf 'one\\ntwo\\n' | iggyctl produce orders/events
  iggyctl produce orders/events --message '{\"id\":1}' --key customer-7 --header tenant=acme
  iggyctl produce orders/events --file order.json --file invoice.pdf
  iggyctl produce orders/events --file trades.csv --lines --key-separator ,
  iggyctl produce orders/events --generate 1kB --count 100000 --rate 5000
  iggyctl produce orders/events --file big.ndjson --lines --state sent.json

Every message is sent at least once: an answer that was lost makes it be sent again, with the
same id. What was confirmed is counted on standard error, and with -o json on standard output.
A topic that is not there is an error; nothing is created.

Exit codes: 0 all confirmed, 6 some of them (or interrupted), 65 input that cannot be sent,
69 no server, 77 credentials or rights, 1 anything else; none was confirmed then.")]
pub(in crate::cli) struct ProduceArguments {
    /// The topic, such as orders/events; a `/` in a name is written %2F
    #[arg(value_name = "STREAM/TOPIC")]
    pub(super) place: TopicPlace,
    /// Send this text; can be repeated. Without --message, --file and --generate, each line of standard input is a message
    #[arg(short, long, value_name = "TEXT", help_heading = "Message options")]
    pub(super) message: Vec<String>,
    /// Send what is in this file as one message; can be repeated, and `-` is standard input
    #[arg(long, value_name = "PATH", help_heading = "Message options")]
    pub(super) file: Vec<PathBuf>,
    /// Each line of the files is a message, as with standard input: without its end; empty lines are left out
    #[arg(long, requires = "file", help_heading = "Message options")]
    pub(super) lines: bool,
    /// Send generated messages of this size, such as 100 or 1kB: a number and letters, the same each time
    #[arg(long, value_name = "SIZE", conflicts_with_all = ["message", "file", "key_separator"], help_heading = "Message options")]
    pub(super) generate: Option<ByteSize>,
    /// End after this many messages
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Message options")]
    pub(super) count: Option<u64>,
    /// A header of each message: NAME=VALUE for a text, NAME:KIND=VALUE for int64, uint32, bool, float64, …; can be repeated
    #[arg(
        short = 'H',
        long,
        value_name = "NAME=VALUE",
        help_heading = "Message options"
    )]
    pub(super) header: Vec<HeaderArgument>,
    /// Compress payloads that become smaller by it; consumers of iggyctl and the official samples read them
    #[arg(long, value_name = "ALGORITHM", help_heading = "Message options")]
    pub(super) compress: Option<Algorithm>,
    #[command(flatten)]
    pub(super) encryption: EncryptionArguments,
    /// Send all to the partition of this key, the same as with the official clients
    #[arg(short, long, value_name = "TEXT", conflicts_with_all = ["partition", "key_separator"], value_parser = parse_key, help_heading = "Partition options")]
    pub(super) key: Option<String>,
    /// The key of each line is what stands before this text; it is not part of the payload
    #[arg(
        long,
        value_name = "TEXT",
        conflicts_with = "partition",
        value_parser = clap::builder::NonEmptyStringValueParser::new(),
        help_heading = "Partition options"
    )]
    pub(super) key_separator: Option<String>,
    /// Send all to this partition; needs no right to read the topic. Without a key or partition, batches go to all in turn
    #[arg(short, long, value_name = "N", help_heading = "Partition options")]
    pub(super) partition: Option<u32>,
    /// How many messages a second at most
    #[arg(long, value_name = "N", value_parser = Pace::parse, help_heading = "Sending options")]
    pub(super) rate: Option<Pace>,
    /// How many messages go together at most
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Sending options")]
    pub(super) batch_size: u32,
    /// How long a message waits for others to go with; by default not at all
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "Sending options")]
    pub(super) linger: Option<Duration>,
    /// How often a batch is sent again
    #[arg(
        long,
        value_name = "N",
        default_value_t = 5,
        help_heading = "Sending options"
    )]
    pub(super) retries: u32,
    /// The pause before the first retry; each one is about twice as long as the one before, 5s at most
    #[arg(long, value_name = "DURATION", default_value = "100ms", value_parser = parse_duration, help_heading = "Sending options")]
    pub(super) retry_backoff: Duration,
    /// How long a server that went away is waited for; the first connection is not
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parse_duration, help_heading = "Sending options")]
    pub(super) give_up_after: Duration,
    #[command(flatten)]
    pub(super) state: StateArguments,
    #[command(flatten)]
    pub(super) metrics: MetricsArguments,
    /// What to print on standard output: nothing (text), or a summary (json)
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) output: Output,
    #[command(flatten)]
    pub(super) server: ServerArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Algorithm {
    /// LZ4 frames.
    Lz4,
}

fn parse_key(text: &str) -> Result<String, String> {
    match text.len() {
        1..=255 => Ok(text.to_owned()),
        _ => Err("a key has 1 to 255 bytes".to_owned()),
    }
}
