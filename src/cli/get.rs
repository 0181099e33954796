//! Tables of what a server has.

use std::collections::BTreeSet;

use clap::ValueEnum;
use comfy_table::{CellAlignment, Table, presets};
use iggyctl_core::name::ResourceName;
use iggyctl_core::quantity::size_text;
use iggyctl_core::render::escape;
use iggyctl_core::state::observed::ObservedState;
use iggyctl_engine::observe::{Depth, survey};
use serde::Serialize;

use super::Process;
use super::cluster_arguments::ClusterArguments;
use super::export::{no_such_stream, stream_names};
use super::get_declared;
use super::get_tokens::{read_tokens, token_rows};
use super::get_users::{read_users, user_rows};
use super::output::Format;
use super::runtime::block_on;
use super::server_arguments::ServerArguments;
use super::session::{Session, read_failed};
use super::time_limit::TimeLimit;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl get streams --context production\n  iggyctl get topics --stream orders -o yaml\n  iggyctl get groups --stream orders -o json\n  iggyctl get users\n  iggyctl get tokens\n  iggyctl get topics --from-cluster --namespace orders\n\nWith --from-cluster no server is asked: the tables have what the objects of the cluster declare,\nand which object does."
)]
pub(super) struct GetArguments {
    /// What to list
    #[arg(value_enum)]
    what: What,
    /// Only what is in this stream; may be repeated
    #[arg(long, value_name = "NAME")]
    stream: Vec<String>,
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    server: ServerArguments,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Streams
    #[value(alias = "stream")]
    Streams,
    /// Topics
    #[value(alias = "topic")]
    Topics,
    /// Consumer groups
    #[value(alias = "group")]
    Groups,
    /// Users and their permissions
    #[value(alias = "user")]
    Users,
    /// Access tokens of the own user; nobody can list those of others
    #[value(alias = "token")]
    Tokens,
}

