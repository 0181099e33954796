//! Carrying out a plan that was approved.

use std::path::PathBuf;
use std::time::Duration;

use iggyctl_core::plan::{ApprovedPlan, Blocked, MassDeletion, Plan, Refusal, Step};
use iggyctl_core::render::{ApplyReport, PlanReport, StepReport, StepStatus, Verification, escape};
use iggyctl_core::saved::SavedPlan;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_engine::apply::{ApplyEvent, ApplyOutcome, Cancellation, StepResult, Supplies, apply};
use iggyctl_engine::delivery::FileSinks;
use tokio::time::Instant;

use super::Process;
use super::apply_document::ApplyDocument;
use super::apply_record::Record;
use super::apply_smoke::{self, ToTry, time_is_up};
use super::plan_arguments::{PlanFormat, Planned, PlanningArguments, unreadable};
use super::policy_arguments;
use super::runtime::block_on;
use super::saved_plan;
use super::secret_arguments::Gathered;
use super::session::{Pool, Session};
use super::stop::stop_requested;
use super::unknown_settings;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::terminal::{Answer, Progress, ask_number, confirm};

#[derive(Debug, clap::Args)]
#[command(
    mut_arg("file", |file| file.required(false).required_unless_present("plan")),
    after_help = "Examples:\n  iggyctl apply -f topology.yaml --server iggy://iggy:iggy@127.0.0.1:8090\n  iggyctl apply -f manifests/ --context production --yes -o json\n  iggyctl apply -f topology.yaml --allow-destroy topic/orders/events\n  iggyctl apply -f topology.yaml --prune --allow-destroy topic/orders/former\n  iggyctl apply -f topology.yaml --yes --smoke\n  iggyctl apply --plan orders.plan --context production --yes\n\nWithout --prune apply never deletes anything. Exit codes: 0 done, 3 something is blocked or\nrefused by a policy, 4 a saved plan is stale,\n6 partially applied, 7 the smoke test failed."
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
    /// How many resources are removed; asked for where that is more than half of what is owned, or
    /// all that is declared
    #[arg(long, value_name = "NUMBER")]
    expect_removals: Option<u32>,
    /// Do not read the server again afterwards
    #[arg(long)]
    no_verify: bool,
}

impl ApplyArguments {
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

    pub(super) fn annotates(&self) -> bool {
        self.planning.output == PlanFormat::Github
    }
}

pub(super) fn run(process: &Process, arguments: &ApplyArguments) -> Result<ExitCode, CommandError> {
    if let Some(path) = &arguments.plan {
        return run_saved(process, arguments, &saved_plan::read(path)?);
    }
    let desired = arguments.planning.desired(process)?;
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
                let mut planned = limit
                    .limit(arguments.planning.plan(desired, session, &gathered))
                    .await?;
                policies.check_plan(process, &planned.desired, &mut planned.report)?;
                finish(process, arguments, planned, gathered, session, limit.at()).await
            },
        )
        .await
    })?
}

/// Carries out what was planned before.
fn run_saved(
    process: &Process,
    arguments: &ApplyArguments,
    saved: &SavedPlan,
) -> Result<ExitCode, CommandError> {
    let policies = arguments.planning.policies(process)?.digests();
    saved_plan::refuse_without(&policies, saved)?;
    block_on(async {
        let limit = arguments.planning.time_limit();
        let server = &arguments.planning.server;
        Session::run(process, server, limit, async |session| {
            let planned = saved_plan::planned(saved);
            let checked = limit.limit(saved_plan::refuse_if_stale(saved, session));
            if let Err(error) = checked.await {
                let format = arguments.planning.output;
                if error.exit_code == ExitCode::Stale && format.is_document() {
                    let document = ApplyDocument::of(format, &planned);
                    let ended = nothing_attempted(&planned.plan, &error.message);
                    process.output(&document.text(&ended, process)?)?;
                }
                return Err(error);
            }
            let gathered = Gathered {
                secrets: None,
                sinks: arguments.planning.secrets.sinks(),
            };
            finish(process, arguments, planned, gathered, session, limit.at()).await
        })
        .await
    })?
}

fn nothing_attempted(plan: &Plan, reason: &str) -> ApplyReport {
    let steps = plan.steps.iter().map(|step| not_attempted(step, reason));
    ApplyReport::new(steps.collect(), plan.blocked.clone(), Verification::Skipped)
}

