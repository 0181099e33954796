//! How far readers are, and how to move them.

mod change;
mod get;
mod report;
mod target;

use std::time::Duration;

use clap::Subcommand;
use iggyctl_messaging::offsets::Reader;

use super::super::Process;
use super::super::runtime::block_on_beside_workers;
use super::super::server_arguments::{ServerArguments, parse_duration};
use super::place::TopicPlace;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

pub(super) use report::ReaderReport;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iggyctl offsets get orders/events
  iggyctl offsets get orders/events --group billing -o json
  iggyctl offsets set orders/events --group billing --partition 0 --offset 41
  iggyctl offsets reset orders/events --group billing --to earliest --dry-run
  iggyctl offsets reset orders/events --consumer audit --to time:2h

A stored offset is that of the last message that was handled: 41 means that the reader goes on
with 42.")]
pub(in crate::cli) struct OffsetsArguments {
    #[command(subcommand)]
    command: OffsetsCommand,
}

#[derive(Debug, Subcommand)]
enum OffsetsCommand {
    /// Show the stored offsets of a topic, and how far its readers are behind
    Get(get::GetArguments),
    /// Store an offset for one partition
    Set(change::SetArguments),
    /// Move a reader to the beginning, the end, a time or an offset, or back or forth
    Reset(change::ResetArguments),
}

/// Where offsets are looked for.
#[derive(Debug, clap::Args)]
struct TopicArguments {
    /// The topic, such as orders/events; a `/` in a name is written %2F
    #[arg(value_name = "STREAM/TOPIC")]
    place: TopicPlace,
    #[command(flatten)]
    server: ServerArguments,
    /// How long a server that went away is waited for; the first connection is not
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration, help_heading = "Server options")]
    give_up_after: Duration,
}

#[derive(Debug, clap::Args)]
struct ReaderArguments {
    /// The offsets of this consumer group
    #[arg(long, value_name = "NAME", conflicts_with = "consumer")]
    group: Option<String>,
    /// The offsets of this consumer, which reads by itself. The server cannot list these
    #[arg(long, value_name = "NAME")]
    consumer: Option<String>,
}

impl ReaderArguments {
    fn reader(&self) -> Option<Reader> {
        match (&self.group, &self.consumer) {
            (Some(group), _) => Some(Reader::Group(group.clone())),
            (None, Some(consumer)) => Some(Reader::Consumer(consumer.clone())),
            (None, None) => None,
        }
    }
}

pub(in crate::cli) fn offsets(
    process: &Process,
    arguments: &OffsetsArguments,
) -> Result<ExitCode, CommandError> {
    block_on_beside_workers(async {
        match &arguments.command {
            OffsetsCommand::Get(arguments) => get::get(process, arguments).await,
            OffsetsCommand::Set(arguments) => change::set(process, arguments).await,
            OffsetsCommand::Reset(arguments) => change::reset(process, arguments).await,
        }
    })?
}
