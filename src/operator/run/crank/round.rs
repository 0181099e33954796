//! What is read, decided, done and said in one round.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::address::Address;
use iggyctl_core::check::Findings;
use iggyctl_core::diff::diff;
use iggyctl_core::plan::{Approvals, ApprovedPlan, DestructionGrant, Plan, plan};
use iggyctl_core::render::PlanReport;
use iggyctl_core::secret::Secret;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::desired_user::SecretReference;
use iggyctl_core::state::observed::{AccessReading, ObservedState};
use iggyctl_core::state::observed_access::PasswordCheck;
use iggyctl_engine::Secrets;
use iggyctl_engine::apply::{
    Aftermath, ApplyEvent, Cancellation, Failure, StepResult, Supplies, apply,
};
use iggyctl_engine::connect::{ConnectionPool, ServerConnector};
use iggyctl_engine::observe::{Checks, Reach, observe_and_check};

use super::super::connection::NoConnection;
use super::super::fence::Fence;
use super::super::passwords::{Gathered, keep, to_keep, without_password};
use super::backoff::Failing;
use super::{Crank, Rounded, no_server, tokens};
use crate::operator::cluster::{SecretSinks, WriteError};
use crate::operator::model::Reason;
use crate::operator::round::{
    After, Decision, Member, Subject, compare_alone, conclude, corrections, decide, prepare,
};

impl Crank {
    /// Reads, decides, writes down what is about to be made, makes it, and says how it went.
    pub(super) async fn round(
        &mut self,
        members: &[Member],
        gathered: &Gathered,
        subject: &Subject,
    ) -> Result<Rounded, NoConnection> {
        let Some(connection) = &self.connection else {
            return Ok(Rounded::default());
        };
        let pool = &connection.pool;
        let preparation = prepare(members);
        let reach = match preparation.removes() {
            true => Reach::OwnedInDepth,
            false => Reach::Declared,
        };
        let wanted = &preparation.to_observe;
        let sinks = SecretSinks::new(&self.shared.cluster, tokens::owners(members));
        let logins = tokens::logins(wanted, &sinks, &self.tokens, subject.now).await;
        let to_verify = gathered.secrets.iter().filter(|(reference, secret)| {
            self.verified.get(reference) != Some(secret) || logins.contains(reference)
        });
        let to_verify: Secrets = to_verify
            .map(|(reference, secret)| (reference.clone(), secret.clone()))
            .collect();
        let look = async || {
            let checks = Checks {
                secrets: Some(&to_verify),
                reach,
                sinks: &sinks,
            };
            let mut observed = observe_and_check(pool, wanted, checks).await?;
            if let AccessReading::Read(access) = &mut observed.access {
                access.server = Some(connection.address.clone());
            }
            Ok(observed)
        };
        let observed: ObservedState = look().await.map_err(no_server)?;
        let mut decision = decide(members, &preparation, &observed, subject);
        decision.forbid_users(members, &observed, subject);
        decision.settle_tokens(members, &observed);
        let mut failed = BTreeMap::new();
        for (address, why) in without_password(members, &decision.contest, gathered) {
            decision.leave_out(&address);
            failed.insert(address, why);
        }
        let compared = Compared::of(&decision.compared, &decision.approvals, &observed);
        let mut executed = match decision.executed == decision.compared {
            true => compared.plan.clone(),
            false => Compared::of(&decision.executed, &decision.approvals, &observed).plan,
        };
        let mut tried = tried(&decision, &executed);
        let corrections = corrections(members, &decision, &compared.report, &tried);
        let unannounced = self.announce(members, &decision, &tried, &corrections, subject);
        let unannounced = unannounced.await;
        if !unannounced.is_empty() {
            decision.leave_for_later(members, &unannounced);
            executed = Compared::of(&decision.executed, &decision.approvals, &observed).plan;
            tried = self::tried(&decision, &executed);
        }
        let Some(writing) = self.shared.fence.begin() else {
            return ended().await;
        };
        let fence = &self.shared.fence;
        let revoked = tokens::revoke_all(pool, &sinks, &decision, members, gathered, fence).await;
        failed.extend(revoked.failed);
        let mut done = Done {
            applied: revoked.done,
            unknown: BTreeSet::new(),
            failed,
        };
        let has_steps = !executed.steps.is_empty() && !decision.is_replaced;
        if has_steps {
            let addresses = decision.approvals.allow_destroy.clone();
            let grant = DestructionGrant::from_deletion_policies(addresses, &executed);
            match executed.approve(true, &grant) {
                Ok(approved) => {
                    let secrets = gathered.secrets();
                    let supplies = Supplies::new(&secrets, &sinks).of_server(&connection.address);
                    carry_out(pool, &approved, supplies, fence, &mut done).await;
                }
                Err(refusal) => {
                    tracing::error!(%refusal, "a plan of the operator was refused");
                    return Err(NoConnection {
                        reason: Reason::ApplyFailed,
                        message: refusal.to_string(),
                    });
                }
            }
        }
        drop(writing);
        if !fence.holds() {
            // Of what was not done any more, whoever goes on says how it ended.
            return ended().await;
        }
        let observed_after = match has_steps {
            false => None,
            true => Some(look().await.map_err(no_server)?),
        };
        // Those that were to be replaced were.
        decision.compared.forget_rotations();
        let now_there = observed_after.as_ref().unwrap_or(&observed);
        let verified = verified(wanted, now_there, gathered);
        let seen = tokens::seen(wanted, now_there, subject.now);
        let left = match &observed_after {
            None => None,
            Some(after) => Some(Compared::of(&decision.compared, &decision.approvals, after)),
        };
        let left = left.as_ref().unwrap_or(&compared);
        let looked = compare_alone(members, &decision, wanted, |state, approvals| {
            Compared::of(state, approvals, now_there).report
        });
        let after = After {
            observed: now_there,
            left: &left.report,
            before: &compared.report,
            tried: &tried,
            applied: &done.applied,
            unknown: &done.unknown,
            failed: &done.failed,
            orphaned: &revoked.orphaned,
            looked: &looked,
        };
        let conclusions = conclude(members, &decision, &after, subject);
        let needs = |place: usize| decision.needs_finalizer(members, place, &tried);
        let mut rounded = self.write_all(members, conclusions, needs).await;
        rounded.is_replaced = decision.is_replaced;
        rounded.marks = self.marks_left(members, &decision, &rounded.unwritten);
        if sinks.had_trouble() {
            rounded.failing.insert(Failing::Server);
        }
        for object in unannounced.iter().map(|place| &members[*place].object) {
            rounded.failing.insert(Failing::of(object));
            rounded.needs_server |= object.has_finalizer;
        }
        self.verified.extend(verified);
        self.tokens.extend(seen);
        // What nobody names any more is nobody's business, and passwords least of all.
        self.verified
            .retain(|reference, _| gathered.secrets.contains_key(reference));
        self.tokens.retain(|address, _| wanted.declares(address));
        let failing = self.keep_passwords(members, gathered).await;
        rounded.failing.extend(failing);
        Ok(rounded)
    }

