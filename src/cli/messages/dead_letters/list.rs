use iggyctl_core::render::escape;
use iggyctl_core::wording::counted;
use iggyctl_messaging::MessagingError;
use serde::Serialize;

use super::census::{Census, has_dead_letters};
use super::{Place, WhereArguments, unless_stopped};
use crate::cli::Process;
use crate::cli::get::{Row, render};
use crate::cli::messages::lag::Scope;
use crate::cli::output::Format;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iggyctl dlq list
  iggyctl dlq list orders -o json

A topic is listed when the newest message of one of its partitions is a dead letter. WAITING are
those that `iggyctl dlq replay` has not sent back yet. The whole server needs the right to read
all streams.")]
pub(super) struct ListArguments {
    /// Only this stream or topic, such as orders or orders/dead
    #[arg(value_name = "STREAM[/TOPIC]")]
    scope: Option<Scope>,
    /// Look at so many messages of each topic at most, the oldest first
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    scan: u64,
    #[command(flatten)]
    place: WhereArguments,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// One topic.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TopicReport {
    stream: String,
    topic: String,
    causes: Vec<CauseReport>,
    /// Messages that are no dead letters, or cannot be told to be some.
    others: u64,
    /// Messages that were not looked at.
    not_looked_at: u64,
}

#[derive(Serialize)]
struct CauseReport {
    stream: String,
    topic: String,
    error: String,
    messages: u64,
    waiting: u64,
}

pub(super) async fn list(
    process: &Process,
    arguments: &ListArguments,
) -> Result<ExitCode, CommandError> {
    arguments
        .place
        .run(process, async |place| {
            let session = place.session;
            let topics = unless_stopped(session, find(place, arguments)).await?;
            process.output(&match arguments.output {
                Format::Text => render(Format::Text, &CauseRow::all(&topics))?,
                format => format.render(&topics, String::new)?,
            })?;
            if arguments.output == Format::Text {
                for topic in &topics {
                    remark(process, topic);
                }
                if topics.is_empty() {
                    process.terminal.message("No dead letters were found.");
                }
            }
            Ok(ExitCode::Done)
        })
        .await
}

async fn find(
    place: &Place<'_>,
    arguments: &ListArguments,
) -> Result<Vec<TopicReport>, CommandError> {
    let session = place.session;
    let failed = |error: MessagingError| session.reasons.of(&error);
    let is_named = matches!(arguments.scope, Some(Scope::Topic(_)));
    let mut reports = Vec::new();
    let places = Scope::topics(arguments.scope.as_ref(), session).await;
    for (stream, topic) in places.map_err(failed)? {
        let letters = place.open(&stream, &topic)?;
        let spans = match letters.spans().await {
            // Deleted since it was listed.
            Err(MessagingError::NoTopic { .. }) if !is_named => continue,
            spans => spans.map_err(failed)?,
        };
        if !has_dead_letters(&letters, &spans).await.map_err(failed)? {
            continue;
        }
        let census = Census::take(&letters, arguments.scan).await;
        let census = census.map_err(failed)?;
        let causes = census.causes.into_iter().map(|(cause, count)| CauseReport {
            stream: cause.stream,
            topic: cause.topic,
            error: cause.error,
            messages: count.messages,
            waiting: count.pending,
        });
        reports.push(TopicReport {
            stream,
            topic,
            causes: causes.collect(),
            others: census.others,
            not_looked_at: census.unseen,
        });
    }
    Ok(reports)
}

fn remark(process: &Process, topic: &TopicReport) {
    let name = format!("{}/{}", escape(&topic.stream), escape(&topic.topic));
    if topic.others > 0 {
        process.terminal.message(&format!(
            "{name}: {} without the headers of a dead letter.",
            counted(topic.others, "message")
        ));
    }
    if topic.not_looked_at > 0 {
        process.terminal.message(&format!(
            "{name}: {} not looked at; see --scan.",
            counted(topic.not_looked_at, "message")
        ));
    }
}

#[derive(Serialize)]
struct CauseRow([String; 5]);

impl CauseRow {
    fn all(topics: &[TopicReport]) -> Vec<Self> {
        let rows = |report: &TopicReport| {
            let place = format!("{}/{}", escape(&report.stream), escape(&report.topic));
            let row = move |cause: &CauseReport| {
                Self([
                    place.clone(),
                    format!("{}/{}", escape(&cause.stream), escape(&cause.topic)),
                    escape(&cause.error).into_owned(),
                    cause.messages.to_string(),
                    cause.waiting.to_string(),
                ])
            };
            report.causes.iter().map(row).collect::<Vec<_>>()
        };
        topics.iter().flat_map(rows).collect()
    }
}

impl Row for CauseRow {
    const HEADERS: &'static [&'static str] =
        &["DEAD LETTERS", "FROM", "ERROR", "MESSAGES", "WAITING"];
    const NUMBERS_FROM: usize = 3;

    fn cells(&self) -> Vec<String> {
        self.0.to_vec()
    }
}
