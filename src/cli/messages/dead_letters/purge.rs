use iggyctl_core::wording::counted;
use iggyctl_messaging::MessagingError;
use serde::Serialize;

use super::census::Census;
use super::{WhereArguments, unless_stopped};
use crate::cli::Process;
use crate::cli::messages::consent::ask;
use crate::cli::messages::output::Output;
use crate::cli::messages::place::TopicPlace;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iggyctl dlq purge orders/dead --dry-run
  iggyctl dlq purge orders/dead --yes

All messages of the topic go, also those that were not sent back. The topic stays, with its
partitions and groups. A topic with messages that are no dead letters is refused, unless
--with-other-messages names it so.

Exit codes: 0 done, 3 refused, 4 messages came meanwhile, 6 it is not known whether it was done.")]
pub(super) struct PurgeArguments {
    /// The topic of dead letters, such as orders/dead
    #[arg(value_name = "STREAM/TOPIC")]
    topic: TopicPlace,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Say what would go, and remove nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Also when there are messages that are no dead letters, or cannot be told to be some
    #[arg(long)]
    with_other_messages: bool,
    #[command(flatten)]
    place: WhereArguments,
    /// What to print on standard output: nothing (text), or what went (json)
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
}

/// What `-o json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PurgeReport {
    stream: String,
    topic: String,
    /// Whether they are gone.
    purged: bool,
    dead_letters: u64,
    /// Those of them that were not sent back.
    waiting: u64,
    /// Messages that are no dead letters.
    others: u64,
}

const NOTHING: &str = "nothing was removed";

pub(super) async fn purge(
    process: &Process,
    arguments: &PurgeArguments,
) -> Result<ExitCode, CommandError> {
    arguments
        .place
        .run(process, async |place| {
            let session = place.session;
            let letters = place.open_place(&arguments.topic)?;
            let census = unless_stopped(session, async {
                // All of it: what goes is gone.
                let census = Census::take(&letters, u64::MAX).await;
                census.map_err(|error| session.reasons.of(&error))
            })
            .await?;
            process.terminal.message(&what_goes(arguments, &census));
            let print = |purged| {
                let report = report(arguments, &census, purged);
                arguments.output.print(process, &report)
            };
            if census.others > 0 && !arguments.with_other_messages {
                print(false)?;
                return Err(not_only_dead_letters(&census));
            }
            if arguments.dry_run || census.offsets == 0 {
                print(false)?;
                return Ok(ExitCode::Done);
            }
            if !arguments.yes {
                let question = format!(
                    "\nRemove all messages of {} on {}?",
                    arguments.topic, session.name
                );
                ask(process, session, question, NOTHING).await?;
            }
            // What came since it was counted is not what was agreed to.
            let spans = letters.spans().await;
            let spans = spans.map_err(|error| session.reasons.of(&error))?;
            if spans.values().map(|span| span.left()).sum::<u64>() != census.offsets {
                return Err(CommandError::new(
                    ExitCode::Stale,
                    format!("{NOTHING}: {} changed meanwhile", arguments.topic),
                )
                .hint("look again: the same command shows what would go now"));
            }
            match letters.purge().await {
                Ok(()) => {}
                Err(error @ MessagingError::GaveUp { .. }) => {
                    return Err(CommandError::new(
                        ExitCode::PartiallyApplied,
                        format!(
                            "it is not known whether {} was purged: {error}",
                            arguments.topic
                        ),
                    )
                    .hint("`iggyctl dlq list` shows what is there"));
                }
                Err(error) => {
                    let error = session.reasons.of(&error);
                    return Err(CommandError {
                        message: format!("{NOTHING}: {}", error.message),
                        ..error
                    });
                }
            }
            print(true)?;
            process.terminal.message(&format!(
                "Removed all messages of {} on {}.",
                arguments.topic, session.name
            ));
            Ok(ExitCode::Done)
        })
        .await
}

fn what_goes(arguments: &PurgeArguments, census: &Census) -> String {
    let dead = census.dead();
    let mut text = format!(
        "{} has {}",
        arguments.topic,
        counted(dead.messages, "dead letter")
    );
    if dead.messages > 0 {
        text.push_str(&format!(", of which {} not sent back", dead.pending));
    }
    if census.others > 0 {
        let others = counted(census.others, "other message");
        text.push_str(&format!(", and {others}"));
    }
    text + "."
}

fn not_only_dead_letters(census: &Census) -> CommandError {
    CommandError::new(
        ExitCode::Blocked,
        format!(
            "{NOTHING}: {} without the headers of a dead letter",
            counted(census.others, "message")
        ),
    )
    .hint(
        "is it the right topic? Encrypted ones need --encryption-key-file; \
         --with-other-messages removes them, too",
    )
}

fn report(arguments: &PurgeArguments, census: &Census, purged: bool) -> PurgeReport {
    let dead = census.dead();
    PurgeReport {
        stream: arguments.topic.stream.to_string(),
        topic: arguments.topic.topic.to_string(),
        purged,
        dead_letters: dead.messages,
        waiting: dead.pending,
        others: census.others,
    }
}
