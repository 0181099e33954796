//! How far the consumer groups of a server are behind.

use std::str::FromStr;
use std::time::Duration;

use iggyctl_core::name::ResourceName;
use iggyctl_core::render::escape;
use iggyctl_messaging::offsets::{Reader, TopicOffsets, topics};
use iggyctl_messaging::{Connection, MessagingError};
use jiff::Timestamp;
use serde::Serialize;

use super::super::Process;
use super::super::get::{Row, render};
use super::super::output::{Format, json_line};
use super::super::runtime::block_on_beside_workers;
use super::super::server_arguments::{ServerArguments, parse_duration};
use super::connection::MessageSession;
use super::lookers::Lookers;
use super::metrics::MetricsArguments;
use super::offsets::ReaderReport;
use super::place::TopicPlace;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iggyctl lag
  iggyctl lag orders/events --group billing --fail-above 1000
  iggyctl lag orders --follow --interval 10s --metrics-listen 127.0.0.1:9464
  iggyctl lag orders -o json

Lag is how many messages a group has not handled yet. STORED is the last one that it handled, END
the offset that the next message will get. Consumers that read without a group cannot be listed:
see `iggyctl offsets get --consumer`. The whole server needs the right to read all streams.

Exit codes: 0 done, 7 a group is further behind than --fail-above.")]
pub(in crate::cli) struct LagArguments {
    /// Only the groups of this stream or topic, such as orders or orders/events
    #[arg(value_name = "STREAM[/TOPIC]")]
    scope: Option<Scope>,
    /// Only groups of this name; can be repeated
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,
    /// End with exit code 7 when a group has more than this many messages to go
    #[arg(long, value_name = "N")]
    fail_above: Option<u64>,
    /// Look again and again, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// How often, with --follow
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_duration)]
    interval: Duration,
    #[command(flatten)]
    metrics: MetricsArguments,
    /// How to print it; with --follow, json is one line each time
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
    #[command(flatten)]
    server: ServerArguments,
    /// How long a server that went away is waited for; the first connection is not
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parse_duration, help_heading = "Server options")]
    give_up_after: Duration,
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    Stream(ResourceName),
    Topic(TopicPlace),
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('/') {
            return text.parse().map(Self::Topic);
        }
        match format!("stream/{text}").parse() {
            Ok(iggyctl_core::address::Address::Stream(stream)) => Ok(Self::Stream(stream)),
            Ok(_) => Err(format!("`{text}` is no stream")),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Scope {
    /// The topics in it; all of the server without one.
    pub(super) async fn topics(
        scope: Option<&Self>,
        session: &MessageSession,
    ) -> Result<Vec<(String, String)>, MessagingError> {
        match scope {
            None => topics(&session.connection, None).await,
            Some(Self::Stream(stream)) => topics(&session.connection, Some(stream.as_str())).await,
            Some(Self::Topic(TopicPlace { stream, topic })) => {
                Ok(vec![(stream.to_string(), topic.to_string())])
            }
        }
    }
}

/// One group of one topic.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupReport {
    stream: String,
    topic: String,
    #[serde(flatten)]
    reader: ReaderReport,
}

/// One look, as a line of JSON.
#[derive(Serialize)]
struct Look<'look> {
    at: String,
    groups: &'look [GroupReport],
}

pub(in crate::cli) fn lag(
    process: &Process,
    arguments: &LagArguments,
) -> Result<ExitCode, CommandError> {
    block_on_beside_workers(run(process, arguments))?
}

async fn run(process: &Process, arguments: &LagArguments) -> Result<ExitCode, CommandError> {
    MessageSession::run(
        process,
        &arguments.server,
        arguments.give_up_after,
        async |session| {
            arguments.metrics.serve(process)?;
            let mut lookers = Lookers::new(&session.connection);
            let ended = watch(process, session, &mut lookers, arguments).await;
            lookers.close().await;
            ended
        },
    )
    .await
}

/// Looks once, or again and again.
async fn watch(
    process: &Process,
    session: &MessageSession,
    lookers: &mut Lookers,
    arguments: &LagArguments,
) -> Result<ExitCode, CommandError> {
    loop {
        let groups = tokio::select! {
            groups = look(session, lookers, arguments) => {
                groups.map_err(|error| session.reasons.of(&error))?
            }
            () = session.stop.requested() => return stopped(arguments),
        };
        print(process, arguments, &groups)?;
        missing(arguments, &groups)?;
        behind(arguments, &groups)?;
        if !arguments.follow {
            return Ok(ExitCode::Done);
        }
        tokio::select! {
            () = tokio::time::sleep(arguments.interval) => {}
            () = session.stop.requested() => return stopped(arguments),
        }
    }
}

/// To be asked to end is how following ends.
fn stopped(arguments: &LagArguments) -> Result<ExitCode, CommandError> {
    if arguments.follow {
        return Ok(ExitCode::Done);
    }
    Err(CommandError::other("interrupted"))
}

async fn look(
    session: &MessageSession,
    lookers: &mut Lookers,
    arguments: &LagArguments,
) -> Result<Vec<GroupReport>, MessagingError> {
    let topics = Scope::topics(arguments.scope.as_ref(), session).await?;
    let groups = lookers
        .each(topics, async |connection, topic| {
            groups(connection, arguments, topic).await
        })
        .await?;
    let groups = groups.into_iter().flatten().collect();
    let reports = lookers
        .each(groups, async |connection, group| {
            observe(connection, arguments, group).await
        })
        .await?;
    Ok(reports.into_iter().flatten().collect())
}

