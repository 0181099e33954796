//! Carrying out a plan that was approved.

mod carry_out;
mod document;
mod ended;
mod finish;
mod late;
mod ledgered;
mod questions;
mod record;
mod returned;
mod smoke;
mod verify;

use std::path::PathBuf;

use iggyctl_core::saved::SavedPlan;

use self::document::ApplyDocument;
use self::ended::NothingDone;
use self::finish::Apply;
use super::Process;
use super::adopted::{Asker, say_what_is_adopted};
use super::ledger::{LedgerOfContext, refuse_without_project};
use super::lock::{ApplyLock, LockArguments};
use super::plan_arguments::{PlanFormat, PlanningArguments};
use super::runtime::block_on;
use super::saved_plan;
use super::secret_arguments::Gathered;
use super::session::Session;
use super::time_limit::TimeLimit;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

pub(super) use self::carry_out::carry_out;
pub(super) use self::ended::step_reports;

#[derive(Debug, clap::Args)]
#[command(
    mut_arg("file", |file| file.required(false).required_unless_present("plan")),
    after_help = "Examples:\n  iggyctl apply -f topology.yaml --server iggy://iggy:iggy@127.0.0.1:8090\n  iggyctl apply -f manifests/ --context production --yes -o json\n  iggyctl apply -f topology.yaml --allow-destroy topic/orders/events\n  iggyctl apply -f topology.yaml --prune --allow-destroy topic/orders/former\n  iggyctl apply -f topology.yaml --yes --smoke\n  iggyctl apply --plan orders.plan --context production --yes\n  iggyctl apply -f topology.yaml --ledger --commit c0ffee\n\nWithout --prune apply never deletes anything. Exit codes: 0 done, 3 something is blocked or\nrefused by a policy, 4 a saved plan is stale,\n5 another apply of the project runs, 6 partially applied, 7 the smoke test failed."
)]
pub(super) struct ApplyArguments {
    #[command(flatten)]
    planning: PlanningArguments,
    #[command(flatten)]
    run: RunArguments,
    /// Carry out this plan, which `iggyctl plan --out` saved, instead of making one: with what was
    /// allowed then, and only if nothing that it depends on has moved since
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "file", "set", "values", "only", "allow_destroy", "prune", "rotate", "policy", "smoke",
            "skip_password_check",
        ]
    )]
    plan: Option<PathBuf>,
    /// Afterwards prove with real traffic that what is declared works, as `iggyctl smoke -f` does
    #[arg(long, conflicts_with = "only")]
    smoke: bool,
    /// End with exit code 2 instead of 0 when something was changed
    #[arg(long)]
    detailed_exitcode: bool,
}

/// What applying and destroying have in common.
#[derive(Debug, clap::Args)]
pub(super) struct RunArguments {
    /// Apply without asking
    #[arg(short, long)]
    yes: bool,
    /// Apply what is not blocked instead of ending with exit code 3
    #[arg(long)]
    skip_blocked: bool,
    /// How many resources are removed: with another number nothing is changed; asked for where that
    /// is more than half of what is owned, or all that is declared
    #[arg(long, value_name = "NUMBER")]
    expect_removals: Option<u32>,
    /// Do not read the server again afterwards
    #[arg(long)]
    no_verify: bool,
    /// Record it on the server itself, for `iggyctl history` and `iggyctl drift`: who, when, from
    /// which commit, what changed and what was declared; a context with `ledger: true` always does
    #[arg(long)]
    ledger: bool,
    /// The commit to record, where no platform of CI says it
    #[arg(long, value_name = "COMMIT")]
    commit: Option<String>,
    #[command(flatten)]
    lock: LockArguments,
}

impl ApplyArguments {
    /// Whether a ledger is kept. Without one nothing is recorded and nobody waits for
    /// anybody, so what is said about that was meant for a run with one.
    fn is_recorded(&self, is_kept: bool) -> Result<bool, CommandError> {
        if self.run.ledger || is_kept {
            return Ok(true);
        }
        let commit = self.run.commit.as_ref();
        let commit = commit.map(|_| ("--commit", "nothing is recorded"));
        match self.run.lock.needs_ledger().or(commit) {
            None => Ok(false),
            Some((flag, why)) => Err(CommandError::usage(format!(
                "{flag} without a ledger: {why}"
            ))
            .hint("add --ledger, or `ledger: true` to the context")),
        }
    }

    /// Removing what is declared takes the same way.
    pub(super) fn destroying(planning: PlanningArguments, run: RunArguments) -> Self {
        Self {
            planning,
            run,
            plan: None,
            smoke: false,
            detailed_exitcode: false,
        }
    }

    fn lock<'a>(
        &'a self,
        process: &'a Process,
        session: &'a Session,
        project: Option<String>,
        is_recorded: bool,
    ) -> ApplyLock<'a> {
        let command = if self.planning.destroys {
            "destroy"
        } else {
            "apply"
        };
        let lock = &self.run.lock;
        ApplyLock::new(process, session, lock, project, command, is_recorded)
    }

    pub(super) fn annotates(&self) -> bool {
        self.planning.output == PlanFormat::Github
    }
}

