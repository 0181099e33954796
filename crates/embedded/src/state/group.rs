//! Consumer groups of a topic, and who gets which partition.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use iggy_binary_protocol::{WireIdentifier, WireName};

/// The groups of one topic. Ids grow and are never given again, unlike those of
/// streams and topics.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    entries: BTreeMap<u32, Group>,
    by_name: HashMap<String, u32>,
    next_id: u32,
}

/// One consumer group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: WireName,
    /// Grows with every reassignment.
    pub(crate) generation: u64,
    /// By member id; a freed id goes to the next member.
    pub(crate) members: BTreeMap<u32, Member>,
}

/// A client in a group.
#[derive(Debug)]
pub(crate) struct Member {
    /// The id the client chose for its session.
    pub(crate) client: u128,
    pub(crate) partitions: Vec<u32>,
}

impl Groups {
    /// Puts back stored groups; members do not outlive their connections.
    pub(crate) fn restore(names: BTreeMap<u32, WireName>, next_id: u32) -> Self {
        let by_name = names
            .iter()
            .map(|(id, name)| (name.as_str().to_owned(), *id))
            .collect();
        let entries = names
            .into_iter()
            .map(|(id, name)| (id, Group::new(name)))
            .collect();
        Self {
            entries,
            by_name,
            next_id,
        }
    }

    pub(crate) fn next_id(&self) -> u32 {
        self.next_id
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Adds a group. The caller has made sure that the name is free.
    pub(crate) fn insert(&mut self, name: WireName) -> u32 {
        let id = self.next_id;
        self.next_id = self.next_id.saturating_add(1);
        self.by_name.insert(name.as_str().to_owned(), id);
        self.entries.insert(id, Group::new(name));
        id
    }

    pub(crate) fn remove(&mut self, id: u32) {
        if let Some(group) = self.entries.remove(&id) {
            self.by_name.remove(group.name.as_str());
        }
    }

    pub(crate) fn resolve(&self, identifier: &WireIdentifier) -> Option<u32> {
        match identifier {
            WireIdentifier::Numeric(id) => self.entries.contains_key(id).then_some(*id),
            WireIdentifier::String(name) => self.by_name.get(name.as_str()).copied(),
        }
    }

    pub(crate) fn get(&self, id: u32) -> Option<&Group> {
        self.entries.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Group> {
        self.entries.get_mut(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All groups in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Group)> {
        self.entries.iter().map(|(id, group)| (*id, group))
    }

    /// Deals all partitions anew in every group, after their number changed.
    pub(crate) fn rebalance(&mut self, partitions: u32) {
        for group in self.entries.values_mut() {
            group.deal_anew(partitions);
        }
    }

    /// Takes a client that is gone out of every group.
    pub(crate) fn remove_client(&mut self, client: u128, partitions: u32) {
        for group in self.entries.values_mut() {
            group.leave(client, partitions);
        }
    }
}

impl Group {
    fn new(name: WireName) -> Self {
        Self {
            name,
            generation: 0,
            members: BTreeMap::new(),
        }
    }

    /// What a member may read, with the generation of that assignment.
    pub(crate) fn assignment_of(&self, client: u128) -> Option<(u64, &[u32])> {
        let member = self.members.values().find(|m| m.client == client)?;
        Some((self.generation, &member.partitions))
    }

    /// Adds a client; one that is a member already keeps what it has.
    ///
    /// A newcomer takes what nobody has, then the last partitions of those with
    /// more than their fair share. Nothing is ever in flight here, so partitions
    /// move at once, as they do on the real server when nothing was polled.
    pub(crate) fn join(&mut self, client: u128, partitions: u32) {
        if self.members.values().any(|m| m.client == client) {
            return;
        }
        let id = (0..)
            .find(|id| !self.members.contains_key(id))
            .unwrap_or(u32::MAX);
        let mut taken = self.unassigned(partitions);
        self.generation += 1;
        let members = u32::try_from(self.members.len()).unwrap_or(u32::MAX) + 1;
        let share = (partitions / members) as usize;
        let mut with_one_more = (partitions % members) as usize;
        if taken.is_empty() {
            for member in self.members.values_mut() {
                let mut allowed = share;
                if with_one_more > 0 && member.partitions.len() > share {
                    allowed += 1;
                    with_one_more -= 1;
                }
                while member.partitions.len() > allowed {
                    taken.extend(member.partitions.pop());
                }
            }
        }
        self.members.insert(
            id,
            Member {
                client,
                partitions: taken,
            },
        );
    }

    /// Removes a client and deals its partitions to the others. False when it is
    /// no member.
    pub(crate) fn leave(&mut self, client: u128, partitions: u32) -> bool {
        let Some(id) = self
            .members
            .iter()
            .find(|(_, member)| member.client == client)
            .map(|(id, _)| *id)
        else {
            return false;
        };
        self.members.remove(&id);
        self.deal_anew(partitions);
        true
    }

    fn unassigned(&self, partitions: u32) -> Vec<u32> {
        let assigned: BTreeSet<u32> = self
            .members
            .values()
            .flat_map(|member| member.partitions.iter().copied())
            .collect();
        (0..partitions)
            .filter(|id| !assigned.contains(id))
            .collect()
    }

    /// One partition each in turn, in the order of member ids.
    fn deal_anew(&mut self, partitions: u32) {
        self.generation += 1;
        for member in self.members.values_mut() {
            member.partitions.clear();
        }
        let mut next = 0;
        while next < partitions && !self.members.is_empty() {
            for member in self.members.values_mut() {
                if next < partitions {
                    member.partitions.push(next);
                    next += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(group: &Group) -> Vec<Vec<u32>> {
        group
            .members
            .values()
            .map(|m| m.partitions.clone())
            .collect()
    }

    #[test]
    fn newcomers_take_only_what_is_over_the_fair_share() {
        let mut group = Group::new(WireName::new("g").unwrap());
        group.join(1, 5);
        assert_eq!(shares(&group), [vec![0, 1, 2, 3, 4]]);
        group.join(2, 5);
        assert_eq!(shares(&group), [vec![0, 1, 2], vec![4, 3]]);
        group.join(2, 5);
        assert_eq!(group.generation, 2);
        assert!(group.leave(1, 5));
        assert_eq!(shares(&group), [vec![0, 1, 2, 3, 4]]);
        assert!(!group.leave(1, 5));
    }

    #[test]
    fn new_partitions_are_dealt_in_turn() {
        let mut groups = Groups::default();
        let id = groups.insert(WireName::new("g").unwrap());
        for client in 1..=2 {
            groups.get_mut(id).unwrap().join(client, 2);
        }
        groups.rebalance(5);
        assert_eq!(shares(groups.get(id).unwrap()), [vec![0, 2, 4], vec![1, 3]]);
    }
}
