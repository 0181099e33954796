use std::collections::{BTreeMap, BTreeSet};

use super::names::{Called, Names, Resolved};
use crate::access::Grants;
use crate::name::ResourceName;
use crate::state::desired::DesiredState;
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
    /// Of the users that nobody declares: those that are declared get exactly
    /// what is declared before anything is created.
    pub(in crate::diff) fn of(
        access: &ObservedAccess,
        names: &Names<'_>,
        desired: &DesiredState,
    ) -> Self {
        let mut stale = Self {
            taken: names.ids().collect(),
            ..Self::default()
        };
        let managed: BTreeSet<&ResourceName> = desired
            .users
            .iter()
            .filter(|(_, user)| user.permissions.is_some())
            .flat_map(|(name, user)| [Some(name), user.previous_name.as_ref()])
            .flatten()
            .collect();
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

    #[test]
    fn the_lowest_free_ids_come_next() {
        let taken = [0, 1, 3].into();
        assert_eq!(lowest_free(&taken, 3).collect::<Vec<_>>(), [2, 4, 5]);
        assert_eq!(lowest_free(&BTreeSet::new(), 2).collect::<Vec<_>>(), [0, 1]);
    }
}