async fn finish(
    process: &Process,
    arguments: &ApplyArguments,
    planned: Planned,
    gathered: Gathered,
    session: &Session,
    deadline: Option<Instant>,
) -> Result<ExitCode, CommandError> {
    let is_document = arguments.planning.output.is_document();
    PlanningArguments::warn_about_pruning_nothing(process, &planned);
    PlanningArguments::warn_about_unused_approvals(process, &planned);
    if is_document {
        // Standard output is for one document, how it ended; a person reads the plan here.
        let text = planned.report.to_text(process.message_options());
        process.terminal.message(text.trim_end());
    } else {
        arguments.planning.print(process, &planned)?;
    }
    let document = ApplyDocument::of(arguments.planning.output, &planned);
    let Planned {
        desired,
        plan,
        report,
        subject: _,
        prunable: _,
        is_access_unread: _,
        observed: _,
        saved,
        topology: _,
    } = planned;
    if report.refusals() > 0 {
        return Err(refused_by_policies(
            process,
            is_document,
            &document,
            &plan,
            &report,
        )?);
    }
    let Gathered {
        secrets: checked,
        sinks,
    } = gathered;
    let is_saved = saved.is_some();
    let is_checked = checked.is_some();
    let secrets = arguments
        .planning
        .secrets
        .to_apply(process, &plan, checked)?;
    let blocked = plan.blocked.clone();
    let left_out = report.left_out;
    let nothing_to_do = plan.steps.is_empty();
    // Standard output has one document even when nothing is carried out.
    let refused = |steps: &[Step], reason: &str| {
        if !is_document {
            return Ok(());
        }
        let steps = steps.iter().map(|step| not_attempted(step, reason));
        let ended = ApplyReport::new(steps.collect(), blocked.clone(), Verification::Skipped);
        process.output(&document.text(&ended, process)?)
    };
    let steps = plan.steps.clone();
    let mut deadline = deadline;
    let mut removals = arguments.run.expect_removals;
    if let Some(deletion) = plan.mass_deletion
        && removals.is_none()
        && !arguments.run.yes
        && process.terminal.is_interactive()
        && (plan.blocked.is_empty() || arguments.run.skip_blocked)
    {
        let asked = Instant::now();
        removals = ask_removals(deletion)?;
        // A person may take any time to answer.
        deadline = deadline.map(|deadline| deadline + asked.elapsed());
    }
    let saved = saved.map(|_| &plan);
    let grant = arguments.planning.grant(saved, removals);
    let approved = match plan.approve(arguments.run.skip_blocked, &grant) {
        Ok(approved) => approved,
        Err(refusal) => {
            refused(&steps, &format!("nothing was changed: {refusal}"))?;
            return Err(CommandError::new(
                ExitCode::Blocked,
                format!("nothing was changed: {refusal}"),
            )
            .hint(match refusal {
                Refusal::RemovalsNotConfirmed { deletion, .. } => format!(
                    "look at what is removed; if that is meant, add --expect-removals {}",
                    deletion.removed
                ),
                Refusal::Blocked { .. } | Refusal::DestructionNotGranted { .. } => {
                    "follow the way out that the plan names, or apply the rest with --skip-blocked"
                        .to_owned()
                }
            }));
        }
    };
    let to_try = arguments.smoke.then(|| ToTry {
        desired: desired.clone(),
        passwords: is_checked.then(|| secrets.clone()),
    });
    if nothing_to_do {
        let (tried, ended) =
            apply_smoke::run(process, &arguments.planning, to_try, session, deadline).await;
        if is_document {
            let verified = match is_saved {
                true => Verification::Skipped,
                false => converged(&blocked, left_out),
            };
            let ended = ApplyReport::new(Vec::new(), blocked.clone(), verified).with_smoke(tried);
            process.output(&document.text(&ended, process)?)?;
        } else if let Some(tried) = tried {
            process.output(&format!("\n{}", tried.to_text(process.text_options())))?;
        }
        unreadable(&blocked)?;
        return ended.map(|code| code.unwrap_or(ExitCode::Done));
    }
    if !arguments.run.yes {
        let asked = Instant::now();
        if let Err(error) = ask(process, &session.name) {
            refused(&steps, &error.message)?;
            return Err(error);
        }
        // A person may take any time to answer.
        deadline = deadline.map(|deadline| deadline + asked.elapsed());
    }
    let outcome = carry_out(
        process,
        &approved,
        Supplies::new(&secrets, &sinks).of_server(&session.name),
        &session.pool,
        is_document,
        deadline,
    )
    .await;
    if session.pool.login_has_changed() {
        process
            .terminal
            .message("The login of iggyctl itself was changed: from now on it needs the new one.");
    }
    let verified = if !outcome.is_complete() || arguments.run.no_verify || is_saved {
        Verification::Skipped
    } else {
        let gathered = Gathered {
            secrets: is_checked.then_some(secrets),
            sinks,
        };
        tokio::select! {
            verified = verify(arguments, desired, &gathered, session, &blocked, left_out) => verified,
            reason = interrupted(deadline) => Verification::Failed {
                reason: reason.to_owned(),
            },
        }
    };
    let exit_code = exit_code(arguments, &outcome, &verified);
    let mut steps = step_reports(&approved, &outcome);
    unknown_settings::name_them(&mut steps, &approved, &outcome, &session.pool).await;
    let is_good = matches!(exit_code, ExitCode::Done | ExitCode::ChangesPending);
    let to_try = to_try.filter(|_| is_good);
    let (tried, ended) =
        apply_smoke::run(process, &arguments.planning, to_try, session, deadline).await;
    let report = ApplyReport::new(steps, blocked.clone(), verified).with_smoke(tried);
    process.output(&document.text(&report, process)?)?;
    if outcome.is_complete() && exit_code != ExitCode::PartiallyApplied {
        unreadable(&blocked)?;
    }
    ended.map(|code| code.unwrap_or(exit_code))
}