/// A group to look at.
struct Group {
    stream: String,
    topic: String,
    name: String,
}

/// What is deleted while we look is left out, unless it was asked for by name.
async fn groups(
    connection: &Connection,
    arguments: &LagArguments,
    (stream, topic): (String, String),
) -> Result<Vec<Group>, MessagingError> {
    let mut names = match TopicOffsets::new(connection, &stream, &topic)?
        .groups()
        .await
    {
        Err(MessagingError::NoTopic { .. }) if !arguments.names_topic() => Vec::new(),
        names => names?,
    };
    names.retain(|name| arguments.group.is_empty() || arguments.group.contains(name));
    let group = |name| Group {
        stream: stream.clone(),
        topic: topic.clone(),
        name,
    };
    Ok(names.into_iter().map(group).collect())
}

async fn observe(
    connection: &Connection,
    arguments: &LagArguments,
    group: Group,
) -> Result<Option<GroupReport>, MessagingError> {
    let Group {
        stream,
        topic,
        name,
    } = group;
    let offsets = TopicOffsets::new(connection, &stream, &topic)?;
    match offsets.observe(&Reader::Group(name)).await {
        Ok(seen) => {
            seen.publish(&stream, &topic);
            Ok(Some(GroupReport {
                stream,
                topic,
                reader: ReaderReport::new(&seen),
            }))
        }
        Err(MessagingError::NoGroup { .. }) => Ok(None),
        Err(MessagingError::NoTopic { .. }) if !arguments.names_topic() => Ok(None),
        Err(error) => Err(error),
    }
}

impl LagArguments {
    fn names_topic(&self) -> bool {
        matches!(self.scope, Some(Scope::Topic(_)))
    }
}

fn print(
    process: &Process,
    arguments: &LagArguments,
    groups: &[GroupReport],
) -> Result<(), CommandError> {
    let now = || Timestamp::now().to_string();
    let text = match (arguments.output, arguments.follow) {
        (Format::Text, false) => render(Format::Text, &LagRow::all(groups))?,
        (Format::Text, true) => {
            format!(
                "{}\n{}\n",
                now(),
                render(Format::Text, &LagRow::all(groups))?
            )
        }
        (Format::Json, true) => {
            let look = Look { at: now(), groups };
            json_line(&look)?
        }
        (Format::Yaml, true) => {
            let look = Look { at: now(), groups };
            format!("---\n{}", Format::Yaml.render(&look, String::new)?)
        }
        (format, false) => format.render(&groups, String::new)?,
    };
    process.output(&text)?;
    if groups.is_empty() && arguments.output == Format::Text {
        process.terminal.message("No consumer group was found.");
    }
    Ok(())
}

/// A group that was named and is not there is not one that is never behind. While
/// following it may come.
fn missing(arguments: &LagArguments, groups: &[GroupReport]) -> Result<(), CommandError> {
    let is_there = |name: &String| groups.iter().any(|group| group.reader.name == *name);
    match arguments.group.iter().find(|name| !is_there(name)) {
        Some(name) if !arguments.follow => Err(CommandError::other(format!(
            "there is no consumer group `{}`",
            escape(name)
        ))
        .hint("`iggyctl get groups` lists what is there")),
        _ => Ok(()),
    }
}

/// Whether somebody is too far behind.
fn behind(arguments: &LagArguments, groups: &[GroupReport]) -> Result<(), CommandError> {
    let Some(limit) = arguments.fail_above else {
        return Ok(());
    };
    let lines: Vec<String> = groups
        .iter()
        .filter(|group| group.reader.lag > limit)
        .map(|group| {
            format!(
                "{} of {}/{}: {}",
                escape(&group.reader.name),
                escape(&group.stream),
                escape(&group.topic),
                group.reader.lag
            )
        })
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    Err(CommandError::new(
        ExitCode::CheckSaysNo,
        format!(
            "more than {limit} messages to go:\n  {}",
            lines.join("\n  ")
        ),
    ))
}

/// One partition of a group, or all of them.
#[derive(Serialize)]
struct LagRow([String; 7]);

impl LagRow {
    fn all(groups: &[GroupReport]) -> Vec<Self> {
        let mut rows = Vec::new();
        for group in groups {
            let GroupReport {
                stream,
                topic,
                reader,
            } = group;
            let members = reader.members.as_ref().map_or(0, Vec::len).to_string();
            let row = |partition: String, stored, end, lag| {
                Self([
                    format!("{}/{}", escape(stream), escape(topic)),
                    escape(&reader.name).into_owned(),
                    members.clone(),
                    partition,
                    stored,
                    end,
                    lag,
                ])
            };
            for partition in &reader.partitions {
                let [stored, _, end, lag] = partition.cells();
                rows.push(row(partition.partition.to_string(), stored, end, lag));
            }
            if reader.partitions.len() != 1 {
                let total = reader.lag.to_string();
                rows.push(row("all".to_owned(), String::new(), String::new(), total));
            }
        }
        rows
    }
}

impl Row for LagRow {
    const HEADERS: &'static [&'static str] = &[
        "TOPIC",
        "GROUP",
        "MEMBERS",
        "PARTITION",
        "STORED",
        "END",
        "LAG",
    ];
    const NUMBERS_FROM: usize = 2;

    fn cells(&self) -> Vec<String> {
        self.0.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_stream_or_a_topic() {
        assert!(matches!("orders".parse(), Ok(Scope::Stream(_))));
        assert!(matches!("orders/events".parse(), Ok(Scope::Topic(_))));
        for text in ["", "a/b/c", "orders/"] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
    }
}
