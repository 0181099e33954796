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
    use crate::access::{Preset, StreamGrants, StreamPermission, UserStatus};
    use crate::address::Address;
    use crate::diff::{BlockReason, Difference, diff};
    use crate::state::desired::DesiredState;
    use crate::state::desired_user::{DesiredPermissions, DesiredUser, NameOrPattern, StreamRule};
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

    /// A stream to create, and `ann`, who was called `old-ann`, perhaps with
    /// grants on what there is not.
    fn declared(in_vain: bool) -> DesiredState {
        let mut desired = DesiredState::default();
        let origin = declare_stream(&mut desired, "next").origin.clone();
        let rule = StreamRule {
            name: NameOrPattern::Name(name("nowhere")),
            optional: false,
            preset: Some(Preset::Consumer),
            allow: [].into(),
            topics: Vec::new(),
            origin: origin.clone(),
        };
        let ann = DesiredUser {
            previous_name: Some(name("old-ann")),
            status: None,
            password: None,
            previous_password: None,
            permissions: Some(DesiredPermissions {
                streams: in_vain.then_some(rule).into_iter().collect(),
                ..DesiredPermissions::default()
            }),
            origin,
        };
        desired.users.insert(name("ann"), ann);
        desired
    }

    /// For whom the stream waits when these are there, all with grants on what
    /// is gone.
    fn waits_for(desired: &DesiredState, there: &[&str]) -> Vec<BlockReason> {
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
        let changes = diff(desired, &observed).changes.into_iter();
        let creates = changes.filter(|change| change.difference == Difference::CreateStream);
        creates.flat_map(|change| change.obstacles).collect()
    }

    fn stale(user: &str) -> BlockReason {
        BlockReason::StaleGrants {
            user: Address::User(name(user)),
        }
    }

    #[test]
    fn a_user_that_only_a_rename_without_effect_names_is_nobodys() {
        let desired = declared(false);
        assert_eq!(waits_for(&desired, &["ann"]), []);
        assert_eq!(waits_for(&desired, &["old-ann"]), []);
        assert_eq!(waits_for(&desired, &["ann", "old-ann"]), [stale("old-ann")]);
    }

    #[test]
    fn a_user_whose_permissions_cannot_be_written_keeps_what_is_stale() {
        let desired = declared(true);
        assert_eq!(waits_for(&desired, &["ann"]), [stale("ann")]);
        assert_eq!(waits_for(&desired, &["old-ann"]), [stale("old-ann")]);
    }

    #[test]
    fn the_lowest_free_ids_come_next() {
        let taken = [0, 1, 3].into();
        assert_eq!(lowest_free(&taken, 3).collect::<Vec<_>>(), [2, 4, 5]);
        assert_eq!(lowest_free(&BTreeSet::new(), 2).collect::<Vec<_>>(), [0, 1]);
    }
}
