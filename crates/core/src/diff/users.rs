//! Users, compared when streams and topics are: what their grants speak of may
//! be renamed or created by the same change set.

use std::collections::{BTreeMap, BTreeSet};

use super::access::{
    Names, StaleIds, Tokens, Users, compare_tokens, compare_users, holders, prunable_users,
};
use super::change::DeclaredToLive;
use super::{BlockReason, Change, Differ, Difference};
use crate::address::Address;
use crate::name::{NamePattern, ResourceName};
use crate::state::desired::DesiredState;
use crate::state::desired_user::NameOrPattern;
use crate::state::observed::{AccessReading, ObservedStream};

impl Differ<'_> {
    pub(super) fn users(
        &mut self,
        desired: &DesiredState,
        access: &AccessReading,
        stream_renames: &BTreeMap<ResourceName, ResourceName>,
        topic_renames: &[(ResourceName, ResourceName, ResourceName)],
        live: &BTreeMap<ResourceName, ObservedStream>,
    ) {
        let access = match access {
            AccessReading::Read(access) => access,
            AccessReading::NotNeeded => return self.unread_users(desired, "users were not read"),
            AccessReading::Refused { reason } => return self.unread_users(desired, reason),
        };
        let names = Names::new(
            &access.streams,
            stream_renames.iter(),
            topic_renames
                .iter()
                .map(|(stream, declared, live)| (stream, declared, live)),
        );
        let Users {
            changes,
            notices,
            unchanged,
            managed,
            live_names,
        } = compare_users(desired, access, &names, &mut self.basis);
        let stale = StaleIds::of(access, &names, &managed);
        self.stale_grants(&stale, stream_renames, live);
        self.changes.extend(changes);
        self.notices.extend(notices);
        let renamed = DeclaredToLive {
            streams: stream_renames.clone(),
            ..DeclaredToLive::default()
        };
        self.named_in_permissions(desired);
        let removed: Vec<Address> = self
            .prunable
            .iter()
            .filter(|change| !matches!(change.address, Address::ConsumerGroup(..)))
            .map(|change| renamed.of(&change.address))
            .collect();
        self.holders = holders(access, &names, &live_names, &managed, &removed);
        let users = prunable_users(desired, access, &names, &live_names, &mut self.basis);
        self.prunable.extend(users);
        self.unchanged.users = unchanged;
        let Tokens {
            changes,
            notices,
            unchanged,
        } = compare_tokens(desired, access, &live_names, &mut self.basis);
        self.changes.extend(changes);
        self.token_notices.extend(notices);
        self.unchanged.tokens = unchanged;
    }

    /// What would be deleted and is named by the permissions of a declared user: they would
    /// mean something else then, or apply to whatever gets its number next.
    fn named_in_permissions(&mut self, desired: &DesiredState) {
        let mut named: BTreeMap<Address, Vec<&ResourceName>> = BTreeMap::new();
        let mut in_matching: BTreeMap<&ResourceName, Vec<(&NamePattern, &ResourceName)>> =
            BTreeMap::new();
        for (user, desired) in &desired.users {
            for rule in desired.permissions.iter().flat_map(|it| &it.streams) {
                let topics = rule.topics.iter().filter_map(|topic| match &topic.name {
                    NameOrPattern::Name(topic) => Some(topic),
                    NameOrPattern::Pattern(_) => None,
                });
                match &rule.name {
                    NameOrPattern::Name(stream) => {
                        let topics =
                            topics.map(|topic| Address::Topic(stream.clone(), topic.clone()));
                        let stream = std::iter::once(Address::Stream(stream.clone()));
                        for target in stream.chain(topics) {
                            named.entry(target).or_default().push(user);
                        }
                    }
                    NameOrPattern::Pattern(pattern) => {
                        for topic in topics {
                            in_matching.entry(topic).or_default().push((pattern, user));
                        }
                    }
                }
            }
        }
        for change in &mut self.prunable {
            let mut users: BTreeSet<&ResourceName> = named
                .get(&change.address)
                .into_iter()
                .flatten()
                .copied()
                .collect();
            if let Address::Topic(stream, topic) = &change.address {
                let rules = in_matching.get(topic).into_iter().flatten();
                let rules = rules.filter(|(pattern, _)| pattern.matches(stream.as_str()));
                users.extend(rules.map(|(_, user)| *user));
            }
            let reasons = users.into_iter().map(|user| BlockReason::StillGranted {
                user: Address::User(user.clone()),
            });
            change.obstacles.extend(reasons);
        }
    }

    fn unread_users(&mut self, desired: &DesiredState, reason: &str) {
        for name in desired.users.keys() {
            self.not_readable(Address::User(name.clone()), reason);
        }
        for (user, tokens) in &desired.tokens {
            for token in tokens.keys() {
                self.not_readable(Address::Token(user.clone(), token.clone()), reason);
            }
        }
    }

    /// Any of the creates may get any of the next ids, so each of them waits
    /// for every user who would get access to one.
    fn stale_grants(
        &mut self,
        stale: &StaleIds,
        stream_renames: &BTreeMap<ResourceName, ResourceName>,
        live: &BTreeMap<ResourceName, ObservedStream>,
    ) {
        let mut new_streams: Vec<usize> = Vec::new();
        let mut new_topics: BTreeMap<ResourceName, Vec<usize>> = BTreeMap::new();
        for (index, change) in self.changes.iter().enumerate() {
            match (&change.difference, &change.address) {
                (Difference::CreateStream, _) => new_streams.push(index),
                (Difference::CreateTopic { .. }, Address::Topic(stream, _)) => {
                    let stream = stream_renames.get(stream).unwrap_or(stream);
                    new_topics.entry(stream.clone()).or_default().push(index);
                }
                _ => {}
            }
        }
        let mut opened: BTreeSet<ResourceName> = BTreeSet::new();
        let mut wait =
            |changes: &mut Vec<Change>, indices: &[usize], users: BTreeSet<&ResourceName>| {
                for user in users {
                    opened.insert(user.clone());
                    for index in indices {
                        changes[*index].obstacles.push(BlockReason::StaleGrants {
                            user: Address::User(user.clone()),
                        });
                    }
                }
            };
        let users = stale.next_streams(new_streams.len());
        wait(&mut self.changes, &new_streams, users);
        for (stream, indices) in &new_topics {
            let Some(stream) = live.get(stream) else {
                continue;
            };
            let taken = stream.topics.values().map(|topic| topic.id).collect();
            let users = stale.next_topics(stream.id, &taken, indices.len());
            wait(&mut self.changes, indices, users);
        }
        for user in opened {
            if let Some(grants) = stale.grants_of(&user) {
                self.changes.push(Change {
                    address: Address::User(user),
                    difference: Difference::StripStaleGrants(Box::new(grants.clone())),
                    obstacles: Vec::new(),
                });
            }
        }
    }
}
