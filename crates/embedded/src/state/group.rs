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

/// The real server's `consumer_group.rebalancing_timeout`.
const HAND_OVER_TIMEOUT_MICROS: u64 = 30_000_000;

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
    /// What it owns: it may commit their offsets.
    pub(crate) partitions: Vec<u32>,
    /// What it owns no longer than until it has committed what it was given: it may not
    /// poll them any more.
    revoked: Vec<Revocation>,
}

/// A partition on its way from one member to another.
#[derive(Debug, Clone, Copy)]
struct Revocation {
    partition: u32,
    /// Member id.
    to: u32,
    /// Microseconds since the Unix epoch.
    since: u64,
}

impl Member {
    fn may_poll(&self, partition: u32) -> bool {
        self.partitions.contains(&partition)
            && !self
                .revoked
                .iter()
                .any(|going| going.partition == partition)
    }
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

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Group)> {
        self.entries.iter_mut().map(|(id, group)| (*id, group))
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

    /// What a member may poll, with the generation of that assignment.
    pub(crate) fn assignment_of(&self, client: u128) -> Option<(u64, Vec<u32>)> {
        let member = self.member(client)?;
        let partitions = member
            .partitions
            .iter()
            .copied()
            .filter(|partition| member.may_poll(*partition))
            .collect();
        Some((self.generation, partitions))
    }

    /// Whether a client is a member that may poll a partition.
    pub(crate) fn may_poll(&self, client: u128, partition: u32) -> bool {
        self.member(client)
            .is_some_and(|member| member.may_poll(partition))
    }

    /// Whether a client is a member that may commit offsets of a partition.
    pub(crate) fn may_commit(&self, client: u128, partition: u32) -> bool {
        self.member(client)
            .is_some_and(|member| member.partitions.contains(&partition))
    }

    fn member(&self, client: u128) -> Option<&Member> {
        self.members.values().find(|m| m.client == client)
    }

    /// Adds a client; one that is a member already keeps what it has.
    ///
    /// Partitions that nobody has go to members without any, then the last partitions of
    /// members with more than their fair share. Those move at once, except the ones in
    /// `in_flight`: their owner was given messages that it has not committed, and keeps
    /// the partition until it has.
    pub(crate) fn join(
        &mut self,
        client: u128,
        partitions: u32,
        in_flight: &BTreeSet<u32>,
        now: u64,
    ) {
        if self.member(client).is_some() {
            return;
        }
        let id = (0..)
            .find(|id| !self.members.contains_key(id))
            .unwrap_or(u32::MAX);
        let newcomer = Member {
            client,
            partitions: Vec::new(),
            revoked: Vec::new(),
        };
        self.members.insert(id, newcomer);
        self.generation += 1;
        let unassigned = self.unassigned(partitions);
        let idle = self.idle_members();
        for (partition, to) in unassigned.into_iter().zip(idle.iter().cycle()) {
            self.give(*to, partition);
        }
        let idle: Vec<u32> = self
            .idle_members()
            .into_iter()
            .filter(|id| !self.is_awaiting(*id))
            .collect();
        let excess = self.excess(partitions);
        for ((from, partition), to) in excess.into_iter().zip(idle.iter().cycle()) {
            if in_flight.contains(&partition) {
                self.revoke(from, partition, *to, now);
            } else {
                self.take(from, partition);
                self.give(*to, partition);
            }
        }
    }

    /// Members without partitions, by id.
    fn idle_members(&self) -> Vec<u32> {
        self.members
            .iter()
            .filter(|(_, member)| member.partitions.is_empty())
            .map(|(id, _)| *id)
            .collect()
    }

    /// Whether partitions are on their way to a member.
    fn is_awaiting(&self, id: u32) -> bool {
        self.members
            .values()
            .any(|member| member.revoked.iter().any(|going| going.to == id))
    }

    /// What members have beyond their fair share, the last first: member id and partition.
    /// When it does not come out even, the first members with more may keep one more.
    fn excess(&self, partitions: u32) -> Vec<(u32, u32)> {
        let members = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        let share = partitions.checked_div(members).unwrap_or_default() as usize;
        let mut with_one_more = partitions.checked_rem(members).unwrap_or_default();
        let mut excess = Vec::new();
        for (id, member) in &self.members {
            let pollable: Vec<u32> = member
                .partitions
                .iter()
                .copied()
                .filter(|partition| member.may_poll(*partition))
                .collect();
            let mut allowed = share;
            if with_one_more > 0 && pollable.len() > share {
                allowed += 1;
                with_one_more -= 1;
            }
            let over = pollable.iter().skip(allowed).rev();
            excess.extend(over.map(|partition| (*id, *partition)));
        }
        excess
    }

    fn give(&mut self, id: u32, partition: u32) {
        if let Some(member) = self.members.get_mut(&id) {
            member.partitions.push(partition);
        }
    }

    fn take(&mut self, id: u32, partition: u32) {
        if let Some(member) = self.members.get_mut(&id) {
            member.partitions.retain(|owned| *owned != partition);
            member.revoked.retain(|going| going.partition != partition);
        }
    }

    fn revoke(&mut self, from: u32, partition: u32, to: u32, since: u64) {
        if let Some(member) = self.members.get_mut(&from) {
            member.revoked.push(Revocation {
                partition,
                to,
                since,
            });
        }
    }

    /// Hands over the partitions whose owners are done with them, or have had 30 seconds.
    /// `in_flight` says of a partition whether its owner has yet to commit something.
    pub(crate) fn hand_over(&mut self, now: u64, in_flight: impl Fn(u32) -> bool) {
        let done: Vec<(u32, Revocation)> = self
            .members
            .iter()
            .flat_map(|(id, member)| member.revoked.iter().map(|going| (*id, *going)))
            .filter(|(_, going)| {
                now.saturating_sub(going.since) >= HAND_OVER_TIMEOUT_MICROS
                    || !in_flight(going.partition)
            })
            .collect();
        for (from, going) in done {
            self.take(from, going.partition);
            self.give(going.to, going.partition);
            self.generation += 1;
        }
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
            member.revoked.clear();
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

    fn join(group: &mut Group, client: u128, partitions: u32) {
        group.join(client, partitions, &BTreeSet::new(), 0);
    }

    #[test]
    fn what_is_in_flight_moves_when_it_is_committed() {
        let mut group = Group::new(WireName::new("g").unwrap());
        join(&mut group, 1, 4);
        group.join(2, 4, &BTreeSet::from([3]), 7);
        assert_eq!(shares(&group), [vec![0, 1, 3], vec![2]]);
        assert_eq!(group.assignment_of(1), Some((2, vec![0, 1])));
        assert!(!group.may_poll(1, 3) && group.may_commit(1, 3));
        group.hand_over(8, |_| true);
        assert!(!group.may_poll(2, 3));
        group.hand_over(8, |_| false);
        assert_eq!(group.assignment_of(2), Some((3, vec![2, 3])));
        assert!(!group.may_commit(1, 3));
    }

    #[test]
    fn what_is_never_committed_moves_after_30_seconds() {
        let mut group = Group::new(WireName::new("g").unwrap());
        join(&mut group, 1, 2);
        group.join(2, 2, &BTreeSet::from([0, 1]), 7);
        group.hand_over(7 + HAND_OVER_TIMEOUT_MICROS - 1, |_| true);
        assert_eq!(shares(&group), [vec![0, 1], vec![]]);
        group.hand_over(7 + HAND_OVER_TIMEOUT_MICROS, |_| true);
        assert_eq!(shares(&group), [vec![0], vec![1]]);
    }

    #[test]
    fn newcomers_take_only_what_is_over_the_fair_share() {
        let mut group = Group::new(WireName::new("g").unwrap());
        join(&mut group, 1, 5);
        assert_eq!(shares(&group), [vec![0, 1, 2, 3, 4]]);
        join(&mut group, 2, 5);
        assert_eq!(shares(&group), [vec![0, 1, 2], vec![4, 3]]);
        join(&mut group, 2, 5);
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
            join(groups.get_mut(id).unwrap(), client, 2);
        }
        groups.rebalance(5);
        assert_eq!(shares(groups.get(id).unwrap()), [vec![0, 2, 4], vec![1, 3]]);
    }
}
