//! The steps of users, in their stages.

use std::collections::BTreeSet;

use super::blocked::BlockedLines;
use super::build::Steps;
use super::delete::Deletion;
use super::own_login::OwnLogin;
use super::prune::Pruning;
use super::rename_order::{Rename, in_rename_order};
use super::step::{Action, Precondition, Risk, StepId};
use super::{Approvals, Stage};
use crate::access::{Grants, UserStatus};
use crate::address::Address;
use crate::diff::{
    BlockReason, Change, ChangeSet, Difference, LoginAttribute, StaleGrants, TokenChange,
    UserChange, UserCreation,
};
use crate::name::ResourceName;

struct UserRename<'a> {
    address: &'a Address,
    from: &'a ResourceName,
}

impl Rename for UserRename<'_> {
    fn target(&self) -> Address {
        self.address.clone()
    }

    fn source(&self) -> Address {
        Address::User(self.from.clone())
    }
}

/// What is to be done about users.
pub(super) struct UserChanges<'a> {
    strips: Vec<(&'a Address, &'a StaleGrants)>,
    creations: Vec<(&'a Address, &'a UserCreation)>,
    changes: Vec<(&'a Address, UserChange)>,
    pub(super) tokens: Vec<(&'a Address, &'a TokenChange)>,
    /// What the own login loses, once everything else is done.
    pub(super) own: Option<OwnLogin<'a>>,
    /// Those who get all their permissions.
    widened: BTreeSet<&'a Address>,
}

impl<'a> UserChanges<'a> {
    /// Without what waits for an approval.
    pub(super) fn of(
        doable: impl Iterator<Item = &'a Change>,
        approvals: &Approvals,
        blocked: &BlockedLines<'_>,
    ) -> Self {
        let mut users = Self {
            strips: Vec::new(),
            creations: Vec::new(),
            changes: Vec::new(),
            tokens: Vec::new(),
            own: None,
            widened: BTreeSet::new(),
        };
        for change in doable {
            let address = &change.address;
            if !blocked.without_grants.contains(address) {
                users.widened.insert(address);
            }
            match &change.difference {
                Difference::StripStaleGrants(stale)
                    if approvals.allow_destroy.contains(address)
                        && !blocked.pruned.contains(address) =>
                {
                    users.strips.push((address, stale));
                }
                Difference::ChangeToken(token) => users.tokens.push((address, token)),
                Difference::CreateUser(creation) => users.creations.push((address, creation)),
                Difference::ChangeUser(user) => {
                    let mut user = user.as_ref().clone();
                    if approvals.allow_destroy.contains(address) {
                        let own = OwnLogin::taken_out_of(change, &mut user);
                        users.own = users.own.or(own);
                    } else {
                        for obstacle in &change.obstacles {
                            if let BlockReason::OwnLogin { attribute } = obstacle {
                                hold_back(&mut user, *attribute);
                            }
                        }
                    }
                    users.changes.push((address, user));
                }
                _ => {}
            }
        }
        users
    }

    /// Whether it gets all its permissions.
    pub(super) fn is_widened(&self, address: &Address) -> bool {
        self.widened.contains(address)
    }
}

/// What the permissions of a change speak of and nobody is going to make.
pub(super) fn held_back_target(change: &Change, held_back: &BTreeSet<&Address>) -> Option<Address> {
    if held_back.is_empty() {
        return None;
    }
    let grants = match &change.difference {
        Difference::CreateUser(creation) => creation.grants.as_ref()?,
        Difference::ChangeUser(user) => &user.permissions.as_ref()?.to,
        _ => return None,
    };
    let mut targets = grants.streams.iter().flat_map(|(stream, granted)| {
        let topics = granted.topics.keys();
        let topics = topics.map(|topic| Address::Topic(stream.clone(), topic.clone()));
        std::iter::once(Address::Stream(stream.clone())).chain(topics)
    });
    targets.find(|target| held_back.contains(target))
}

fn hold_back(user: &mut UserChange, attribute: LoginAttribute) {
    match attribute {
        LoginAttribute::Name => user.renamed_from = None,
        LoginAttribute::Status => user.status = None,
        LoginAttribute::Permissions => user.permissions = None,
    }
}

