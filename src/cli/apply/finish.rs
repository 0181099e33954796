//! From a plan that was made to an apply that has ended.
//!
//! ```text
//! show ──▶ policies ──▶ secrets ──▶ approve ──▶ ask ──▶ look again ──▶ carry out ──▶ verify ──▶ smoke ──▶ report
//! ```

use iggyctl_core::plan::{ApprovedPlan, Plan, Refusal};
use iggyctl_core::render::{ApplyReport, Verification};
use iggyctl_core::saved::SavedPlan;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::ObservedState;
use iggyctl_engine::apply::{ApplyOutcome, Supplies};
use tokio::time::Instant;

use super::ApplyArguments;
use super::carry_out::{carry_out, interrupted};
use super::document::ApplyDocument;
use super::ended::{NothingDone, exit_code, step_reports};
use super::ledgered::{Ledgered, ToRecord};
use super::questions::{ask, ask_removals};
use super::returned::say_what_returned;
use super::smoke::{self, ToTry};
use super::verify::{LeftOut, Verified, verify};
use crate::cli::Process;
use crate::cli::lock::ApplyLock;
use crate::cli::plan_arguments::{Planned, PlanningArguments, say_server, unreadable};
use crate::cli::policy_arguments;
use crate::cli::secret_arguments::Gathered;
use crate::cli::session::Session;
use crate::cli::unknown_settings;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

/// One apply: what each of its stages needs.
pub(super) struct Apply<'a> {
    pub(super) process: &'a Process,
    pub(super) arguments: &'a ApplyArguments,
    pub(super) session: &'a Session,
    pub(super) deadline: Option<Instant>,
    /// Whether it is recorded in the ledger of the server.
    pub(super) is_recorded: bool,
    /// Without which nothing is sent, where a ledger is kept.
    pub(super) lock: &'a ApplyLock<'a>,
    /// The file that the plan comes from, if it does.
    pub(super) saved: Option<&'a SavedPlan>,
}