pub(super) fn run(process: &Process, arguments: &ApplyArguments) -> Result<ExitCode, CommandError> {
    if let Some(path) = &arguments.plan {
        if path.as_os_str() == "-" {
            return Err(CommandError::usage(
                "--plan -: what is carried out is read from a file, since standard input is for answers",
            )
            .hint("write the plan to a file, look at it with `iggyctl show FILE`, and name that"));
        }
        return run_saved(process, arguments, &saved_plan::read(path)?);
    }
    let ledger = LedgerOfContext::of(process, &arguments.planning.server)?;
    let is_recorded = arguments.is_recorded(ledger.is_kept)?;
    let (desired, manifests) = arguments.planning.declared(process, is_recorded)?;
    refuse_without_project(is_recorded, desired.project.as_deref())?;
    let policies = arguments.planning.policies(process)?;
    let gathered = arguments.planning.secrets.to_check(process, &desired)?;
    block_on(async {
        let limit = arguments.planning.time_limit();
        Session::run(
            process,
            &arguments.planning.server,
            limit,
            async |session| {
                // Until the first step nothing is lost by giving up, so this part is
                // simply cut off; steps are ended one by one.
                limit.limit(ledger.refuse_another(session)).await?;
                let project = desired.project.clone();
                let lock = arguments.lock(process, session, project, is_recorded);
                let mut desired = desired;
                in_lock(lock, limit, async |lock| {
                    let planning = &arguments.planning;
                    let work = async {
                        planning
                            .retain_what_was_applied(&mut desired, session, is_recorded)
                            .await?;
                        let mut planned = planning.plan(desired, session, &gathered).await?;
                        if is_recorded {
                            let asker = Asker::Apply;
                            say_what_is_adopted(process, &mut planned, session, asker).await?;
                        }
                        Ok(planned)
                    };
                    let mut planned = lock.while_held(limit.limit(work)).await?;
                    planned.manifests = manifests;
                    policies.check_plan(process, &planned.desired, &mut planned.report)?;
                    let apply = Apply {
                        process,
                        arguments,
                        session,
                        deadline: limit.at(),
                        is_recorded,
                        lock,
                        saved: None,
                    };
                    apply.finish(planned, gathered).await
                })
                .await
            },
        )
        .await
    })?
}

/// Does something in the lease, if it needs one, and gives it back however that ends.
async fn in_lock<'a>(
    lock: ApplyLock<'a>,
    limit: TimeLimit,
    work: impl AsyncFnOnce(&ApplyLock<'a>) -> Result<ExitCode, CommandError>,
) -> Result<ExitCode, CommandError> {
    let ended = match limit.limit(lock.take_if_there()).await {
        Ok(()) => work(&lock).await,
        Err(error) => Err(error),
    };
    lock.release().await;
    ended
}

/// Carries out what was planned before.
fn run_saved(
    process: &Process,
    arguments: &ApplyArguments,
    saved: &SavedPlan,
) -> Result<ExitCode, CommandError> {
    arguments.planning.refuse_other_contexts(process, None)?;
    let ledger = LedgerOfContext::of(process, &arguments.planning.server)?;
    // Also where the server is named by its address now: that it is recorded belongs to
    // what was planned.
    let is_recorded = arguments.is_recorded(ledger.is_kept || saved.server.keeps_ledger)?;
    refuse_without_project(is_recorded, saved.project.as_deref())?;
    let policies = arguments.planning.policies(process)?.digests();
    saved_plan::refuse_without(&policies, saved)?;
    block_on(async {
        let limit = arguments.planning.time_limit();
        let server = &arguments.planning.server;
        Session::run(process, server, limit, async |session| {
            limit.limit(ledger.refuse_another(session)).await?;
            let planned = saved_plan::planned(saved);
            let project = planned.desired.project.clone();
            let lock = arguments.lock(process, session, project, is_recorded);
            in_lock(lock, limit, async |lock| {
                let checked = limit.limit(saved_plan::refuse_if_stale(saved, session));
                if let Err(error) = lock.while_held(checked).await {
                    if error.exit_code != ExitCode::Stale {
                        return Err(error);
                    }
                    let format = arguments.planning.output;
                    let document = ApplyDocument::of(format, &planned);
                    let refused =
                        NothingDone::of(&planned.plan, format.is_document().then_some(&document));
                    return Err(refused.because(process, error));
                }
                let gathered = Gathered {
                    secrets: None,
                    sinks: arguments.planning.secrets.sinks(),
                };
                let apply = Apply {
                    process,
                    arguments,
                    session,
                    deadline: limit.at(),
                    is_recorded,
                    lock,
                    saved: Some(saved),
                };
                apply.finish(planned, gathered).await
            })
            .await
        })
        .await
    })?
}