/// What nobody carries out, since policies refuse it. Not even `--skip-blocked`
/// does.
fn refused_by_policies(
    process: &Process,
    is_document: bool,
    document: &ApplyDocument,
    plan: &Plan,
    report: &PlanReport,
) -> Result<CommandError, CommandError> {
    let error = policy_arguments::refused(report.refusals(), "nothing was changed");
    if is_document {
        let ended = nothing_attempted(plan, &error.message);
        process.output(&document.text(&ended, process)?)?;
    }
    Ok(error)
}

fn not_attempted(step: &Step, reason: &str) -> StepReport {
    StepReport {
        id: step.id,
        address: step.address.clone(),
        action: step.action.to_string(),
        status: StepStatus::NotAttempted,
        reason: Some(reason.to_owned()),
    }
}

fn exit_code(
    arguments: &ApplyArguments,
    outcome: &ApplyOutcome,
    verified: &Verification,
) -> ExitCode {
    let (applied, _, _) = outcome.counts();
    if !outcome.is_complete() {
        return if applied == 0 && !outcome.has_unknown() {
            // Nothing was changed, so nothing is partial.
            ExitCode::Error
        } else {
            ExitCode::PartiallyApplied
        };
    }
    match verified {
        Verification::Differs { .. } | Verification::Failed { .. } => ExitCode::PartiallyApplied,
        Verification::Converged | Verification::ConvergedExcept { .. } | Verification::Skipped => {
            if arguments.detailed_exitcode {
                ExitCode::ChangesPending
            } else {
                ExitCode::Done
            }
        }
    }
}

/// What "everything is as declared" means when some of it was left out.
fn converged(blocked: &[Blocked], left_out: u32) -> Verification {
    if blocked.is_empty() && left_out == 0 {
        return Verification::Converged;
    }
    Verification::ConvergedExcept {
        blocked: u32::try_from(blocked.len()).unwrap_or(u32::MAX),
        left_out,
    }
}

/// Plans again: nothing is left, except what was blocked before and skipped.
async fn verify(
    arguments: &ApplyArguments,
    mut desired: DesiredState,
    gathered: &Gathered,
    session: &Session,
    accepted: &[Blocked],
    left_out: u32,
) -> Verification {
    // What was replaced is not to be replaced once more.
    desired.forget_rotations();
    match arguments.planning.plan(desired, session, gathered).await {
        Ok(left) => {
            let more_blocked = left.plan.blocked.len().saturating_sub(accepted.len());
            let changes =
                left.plan.summary.changes() + u32::try_from(more_blocked).unwrap_or(u32::MAX);
            if changes == 0 {
                converged(accepted, left_out)
            } else {
                Verification::Differs { changes }
            }
        }
        Err(error) => Verification::Failed {
            reason: error.message,
        },
    }
}

