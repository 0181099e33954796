//! `iggyctl lock`: who applies now, and ending a lease by hand.

use iggyctl_core::ledger::{LEASES, LeaseLine, LeaseList, LeaseState, STREAM};
use iggyctl_core::name::ResourceName;
use iggyctl_engine::lease::{
    Broken, Epoch, LeaseTopic, Standing, StoredNote, break_lease, lease_name, project_of, standing,
};
use iggyctl_engine::ledger::{PooledLedger, describe};
use uuid::Uuid;

use super::apply_lock::lease_failed;
use super::words::{project_words, time, who};
use crate::cli::Process;
use crate::cli::author::author;
use crate::cli::ledger::{ledger_failed, refuse_another_ledger};
use crate::cli::output::json_failed;
use crate::cli::runtime::block_on;
use crate::cli::server_arguments::ServerArguments;
use crate::cli::session::{Session, read_failed};
use crate::cli::time_limit::TimeLimit;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LockCommandArguments {
    #[command(subcommand)]
    command: LockCommand,
}

#[derive(Debug, clap::Subcommand)]
enum LockCommand {
    /// Show who applies what now
    List(ListArguments),
    /// End a lease whose owner is not there any more
    Release(ReleaseArguments),
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl lock list --context production\n  iggyctl lock list -o json\n\nOnly applies with a ledger have leases: `apply --ledger` and `destroy --ledger`."
)]
struct ListArguments {
    /// How to print them
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: LockFormat,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl lock release orders --context production\n\nAn owner that still runs notices it when it renews the lease, and sends nothing more then. A lease\nwhose owner died ends by itself, so this is for those who cannot wait."
)]
struct ReleaseArguments {
    /// The name of the `IggyTopology`; without it, the lease of manifests that have none
    #[arg(value_name = "PROJECT")]
    project: Option<String>,
    #[command(flatten)]
    server: ServerArguments,
}

/// How to print leases.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum LockFormat {
    /// For people.
    #[default]
    Text,
    /// JSON of schemas/locks.v1.json.
    Json,
}

pub(in crate::cli) fn run(
    process: &Process,
    arguments: &LockCommandArguments,
) -> Result<ExitCode, CommandError> {
    match &arguments.command {
        LockCommand::List(arguments) => block_on(list(process, arguments))?,
        LockCommand::Release(arguments) => block_on(release(process, arguments))?,
    }
}

async fn list(process: &Process, arguments: &ListArguments) -> Result<ExitCode, CommandError> {
    let limit = TimeLimit::NONE;
    Session::run(process, &arguments.server, limit, async |session| {
        refuse_another_ledger(process, &arguments.server, session).await?;
        let mut lines = Vec::new();
        if has_ledger(session).await? {
            let topic = LeaseTopic::new(&session.pool, STREAM.clone(), LEASES.clone());
            let groups = topic.groups().await.map_err(read_failed)?;
            let notes = topic.notes(None).await.map_err(read_failed)?;
            let leases = groups.iter();
            lines = leases
                .filter_map(|(group, epoch)| line(group, *epoch, &notes))
                .collect();
        }
        let report = LeaseList::new(lines);
        process.output(&match arguments.output {
            LockFormat::Text => report.to_text(),
            LockFormat::Json => report.to_json().map_err(json_failed)?,
        })?;
        Ok(ExitCode::Done)
    })
    .await
}

async fn has_ledger(session: &Session) -> Result<bool, CommandError> {
    let ledger = PooledLedger::new(&session.pool);
    Ok(describe(&ledger).await.map_err(ledger_failed)?.is_some())
}

/// `None` for a group that is no lease.
fn line(group: &ResourceName, epoch: Epoch, notes: &[StoredNote]) -> Option<LeaseLine> {
    let project = project_of(group)?.map(str::to_owned);
    let standing = standing(epoch, notes);
    let until = standing.until_micros().map(time);
    let nobodys = LeaseLine {
        project,
        epoch,
        state: LeaseState::Over,
        command: None,
        author: None,
        since: None,
        renewed: None,
        until,
    };
    Some(match standing {
        Standing::Held {
            holder,
            since_micros,
            renewed_micros,
        } => LeaseLine {
            state: LeaseState::Held,
            command: Some(holder.command),
            author: Some(holder.author),
            since: Some(time(since_micros)),
            renewed: Some(time(renewed_micros)),
            ..nobodys
        },
        Standing::Unclaimed { .. } => LeaseLine {
            state: LeaseState::Unclaimed,
            ..nobodys
        },
        Standing::Over(_) => nobodys,
    })
}

async fn release(
    process: &Process,
    arguments: &ReleaseArguments,
) -> Result<ExitCode, CommandError> {
    let project = arguments.project.as_deref();
    let group = lease_name(project).map_err(|error| CommandError::usage(error.to_string()))?;
    let of = project_words(project);
    let limit = TimeLimit::NONE;
    Session::run(process, &arguments.server, limit, async |session| {
        refuse_another_ledger(process, &arguments.server, session).await?;
        let nothing = || {
            process
                .terminal
                .message(&format!("Nobody has the lease of {of}."));
            Ok(ExitCode::Done)
        };
        if !has_ledger(session).await? {
            return nothing();
        }
        let topic = LeaseTopic::new(&session.pool, STREAM.clone(), LEASES.clone());
        let groups = topic.groups().await.map_err(read_failed)?;
        let Some(epoch) = groups.get(&group).copied() else {
            return nothing();
        };
        let notes = topic.notes(None).await.map_err(read_failed)?;
        let author = author(process, session).await;
        let by = author.machine.or(author.login);
        let by = by.unwrap_or_else(|| "somebody".to_owned());
        let id = Uuid::now_v7().as_u128();
        let broken = break_lease(&topic, &group, epoch, by, id).await;
        if broken.map_err(lease_failed)? == Broken::WasGone {
            return nothing();
        }
        let whose = match standing(epoch, &notes) {
            Standing::Held { holder, .. } => format!(" It was that of {}.", who(&holder)),
            Standing::Unclaimed { .. } | Standing::Over(_) => String::new(),
        };
        process.terminal.message(&format!(
            "The lease of {of} is released, number {epoch}.{whose}"
        ));
        Ok(ExitCode::Done)
    })
    .await
}
