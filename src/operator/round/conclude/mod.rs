//! What is said of each object after a round, in its status and in events.

mod held;
mod left_alone;
mod lines;
mod telling;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::{DriftPolicy, Management};
use iggyctl_core::render::PlanReport;
use iggyctl_core::state::Incarnation;
use iggyctl_core::state::observed::ObservedState;

pub(super) use lines::{LINES, first_of, lines_of, names, plan_of};
pub(crate) use telling::Happening;

use super::conditions::{
    ADOPTION_REFUSED, CONFLICTED, Conditions, DRIFTED, Health, SECRET_WRITTEN, SYNCED, time,
};
use super::decide::Decision;
use super::drift::{Owners, drift, lines_about};
use super::grant::Grant;
use super::look::Looked;
use super::member::{Member, Subject, conflict};
use super::tokens::is_delivered;
use crate::operator::model::{Object, Reason};
use crate::operator::resources::status::{ChangeLine, ConditionStatus, TopologyStatus};

/// What became of the round.
pub(crate) struct After<'a> {
    /// What the server has now.
    pub(crate) observed: &'a ObservedState,
    /// What would still be changed, of all that is compared.
    pub(crate) left: &'a PlanReport,
    /// What differed before anything was done.
    pub(crate) before: &'a PlanReport,
    /// What was tried: of it nobody can be sure that it is not there.
    pub(crate) tried: &'a BTreeSet<Address>,
    /// What was done, by address.
    pub(crate) applied: &'a BTreeSet<Address>,
    /// What may have been made although that was not said.
    pub(crate) unknown: &'a BTreeSet<Address>,
    /// What failed, by address, with what was said.
    pub(crate) failed: &'a BTreeMap<Address, String>,
    /// Tokens that nobody can revoke, with the reason: they stay valid until they end.
    pub(crate) orphaned: &'a BTreeMap<Address, String>,
    /// What comparisons of single objects showed.
    pub(crate) looked: &'a Looked,
}

/// What is written of one object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conclusion {
    pub(crate) status: TopologyStatus,
    pub(crate) happenings: Vec<Happening>,
    /// Whether it may go: nothing keeps it any more.
    pub(crate) releases: bool,
    /// Whether it failed in a way that may pass: it is tried again soon.
    pub(crate) retries: bool,
    /// How many changes somebody else made were found, and undone.
    pub(crate) drift_found: u64,
    pub(crate) drift_corrected: u64,
}

/// Says how things are for every member; `None` for those that are not written here.
pub(crate) fn conclude(
    members: &[Member],
    decision: &Decision,
    after: &After<'_>,
    subject: &Subject,
) -> Vec<Option<Conclusion>> {
    let owners = Owners::of(decision);
    let mut lines = owners.share_out_lines(lines_of(after.left));
    let mut drift = drift(members, decision, &owners, after.before);
    let mut before = match drift.is_empty() {
        true => BTreeMap::new(),
        false => owners.share_out_lines(lines_of(after.before)),
    };
    let mut applied = owners.share_out_addresses(after.applied.iter());
    let mut failed = owners.share_out_addresses(after.failed.keys());
    members
        .iter()
        .enumerate()
        .map(|(place, member)| {
            if member.is_foreign {
                return None;
            }
            let mut this = Concluding {
                members,
                place,
                member,
                decision,
                grant: &decision.grants[place],
                after,
                subject,
                lines: lines.remove(&place).unwrap_or_default(),
                before: before.remove(&place).unwrap_or_default(),
                applied: applied.remove(&place).unwrap_or_default(),
                failed: failed.remove(&place).unwrap_or_default(),
                drift: drift.remove(&place).unwrap_or_default(),
                happenings: Vec::new(),
            };
            Some(this.conclude())
        })
        .collect()
}

/// What was applied completely by now, as it was known before or is reckoned now.
fn synced_declaration(object: &Object) -> String {
    let status = &object.status;
    let is_of_this = status.observed_generation == Some(object.generation);
    let known = status.synced_declaration.clone().filter(|_| is_of_this);
    known.unwrap_or_else(|| object.declaration())
}

struct Concluding<'a> {
    members: &'a [Member],
    place: usize,
    member: &'a Member,
    decision: &'a Decision,
    grant: &'a Grant,
    after: &'a After<'a>,
    subject: &'a Subject,
    /// What would still be changed. As all that follows: of what this one is told of, and not
    /// another one, which holds it in what this one declares.
    lines: Vec<ChangeLine>,
    /// What differed before anything was done, where others changed something.
    before: Vec<ChangeLine>,
    /// What was done.
    applied: Vec<&'a Address>,
    /// What failed.
    failed: Vec<&'a Address>,
    /// What others changed, be it corrected by now.
    drift: BTreeSet<&'a Address>,
    happenings: Vec<Happening>,
}

