//! What nobody declares any more and somebody holds.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::address::Address;
use iggyctl_core::state::observed::ObservedState;
use iggyctl_core::state::{DeletionPolicy, Incarnation};

use super::contest::Contest;
use super::member::Member;
use super::naming::Namings;

/// What becomes of something that its holder no longer declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Another object goes on with it.
    HandedOver,
    /// It is not there any more, or it is another thing by now.
    Gone,
    /// It stays on the server, and nobody holds it.
    Retained,
    /// It stays, and is held, since a declaration names it, or what it is in, as what something
    /// was called before: it is renamed, or somebody has to say what becomes of it.
    Former,
    /// It is deleted if nothing is lost with it.
    DeletedIfEmpty,
    /// It is deleted.
    Deleted,
}

/// Claims that are about to end, by member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Removals {
    pub(crate) fates: Vec<BTreeMap<Address, Fate>>,
    /// What is to be called otherwise, by the name that it is held by.
    pub(super) successors: Vec<BTreeMap<Address, Address>>,
}

/// What a member holds and does not declare.
pub(super) fn let_go(member: &Member) -> Vec<&Address> {
    match member.is_foreign {
        true => Vec::new(),
        false => let_go_by_any(member),
    }
}

/// The same, also of one of another server object: what that lets go, nobody would know any more
/// once it is gone.
pub(super) fn let_go_by_any(member: &Member) -> Vec<&Address> {
    if member.is_paused() {
        return Vec::new();
    }
    let is_declared = |address: &Address| match &member.declared {
        // What an object means that means nothing is not known; nothing is let go for it.
        Err(_) => true,
        Ok(declared) => declared.state.declares(address),
    };
    let held = member.claims.keys();
    held.filter(|address| member.is_deleting() || !is_declared(address))
        .collect()
}

impl Removals {
    pub(super) fn of(members: &[Member], contest: &Contest, observed: &ObservedState) -> Self {
        let namings = Namings::of(members);
        let mut removals = Self::default();
        for (place, member) in members.iter().enumerate() {
            let mut fates = BTreeMap::new();
            let mut successors = BTreeMap::new();
            for address in let_go(member) {
                let successor = namings.successor(members, place, address);
                let is_named = namings.names(members, place, address);
                let naming = is_named.then_some(successor.as_ref());
                let fate = fate(member, address, naming, contest, observed);
                fates.insert(address.clone(), fate);
                successors.extend(successor.map(|successor| (address.clone(), successor)));
            }
            removals.fates.push(fates);
            removals.successors.push(successors);
        }
        removals
    }

    /// What is to be deleted, with what it may be deleted with.
    pub(super) fn deletions(&self, members: &[Member]) -> Deletions {
        let mut deletions = Deletions::default();
        let waiting = self.fates.iter().zip(members);
        let waiting = waiting.filter(|(_, member)| !member.is_forced());
        let fates = waiting.flat_map(|(fates, _)| fates);
        // A token is revoked by its user, and in no plan.
        for (address, fate) in fates.filter(|(it, _)| !matches!(it, Address::Token(..))) {
            match fate {
                Fate::HandedOver | Fate::Gone | Fate::Retained | Fate::Former => continue,
                Fate::DeletedIfEmpty => {}
                Fate::Deleted => {
                    deletions.with_data.insert(address.clone());
                }
            }
            deletions.all.insert(address.clone());
        }
        deletions
    }
}

/// What is to be deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Deletions {
    pub(crate) all: BTreeSet<Address>,
    /// Those that may hold data.
    pub(crate) with_data: BTreeSet<Address>,
}

impl Deletions {
    /// Leaves out for now what can only go when what is in it is gone: removed in one step
    /// with it, what may be deleted would wait for what may not.
    pub(super) fn without_waiting(mut self, observed: &ObservedState) -> Self {
        let allowed = self.allowed(observed);
        let there = self.all.iter();
        let there = there.filter(|address| Incarnation::of(observed, address).is_some());
        let full: BTreeSet<Address> = there
            .flat_map(|address| address.with_ancestors().skip(1))
            .collect();
        let waits = |address: &Address| !allowed.contains(address) && full.contains(address);
        self.all.retain(|address| !waits(address));
        self
    }

    /// What may lose data. A stream only with topics that are to be deleted, too: those of
    /// others, or of nobody, were never asked about. A user leaves a tombstone, since its
    /// live connections would act as whoever gets its number next.
    pub(super) fn allowed(&self, observed: &ObservedState) -> BTreeSet<Address> {
        let allowed = self.with_data.iter().filter(|address| match address {
            Address::Stream(name) => {
                let topics = observed
                    .streams
                    .get(name)
                    .map(|stream| stream.topics.keys());
                topics.into_iter().flatten().all(|topic| {
                    let topic = Address::Topic(name.clone(), topic.clone());
                    self.with_data.contains(&topic)
                })
            }
            Address::Topic(..) | Address::ConsumerGroup(..) | Address::Token(..) => true,
            Address::User(_) => false,
        });
        allowed.cloned().collect()
    }
}

/// What becomes of something; `naming` is there where it is called what something was called
/// before, with what it is to be called.
fn fate(
    member: &Member,
    address: &Address,
    naming: Option<Option<&Address>>,
    contest: &Contest,
    observed: &ObservedState,
) -> Fate {
    let fate = unnamed(member, address, contest, observed);
    let Some(successor) = naming else {
        return fate;
    };
    let was_renamed = || {
        let live = successor.and_then(|it| Incarnation::of(observed, it));
        let held = member.claims.get(address);
        live.is_some() && held.is_some_and(|held| held.incarnation == live)
    };
    match fate {
        Fate::HandedOver => Fate::HandedOver,
        Fate::Gone if member.is_deleting() || !was_renamed() => Fate::Gone,
        // A rename that cannot happen must not cost what was to be renamed.
        _ if !member.is_deleting() => Fate::Former,
        Fate::Deleted | Fate::DeletedIfEmpty => Fate::HandedOver,
        fate => fate,
    }
}

/// The same where nobody names it as what something was called before.
fn unnamed(
    member: &Member,
    address: &Address,
    contest: &Contest,
    observed: &ObservedState,
) -> Fate {
    if contest.winners.contains_key(address) {
        return Fate::HandedOver;
    }
    let Some(held) = member.claims.get(address) else {
        return Fate::Gone;
    };
    let live = Incarnation::of(observed, address);
    match (held.incarnation, live) {
        // Of a token nothing is known but to its user.
        (None, None) if matches!(address, Address::Token(..)) => {}
        // Whether it is there, nobody can tell.
        (_, None) if observed.is_unread(address) => {}
        (_, None) => return Fate::Gone,
        (Some(held), Some(live)) if held != live => return Fate::Gone,
        _ => {}
    }
    if !member.would_delete(address) {
        return Fate::Retained;
    }
    match member.deletion_policy(address) {
        DeletionPolicy::Retain => Fate::Retained,
        DeletionPolicy::DeleteIfEmpty => Fate::DeletedIfEmpty,
        DeletionPolicy::Delete => Fate::Deleted,
    }
}