    /// Keeps the passwords that are live now: the server asks for them when they change. Returns
    /// for which objects that could not be done.
    async fn keep_passwords(
        &mut self,
        members: &[Member],
        gathered: &Gathered,
    ) -> BTreeSet<Failing> {
        let mut failing = BTreeSet::new();
        let kept = to_keep(members, gathered, &self.verified, &self.kept);
        for kept in kept {
            let written = keep(&self.shared.cluster, &kept).await;
            let (object, passwords) = (kept.object, kept.passwords);
            match written {
                Ok(()) | Err(WriteError::Gone) => {
                    self.kept.insert(object.uid.clone(), passwords);
                }
                Err(error) => {
                    tracing::warn!(object = %object.key, %error, "passwords are not kept");
                    failing.insert(Failing::of(&object));
                }
            }
        }
        failing
    }
}

/// Another operator may write by now, or soon: this one ends, and does nothing until then.
async fn ended() -> Result<Rounded, NoConnection> {
    std::future::pending().await
}

/// What is tried, once it is announced.
fn tried(decision: &Decision, executed: &Plan) -> BTreeSet<Address> {
    let steps = executed.steps.iter();
    let steps = steps.filter(|_| !decision.is_replaced);
    steps.map(|step| step.address.clone()).collect()
}

/// A comparison with what follows from it.
struct Compared {
    plan: Plan,
    report: PlanReport,
}

impl Compared {
    fn of(state: &DesiredState, approvals: &Approvals, observed: &ObservedState) -> Self {
        let changes = diff(state, observed);
        let plan = plan(&changes, approvals);
        let findings = Findings {
            findings: Vec::new(),
        };
        let report = PlanReport::new(&plan, &changes, &findings);
        Self { plan, report }
    }
}

/// How the steps ended, by address.
struct Done {
    applied: BTreeSet<Address>,
    /// What may be done although that was not said.
    unknown: BTreeSet<Address>,
    /// With what was said.
    failed: BTreeMap<Address, String>,
}

async fn carry_out(
    pool: &ConnectionPool<ServerConnector>,
    approved: &ApprovedPlan,
    supplies: Supplies<'_, SecretSinks>,
    fence: &Fence,
    done: &mut Done,
) {
    let cancellation = Cancellation::default();
    let mut watch = |_: ApplyEvent<'_>| {
        if !fence.holds() {
            cancellation.cancel();
        }
    };
    let outcome = apply(approved, pool, supplies, &mut watch, &cancellation).await;
    for (step, outcome) in approved.steps().iter().zip(outcome.steps) {
        let address = step.address.clone();
        match outcome.result {
            StepResult::Applied => {
                done.applied.insert(address);
            }
            StepResult::Failed(failure) => {
                let is_left = matches!(
                    &failure,
                    Failure::NotDelivered(_, Aftermath::NotRevoked | Aftermath::NoteLeft)
                );
                if failure.is_unknown() || is_left {
                    done.unknown.insert(address.clone());
                }
                done.failed.insert(address, failure.to_string());
            }
            StepResult::NotAttempted(why) => {
                let failed = done.failed.entry(address);
                failed.or_insert_with(|| why.to_string());
            }
        }
    }
}

/// Passwords that were shown to be live, so that nobody logs in with them each time. Those of
/// whoever has the user alone: another one may declare it, too, and was not tried.
fn verified(
    wanted: &DesiredState,
    observed: &ObservedState,
    gathered: &Gathered,
) -> Vec<(SecretReference, Secret)> {
    let AccessReading::Read(access) = &observed.access else {
        return Vec::new();
    };
    let live = wanted.users.iter().filter(|(name, _)| {
        let user = access.users.get(*name);
        user.is_some_and(|user| user.password == PasswordCheck::Declared)
    });
    live.filter_map(|(_, user)| {
        let reference = user.password.as_ref()?;
        let value = gathered.secrets.get(reference)?;
        Some((reference.clone(), value.clone()))
    })
    .collect()
}