impl Apply<'_> {
    pub(super) async fn finish(
        mut self,
        planned: Planned,
        gathered: Gathered,
    ) -> Result<ExitCode, CommandError> {
        self.show_plan(&planned)?;
        let format = self.arguments.planning.output;
        let document = ApplyDocument::of(format, &planned);
        let Planned {
            desired,
            plan,
            report,
            subject: _,
            prunable: _,
            is_access_unread: _,
            observed,
            saved: _,
            topology: _,
            manifests,
        } = planned;
        let is_saved = self.saved.is_some();
        let mut observed = (!is_saved).then_some(observed);
        let may_wait = !self.arguments.run.yes || self.lock.will_be_late();
        let waiting = may_wait.then(|| plan.clone());
        let refused = NothingDone::of(&plan, format.is_document().then_some(&document));
        if report.refusals() > 0 {
            // Not even `--skip-blocked` carries out what policies refuse.
            let error = policy_arguments::refused(report.refusals(), "nothing was changed");
            return Err(refused.because(self.process, error));
        }
        let Gathered {
            secrets: checked,
            sinks,
        } = gathered;
        let is_checked = checked.is_some();
        let sources = &self.arguments.planning.secrets;
        let secrets = match sources.to_apply(self.process, &plan, checked) {
            Ok(secrets) => secrets,
            Err(error) => return Err(refused.because(self.process, error)),
        };
        let left_out = LeftOut {
            blocked: plan.blocked.clone(),
            resources: report.left_out,
        };
        let gathered = Gathered {
            secrets: is_checked.then(|| secrets.clone()),
            sinks,
        };
        let approved = match self.approve(plan).await {
            Ok(Ok(approved)) => approved,
            Ok(Err(refusal)) => return Err(refused.because(self.process, not_approved(&refusal))),
            Err(error) => return Err(refused.because(self.process, error)),
        };
        let to_try = self.arguments.smoke.then(|| ToTry {
            desired: desired.clone(),
            passwords: gathered.secrets.clone(),
        });
        if !self.arguments.run.yes && !approved.steps().is_empty() {
            observed = match self
                .ask(waiting.as_ref(), &desired, observed, &gathered)
                .await
            {
                Ok(observed) => observed,
                Err(error) => return Err(refused.because(self.process, error)),
            };
        }
        let to_record = self.is_recorded.then(|| ToRecord {
            desired: desired.clone(),
            plan: report,
            observed,
            manifests,
            planned: waiting,
        });
        if approved.steps().is_empty() {
            self.lock.command_hears_signals();
            let verified = match is_saved {
                true => Verification::Skipped,
                false => left_out.converged(),
            };
            if let Err(error) = self
                .record_nothing_to_do(to_record, &gathered, &left_out, &verified)
                .await
            {
                return Err(refused.because(self.process, error));
            }
            return self
                .nothing_to_do(&document, to_try, &left_out, verified)
                .await;
        }
        self.lock.command_hears_signals();
        let recorded = match self.record_begin(to_record, &gathered).await {
            Ok(recorded) => recorded,
            Err(error) => return Err(refused.because(self.process, error)),
        };
        let outcome = carry_out(
            self.process,
            &approved,
            Supplies::new(&secrets, &gathered.sinks).of_server(&self.session.name),
            &self.session.pool,
            format.is_document(),
            self.deadline,
            self.lock.lost(),
        )
        .await;
        if self.session.pool.login_has_changed() {
            self.process.terminal.message(
                "The login of iggyctl itself was changed: from now on it needs the new one.",
            );
        }
        let verified = match !outcome.is_complete() || self.arguments.run.no_verify || is_saved {
            true => Verified::SKIPPED,
            false => self.verify(desired, &gathered, &left_out).await,
        };
        let ended = self
            .ended(&approved, &outcome, verified, &left_out, recorded)
            .await;
        self.report(&document, &outcome, ended, to_try, &left_out)
            .await
    }

    /// Before anything is carried out, a person sees what will be.
    fn show_plan(&self, planned: &Planned) -> Result<(), CommandError> {
        let process = self.process;
        PlanningArguments::warn_about_pruning_nothing(process, planned);
        PlanningArguments::warn_about_unused_approvals(process, planned);
        if self.arguments.planning.output.is_document() {
            // Standard output is for one document, how it ended; a person reads the plan here.
            say_server(process, planned);
            let text = planned.report.to_text(process.message_options());
            process.terminal.message(text.trim_end());
            return Ok(());
        }
        self.arguments.planning.print(process, planned)
    }

    /// With what was allowed; where much is removed, a person is asked how much.
    async fn approve(&mut self, plan: Plan) -> Result<Result<ApprovedPlan, Refusal>, CommandError> {
        let run = &self.arguments.run;
        let mut removals = run.expect_removals;
        if let Some(deletion) = plan.mass_deletion
            && removals.is_none()
            && !run.yes
            && self.process.terminal.is_interactive()
            && (plan.blocked.is_empty() || run.skip_blocked)
        {
            let asked = Instant::now();
            removals = ask_removals(self.lock, deletion).await?;
            self.wait_for_a_person(asked);
        }
        let grant = self
            .arguments
            .planning
            .grant(self.saved.map(|_| &plan), removals);
        Ok(plan.approve(self.arguments.run.skip_blocked, &grant))
    }

    /// Asks whether to go on. A person may take any time to answer, so what was planned has to
    /// be so still; what was read to find that out is what is recorded.
    async fn ask(
        &mut self,
        planned: Option<&Plan>,
        desired: &DesiredState,
        observed: Option<ObservedState>,
        gathered: &Gathered,
    ) -> Result<Option<ObservedState>, CommandError> {
        let asked = Instant::now();
        ask(self.process, self.lock, &self.question()).await?;
        self.wait_for_a_person(asked);
        match planned {
            None => Ok(observed),
            Some(planned) => {
                let check = self.check_after_question(planned, desired, observed, gathered);
                check.await
            }
        }
    }

    fn question(&self) -> String {
        let server = &self.session.name;
        match self.arguments.planning.destroys {
            true => format!("\nRemove this from {server}?"),
            false => format!("\nApply these changes to {server}?"),
        }
    }

    /// A person may take any time to answer.
    fn wait_for_a_person(&mut self, asked: Instant) {
        self.deadline = self.deadline.map(|deadline| deadline + asked.elapsed());
    }

    async fn nothing_to_do(
        &self,
        document: &ApplyDocument,
        to_try: Option<ToTry>,
        left_out: &LeftOut,
        verified: Verification,
    ) -> Result<ExitCode, CommandError> {
        let Self {
            process,
            arguments,
            session,
            deadline,
            is_recorded: _,
            lock: _,
            saved: _,
        } = self;
        let (tried, ended) =
            smoke::run(process, &arguments.planning, to_try, session, *deadline).await;
        // People who read the plan have read that there is nothing to do, unless it is blocked.
        if arguments.planning.output.is_document() || !left_out.blocked.is_empty() {
            let ended = ApplyReport::new(Vec::new(), left_out.blocked.clone(), verified);
            process.output(&document.text(ended.with_smoke(tried), process)?)?;
        } else if let Some(tried) = tried {
            process.output(&format!("\n{}", tried.to_text(process.text_options())))?;
        }
        unreadable(&left_out.blocked)?;
        ended.map(|code| code.unwrap_or(ExitCode::Done))
    }

    /// A signal or the deadline ends it.
    async fn verify(
        &self,
        desired: DesiredState,
        gathered: &Gathered,
        left_out: &LeftOut,
    ) -> Verified {
        tokio::select! {
            verified = verify(self.arguments, desired, gathered, self.session, left_out) => verified,
            reason = interrupted(self.deadline) => Verified::failed(reason.to_owned()),
        }
    }

    /// How it ended, recorded where a ledger is kept.
    async fn ended(
        &self,
        approved: &ApprovedPlan,
        outcome: &ApplyOutcome,
        verified: Verified,
        left_out: &LeftOut,
        recorded: Option<Ledgered>,
    ) -> (ApplyReport, ExitCode) {
        let Verified {
            verification: verified,
            there,
        } = verified;
        let exit_code = exit_code(self.arguments, outcome, &verified);
        let mut steps = step_reports(approved, outcome);
        if let Some(there) = &there {
            say_what_returned(&mut steps, approved, outcome, there);
        }
        unknown_settings::name_them(&mut steps, approved, outcome, &self.session.pool).await;
        let report = ApplyReport::new(steps, left_out.blocked.clone(), verified);
        if let Some(recorded) = recorded {
            recorded
                .end(self.process, self.session, &report, exit_code, there)
                .await;
        }
        (report, exit_code)
    }

    /// Says how it ended; with `--smoke` what was applied is tried before.
    async fn report(
        &self,
        document: &ApplyDocument,
        outcome: &ApplyOutcome,
        (report, exit_code): (ApplyReport, ExitCode),
        to_try: Option<ToTry>,
        left_out: &LeftOut,
    ) -> Result<ExitCode, CommandError> {
        let Self {
            process,
            arguments,
            session,
            deadline,
            is_recorded: _,
            lock: _,
            saved: _,
        } = self;
        let is_good = matches!(exit_code, ExitCode::Done | ExitCode::ChangesPending);
        let to_try = to_try.filter(|_| is_good);
        let (tried, ended) =
            smoke::run(process, &arguments.planning, to_try, session, *deadline).await;
        process.output(&document.text(report.with_smoke(tried), process)?)?;
        if outcome.is_complete() && exit_code != ExitCode::PartiallyApplied {
            unreadable(&left_out.blocked)?;
        }
        ended.map(|code| code.unwrap_or(exit_code))
    }

    /// Other manifests than were recorded last are recorded, also where the server needs no
    /// change for them.
    async fn record_nothing_to_do(
        &self,
        to_record: Option<ToRecord>,
        gathered: &Gathered,
        left_out: &LeftOut,
        verified: &Verification,
    ) -> Result<(), CommandError> {
        if let Some(recorded) = self.record_begin(to_record, gathered).await? {
            let report = ApplyReport::new(Vec::new(), left_out.blocked.clone(), verified.clone());
            recorded
                .end(self.process, self.session, &report, ExitCode::Done, None)
                .await;
        }
        Ok(())
    }
}

fn not_approved(refusal: &Refusal) -> CommandError {
    let error = CommandError::new(ExitCode::Blocked, format!("nothing was changed: {refusal}"));
    error.hint(match refusal {
        Refusal::RemovalsNotConfirmed { deletion, .. } => format!(
            "look at what is removed; if that is meant, add --expect-removals {}",
            deletion.removed
        ),
        Refusal::RemovalsNotAsExpected(unexpected) => format!(
            "look at what is removed; if that is meant, say --expect-removals {}",
            unexpected.removed
        ),
        Refusal::Blocked { .. } | Refusal::DestructionNotGranted { .. } => {
            "follow the way out that the plan names, or apply the rest with --skip-blocked"
                .to_owned()
        }
    })
}