impl Steps {
    /// Who may do less, first of all.
    pub(super) fn narrow_access(
        &mut self,
        changes: &ChangeSet,
        users: &UserChanges<'_>,
        prunings: &[Pruning<'_>],
        deletions: &[Deletion<'_>],
    ) {
        for (address, user) in &users.changes {
            self.narrow(address, user);
        }
        self.strip_pruned(prunings);
        self.strip_holders(changes, deletions);
        for (address, stale) in &users.strips {
            // Whoever loses grants on what is deleted keeps none that are stale.
            if !self.narrows.contains_key(*address) {
                self.strip(address, stale);
            }
        }
    }

    /// What else comes before anything is created.
    pub(super) fn restrict_access(&mut self, users: &UserChanges<'_>, prunings: &[Pruning<'_>]) {
        self.revoke_tokens(users);
        self.set_statuses(users, UserStatus::Inactive, Stage::Deactivate);
        self.deactivate_pruned(prunings);
    }

    /// The users among the resources: renames, and new ones, who may do nothing
    /// yet.
    pub(super) fn users(&mut self, users: &UserChanges<'_>) {
        let renames = users.changes.iter().filter_map(|(address, user)| {
            let from = user.renamed_from.as_ref()?;
            Some(UserRename { address, from })
        });
        for rename in in_rename_order(renames) {
            self.rename_user(&rename);
        }
        for (address, creation) in &users.creations {
            self.create_user(address, creation);
        }
    }

    /// What comes when everything is there.
    pub(super) fn grant_access(&mut self, users: &UserChanges<'_>) {
        for (address, user) in &users.changes {
            self.change_password(address, user);
        }
        for (address, creation) in &users.creations {
            if let Some(grants) = &creation.grants
                && users.widened.contains(address)
            {
                self.widen(address, grants);
            }
        }
        for (address, user) in &users.changes {
            if let Some(permissions) = &user.permissions
                && permissions.narrowed.as_ref() != Some(&permissions.to)
                && users.widened.contains(address)
            {
                self.widen(address, &permissions.to);
            }
        }
        self.set_statuses(users, UserStatus::Active, Stage::Activate);
        self.create_tokens(users);
    }

    fn set_statuses(&mut self, users: &UserChanges<'_>, status: UserStatus, stage: Stage) {
        for (address, user) in &users.changes {
            if user.status.is_some_and(|(_, to)| to == status) {
                self.set_status(address, user, status, stage);
            }
        }
    }

    fn narrow(&mut self, address: &Address, change: &UserChange) {
        let Some(permissions) = &change.permissions else {
            return;
        };
        let Some(narrowed) = &permissions.narrowed else {
            return;
        };
        let Some(user) = live_name(address, change) else {
            return;
        };
        let id = self.set_permissions(Stage::Narrow, address, &user, narrowed, Vec::new());
        self.narrows.insert(address.clone(), id);
        if permissions.gone > 0 {
            self.clears.push(id);
        }
    }

    fn strip(&mut self, address: &Address, stale: &StaleGrants) {
        let Address::User(user) = address else {
            return;
        };
        let id = self.set_permissions(Stage::Narrow, address, user, &stale.keeps, Vec::new());
        self.clears.push(id);
    }

    /// Taking something away can be noticed; giving it cannot hurt the user.
    pub(super) fn set_permissions(
        &mut self,
        stage: Stage,
        address: &Address,
        user: &ResourceName,
        grants: &Grants<ResourceName>,
        needs: Vec<StepId>,
    ) -> StepId {
        let risk = match stage {
            Stage::Narrow => Risk::Risky,
            _ => Risk::Safe,
        };
        self.push_in(
            stage,
            address,
            Action::SetPermissions {
                user: user.clone(),
                grants: grants.clone(),
            },
            needs,
            present(&Address::User(user.clone())),
            risk,
        )
    }

    fn rename_user(&mut self, rename: &UserRename<'_>) {
        let UserRename { address, from } = rename;
        let Address::User(to) = *address else {
            return;
        };
        let source = Address::User((*from).clone());
        let needs = self.frees.get(*address).copied().into_iter().collect();
        let mut preconditions = present(&source);
        preconditions.push(Precondition::Absent {
            address: (*address).clone(),
        });
        let id = self.push_in(
            Stage::Resources,
            address,
            Action::RenameUser {
                from: (*from).clone(),
                to: to.clone(),
            },
            needs,
            preconditions,
            Risk::Risky,
        );
        self.makes.insert((*address).clone(), id);
        self.frees.insert(source, id);
    }

    fn create_user(&mut self, address: &Address, creation: &UserCreation) {
        let (Address::User(user), Some(password)) = (address, &creation.password) else {
            return;
        };
        let id = self.push_in(
            Stage::Resources,
            address,
            Action::CreateUser {
                user: user.clone(),
                status: creation.status,
                password: password.clone(),
            },
            Vec::new(),
            vec![Precondition::Absent {
                address: address.clone(),
            }],
            Risk::Safe,
        );
        self.makes.insert(address.clone(), id);
    }

    fn change_password(&mut self, address: &Address, change: &UserChange) {
        let (Address::User(user), Some(password)) = (address, &change.password) else {
            return;
        };
        let needs = self.makes.get(address).copied().into_iter().collect();
        let id = self.push_in(
            Stage::Passwords,
            address,
            Action::ChangePassword {
                user: user.clone(),
                from: password.from.clone(),
                to: password.to.clone(),
            },
            needs,
            present(address),
            Risk::Risky,
        );
        self.passwords.insert(address.clone(), id);
    }

    /// Whatever fails before of what the permissions speak of, the user then
    /// does not get them.
    fn widen(&mut self, address: &Address, grants: &Grants<ResourceName>) {
        let Address::User(user) = address else {
            return;
        };
        let mut needs: Vec<StepId> = [&self.makes, &self.narrows, &self.passwords]
            .into_iter()
            .filter_map(|steps| steps.get(address).copied())
            .collect();
        needs.extend(self.made_for(grants));
        needs.sort_unstable();
        needs.dedup();
        let id = self.set_permissions(Stage::Widen, address, user, grants, needs);
        self.widens.insert(address.clone(), id);
    }

    /// The steps that make what permissions speak of.
    pub(super) fn made_for(&self, grants: &Grants<ResourceName>) -> Vec<StepId> {
        let mut made = Vec::new();
        for (stream, granted) in &grants.streams {
            let at = Address::Stream(stream.clone());
            made.extend(self.makes.get(&at).copied());
            for topic in granted.topics.keys() {
                let at = Address::Topic(stream.clone(), topic.clone());
                made.extend(self.makes.get(&at).copied());
            }
        }
        made
    }

    fn set_status(
        &mut self,
        address: &Address,
        user: &UserChange,
        status: UserStatus,
        stage: Stage,
    ) {
        // Before the renames a user has its old name.
        let name = match stage {
            Stage::Deactivate => live_name(address, user),
            _ => own_name(address),
        };
        let Some(name) = name else {
            return;
        };
        let mut needs = Vec::new();
        if stage == Stage::Activate {
            let before = [&self.makes, &self.passwords, &self.widens];
            needs.extend(
                before
                    .iter()
                    .filter_map(|steps| steps.get(address).copied()),
            );
            needs.sort_unstable();
        }
        let id = self.push_in(
            stage,
            address,
            Action::SetUserStatus {
                user: name.clone(),
                status,
            },
            needs,
            present(&Address::User(name)),
            Risk::Risky,
        );
        if stage == Stage::Activate {
            self.activates.insert(address.clone(), id);
        }
    }
}

fn own_name(address: &Address) -> Option<ResourceName> {
    match address {
        Address::User(user) => Some(user.clone()),
        _ => None,
    }
}

fn live_name(address: &Address, change: &UserChange) -> Option<ResourceName> {
    change.renamed_from.clone().or_else(|| own_name(address))
}

pub(super) fn present(address: &Address) -> Vec<Precondition> {
    vec![Precondition::Present {
        address: address.clone(),
    }]
}
