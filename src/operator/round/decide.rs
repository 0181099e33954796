//! What is done on the server in this round, and for whom.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::{DriftPolicy, Management};
use iggyctl_core::name::ResourceName;
use iggyctl_core::plan::Approvals;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::desired_user::DesiredUser;
use iggyctl_core::state::observed::{AccessReading, ObservedState};
use iggyctl_core::state::observed_access::{PasswordCheck, ROOT};
use iggyctl_core::state::{DeletionPolicy, Incarnation};

use super::contest::Contest;
use super::grant::{Grant, grant, predecessors};
use super::member::{Held, Member, Subject};
use super::removal::{Fate, Removals, let_go};

/// What has to be known of the server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Preparation {
    pub(crate) contest: Contest,
    /// What to read.
    pub(crate) to_observe: DesiredState,
}

/// Decides who may have what, and with that what to read.
pub(crate) fn prepare(members: &[Member]) -> Preparation {
    let contest = Contest::among(members);
    let mut to_observe = DesiredState::default();
    // Of a user that two of them declare, it is the password of the first that is tried, and of a
    // token the Secret of the first that is read: never those of one that only looks.
    let (looking, having): (Vec<_>, Vec<_>) = members
        .iter()
        .enumerate()
        .partition(|(_, member)| member.only_observes());
    for (place, member) in having.into_iter().chain(looking) {
        if let Ok(declared) = &member.declared
            && !member.is_foreign
            && !member.is_deleting()
        {
            let all = member.only_observes();
            // What an object of another server object has is looked at by who does not get it: it is
            // shown to that, and what is said to be held may be gone.
            let is_elsewhere = |address: &Address| {
                let winner = contest.winners.get(address);
                winner.is_some_and(|winner| members[*winner].is_foreign)
                    && !matches!(address, Address::User(_) | Address::Token(..))
            };
            let kept = declared
                .state
                .keeping(|address| all || contest.is_won(place, address) || is_elsewhere(address));
            to_observe.join(&kept);
        }
        // Of what another one holds, too, the incarnation is noted.
        let ending = let_go(member).into_iter();
        let ending = ending.filter(|it| !matches!(it, Address::Token(..)));
        to_observe.owns.exactly.extend(ending.cloned());
    }
    Preparation {
        contest,
        to_observe,
    }
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decision {
    /// Who may have what, now that it is known what there is.
    pub(crate) contest: Contest,
    /// What each member gets.
    pub(crate) grants: Vec<Grant>,
    pub(crate) removals: Removals,
    /// All that is compared: `status.plan` is about it.
    pub(crate) compared: DesiredState,
    /// What is made so.
    pub(crate) executed: DesiredState,
    /// What may be deleted or lose data with it.
    pub(crate) approvals: Approvals,
    /// Whether all that was held is gone, so that nothing is done.
    pub(crate) is_replaced: bool,
}

impl Preparation {
    /// Whether something may have to be deleted.
    pub(crate) fn removes(&self) -> bool {
        !self.to_observe.owns.exactly.is_empty()
    }
}

/// Decides; `observed` is what was read for [`Preparation::to_observe`].
pub(crate) fn decide(
    members: &[Member],
    preparation: &Preparation,
    observed: &ObservedState,
    subject: &Subject,
) -> Decision {
    let contest = preparation.contest.after_a_look(members, observed);
    let removals = Removals::of(members, &contest, observed);
    let is_emptied = || !subject.is_the_same && all_is_gone(members, &contest, observed);
    let is_replaced = !subject.replacement_acknowledged && (subject.is_another || is_emptied());
    let predecessors = predecessors(members, &removals);
    let mut decision = Decision {
        contest,
        grants: Vec::new(),
        compared: DesiredState::default(),
        executed: DesiredState::default(),
        approvals: Approvals::default(),
        is_replaced,
        removals,
    };
    for (place, member) in members.iter().enumerate() {
        let grant = grant(place, member, &decision.contest, observed, &predecessors);
        if let Ok(declared) = &member.declared
            && member.is_active()
            && !member.is_foreign
        {
            let compared = declared.state.keeping(|it| grant.held.contains_key(it));
            if !is_replaced {
                let mut executed = compared.keeping(|it| is_executed(member, it, observed));
                let rotated = rotated_users(member, &compared, &executed, observed);
                executed.users.extend(rotated);
                decision.executed.join(&executed);
                // Also where it is only reported: it is not blocked, but left.
                let shrinking = declared.may_shrink.iter();
                let shrinking = shrinking.filter(|it| compared.declares(it)).cloned();
                decision.approvals.allow_destroy.extend(shrinking);
            }
            decision.compared.join(&compared);
        }
        decision.grants.push(grant);
    }
    if !is_replaced {
        let deletions = decision.removals.deletions(members);
        let deletions = deletions.without_waiting(observed);
        decision.approvals.prune = !deletions.all.is_empty();
        let allowed = deletions.allowed(observed);
        decision.approvals.allow_destroy.extend(allowed);
        decision.compared.owns.exactly.clone_from(&deletions.all);
        decision.executed.owns.exactly = deletions.all;
    }
    decision
}

impl Decision {
    /// What the member holds once what is being created is there.
    pub(crate) fn held_with(
        &self,
        members: &[Member],
        place: usize,
        creating: &BTreeSet<Address>,
    ) -> BTreeMap<Address, Held> {
        let known = &members[place].claims;
        let held = self.grants[place].held.iter();
        held.filter_map(|(address, held)| {
            let held = match (held.incarnation, known.get(address)) {
                (Some(_), _) => *held,
                _ if self.brings(place, address, creating) => *held,
                // What is gone is the one that it was, until there is another one.
                (None, Some(known)) => Held {
                    incarnation: known.incarnation,
                    ..*held
                },
                (None, None) => return None,
            };
            Some((address.clone(), held))
        })
        .collect()
    }

    /// Whether something is there after these steps that was not: created, renamed, or in what
    /// is renamed.
    pub(super) fn brings(
        &self,
        place: usize,
        address: &Address,
        steps: &BTreeSet<Address>,
    ) -> bool {
        let held = &self.grants[place].held;
        let is_new = |it: &Address| held.get(it).is_some_and(|it| it.incarnation.is_none());
        let mut all = address.with_ancestors();
        all.any(|it| steps.contains(&it) && is_new(&it))
    }

    /// Whether something may have to be deleted for the member one day, so that it must not
    /// vanish from the cluster before that is done.
    pub(crate) fn needs_finalizer(
        &self,
        members: &[Member],
        place: usize,
        creating: &BTreeSet<Address>,
    ) -> bool {
        members[place].policies.management == Management::Full
            && self
                .held_with(members, place, creating)
                .values()
                .any(|held| held.policy != DeletionPolicy::Retain)
    }
}

/// Whether something that a member holds is changed for it.
fn is_executed(member: &Member, address: &Address, observed: &ObservedState) -> bool {
    let is_there = || Incarnation::of(observed, address).is_some();
    match member.policies.management {
        Management::ObserveOnly => false,
        Management::CreateOnly => !is_there(),
        // What differs after the spec was applied was changed by somebody else; but for a token,
        // which differs by its time.
        Management::Full => {
            member.policies.drift_policy == DriftPolicy::Correct
                || matches!(address, Address::Token(..))
                || !member.is_settled()
                || !member.claims.contains_key(address)
        }
    }
}

/// Users whose password is still the one that was applied last, where another one is declared by
/// now: its Secret was changed, and not the server. Of these nothing else is changed.
fn rotated_users(
    member: &Member,
    compared: &DesiredState,
    executed: &DesiredState,
    observed: &ObservedState,
) -> BTreeMap<ResourceName, DesiredUser> {
    let AccessReading::Read(access) = &observed.access else {
        return BTreeMap::new();
    };
    if member.policies.management != Management::Full {
        return BTreeMap::new();
    }
    let is_rotated = |name: &ResourceName| {
        let live = access.users.get(name);
        live.is_some_and(|live| live.password == PasswordCheck::Previous)
    };
    let rotated = compared.users.iter();
    let rotated =
        rotated.filter(|(name, _)| !executed.users.contains_key(*name) && is_rotated(name));
    rotated
        .map(|(name, user)| {
            let password_alone = DesiredUser {
                status: None,
                permissions: None,
                ..user.clone()
            };
            (name.clone(), password_alone)
        })
        .collect()
}

/// Whether the server has nothing of all that was held: it was emptied, or it is another one.
fn all_is_gone(members: &[Member], contest: &Contest, observed: &ObservedState) -> bool {
    let reads_users = matches!(observed.access, AccessReading::Read(_));
    let unread: BTreeSet<&Address> = observed.gaps.iter().map(|gap| &gap.address).collect();
    let mut any = false;
    for (place, member) in members.iter().enumerate() {
        if member.is_foreign || member.declared.is_err() || member.is_deleting() {
            continue;
        }
        for (address, held) in &member.claims {
            // Only who has it from now on looks for it.
            let mut winner = contest.winners.get(address).into_iter();
            if winner.any(|winner| *winner != place) {
                continue;
            }
            let can_be_seen = match address {
                Address::Stream(_) | Address::Topic(..) => {
                    !address.with_ancestors().any(|it| unread.contains(&it))
                }
                Address::User(_) => reads_users,
                Address::ConsumerGroup(..) | Address::Token(..) => continue,
            };
            let Some(incarnation) = held.incarnation else {
                continue;
            };
            // Every server has one, also an emptied one.
            if matches!(address, Address::User(_)) && incarnation.id == ROOT {
                continue;
            }
            if !can_be_seen || is_anywhere(observed, incarnation, address) {
                return false;
            }
            any = true;
        }
    }
    any
}

/// Whether it is there, be it under another name.
fn is_anywhere(observed: &ObservedState, which: Incarnation, address: &Address) -> bool {
    if Incarnation::of(observed, address) == Some(which) {
        return true;
    }
    match address {
        Address::Stream(_) => observed
            .streams
            .keys()
            .any(|name| Incarnation::of(observed, &Address::Stream(name.clone())) == Some(which)),
        Address::Topic(stream, _) => observed.streams.get(stream).is_some_and(|live| {
            live.topics.keys().any(|name| {
                let topic = Address::Topic(stream.clone(), name.clone());
                Incarnation::of(observed, &topic) == Some(which)
            })
        }),
        Address::User(_) => match &observed.access {
            AccessReading::Read(access) => access
                .users
                .keys()
                .any(|name| Incarnation::of(observed, &Address::User(name.clone())) == Some(which)),
            _ => false,
        },
        Address::ConsumerGroup(..) | Address::Token(..) => false,
    }
}

/// Whether the member still has to remove something.
pub(super) fn removes(fate: Fate) -> bool {
    matches!(fate, Fate::Deleted | Fate::DeletedIfEmpty)
}

impl Decision {
    /// Does nothing on the server for some members: what has to be written down before could not
    /// be.
    pub(crate) fn leave_for_later(&mut self, members: &[Member], places: &BTreeSet<usize>) {
        let all = places.iter().flat_map(|place| {
            let held = self.grants[*place].held.keys();
            held.chain(members[*place].claims.keys())
        });
        let all: BTreeSet<Address> = all.cloned().collect();
        let keeps = |address: &Address| !all.contains(address);
        let mut owns = self.executed.owns.clone();
        owns.exactly.retain(|address| keeps(address));
        self.executed = self.executed.keeping(keeps);
        self.executed.owns = owns;
    }

    /// Leaves something out: what is needed for it is not there.
    pub(crate) fn leave_out(&mut self, address: &Address) {
        let keeps = |other: &Address| !address.contains(other);
        for state in [&mut self.compared, &mut self.executed] {
            let owns = state.owns.clone();
            *state = state.keeping(keeps);
            state.owns = owns;
        }
    }
}