impl Concluding<'_> {
    fn conclude(&mut self) -> Conclusion {
        if self.member.is_paused() {
            return self.paused();
        }
        if self.member.is_forced() {
            return self.forced();
        }
        if let Err(error) = &self.member.declared
            && !self.member.is_deleting()
        {
            return self.refused_whole(error);
        }
        let held = self.held();
        let outstanding = self.outstanding(&held);
        let verdict = self.verdict(&outstanding);
        self.tell(&verdict);
        let member = self.member;
        let object = &member.object;
        let is_ready = verdict.health == Health::Ready;
        let was_settled = member.is_settled();
        let mut conditions = Conditions::new(
            object,
            self.subject.now,
            verdict.health,
            verdict.reason,
            &verdict.message,
        );
        let is_synced = is_ready && !member.only_observes() || was_settled;
        if is_synced {
            conditions.set(SYNCED, ConditionStatus::True, Reason::Applied, "");
        } else if !member.only_observes() {
            let status = ConditionStatus::False;
            conditions.set(SYNCED, status, verdict.reason, &verdict.message);
        }
        let drifted = self.drifted();
        match drifted {
            true => conditions.set(
                DRIFTED,
                ConditionStatus::True,
                Reason::DriftFound,
                &first_of(&self.differing()),
            ),
            false => conditions.set(DRIFTED, ConditionStatus::False, Reason::Nothing, ""),
        }
        if !self.grant.lost.is_empty() {
            let (reason, message) = self.conflicted();
            conditions.set(CONFLICTED, ConditionStatus::True, reason, &message);
        }
        if !self.grant.refused.is_empty() {
            let (status, reason) = (ConditionStatus::True, Reason::AdoptionRefused);
            conditions.set(ADOPTION_REFUSED, status, reason, &self.refused());
        }
        if let Some(unwritten) = self.unwritten()
            && !member.only_observes()
            && !self.decision.is_replaced
        {
            match unwritten.is_empty() {
                true => conditions.set(SECRET_WRITTEN, ConditionStatus::True, Reason::Applied, ""),
                false => conditions.set(
                    SECRET_WRITTEN,
                    ConditionStatus::False,
                    verdict.reason,
                    &format!("not written: {}", names(unwritten.iter())),
                ),
            }
        }
        let last_applied_time = match self.applied.is_empty() {
            true => object.status.last_applied_time.clone(),
            false => Some(time(self.subject.now)),
        };
        let claims = match self.decision.is_replaced {
            // Of the former server, by its name, until somebody says that it may be gone.
            true => object.status.claims.clone(),
            false => held
                .iter()
                .map(|(address, held)| held.to_claim(address, &self.subject.identity))
                .collect(),
        };
        let status = TopologyStatus {
            observed_generation: Some(object.generation),
            conditions: conditions.finish(),
            claims,
            conflicts: self.conflicts(),
            plan: self.plan_status(),
            synced_declaration: is_synced.then(|| synced_declaration(object)),
            last_applied_time,
        };
        let (drift_found, drift_corrected) = self.drift_counts();
        Conclusion {
            releases: member.is_deleting() && outstanding.is_empty(),
            // What is in something else goes first.
            retries: self.fails() || verdict.reason == Reason::Deleting && !outstanding.is_empty(),
            status,
            happenings: match member.was_released {
                true => Vec::new(),
                false => std::mem::take(&mut self.happenings),
            },
            drift_found,
            drift_corrected,
        }
    }

    /// Whether it is a token of its own: only the Secret with the value tells.
    fn is_delivered(&self, address: &Address) -> bool {
        let is_blocked = || {
            let mut blocked = self.lines.iter().filter(|line| line.code.is_some());
            blocked.any(|line| line.address == address.to_string())
        };
        is_delivered(self.after.observed, address) && !is_blocked()
    }

    /// The values of its tokens that are not where they belong, if it declares any.
    fn unwritten(&self) -> Option<Vec<Address>> {
        let declared = self.member.declared.as_ref().ok()?;
        let tokens = declared.state.tokens.iter().flat_map(|(user, tokens)| {
            let names = tokens.keys();
            names.map(|name| Address::Token(user.clone(), name.clone()))
        });
        let tokens: Vec<Address> = tokens.collect();
        let is_written = |it: &Address| self.grant.held.contains_key(it) && self.is_delivered(it);
        let written = |it: &Address| !is_written(it);
        (!tokens.is_empty()).then(|| tokens.into_iter().filter(written).collect())
    }

    fn conflicts(&self) -> Vec<crate::operator::resources::status::Conflict> {
        let lost = self.grant.lost.iter();
        lost.map(|(address, place)| {
            let holder = &self.members[*place];
            let which = holder.claims.get(address).and_then(|held| held.incarnation);
            let which = which.or_else(|| Incarnation::of(self.after.observed, address));
            conflict(address, holder.object.key.to_string(), which)
        })
        .collect()
    }

    /// Whether something differs that the spec does not explain.
    fn drifted(&self) -> bool {
        !self.differing().is_empty()
    }

    /// Whether what differs is left as it is.
    fn leaves_drift(&self) -> bool {
        match self.member.policies.management {
            Management::ObserveOnly | Management::CreateOnly => true,
            Management::Full => self.member.policies.drift_policy == DriftPolicy::Report,
        }
    }

    /// What differs that the spec does not explain.
    fn differing(&self) -> Vec<ChangeLine> {
        let is_full = self.member.policies.management == Management::Full;
        if self.member.is_deleting()
            || self.decision.is_replaced
            || is_full && !self.member.is_settled()
        {
            return Vec::new();
        }
        match self.leaves_drift() {
            true => self.own_lines().to_vec(),
            // What could not be corrected, or only by somebody else.
            false => lines_about(&self.lines, &self.drift),
        }
    }

    /// What somebody else changed and was done about now.
    fn corrected(&self) -> BTreeSet<&Address> {
        let applied = self.applied.iter().copied();
        applied
            .filter(|address| self.drift.contains(address))
            // Of several steps about it one may have failed.
            .filter(|address| !self.after.failed.contains_key(address))
            .collect()
    }

    fn drift_counts(&self) -> (u64, u64) {
        if self.leaves_drift() && self.drifted() {
            return (self.own_lines().len() as u64, 0);
        }
        (self.drift.len() as u64, self.corrected().len() as u64)
    }
}
