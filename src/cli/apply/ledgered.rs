//! An apply that is recorded in the ledger of the server: before its first step, and after
//! its last one.

use std::collections::BTreeSet;
use std::time::Duration;

use iggyctl_core::drift::{self, DriftClass, DriftKind};
use iggyctl_core::ledger::{
    AppliedManifest, AppliedState, Begun, BegunDocument, DocumentPlace, EndedDocument, LedgerError,
    LedgeredCommand, Omitted, Outcome, Revision,
};
use iggyctl_core::plan::Plan;
use iggyctl_core::render::{ApplyReport, PlanReport, StepStatus, escape};
use iggyctl_core::saved::digest_of;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::ObservedState;
use iggyctl_engine::ledger::{
    Applied, LedgerFailure, PooledLedger, Recording, begin, end, ensure_ledger, last_applied,
};
use iggyctl_engine::observe::observe;

use super::carry_out::interrupted;
use super::finish::Apply;
use super::late::{Waited, nothing_was_changed};
use crate::cli::Process;
use crate::cli::author::{author, commit};
use crate::cli::ledger::ledger_failed;
use crate::cli::secret_arguments::Gathered;
use crate::cli::session::{Session, read_failed};
use crate::cli::stop::stop_requested;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

/// How long a record of the end may take: what it says has happened, and can be read.
const LONGEST_END: Duration = Duration::from_secs(30);

/// What is recorded of a plan.
pub(super) struct ToRecord {
    pub(super) desired: DesiredState,
    pub(super) plan: PlanReport,
    /// What the plan was made from; `None` for one that was saved.
    pub(super) observed: Option<ObservedState>,
    pub(super) manifests: Vec<AppliedManifest>,
    /// The plan, where it may have been made without the lease that is needed.
    pub(super) planned: Option<Plan>,
}

/// An apply that was recorded as begun.
pub(super) struct Ledgered {
    recording: Recording,
    document: BegunDocument,
    /// What was declared.
    desired: DesiredState,
}

impl Apply<'_> {
    /// Records that it begins, where a ledger is kept. Nothing is changed unless it is
    /// recorded.
    pub(super) async fn record_begin(
        &self,
        to_record: Option<ToRecord>,
        gathered: &Gathered,
    ) -> Result<Option<Ledgered>, CommandError> {
        let Some(to_record) = to_record else {
            return Ok(None);
        };
        let begun = tokio::select! {
            begun = self.begin(to_record, gathered) => begun,
            reason = interrupted(self.deadline) => Err(CommandError::other(reason)),
        };
        begun.map_err(nothing_was_changed)
    }

    async fn begin(
        &self,
        to_record: ToRecord,
        gathered: &Gathered,
    ) -> Result<Option<Ledgered>, CommandError> {
        let ToRecord {
            mut desired,
            plan,
            mut observed,
            manifests,
            planned,
        } = to_record;
        let Self {
            process, session, ..
        } = self;
        let destroys = plan.approvals.destroy;
        if destroys && plan.steps.is_empty() {
            // What nothing is removed of is as it was recorded.
            return Ok(None);
        }
        let ledger = PooledLedger::new(&session.pool);
        let identity = ensure_ledger(&ledger).await.map_err(ledger_failed)?;
        let is_late = self.lock.take().await?;
        self.lock.command_hears_signals();
        if is_late && let Some(planned) = planned {
            let work = self.plan_again(Waited::Lease, &planned, &desired, observed, gathered);
            observed = self.lock.while_held(work).await?;
        }
        let project = desired.project.clone();
        let previous = last_applied(&ledger, project.as_deref()).await;
        let previous = previous.or_else(|failure| without_previous(process, failure))?;
        let digest = digest_of_manifests(&manifests);
        let observed = match observed {
            // What a destroy removes is not declared in what it was planned from.
            Some(observed) if !destroys => observed,
            _ => {
                desired = compiled(&manifests, desired);
                let read = observe(&session.pool, &desired).await;
                read.map_err(read_failed)?
            }
        };
        // `--only` leaves out what is said of the others.
        let releases =
            |previous: &Applied| plan.only.is_empty() && !destroys && releases(previous, &desired);
        let adopts = |previous: &Applied| !destroys && adopts(previous, &plan, &desired, &observed);
        let is_known = |previous: &Applied| {
            says(previous, &digest)
                && shows(previous, &desired, &observed)
                && !releases(previous)
                && !adopts(previous)
        };
        if plan.steps.is_empty() && previous.as_ref().is_some_and(is_known) {
            return Ok(None);
        }
        let entry = Begun {
            run: String::new(),
            project,
            author: author(process, session).await,
            commit: self
                .arguments
                .run
                .commit
                .clone()
                .or_else(|| commit(&process.environment)),
            product: env!("CARGO_PKG_VERSION").to_owned(),
            command: self.command(),
            server: session.name.clone(),
            ledger: identity,
            manifests: digest,
            steps: u32::try_from(plan.steps.len()).unwrap_or(u32::MAX),
            document: DocumentPlace {
                parts: Vec::new(),
                bytes: 0,
                sha256: String::new(),
            },
        };
        let previous = previous.as_ref().map(|previous| &previous.state);
        let document = BegunDocument::new(manifests, plan, &desired, &observed, previous);
        // From here on there is a record, and what is lost later shows in it.
        self.lock.refuse_if_lost().await?;
        let recording = begin(&ledger, entry, &document).await;
        Ok(Some(Ledgered {
            recording: recording.map_err(ledger_failed)?,
            document,
            desired,
        }))
    }

    fn command(&self) -> LedgeredCommand {
        match (&self.arguments.plan, self.arguments.planning.destroys) {
            (Some(_), _) => LedgeredCommand::ApplyPlan,
            (None, true) => LedgeredCommand::Destroy,
            (None, false) => LedgeredCommand::Apply,
        }
    }
}

