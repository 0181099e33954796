//! What can be said about reading messages.

use std::time::Duration;

use iggyctl_core::name::ResourceName;

use crate::cli::messages::encryption::EncryptionArguments;
use crate::cli::messages::metrics::MetricsArguments;
use crate::cli::messages::place::TopicPlace;
use crate::cli::messages::shape::Shape;
use crate::cli::messages::start::StartArgument;
use crate::cli::server_arguments::{ServerArguments, parse_duration};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iggyctl consume orders/events
  iggyctl consume orders/events --follow --from -10m -o json | jq .payload
  iggyctl consume orders/events --partition 2 --from offset:1000 --max 10
  iggyctl consume orders/events --group billing --follow | ./book-orders
  iggyctl consume files/blobs --max 1 -o raw > order.pdf

Without --group nothing is stored on the server: everybody else reads on as if this had not been.
With it, this is a member of the group, which is made when it is not there, and offsets are stored.

Exit codes: 0 all that was there, as many as --max, or --follow until Ctrl-C or SIGTERM; 6 or 1
interrupted without --follow; 65 a message that cannot be read; 69 no server; 77 credentials or
rights; 1 anything else.")]
pub(in crate::cli) struct ConsumeArguments {
    /// The topic, such as orders/events; a `/` in a name is written %2F
    #[arg(value_name = "STREAM/TOPIC")]
    pub(super) place: TopicPlace,
    /// Wait for more messages, until Ctrl-C or SIGTERM; also for a topic that is not there yet
    #[arg(long, help_heading = "Reading options")]
    pub(super) follow: bool,
    /// Where to begin: first, last, next, offset:N, time:TIMESTAMP, or a time ago such as -1h; in a group, where a partition has no stored offset. By default with the first message
    #[arg(
        long,
        value_name = "START",
        allow_hyphen_values = true,
        help_heading = "Reading options"
    )]
    pub(super) from: Option<StartArgument>,
    /// Read only this partition; needs no right to read the topic
    #[arg(
        short,
        long,
        value_name = "N",
        conflicts_with = "group",
        help_heading = "Reading options"
    )]
    pub(super) partition: Option<u32>,
    /// End after this many messages
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Reading options")]
    pub(super) max: Option<u64>,
    /// Read as a member of this group, after its stored offsets, and store new ones
    #[arg(short, long, value_name = "NAME", value_parser = parse_name, help_heading = "Reading options")]
    pub(super) group: Option<ResourceName>,
    /// When a message of a group counts as handled
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        requires = "group",
        help_heading = "Reading options"
    )]
    pub(super) ack: Ack,
    /// How many messages a request brings at most, and how many are held that are not printed yet
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Reading options")]
    pub(super) batch_size: u32,
    /// How long to wait before asking again where nothing was
    #[arg(long, value_name = "DURATION", default_value = "100ms", value_parser = parse_duration, help_heading = "Reading options")]
    pub(super) poll_interval: Duration,
    /// How long a server that went away is waited for; the first connection is not
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parse_duration, help_heading = "Reading options")]
    pub(super) give_up_after: Duration,
    #[command(flatten)]
    pub(super) encryption: EncryptionArguments,
    /// Leave out messages that cannot be decrypted or decompressed, instead of ending at the first
    #[arg(long, help_heading = "Message options")]
    pub(super) skip_unreadable: bool,
    #[command(flatten)]
    pub(super) metrics: MetricsArguments,
    /// How to print messages
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) output: Shape,
    #[command(flatten)]
    pub(super) server: ServerArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Ack {
    /// When its line is written and flushed: at least once.
    #[default]
    Manual,
    /// When it is taken to be printed: after a crash, what was being printed does not come again.
    Auto,
}

fn parse_name(text: &str) -> Result<ResourceName, String> {
    text.parse()
        .map_err(|error: iggyctl_core::name::NameError| error.to_string())
}