/// A line of a table, and an object of the JSON list.
pub(super) trait Row: Serialize {
    const HEADERS: &'static [&'static str];
    /// From this column on numbers are aligned to the right.
    const NUMBERS_FROM: usize;
    fn cells(&self) -> Vec<String>;
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StreamRow {
    name: String,
    topics: usize,
    messages: u64,
    size_bytes: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TopicRow {
    stream: String,
    name: String,
    message_expiry: String,
    max_topic_size: String,
    compression: String,
    partitions: u32,
    messages: u64,
    size_bytes: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupRow {
    stream: String,
    topic: String,
    name: String,
    members: u32,
}

pub(super) fn run(process: &Process, arguments: &GetArguments) -> Result<ExitCode, CommandError> {
    if arguments.cluster.is_asked_for() {
        return get_declared(process, arguments);
    }
    block_on(get(process, arguments))?
}

/// What the objects of a cluster declare.
fn get_declared(process: &Process, arguments: &GetArguments) -> Result<ExitCode, CommandError> {
    let only = &arguments.stream;
    if !only.is_empty() {
        stream_names(only)?;
        outside_streams(arguments.what)?;
    }
    if arguments.server.names_any() {
        return Err(
            CommandError::usage("--from-cluster: no server is asked, and one is named")
                .hint("--server-ref names the server object whose objects are meant"),
        );
    }
    let declared = arguments.cluster.declared(process)?;
    let format = arguments.output;
    let text = match arguments.what {
        What::Streams => render(format, &get_declared::stream_rows(&declared, only)),
        What::Topics => render(format, &get_declared::topic_rows(&declared, only)),
        What::Groups => render(format, &get_declared::group_rows(&declared, only)),
        What::Users => render(format, &get_declared::user_rows(&declared)),
        What::Tokens => render(format, &get_declared::token_rows(&declared)),
    }?;
    process.output(&text)?;
    Ok(ExitCode::Done)
}

async fn get(process: &Process, arguments: &GetArguments) -> Result<ExitCode, CommandError> {
    let names = stream_names(&arguments.stream)?;
    if names.is_some() {
        outside_streams(arguments.what)?;
    }
    Session::run(
        process,
        &arguments.server,
        TimeLimit::NONE,
        async |session| {
            let streams =
                async |depth| read_streams(process, session, names.as_deref(), depth).await;
            let text = match arguments.what {
                What::Streams => {
                    let observed = streams(Depth::Topics).await?;
                    render(arguments.output, &stream_rows(&observed))
                }
                What::Topics => {
                    let observed = streams(Depth::Topics).await?;
                    render(arguments.output, &topic_rows(&observed))
                }
                What::Groups => {
                    let observed = streams(Depth::ConsumerGroups).await?;
                    render(arguments.output, &group_rows(&observed))
                }
                What::Users => {
                    let access = read_users(session, &BTreeSet::new()).await?;
                    render(arguments.output, &user_rows(process, &access))
                }
                What::Tokens => {
                    let tokens = read_tokens(session).await?;
                    render(arguments.output, &token_rows(&tokens))
                }
            }?;
            process.output(&text)?;
            Ok(ExitCode::Done)
        },
    )
    .await
}

/// What is in no stream cannot be listed of one.
fn outside_streams(what: What) -> Result<(), CommandError> {
    match what {
        What::Streams | What::Topics | What::Groups => Ok(()),
        What::Users => Err(CommandError::usage("--stream: users are not in a stream")
            .hint("`iggyctl access --topic STREAM/TOPIC` says who may do something with a topic")),
        What::Tokens => Err(CommandError::usage(
            "--stream: access tokens are not in a stream",
        )),
    }
}

async fn read_streams(
    process: &Process,
    session: &Session,
    names: Option<&[ResourceName]>,
    depth: Depth,
) -> Result<ObservedState, CommandError> {
    let found = survey(&session.pool, names, depth)
        .await
        .map_err(read_failed)?;
    if !found.missing.is_empty() {
        // In the words of `export`, and before there is any output.
        return Err(no_such_stream(found.missing));
    }
    for gap in &found.state.gaps {
        process
            .terminal
            .warning(&format!("{} cannot be read: {}", gap.address, gap.reason));
    }
    Ok(found.state)
}

fn stream_rows(observed: &ObservedState) -> Vec<StreamRow> {
    observed
        .streams
        .iter()
        .map(|(name, stream)| StreamRow {
            name: name.to_string(),
            topics: stream.topics.len(),
            messages: stream.messages,
            size_bytes: stream.size_bytes,
        })
        .collect()
}

fn topic_rows(observed: &ObservedState) -> Vec<TopicRow> {
    let text = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    observed
        .streams
        .iter()
        .flat_map(|(stream, observed)| {
            observed.topics.iter().map(move |(name, topic)| TopicRow {
                stream: stream.to_string(),
                name: name.to_string(),
                message_expiry: text(topic.settings.message_expiry.map(|value| value.to_string())),
                max_topic_size: text(topic.settings.max_topic_size.map(|value| value.to_string())),
                compression: text(topic.settings.compression.map(|value| value.to_string())),
                partitions: topic.partitions,
                messages: topic.messages,
                size_bytes: topic.size_bytes,
            })
        })
        .collect()
}

fn group_rows(observed: &ObservedState) -> Vec<GroupRow> {
    let mut rows = Vec::new();
    for (stream, observed) in &observed.streams {
        for (topic, observed) in &observed.topics {
            for (name, group) in observed.groups.iter().flatten() {
                rows.push(GroupRow {
                    stream: stream.to_string(),
                    topic: topic.to_string(),
                    name: name.to_string(),
                    members: group.members,
                });
            }
        }
    }
    rows
}

/// A table, or a list of objects.
pub(super) fn render<R: Row>(format: Format, rows: &[R]) -> Result<String, CommandError> {
    format.render(&rows, || {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(R::HEADERS);
        for row in rows {
            table.add_row(row.cells());
        }
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if index >= R::NUMBERS_FROM {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
            .lines()
            .map(|line| line.trim_end().to_owned() + "\n")
            .collect()
    })
}

/// A name as a cell: one line, and nothing that a terminal would act on.
fn name_cell(name: &str) -> String {
    escape(name).into_owned()
}

impl Row for StreamRow {
    const HEADERS: &'static [&'static str] = &["STREAM", "TOPICS", "MESSAGES", "SIZE"];
    const NUMBERS_FROM: usize = 1;

    fn cells(&self) -> Vec<String> {
        vec![
            name_cell(&self.name),
            self.topics.to_string(),
            self.messages.to_string(),
            size_text(self.size_bytes),
        ]
    }
}

impl Row for TopicRow {
    const HEADERS: &'static [&'static str] = &[
        "STREAM",
        "TOPIC",
        "EXPIRY",
        "MAX SIZE",
        "COMPRESSION",
        "PARTITIONS",
        "MESSAGES",
        "SIZE",
    ];
    const NUMBERS_FROM: usize = 5;

    fn cells(&self) -> Vec<String> {
        vec![
            name_cell(&self.stream),
            name_cell(&self.name),
            self.message_expiry.clone(),
            self.max_topic_size.clone(),
            self.compression.clone(),
            self.partitions.to_string(),
            self.messages.to_string(),
            size_text(self.size_bytes),
        ]
    }
}

impl Row for GroupRow {
    const HEADERS: &'static [&'static str] = &["STREAM", "TOPIC", "GROUP", "MEMBERS"];
    const NUMBERS_FROM: usize = 3;

    fn cells(&self) -> Vec<String> {
        vec![
            name_cell(&self.stream),
            name_cell(&self.topic),
            name_cell(&self.name),
            self.members.to_string(),
        ]
    }
}