impl Ledgered {
    /// Its number.
    pub(super) fn revision(&self) -> Revision {
        self.recording.revision
    }

    /// Records how it ended; `there` is what was read then, if it was. What was changed stays changed when that fails.
    pub(super) async fn end(
        self,
        process: &Process,
        session: &Session,
        report: &ApplyReport,
        exit_code: ExitCode,
        there: Option<ObservedState>,
    ) {
        let revision = self.revision();
        let write = async {
            let ledger = PooledLedger::new(&session.pool);
            let destroys = self.document.plan.approvals.destroy;
            let after = match there {
                Some(there) if !destroys => Some(there),
                _ => observe(&session.pool, &self.desired).await.ok(),
            };
            let Self {
                recording,
                document,
                desired,
            } = &self;
            let omitted = Omitted {
                blocked: u32::try_from(report.blocked.len()).unwrap_or(u32::MAX),
                left_out: document.plan.left_out,
            };
            let document = EndedDocument::new(revision, document, report, desired, after.as_ref());
            let outcome = outcome(report, exit_code);
            let counts = report.counts;
            end(&ledger, recording, outcome, counts, omitted, &document).await
        };
        let failed = tokio::select! {
            written = write => written.err().map(|failure| failure.to_string()),
            () = stop_requested() => Some("interrupted".to_owned()),
            () = tokio::time::sleep(LONGEST_END) => Some(format!("not done after {LONGEST_END:?}")),
        };
        match failed {
            None => process
                .terminal
                .message(&format!("Recorded as revision {revision}.")),
            Some(reason) => process.terminal.warning(&format!(
                "how it ended could not be recorded, so revision {revision} of the ledger stays \
                 unfinished: {}",
                escape(&reason)
            )),
        }
    }
}

/// A record that cannot be used is history that is lost, and no reason not to apply; that
/// of another server is one.
fn without_previous(
    process: &Process,
    failure: LedgerFailure,
) -> Result<Option<Applied>, CommandError> {
    match failure {
        LedgerFailure::Record {
            error: LedgerError::Newer { .. },
            ..
        }
        | LedgerFailure::Broker(_)
        | LedgerFailure::NotAllowed { .. }
        | LedgerFailure::Copied { .. } => Err(ledger_failed(failure)),
        LedgerFailure::NotALedger { .. }
        | LedgerFailure::Record { .. }
        | LedgerFailure::NoSuchRevision { .. }
        | LedgerFailure::DocumentGone { .. }
        | LedgerFailure::Unsettled
        | LedgerFailure::Unprintable { .. } => {
            process.terminal.warning(&format!(
                "what was applied last is not known: {}",
                escape(&failure.to_string())
            ));
            Ok(None)
        }
    }
}

/// Whether the last record says the same, so that a pipeline that changes nothing does not
/// write.
fn says(previous: &Applied, digest: &str) -> bool {
    let ended = previous.ending.as_ref().map(|ending| ending.ended.outcome);
    previous.begun.manifests == digest && ended == Some(Outcome::Applied)
}

/// Whether the server is as the last record shows it. What was created by hand, or deleted
/// and created again, and is left alone by an apply, is not said to be drift for ever.
fn shows(previous: &Applied, desired: &DesiredState, now: &ObservedState) -> bool {
    let removed = previous.state.removed.keys().cloned().collect();
    // The manifests are the same.
    let applied = previous
        .state
        .expected(desired, &removed, previous.at_micros);
    let found = drift::drift(desired, Some(&applied), now);
    let is_news =
        |kind: DriftKind| kind.class() == DriftClass::Drift || matches!(kind, DriftKind::Adopted);
    !found.iter().any(|it| is_news(it.kind))
}

/// Whether something is taken over that the last record does not have.
fn adopts(
    previous: &Applied,
    plan: &PlanReport,
    desired: &DesiredState,
    now: &ObservedState,
) -> bool {
    let removed = BTreeSet::new();
    // The manifests are the same.
    let applied = previous
        .state
        .expected(desired, &removed, previous.at_micros);
    let adopted = drift::adopted(desired, Some(&applied), now);
    adopted.iter().any(|address| plan.is_asked_for(address))
}

/// Whether something is not `Retain` any more that was when it was last applied.
fn releases(previous: &Applied, desired: &DesiredState) -> bool {
    let retained = desired.retained();
    let mut before = previous.state.retained.iter();
    before.any(|address| desired.declares(address) && !retained.contains(address))
}

/// The same wherever the files are.
fn digest_of_manifests(manifests: &[AppliedManifest]) -> String {
    let texts: Vec<&str> = manifests.iter().map(|it| it.text.as_str()).collect();
    digest_of(texts.join("---\n").as_bytes())
}

/// What a saved plan was made from; one that cannot be read any more declares nothing.
fn compiled(manifests: &[AppliedManifest], known: DesiredState) -> DesiredState {
    let state = AppliedState {
        manifests: manifests.to_vec(),
        ..AppliedState::default()
    };
    match state.compile() {
        Ok(desired) if !manifests.is_empty() => desired,
        _ => known,
    }
}

fn outcome(report: &ApplyReport, exit_code: ExitCode) -> Outcome {
    let is_touched = |status| matches!(status, StepStatus::Applied | StepStatus::Unknown);
    let is_any_touched = report.steps.iter().any(|step| is_touched(step.status));
    match exit_code {
        ExitCode::Done | ExitCode::ChangesPending => Outcome::Applied,
        _ if is_any_touched => Outcome::Partial,
        _ => Outcome::Failed,
    }
}
