use std::collections::{BTreeMap, BTreeSet};

use super::names::{Called, Names, TopicsUnread};
use crate::access::{Grants, UserStatus};
use crate::address::Address;
use crate::diff::basis::{BasisRecorder, Found};
use crate::diff::change::{BlockReason, Change, Difference};
use crate::name::ResourceName;
use crate::state::Incarnation;
use crate::state::desired::DesiredState;
use crate::state::observed_access::{ObservedAccess, ObservedUser};

/// A user that the project owns and that no manifest declares.
///
/// Removing it leaves a tombstone, without permissions and inactive: a live
/// connection of a deleted user goes on, and acts as whoever gets its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPruning {
    /// All that it may do, by declared names.
    pub grants: Grants<ResourceName>,
    /// How many streams and topics that are no longer there it has grants on.
    pub gone: u32,
    /// Whether it may log in.
    pub is_active: bool,
}

impl UserPruning {
    /// Whether there are permissions to be taken away.
    #[must_use]
    pub fn has_permissions(&self) -> bool {
        !self.grants.is_empty() || self.gone > 0
    }

    /// Whether it is removed already, as far as that goes without deleting it.
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        !self.is_active && !self.has_permissions()
    }
}

/// The users inside `owns.users` that nobody declares: neither by name, nor as
/// what is about to be renamed (`live_names`), nor as the owner of a token.
/// Root is never one of them.
pub(in crate::diff) fn prunable_users(
    desired: &DesiredState,
    access: &ObservedAccess,
    names: &Names<'_>,
    live_names: &BTreeMap<&ResourceName, &ResourceName>,
    basis: &mut BasisRecorder,
) -> Vec<Change> {
    let owned = desired.owns.owned_users();
    if owned.is_nothing() {
        return Vec::new();
    }
    let renamed: BTreeSet<&ResourceName> = live_names.values().copied().collect();
    let mut prunable = Vec::new();
    for (name, user) in &access.users {
        let is_declared = desired.users.contains_key(name)
            || desired.tokens.contains_key(name)
            || renamed.contains(name);
        if user.is_root() || is_declared || !owned.contains(name) {
            continue;
        }
        let address = Address::User(name.clone());
        basis.found(
            &address,
            Found::There {
                name,
                id: user.id,
                created_at_micros: user.created_at_micros,
            },
        );
        basis.user(user);
        let was = Incarnation::of_user(user);
        let retained = desired.owns.retained.one(&address, Some(was));
        let mut change = pruning(address, user, names, access.me.as_ref() == Some(name));
        change
            .obstacles
            .extend(BlockReason::retained(retained.into_iter().collect()));
        prunable.push(change);
    }
    prunable
}

fn pruning(address: Address, user: &ObservedUser, names: &Names<'_>, is_me: bool) -> Change {
    let mut obstacles = Vec::new();
    if is_me {
        obstacles.push(BlockReason::OwnLoginUndeclared);
    }
    let (grants, gone) = match names.resolve(&user.grants, Called::Declared) {
        Ok(resolved) => {
            let gone = u32::try_from(resolved.gone()).unwrap_or(u32::MAX);
            (resolved.grants, gone)
        }
        Err(TopicsUnread(stream)) => {
            let stream = Address::Stream(stream);
            let reason = format!("it has grants on topics of {stream}, which could not be read");
            obstacles.push(BlockReason::NotReadable { reason });
            (Grants::default(), 0)
        }
    };
    Change {
        address,
        difference: Difference::PruneUser(Box::new(UserPruning {
            grants,
            gone,
            is_active: user.status == UserStatus::Active,
        })),
        obstacles,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::diff;
    use crate::state::desired_user::DesiredUser;
    use crate::state::observed::{AccessReading, ObservedState};
    use crate::state::observed_access::{PasswordCheck, ROOT};
    use crate::testing::{declare_stream, name};

    fn there(id: u32) -> ObservedUser {
        ObservedUser {
            id,
            created_at_micros: u64::from(id),
            status: UserStatus::Active,
            grants: Grants::default(),
            password: PasswordCheck::NotChecked,
            tokens: None,
        }
    }

    fn declared(previous: Option<&str>) -> DesiredUser {
        let mut somewhere = DesiredState::default();
        DesiredUser {
            previous_name: previous.map(name),
            status: None,
            password: None,
            previous_password: None,
            permissions: None,
            origin: declare_stream(&mut somewhere, "a").origin.clone(),
        }
    }

    fn prunable(owned: &[&str], me: Option<&str>) -> Vec<(String, usize)> {
        let mut desired = DesiredState::default();
        desired.owns.users = owned.iter().map(ToString::to_string).collect();
        desired.users.insert(name("ann"), declared(None));
        desired.users.insert(name("bob"), declared(Some("old-bob")));
        desired.users.insert(name("cat"), declared(Some("old-cat")));
        let mut access = ObservedAccess {
            me: me.map(name),
            ..ObservedAccess::default()
        };
        let users = ["root", "ann", "old-bob", "cat", "old-cat", "mallory", "zoe"];
        for (id, user) in (ROOT..).zip(users) {
            access.users.insert(name(user), there(id));
        }
        let observed = ObservedState {
            access: AccessReading::Read(Box::new(access)),
            ..ObservedState::default()
        };
        diff(&desired, &observed)
            .prunable
            .into_iter()
            .map(|change| (change.address.to_string(), change.obstacles.len()))
            .collect()
    }

    #[test]
    fn only_what_is_owned_and_not_declared_is_prunable() {
        let expected = |users: &[(&str, usize)]| -> Vec<(String, usize)> {
            let addresses = users.iter();
            addresses
                .map(|(user, obstacles)| (format!("user/{user}"), *obstacles))
                .collect()
        };
        assert_eq!(prunable(&[], None), []);
        // Root, declared users and the source of a rename that acts are not; the
        // source of one that does not act is nobody's.
        let all = [("mallory", 0), ("old-cat", 0), ("zoe", 0)];
        assert_eq!(prunable(&["*"], None), expected(&all));
        assert_eq!(prunable(&["mall?ry"], None), expected(&[("mallory", 0)]));
        assert_eq!(prunable(&["zoe", "ann"], None), expected(&[("zoe", 0)]));
        assert_eq!(prunable(&["z*"], Some("zoe")), expected(&[("zoe", 1)]));
    }
}
