use std::collections::{BTreeMap, BTreeSet};

use super::names::{Called, Names, Resolved};
use crate::access::Grants;
use crate::name::ResourceName;
use crate::state::observed_access::ObservedAccess;

/// Grants of a user that nobody declares, on what is no longer there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleGrants {
    /// What the user keeps, by the names that the server has now.
    pub keeps: Grants<ResourceName>,
    /// How many streams and topics that are no longer there it has grants on.
    pub gone: u32,
}

/// Which users would get access to what is created next: the server gives the
/// lowest free id to what it creates, and grants speak of ids.
#[derive(Debug, Default)]
pub(in crate::diff) struct StaleIds {
    users: BTreeMap<ResourceName, StaleGrants>,
    streams: BTreeMap<u32, BTreeSet<ResourceName>>,
    topics: BTreeMap<(u32, u32), BTreeSet<ResourceName>>,
    taken: BTreeSet<u32>,
}

impl StaleIds {
    /// Of the users whose permissions nobody declares: the others, who are
    /// `managed`, get exactly what is declared before anything is created.
    pub(in crate::diff) fn of(
        access: &ObservedAccess,
        names: &Names<'_>,
        managed: &BTreeSet<ResourceName>,
    ) -> Self {
        let mut stale = Self {
            taken: names.ids().collect(),
            ..Self::default()
        };
        for (name, user) in &access.users {
            if managed.contains(name) {
                continue;
            }
            let Ok(resolved) = names.resolve(&user.grants, Called::Live) else {
                continue;
            };
            let Resolved {
                grants,
                gone_streams,
                gone_topics,
            } = &resolved;
            if resolved.gone() == 0 {
                continue;
            }
            for id in gone_streams.keys() {
                stale.streams.entry(*id).or_default().insert(name.clone());
            }
            for ids in gone_topics.keys() {
                stale.topics.entry(*ids).or_default().insert(name.clone());
            }
            let gone = u32::try_from(resolved.gone()).unwrap_or(u32::MAX);
            let keeps = grants.clone();
            stale
                .users
                .insert(name.clone(), StaleGrants { keeps, gone });
        }
        stale
    }

    /// Who would get access to one of the next `count` streams.
    pub(in crate::diff) fn next_streams(&self, count: usize) -> BTreeSet<&ResourceName> {
        lowest_free(&self.taken, count)
            .filter_map(|id| self.streams.get(&id))
            .flatten()
            .collect()
    }

    /// Who would get access to one of the next `count` topics of a stream that
    /// is there.
    pub(in crate::diff) fn next_topics(
        &self,
        stream: u32,
        taken: &BTreeSet<u32>,
        count: usize,
    ) -> BTreeSet<&ResourceName> {
        lowest_free(taken, count)
            .filter_map(|topic| self.topics.get(&(stream, topic)))
            .flatten()
            .collect()
    }

    pub(in crate::diff) fn grants_of(&self, user: &ResourceName) -> Option<&StaleGrants> {
        self.users.get(user)
    }
}

fn lowest_free(taken: &BTreeSet<u32>, count: usize) -> impl Iterator<Item = u32> {
    (0..=u32::MAX).filter(|id| !taken.contains(id)).take(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{StreamGrants, StreamPermission, UserStatus};
    use crate::address::Address;
    use crate::diff::{BlockReason, diff};
    use crate::state::desired::DesiredState;
    use crate::state::desired_user::{DesiredPermissions, DesiredUser};
    use crate::state::observed::{AccessReading, ObservedState};
    use crate::state::observed_access::{ObservedUser, PasswordCheck};
    use crate::testing::{declare_stream, name};

    fn poll_of_what_is_gone() -> Grants<u32> {
        let granted = StreamGrants {
            allow: [StreamPermission::PollMessages].into(),
            topics: BTreeMap::new(),
        };
        Grants {
            streams: [(0, granted)].into(),
            ..Grants::default()
        }
    }

    #[test]
    fn a_user_that_only_a_rename_without_effect_names_is_nobodys() {
        let mut desired = DesiredState::default();
        let origin = declare_stream(&mut desired, "next").origin.clone();
        let ann = DesiredUser {
            previous_name: Some(name("old-ann")),
            status: None,
            password: None,
            previous_password: None,
            permissions: Some(DesiredPermissions::default()),
            origin,
        };
        desired.users.insert(name("ann"), ann);
        let waits_for = |there: &[&str]| {
            let mut access = ObservedAccess::default();
            for (id, user) in (1..).zip(there) {
                let user_there = ObservedUser {
                    id,
                    created_at_micros: u64::from(id),
                    status: UserStatus::Active,
                    grants: poll_of_what_is_gone(),
                    password: PasswordCheck::NotChecked,
                    tokens: None,
                };
                access.users.insert(name(user), user_there);
            }
            let observed = ObservedState {
                access: AccessReading::Read(Box::new(access)),
                ..ObservedState::default()
            };
            let changes = diff(&desired, &observed).changes;
            let obstacles = changes.into_iter().flat_map(|change| change.obstacles);
            obstacles.collect::<Vec<_>>()
        };
        assert_eq!(waits_for(&["ann"]), []);
        assert_eq!(waits_for(&["old-ann"]), []);
        let stale = BlockReason::StaleGrants {
            user: Address::User(name("old-ann")),
        };
        assert_eq!(waits_for(&["ann", "old-ann"]), [stale]);
    }

    #[test]
    fn the_lowest_free_ids_come_next() {
        let taken = [0, 1, 3].into();
        assert_eq!(lowest_free(&taken, 3).collect::<Vec<_>>(), [2, 4, 5]);
        assert_eq!(lowest_free(&BTreeSet::new(), 2).collect::<Vec<_>>(), [0, 1]);
    }
}
