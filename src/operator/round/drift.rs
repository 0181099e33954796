//! What others changed on the server of what objects hold.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::address::Address;
use iggyctl_core::diff::BlockReason;
use iggyctl_core::render::{ChangeReport, ChangeVerb, PlanReport};

use super::conclude::{LINES, first_of, lines_of, plan_of};
use super::conditions::{DRIFTED, is_true};
use super::decide::Decision;
use super::member::Member;
use crate::operator::resources::status::{ChangeLine, PlanStatus, TopologyStatus};

/// Who is told of what, by address.
pub(super) struct Owners(BTreeMap<Address, usize>);

impl Owners {
    pub(super) fn of(decision: &Decision) -> Self {
        let mut owners = BTreeMap::new();
        for (place, fates) in decision.removals.fates.iter().enumerate() {
            owners.extend(fates.keys().cloned().map(|address| (address, place)));
        }
        for (place, grant) in decision.grants.iter().enumerate() {
            owners.extend(grant.held.keys().cloned().map(|address| (address, place)));
        }
        Self(owners)
    }

    /// That of the thing itself, or of what it is in.
    pub(super) fn owner(&self, address: &Address) -> Option<usize> {
        address
            .with_ancestors()
            .find_map(|address| self.0.get(&address).copied())
    }

    /// Lines by whom they are told.
    pub(super) fn share_out_lines(
        &self,
        lines: Vec<ChangeLine>,
    ) -> BTreeMap<usize, Vec<ChangeLine>> {
        let lines = lines.into_iter();
        share_out(lines, |line| self.owner(&line.address.parse().ok()?))
    }

    /// Addresses by whom they are told.
    pub(super) fn share_out_addresses<'a>(
        &self,
        addresses: impl Iterator<Item = &'a Address>,
    ) -> BTreeMap<usize, Vec<&'a Address>> {
        share_out(addresses, |address| self.owner(address))
    }
}

/// In the order that they had: of thousands of members none looks at what is for all of them.
fn share_out<T>(
    things: impl Iterator<Item = T>,
    owner: impl Fn(&T) -> Option<usize>,
) -> BTreeMap<usize, Vec<T>> {
    let mut shared: BTreeMap<usize, Vec<T>> = BTreeMap::new();
    for thing in things {
        if let Some(owner) = owner(&thing) {
            shared.entry(owner).or_default().push(thing);
        }
    }
    shared
}

/// What others changed, by the member that holds it. The spec of that member is what it was
/// when all was as declared, so nothing else explains the difference.
pub(super) fn drift<'a>(
    members: &[Member],
    decision: &Decision,
    owners: &Owners,
    before: &'a PlanReport,
) -> BTreeMap<usize, BTreeSet<&'a Address>> {
    let mut drift: BTreeMap<usize, BTreeSet<&Address>> = BTreeMap::new();
    if decision.is_replaced {
        return drift;
    }
    let blocked = before.blocked.iter();
    let blocked = blocked.filter(|line| is_difference(&line.reason));
    let blocked: BTreeSet<&Address> = blocked.map(|line| &line.address).collect();
    for change in &before.changes {
        let Some(place) = owners.owner(&change.address) else {
            continue;
        };
        if is_made_by_others(change, &blocked) && is_at_rest(&members[place], &change.address) {
            drift.entry(place).or_default().insert(&change.address);
        }
    }
    drift
}

/// Whether a member declares and holds something, and had all that it declares.
fn is_at_rest(member: &Member, address: &Address) -> bool {
    let declares = || {
        let declared = member.declared.as_ref();
        declared.is_ok_and(|declared| declared.state.declares(address))
    };
    !member.is_deleting()
        && member.claims.contains_key(address)
        && member.is_settled()
        && declares()
}

/// What a plan calls the password of a user.
const PASSWORD: &str = "password";

/// Whether the server was changed by somebody else, where the spec was not: another password
/// comes from its Secret, and another token from its time. `blocked` is what differs and is not
/// changed.
fn is_made_by_others(change: &ChangeReport, blocked: &BTreeSet<&Address>) -> bool {
    if matches!(change.address, Address::Token(..)) {
        return false;
    }
    if change.verb == ChangeVerb::Blocked {
        // What cannot be read, or needs a password, does not differ for all that is known.
        return blocked.contains(&change.address);
    }
    let mut attributes = change.attributes.iter();
    change.attributes.is_empty() || !attributes.all(|it| it.name == PASSWORD)
}

fn is_difference(reason: &BlockReason) -> bool {
    matches!(
        reason,
        BlockReason::CreateOnly { .. }
            | BlockReason::PartitionShrink { .. }
            | BlockReason::ParentMissing { .. }
            | BlockReason::DependsOnBlocked { .. }
    )
}

/// What somebody else changed and is about to be changed back: shown before that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Correction {
    /// What differs.
    drift: Vec<ChangeLine>,
    /// With what else is pending.
    plan: Option<PlanStatus>,
}

/// The corrections of a round, by member; `tried` is what is about to be done.
pub(crate) fn corrections(
    members: &[Member],
    decision: &Decision,
    before: &PlanReport,
    tried: &BTreeSet<Address>,
) -> BTreeMap<usize, Correction> {
    // At rest nothing is looked at.
    if tried.is_empty() {
        return BTreeMap::new();
    }
    let owners = Owners::of(decision);
    let mut drift = drift(members, decision, &owners, before);
    drift.retain(|_, addresses| addresses.iter().any(|address| tried.contains(*address)));
    if drift.is_empty() {
        return BTreeMap::new();
    }
    let mut lines = owners.share_out_lines(lines_of(before));
    drift
        .into_iter()
        .map(|(place, addresses)| {
            let all = lines.remove(&place).unwrap_or_default();
            (place, Correction::of(&addresses, all))
        })
        .collect()
}

/// The lines that are about these addresses.
pub(super) fn lines_about(lines: &[ChangeLine], addresses: &BTreeSet<&Address>) -> Vec<ChangeLine> {
    let names: BTreeSet<String> = addresses.iter().map(ToString::to_string).collect();
    let about = lines.iter().filter(|line| names.contains(&line.address));
    about.cloned().collect()
}

impl Correction {
    fn of(addresses: &BTreeSet<&Address>, all: Vec<ChangeLine>) -> Self {
        Self {
            drift: lines_about(&all, addresses),
            plan: plan_of(all, Vec::new()),
        }
    }

    /// What differs, in words.
    pub(super) fn words(&self) -> String {
        first_of(&self.drift)
    }

    /// What is pending while it is carried out.
    pub(super) fn plan(&self) -> Option<&PlanStatus> {
        self.plan.as_ref()
    }

    /// Whether a status shows it, be it one of a round that was cut off, or whose correction
    /// failed.
    pub(super) fn is_shown_by(&self, status: &TopologyStatus) -> bool {
        is_true(&status.conditions, DRIFTED)
            && (status.plan == self.plan || self.news(status).is_empty())
    }

    /// What of it nobody was told yet.
    pub(super) fn news(&self, status: &TopologyStatus) -> Vec<ChangeLine> {
        if !is_true(&status.conditions, DRIFTED) {
            return self.drift.clone();
        }
        let shown = status.plan.iter().flat_map(|plan| &plan.changes);
        let shown: Vec<&ChangeLine> = shown.collect();
        // What was not shown because there is no room for it is no news either.
        let first = self.drift.iter().take(LINES);
        first
            .filter(|line| !shown.contains(line))
            .cloned()
            .collect()
    }
}
