//! What the ledger of a server has of former applies.

use std::num::NonZeroUsize;

use iggyctl_core::ledger::{HistoryLine, HistoryReport, Revision, RevisionReport};
use iggyctl_core::render::TopologyChange;
use iggyctl_engine::ledger::{FirstEntry, PooledLedger, Recorded, describe, list, read_back};

use super::Process;
use super::ledger::{ledger_failed, refuse_another_ledger};
use super::output::json_failed;
use super::runtime::block_on;
use super::server_arguments::ServerArguments;
use super::session::Session;
use super::time_limit::TimeLimit;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  iggyctl history --context production\n  iggyctl history --project orders -o json\n  iggyctl history show 42 --context production\n  iggyctl export --revision 42 --context production > then.yaml\n\nWhat is recorded is what `apply --ledger` and `destroy --ledger` did."
)]
pub(super) struct HistoryArguments {
    #[command(subcommand)]
    command: Option<HistoryCommand>,
    #[command(flatten)]
    list: ListArguments,
}

#[derive(Debug, clap::Subcommand)]
enum HistoryCommand {
    /// Show one apply: who, when, the plan, and how it ended
    Show(ShowArguments),
}

#[derive(Debug, clap::Args)]
struct ListArguments {
    /// Only this project, which is the name of the `IggyTopology`
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// How many, the newest first
    #[arg(long, value_name = "NUMBER", default_value = "50")]
    limit: NonZeroUsize,
    /// How to print them
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: ListFormat,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl history show 42 --context production\n  iggyctl history show 42 -o html > revision.html"
)]
struct ShowArguments {
    /// The number that `iggyctl history` lists
    #[arg(value_name = "REVISION")]
    revision: Revision,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: ShowFormat,
    #[command(flatten)]
    server: ServerArguments,
}

/// How to print a list of applies.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum ListFormat {
    /// For people.
    #[default]
    Text,
    /// JSON of schemas/history.v1.json.
    Json,
    /// A table for a comment or a page.
    Markdown,
}

/// How to print one apply.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum ShowFormat {
    /// For people.
    #[default]
    Text,
    /// JSON of schemas/revision.v1.json.
    Json,
    /// A comment for a pull request.
    Markdown,
    /// One page to look at.
    Html,
}

pub(super) fn run(
    process: &Process,
    arguments: &HistoryArguments,
) -> Result<ExitCode, CommandError> {
    match &arguments.command {
        None => block_on(print_list(process, &arguments.list))?,
        Some(HistoryCommand::Show(arguments)) => block_on(show(process, arguments))?,
    }
}

async fn print_list(
    process: &Process,
    arguments: &ListArguments,
) -> Result<ExitCode, CommandError> {
    let limit = TimeLimit::NONE;
    Session::run(process, &arguments.server, limit, async |session| {
        refuse_another_ledger(process, &arguments.server, session).await?;
        let ledger = PooledLedger::new(&session.pool);
        let identity = describe(&ledger).await.map_err(ledger_failed)?;
        let found = match identity {
            Some(_) => {
                let project = arguments.project.as_deref().map(Some);
                let found = list(&ledger, project, arguments.limit.get()).await;
                found.map_err(ledger_failed)?
            }
            None => Vec::new(),
        };
        let report = HistoryReport::new(identity, found.iter().map(line).collect());
        process.output(&match arguments.output {
            ListFormat::Text => report.to_text(),
            ListFormat::Json => report.to_json().map_err(json_failed)?,
            ListFormat::Markdown => report.to_markdown(),
        })?;
        Ok(ExitCode::Done)
    })
    .await
}

async fn show(process: &Process, arguments: &ShowArguments) -> Result<ExitCode, CommandError> {
    let limit = TimeLimit::NONE;
    Session::run(process, &arguments.server, limit, async |session| {
        refuse_another_ledger(process, &arguments.server, session).await?;
        let report = read(session, arguments.revision).await?;
        process.output(&match arguments.output {
            ShowFormat::Text => report.to_text(process.text_options()),
            ShowFormat::Json => report.to_json().map_err(json_failed)?,
            ShowFormat::Markdown => report.to_markdown(),
            ShowFormat::Html => {
                let (subject, topology) = (report.subject(), TopologyChange::default());
                match report.apply() {
                    Some(ended) => ended.to_html(&subject, Some(&report.plan), &topology),
                    None => report.plan.to_html(&subject, &topology),
                }
            }
        })?;
        Ok(ExitCode::Done)
    })
    .await
}

/// One apply, with its documents.
pub(super) async fn read(
    session: &Session,
    revision: Revision,
) -> Result<RevisionReport, CommandError> {
    let ledger = PooledLedger::new(&session.pool);
    if describe(&ledger).await.map_err(ledger_failed)?.is_none() {
        return Err(CommandError::other("the server has no ledger")
            .hint("`iggyctl apply --ledger` makes one"));
    }
    let (recorded, begun, ended) = read_back(&ledger, revision).await.map_err(ledger_failed)?;
    Ok(RevisionReport::new(line(&recorded), begun, ended))
}

fn line(recorded: &Recorded) -> HistoryLine {
    let Recorded {
        revision,
        at_micros,
        first,
        ending,
    } = recorded;
    let ending = ending.as_ref().map(|it| (&it.ended, it.at_micros));
    match first {
        FirstEntry::Begun(begun) => HistoryLine::new(*revision, *at_micros, Ok(begun), ending),
        FirstEntry::Unreadable(error) => {
            let reason = error.to_string();
            HistoryLine::new(*revision, *at_micros, Err(&reason), ending)
        }
    }
}
