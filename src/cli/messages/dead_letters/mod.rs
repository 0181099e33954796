//! Dead letters: which there are, what is in them, sending them back, emptying topics.

mod census;
mod destinations;
mod list;
mod purge;
mod replay;
mod show;

use std::time::Duration;

use clap::Subcommand;
use iggyctl_messaging::Encryption;
use iggyctl_messaging::dead_letters::DeadLetterTopic;

use super::super::Process;
use super::super::runtime::block_on_beside_workers;
use super::super::server_arguments::{ServerArguments, parse_duration};
use super::connection::MessageSession;
use super::encryption::EncryptionArguments;
use super::place::TopicPlace;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iggyctl dlq list
  iggyctl dlq show orders/dead --max 5
  iggyctl dlq replay orders/dead --dry-run
  iggyctl dlq purge orders/dead

A message is a dead letter when it has the headers that consumers of iggyctl give to one:
dead-letter-stream, -topic, -partition, -offset, -error and -attempts. A topic of dead letters is
one whose newest messages are such.")]
pub(in crate::cli) struct DeadLettersArguments {
    #[command(subcommand)]
    command: DeadLettersCommand,
}

#[derive(Debug, Subcommand)]
enum DeadLettersCommand {
    /// List topics of dead letters, with how many came from where and why
    List(list::ListArguments),
    /// Print dead letters, with where they come from and why they are here
    Show(show::ShowArguments),
    /// Send dead letters back to where they come from, each once
    Replay(replay::ReplayArguments),
    /// Remove all messages of a topic of dead letters
    Purge(purge::PurgeArguments),
}

/// How to get to the server.
#[derive(Debug, clap::Args)]
struct WhereArguments {
    #[command(flatten)]
    encryption: EncryptionArguments,
    #[command(flatten)]
    server: ServerArguments,
    /// How long a server that went away is waited for; the first connection is not
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parse_duration, help_heading = "Server options")]
    give_up_after: Duration,
}

impl WhereArguments {
    /// Gets to the server, with what messages are encrypted with: read once, and before
    /// anything is asked.
    async fn run<T>(
        &self,
        process: &Process,
        work: impl AsyncFnOnce(&Place<'_>) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let encryption = self.encryption.read()?;
        let work = async |session: &MessageSession| {
            work(&Place {
                session,
                encryption,
            })
            .await
        };
        MessageSession::run(process, &self.server, self.give_up_after, work).await
    }
}

/// A server with dead letters.
struct Place<'session> {
    session: &'session MessageSession,
    encryption: Option<Encryption>,
}

impl Place<'_> {
    /// Looks into a topic.
    fn open(&self, stream: &str, topic: &str) -> Result<DeadLetterTopic, CommandError> {
        let connection = &self.session.connection;
        DeadLetterTopic::new(connection, stream, topic, self.encryption.clone())
            .map_err(|error| self.session.reasons.of(&error))
    }

    fn open_place(&self, place: &TopicPlace) -> Result<DeadLetterTopic, CommandError> {
        self.open(place.stream.as_str(), place.topic.as_str())
    }
}

/// Reading ends at Ctrl-C, with nothing done.
async fn unless_stopped<T>(
    session: &MessageSession,
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    tokio::select! {
        ended = work => ended,
        () = session.stop.requested() => Err(CommandError::other("interrupted")),
    }
}

pub(in crate::cli) fn dead_letters(
    process: &Process,
    arguments: &DeadLettersArguments,
) -> Result<ExitCode, CommandError> {
    block_on_beside_workers(async {
        match &arguments.command {
            DeadLettersCommand::List(arguments) => list::list(process, arguments).await,
            DeadLettersCommand::Show(arguments) => show::show(process, arguments).await,
            DeadLettersCommand::Replay(arguments) => replay::replay(process, arguments).await,
            DeadLettersCommand::Purge(arguments) => purge::purge(process, arguments).await,
        }
    })?
}
