//! Plans in files: written by `plan --out`, carried out by `apply --plan`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use iggyctl_core::diff::TokenLogin;
use iggyctl_core::ledger::LedgerIdentity;
use iggyctl_core::plan::{Action, Stage};
use iggyctl_core::render::{TopologyChange, escape};
use iggyctl_core::saved::{PlannedServer, SavedPlan, SavedPlanError};
use iggyctl_core::state::Retained;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::ObservedState;
use iggyctl_engine::broker::BrokerRead as _;
use iggyctl_engine::ledger::{PooledLedger, describe};
use iggyctl_engine::observe::observe_touched;

use super::plan_arguments::Planned;
use super::retained;
use super::session::{Session, read_failed};
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

/// The largest file that is read, in bytes: a plan of 10,000 topics has a few dozen
/// megabytes.
const MAX_BYTES: u64 = 1 << 30;

/// Which server this is, as far as it tells.
async fn planned_server(session: &Session) -> Result<PlannedServer, CommandError> {
    let lease = session.connection().await?;
    // Neither is needed to carry the plan out, and not every login may ask.
    let version = lease.stats().await.ok().map(|stats| stats.version);
    let user_id = lease.me().await.ok().and_then(|me| me.user_id);
    Ok(PlannedServer {
        name: session.name.clone(),
        context: session.context.clone(),
        version,
        user_id,
        ledger: ledger_of(session).await,
        keeps_ledger: false,
    })
}

/// The identity of the ledger, where there is one and the login may read it.
async fn ledger_of(session: &Session) -> Option<LedgerIdentity> {
    describe(&PooledLedger::new(&session.pool)).await.ok()?
}

/// Writes a plan to a file that only its owner can read; whoever looks at it meanwhile
/// sees the former one, or all of this one.
pub(super) async fn write(
    path: &Path,
    planned: &Planned,
    policies: BTreeSet<String>,
    session: &Session,
    keeps_ledger: bool,
) -> Result<(), CommandError> {
    let server = PlannedServer {
        keeps_ledger,
        ..planned_server(session).await?
    };
    let saved = SavedPlan::new(
        &planned.plan,
        planned.report.clone(),
        &planned.desired,
        &planned.observed,
        server,
        env!("CARGO_PKG_VERSION"),
    )
    .held_to(policies)
    .declaring(planned.manifests.clone());
    let text = saved
        .to_text()
        .map_err(|error| CommandError::other(format!("cannot write the plan: {error}")))?;
    write_durably(path, text.as_bytes()).map_err(|error| {
        CommandError::other(format!("cannot write {}: {error}", path.display()))
            .hint("the plan was not saved")
    })
}

/// Refuses to put a plan in the place of something else: a file is replaced only where it is
/// a plan.
pub(super) fn refuse_to_replace(path: &Path) -> Result<(), CommandError> {
    let refused = |what: &str| {
        CommandError::usage(format!("--out {}: {what}, and stays", path.display()))
            .hint("name another file, or remove that one first")
    };
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        // That it cannot be looked at shows when it is written.
        Err(_) => return Ok(()),
    };
    if !there.is_file() {
        return Err(refused("this is no file"));
    }
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(START).read_to_end(&mut start));
    let is_plan = SavedPlan::is_said_by(&start);
    match read {
        Ok(_) if there.len() == 0 || is_plan => Ok(()),
        Ok(_) | Err(_) => Err(refused("this is no saved plan")),
    }
}

/// How much of a file says whether it is a plan, in bytes.
const START: u64 = 64;

fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Made with 0600.
    let mut file = tempfile::Builder::new()
        .prefix(".iggyctl-plan-")
        .tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // Where folders cannot be opened, the rename is as durable as it gets.
    match File::open(folder) {
        Ok(folder) => folder.sync_all(),
        Err(_) => Ok(()),
    }
}

