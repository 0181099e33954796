//! Former names: what declarations say that something was called before.

use std::collections::BTreeMap;

use iggyctl_core::address::Address;
use iggyctl_core::name::ResourceName;
use iggyctl_core::state::desired::{DesiredState, Presence};

use super::member::Member;

/// The names that something is to have instead of a former one, by who says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Namings(BTreeMap<Address, BTreeMap<usize, ResourceName>>);

impl Namings {
    pub(super) fn of(members: &[Member]) -> Self {
        let mut namings = Self::default();
        for (place, member) in members.iter().enumerate() {
            if let Ok(declared) = &member.declared
                && member.competes()
            {
                namings.add(place, &declared.state);
            }
        }
        namings
    }

    fn add(&mut self, place: usize, state: &DesiredState) {
        for (name, stream) in &state.streams {
            if stream.presence == Presence::Declared
                && let Some(former) = &stream.previous_name
                // What keeps its own name is nobody's former one.
                && state.streams.get(former).is_none_or(|it| {
                    it.presence != Presence::Declared || it.previous_name.is_some()
                })
            {
                self.insert(Address::Stream(former.clone()), place, name);
            }
            for (topic_name, topic) in &stream.topics {
                if topic.presence == Presence::Declared
                    && let Some(former) = &topic.previous_name
                    && stream.topics.get(former).is_none_or(|it| {
                        it.presence != Presence::Declared || it.previous_name.is_some()
                    })
                {
                    let former = Address::Topic(name.clone(), former.clone());
                    self.insert(former, place, topic_name);
                }
            }
        }
        for (name, user) in &state.users {
            if let Some(former) = &user.previous_name
                && (state.users.get(former)).is_none_or(|it| it.previous_name.is_some())
            {
                self.insert(Address::User(former.clone()), place, name);
            }
        }
    }

    fn insert(&mut self, former: Address, place: usize, name: &ResourceName) {
        let said = self.0.entry(former).or_default();
        said.insert(place, name.clone());
    }

    /// What exactly this is to be called, as far as the holder has to heed it: its own word
    /// first. On a shared server nobody keeps by mere words what a tenant may delete.
    fn name(&self, members: &[Member], holder: usize, former: &Address) -> Option<&ResourceName> {
        let said = self.0.get(former)?;
        let counts = |place: &usize| members[*place].is_bounded() || !members[holder].is_bounded();
        let others = || said.iter().find(|(place, _)| counts(place));
        said.get(&holder).or_else(|| others().map(|(_, name)| name))
    }

    /// Whether something, or what it is in, is said to have been called so before.
    pub(super) fn names(&self, members: &[Member], holder: usize, address: &Address) -> bool {
        let mut all = address.with_ancestors();
        all.any(|it| self.name(members, holder, &it).is_some())
    }

    /// Where something is once all is called as it is to be.
    pub(super) fn successor(
        &self,
        members: &[Member],
        holder: usize,
        address: &Address,
    ) -> Option<Address> {
        let name = |former: Address, own: &ResourceName| {
            let name = self.name(members, holder, &former);
            name.unwrap_or(own).clone()
        };
        let stream = |old: &ResourceName| name(Address::Stream(old.clone()), old);
        let topic = |stream: &ResourceName, old: &ResourceName| {
            name(Address::Topic(stream.clone(), old.clone()), old)
        };
        let user = |old: &ResourceName| name(Address::User(old.clone()), old);
        let successor = match address {
            Address::Stream(old) => Address::Stream(stream(old)),
            Address::Topic(in_it, old) => {
                let in_it = stream(in_it);
                let topic = topic(&in_it, old);
                Address::Topic(in_it, topic)
            }
            Address::ConsumerGroup(in_it, old, group) => {
                let in_it = stream(in_it);
                let topic = topic(&in_it, old);
                Address::ConsumerGroup(in_it, topic, group.clone())
            }
            Address::User(old) => Address::User(user(old)),
            Address::Token(owner, token) => Address::Token(user(owner), token.clone()),
        };
        (successor != *address).then_some(successor)
    }
}
