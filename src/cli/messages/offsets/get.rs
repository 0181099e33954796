use iggyctl_core::render::escape;
use iggyctl_core::wording::counted;
use iggyctl_messaging::offsets::{Reader, TopicOffsets};
use serde::Serialize;

use super::report::{OffsetRow, ReaderReport};
use super::{ReaderArguments, TopicArguments};
use crate::cli::Process;
use crate::cli::get::render;
use crate::cli::messages::connection::MessageSession;
use crate::cli::output::Format;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iggyctl offsets get orders/events
  iggyctl offsets get orders/events --group billing -o json
  iggyctl offsets get orders/events --consumer audit

STORED is the last message that was handled, NEXT the one that the reader goes on with, END the
offset that the next message will get, and LAG how many wait. Without --group and --consumer all
groups are shown; consumers that read by themselves cannot be listed.")]
pub(super) struct GetArguments {
    #[command(flatten)]
    topic: TopicArguments,
    #[command(flatten)]
    reader: ReaderArguments,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OffsetsReport {
    stream: String,
    topic: String,
    readers: Vec<ReaderReport>,
    /// `unknown` when all readers were asked for: of those that read by themselves the
    /// server has no list.
    #[serde(skip_serializing_if = "Option::is_none")]
    other_consumers: Option<&'static str>,
}

pub(super) async fn get(
    process: &Process,
    arguments: &GetArguments,
) -> Result<ExitCode, CommandError> {
    let GetArguments {
        topic,
        reader,
        output,
    } = arguments;
    MessageSession::run(
        process,
        &topic.server,
        topic.give_up_after,
        async |session| {
            let report = tokio::select! {
                report = read(session, arguments) => report?,
                () = session.stop.requested() => {
                    return Err(CommandError::other("interrupted"));
                }
            };
            process.output(&match output {
                Format::Text => render(Format::Text, &OffsetRow::all(&report.readers))?,
                Format::Json | Format::Yaml => output.render(&report, String::new)?,
            })?;
            if *output == Format::Text {
                for it in &report.readers {
                    if let Some(members) = it.members.as_ref().filter(|it| !it.is_empty()) {
                        process.terminal.message(&format!(
                            "The group {} has {}.",
                            escape(&it.name),
                            counted(members.len() as u64, "active member")
                        ));
                    }
                }
                if reader.reader().is_none() {
                    process.terminal.message(
                        "Consumers that read without a group: unknown, since the server cannot \
                         list them; name one with --consumer.",
                    );
                }
            }
            Ok(ExitCode::Done)
        },
    )
    .await
}

async fn read(
    session: &MessageSession,
    arguments: &GetArguments,
) -> Result<OffsetsReport, CommandError> {
    let place = &arguments.topic.place;
    let failed = |error| session.reasons.of(&error);
    let (stream, topic) = (place.stream.as_str(), place.topic.as_str());
    let offsets = TopicOffsets::new(&session.connection, stream, topic).map_err(failed)?;
    let named = arguments.reader.reader();
    let all = named.is_none();
    let readers = match named {
        Some(reader) => vec![reader],
        None => {
            let groups = offsets.groups().await.map_err(failed)?;
            groups.into_iter().map(Reader::Group).collect()
        }
    };
    let mut reports = Vec::new();
    for reader in &readers {
        let seen = offsets.observe(reader).await.map_err(failed)?;
        reports.push(ReaderReport::new(&seen));
    }
    Ok(OffsetsReport {
        stream: stream.to_owned(),
        topic: topic.to_owned(),
        readers: reports,
        other_consumers: all.then_some("unknown"),
    })
}