/// Reads a plan back; from standard input as `-`.
pub(super) fn read(path: &Path) -> Result<SavedPlan, CommandError> {
    let is_input = path.as_os_str() == "-";
    let name = match is_input {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    let unreadable =
        |error: io::Error| CommandError::invalid_input(format!("cannot read {name}: {error}"));
    let mut bytes = Vec::new();
    let read = match is_input {
        true => io::stdin()
            .lock()
            .take(MAX_BYTES + 1)
            .read_to_end(&mut bytes),
        false => File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)),
    };
    read.map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(CommandError::invalid_input(format!(
            "{name}: this is not a saved plan: it has more than {MAX_BYTES} bytes"
        )));
    }
    SavedPlan::from_bytes(&bytes).map_err(|error| {
        let hint = match &error {
            SavedPlanError::NotAPlan => "a saved plan is what `iggyctl plan --out FILE` writes",
            SavedPlanError::Newer { .. } => {
                "use the version of iggyctl that wrote it, or a newer one"
            }
            SavedPlanError::NoSuchForm { .. }
            | SavedPlanError::Changed
            | SavedPlanError::Malformed { .. } => "plan again, and move the file as it is",
        };
        CommandError::invalid_input(format!("{name}: {error} [{}]", error.code())).hint(hint)
    })
}

/// A plan as if it had just been made, without what only manifests tell.
pub(super) fn planned(saved: &SavedPlan) -> Planned {
    Planned {
        desired: DesiredState {
            project: saved.project.clone(),
            ..DesiredState::default()
        },
        plan: saved.plan(),
        report: saved.report.clone(),
        prunable: BTreeSet::new(),
        is_access_unread: false,
        subject: saved.subject(),
        topology: TopologyChange::default(),
        observed: ObservedState::default(),
        saved: Some(saved.declared.clone()),
        manifests: saved.sources.clone(),
    }
}

/// Refuses a plan that was not held to the policies that count here.
pub(super) fn refuse_without(
    policies: &BTreeSet<String>,
    saved: &SavedPlan,
) -> Result<(), CommandError> {
    if policies.is_subset(&saved.policies) {
        return Ok(());
    }
    Err(CommandError::new(
        ExitCode::Blocked,
        "nothing was changed: the plan was not held to the policies of this context as they are now",
    )
    .hint("plan again with this context"))
}

/// Reads what the plan depends on again, and refuses it when something of that moved.
pub(super) async fn refuse_if_stale(
    saved: &SavedPlan,
    session: &Session,
) -> Result<(), CommandError> {
    let now = planned_server(session).await?;
    if now.name != saved.server.name {
        return Err(CommandError::new(
            ExitCode::Stale,
            format!(
                "nothing was changed: the plan was made for {}, and this is {}",
                escape(&saved.server.name),
                escape(&now.name)
            ),
        )
        .hint("name the server as it was named for the plan, or plan again"));
    }
    if let Some(before) = saved.server.ledger
        && now.ledger != Some(before)
    {
        let found = match now.ledger {
            Some(found) => format!("has the ledger {found}"),
            None => "has none that this login may read".to_owned(),
        };
        return Err(CommandError::new(
            ExitCode::Stale,
            format!(
                "nothing was changed: the plan was made for the server with the ledger {before}, \
                 and this one {found}"
            ),
        )
        .hint("name the server that the plan was made for, or plan again"));
    }
    if now.user_id != saved.server.user_id && depends_on_login(saved, now.user_id) {
        return Err(CommandError::new(
            ExitCode::Stale,
            "nothing was changed: the plan was made as another user, and some of its steps depend \
             on which one",
        )
        .hint("log in as for the plan, or plan again"));
    }
    let observed = observe_touched(&session.pool, &saved.touched)
        .await
        .map_err(read_failed)?;
    let mut moved = saved.touched.moved(&observed);
    if !saved.pruned.is_empty() {
        let mut retained = Retained::default();
        let project = saved.project.as_deref();
        retained::add_what_was_applied(&mut retained, project, session).await?;
        moved.extend(saved.retained_since(&retained, &observed));
    }
    if moved.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = moved
        .iter()
        .map(|line| format!("\n  {}", escape(&line.to_string())))
        .collect();
    Err(CommandError::new(
        ExitCode::Stale,
        format!(
            "nothing was changed: the plan is stale, since what it was made from has moved:{}",
            lines.concat()
        ),
    )
    .hint("plan again, and review what changes now"))
}

/// Whether it matters who carries the plan out: one of its steps changes that user, or the
/// one that made it, or acts as the own user.
fn depends_on_login(saved: &SavedPlan, user_id: Option<u32>) -> bool {
    let acts_as_self = saved.report.steps.iter().any(|step| {
        let login = match &step.action {
            Action::CreateToken { login, .. } | Action::RevokeToken { login, .. } => Some(login),
            _ => None,
        };
        step.stage == Stage::OwnLogin || login == Some(&TokenLogin::Own)
    });
    acts_as_self || user_id.is_none_or(|id| saved.touched.changes_user(id))
}
