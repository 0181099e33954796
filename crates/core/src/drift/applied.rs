use std::collections::{BTreeMap, BTreeSet};

use super::away::Away;
use super::left::Left;
use super::things::Things;
use crate::address::Address;
use crate::diff::{ChangeSet, Incarnation, diff};
use crate::name::ResourceName;
use crate::state::desired::{DesiredState, Presence};
use crate::state::observed::{AccessReading, ObservedState, ObservedStream};

/// What the last apply left on the server.
#[derive(Debug, Clone, Copy)]
pub struct Applied<'a> {
    /// What was declared then.
    pub state: &'a DesiredState,
    /// Which streams, topics, consumer groups and users that were.
    pub incarnations: &'a BTreeMap<Address, Incarnation>,
    /// Of what nobody can tell how it was after it.
    pub unsettled: &'a BTreeSet<Address>,
    /// What it did not carry out.
    pub left: &'a Left,
    /// What was renamed by hand before it, and declared by it with its former name.
    pub away: &'a BTreeSet<Away>,
    /// What it removed.
    pub removed: &'a BTreeSet<Address>,
    /// What it did not take over, though it was declared and there.
    pub passed_over: &'a BTreeSet<Address>,
    /// When it began by the server's clock, in microseconds since the Unix epoch: what was
    /// created later appeared.
    pub at_micros: u64,
}

/// What has to be observed, so that both can be compared with it by as few reads as one
/// of them needs.
#[must_use]
pub fn to_observe(desired: &DesiredState, applied: Option<&DesiredState>) -> DesiredState {
    let mut all = desired.clone();
    let Some(applied) = applied else {
        return all;
    };
    for (name, stream) in &applied.streams {
        match all.streams.get_mut(name) {
            None => {
                all.streams.insert(name.clone(), stream.clone());
            }
            Some(known) => {
                known.topics_listed |= stream.topics_listed;
                if stream.presence == Presence::Declared {
                    known.presence = Presence::Declared;
                }
                for (name, topic) in &stream.topics {
                    let Some(known) = known.topics.get_mut(name) else {
                        known.topics.insert(name.clone(), topic.clone());
                        continue;
                    };
                    known.groups_listed |= topic.groups_listed;
                    if topic.presence == Presence::Declared {
                        known.presence = Presence::Declared;
                    }
                    for (group, declared) in &topic.groups {
                        let groups = &mut known.groups;
                        groups
                            .entry(group.clone())
                            .or_insert_with(|| declared.clone());
                    }
                }
            }
        }
    }
    for (name, user) in &applied.users {
        let known = all
            .users
            .entry(name.clone())
            .or_insert_with(|| user.clone());
        // Permissions decide which topics are looked up by name.
        match (&mut known.permissions, &user.permissions) {
            (Some(known), Some(applied)) => known.streams.extend(applied.streams.iter().cloned()),
            (known @ None, Some(applied)) => *known = Some(applied.clone()),
            (_, None) => {}
        }
    }
    for (user, tokens) in &applied.tokens {
        let known = all.tokens.entry(user.clone()).or_default();
        for (name, token) in tokens {
            known.entry(name.clone()).or_insert_with(|| token.clone());
        }
    }
    all
}

/// How the server has what the last apply left there: an attribute differs if it is not as
/// that apply left it.
pub(super) fn things_of(applied: &Applied<'_>, observed: &ObservedState) -> (Things, ChangeSet) {
    let state = followed(applied, observed);
    let changes = diff(&state, observed);
    let mut things = Things::new(&state, observed, &changes);
    applied.left.lay_over(&mut things);
    (things, changes)
}

/// What was applied, as it can be looked for now: what got another name by hand has that
/// one as its previous name. Its own previous names are spent.
fn followed(applied: &Applied<'_>, observed: &ObservedState) -> DesiredState {
    let mut state = applied.state.clone();
    applied.left.take_absent_out_of(&mut state);
    let settled = |address: &Address| {
        let known = applied.incarnations.get(address);
        known.filter(|_| !applied.unsettled.contains(address))
    };
    let streams = Names::new(observed.streams.iter().map(|(name, stream)| {
        let incarnation = (stream.id, stream.created_at_micros);
        (name, incarnation)
    }));
    for (name, stream) in &mut state.streams {
        let address = Address::Stream(name.clone());
        let recorded = settled(&address).filter(|_| stream.presence == Presence::Declared);
        stream.previous_name = streams.renamed(name, recorded);
        let live_name = stream.previous_name.as_ref().unwrap_or(name);
        let live: Option<&ObservedStream> = observed.streams.get(live_name);
        let topics = live.into_iter().flat_map(|stream| &stream.topics);
        let topics = Names::new(topics.map(|(name, topic)| {
            let incarnation = (topic.id, topic.created_at_micros);
            (name, incarnation)
        }));
        for (topic_name, topic) in &mut stream.topics {
            let address = Address::Topic(name.clone(), topic_name.clone());
            let recorded = settled(&address).filter(|_| topic.presence == Presence::Declared);
            topic.previous_name = topics.renamed(topic_name, recorded);
        }
    }
    let users = match &observed.access {
        AccessReading::Read(access) => Some(&access.users),
        AccessReading::NotNeeded | AccessReading::Refused { .. } => None,
    };
    let users = Names::new(users.into_iter().flatten().map(|(name, user)| {
        let incarnation = (user.id, user.created_at_micros);
        (name, incarnation)
    }));
    for (name, user) in &mut state.users {
        let address = Address::User(name.clone());
        user.previous_name = users.renamed(name, settled(&address));
    }
    state
}

/// What the server has, by name and by what it is.
struct Names<'a> {
    there: BTreeMap<&'a ResourceName, (u32, u64)>,
    called: BTreeMap<(u32, u64), &'a ResourceName>,
}

impl<'a> Names<'a> {
    fn new(all: impl Iterator<Item = (&'a ResourceName, (u32, u64))>) -> Self {
        let there: BTreeMap<&ResourceName, (u32, u64)> = all.collect();
        let called = there.iter().map(|(name, it)| (*it, *name)).collect();
        Self { there, called }
    }

    /// The name that it has now, where its own is gone.
    fn renamed(&self, name: &ResourceName, recorded: Option<&Incarnation>) -> Option<ResourceName> {
        if self.there.contains_key(name) {
            return None;
        }
        let Incarnation {
            id,
            created_at_micros,
        } = *recorded?;
        let now = self.called.get(&(id, created_at_micros))?;
        Some((*now).clone())
    }
}