/// Carries out a plan and shows how it goes on. Ctrl-C, SIGTERM and the
/// deadline let what is in flight end, and leave the rest.
pub(super) async fn carry_out(
    process: &Process,
    plan: &ApprovedPlan,
    supplies: Supplies<'_, FileSinks>,
    pool: &Pool,
    quiet: bool,
    deadline: Option<Instant>,
) -> ApplyOutcome {
    let cancellation = Cancellation::default();
    let mut progress = Progress::start(process.terminal, plan.steps().len(), quiet);
    let mut record = Record::new(plan);
    let outcome = {
        let mut on_event = |event: ApplyEvent<'_>| {
            record.note(event);
            show(&mut progress, event);
        };
        let work = apply(plan, pool, supplies, &mut on_event, &cancellation);
        tokio::pin!(work);
        tokio::select! {
            outcome = &mut work => Some(outcome),
            reason = interrupted(deadline) => {
                cancellation.cancel();
                process.terminal.message(&format!(
                    "{reason}: what was sent is waited for ({GRACE:?} at most), nothing more is sent."
                ));
                tokio::select! {
                    outcome = &mut work => Some(outcome),
                    () = stop_requested() => None,
                    () = tokio::time::sleep(GRACE) => None,
                }
            }
        }
    };
    progress.finish();
    outcome.unwrap_or_else(|| {
        // Replies that were given up would be taken for those of other requests.
        pool.forget_idle();
        record.outcome()
    })
}

/// How long an interrupted apply waits for the replies of what it has sent. A
/// server that has not answered by then is not going to be waited for.
const GRACE: Duration = Duration::from_secs(5);

fn show(progress: &mut Progress, event: ApplyEvent<'_>) {
    let line = |step: &Step| format!("{}: {}", escape(&step.address.to_string()), step.action);
    match event {
        ApplyEvent::StepStarted { .. } => {}
        ApplyEvent::StepApplied { step } => progress.step_done(&line(step)),
        ApplyEvent::StepFailed { step, failure } => progress.step_failed(&format!(
            "{}: {}: {}",
            line(step),
            if failure.is_unknown() {
                "unknown"
            } else {
                "failed"
            },
            escape(&failure.to_string())
        )),
        // Nothing happened, and a lost server leaves thousands of them: the
        // report says it.
        ApplyEvent::StepNotAttempted { .. } => {}
    }
}

async fn interrupted(deadline: Option<Instant>) -> &'static str {
    tokio::select! {
        () = stop_requested() => "Interrupted",
        () = time_is_up(deadline) => "The time of --timeout is up",
    }
}

/// How each step ended, in words.
pub(super) fn step_reports(plan: &ApprovedPlan, outcome: &ApplyOutcome) -> Vec<StepReport> {
    plan.steps()
        .iter()
        .zip(&outcome.steps)
        .map(|(step, ended)| {
            let (status, reason) = match &ended.result {
                StepResult::Applied => (StepStatus::Applied, None),
                StepResult::Failed(failure) if failure.is_unknown() => {
                    (StepStatus::Unknown, Some(failure.to_string()))
                }
                StepResult::Failed(failure) => (StepStatus::Failed, Some(failure.to_string())),
                StepResult::NotAttempted(reason) => {
                    (StepStatus::NotAttempted, Some(reason.to_string()))
                }
            };
            StepReport {
                id: step.id,
                address: step.address.clone(),
                action: step.action.to_string(),
                status,
                reason,
            }
        })
        .collect()
}

fn ask_removals(deletion: MassDeletion) -> Result<Option<u32>, CommandError> {
    let MassDeletion { removed, there } = deletion;
    ask_number(&format!(
        "\nThis removes {removed} of {there} owned resources. How many are removed?"
    ))
    .map_err(|error| {
        CommandError::other(format!(
            "nothing was changed: the answer cannot be read: {error}"
        ))
    })
}

fn ask(process: &Process, server: &str) -> Result<(), CommandError> {
    if !process.terminal.is_interactive() {
        return Err(CommandError::usage(
            "nothing was changed: there is nobody to ask, since this is no terminal",
        )
        .hint("read the plan, then apply with --yes"));
    }
    match confirm(&format!("\nApply these changes to {server}?")) {
        Ok(Answer::Yes) => Ok(()),
        Ok(Answer::No) => Err(CommandError::other("nothing was changed: not confirmed")),
        Err(error) => Err(CommandError::other(format!(
            "nothing was changed: the answer cannot be read: {error}"
        ))),
    }
}
