use std::collections::{BTreeMap, BTreeSet};

use super::names::{Called, Names, TopicsUnread};
use super::target::{Known, Target, target};
use crate::access::{UserStatus, common};
use crate::address::Address;
use crate::diff::basis::{BasisRecorder, Found};
use crate::diff::change::{
    BlockReason, Change, Difference, LoginAttribute, Notice, PasswordChange, PermissionChange,
    UserChange, UserCreation,
};
use crate::diff::rename::{self, Declaration, Sighting};
use crate::name::ResourceName;
use crate::state::desired::DesiredState;
use crate::state::desired_user::DesiredUser;
use crate::state::observed_access::{ObservedAccess, ObservedUser, PasswordCheck};

/// How the users differ.
#[derive(Debug, Default)]
pub(in crate::diff) struct Users<'a> {
    pub(in crate::diff) changes: Vec<Change>,
    pub(in crate::diff) notices: Vec<Notice>,
    pub(in crate::diff) unchanged: u32,
    /// Who, by the names on the server, gets exactly the permissions that are
    /// declared.
    pub(in crate::diff) managed: BTreeSet<ResourceName>,
    /// What those of them that are there are called on the server.
    pub(in crate::diff) live_names: BTreeMap<&'a ResourceName, &'a ResourceName>,
}

/// Compares every declared user with what is there.
pub(in crate::diff) fn compare_users<'a>(
    desired: &'a DesiredState,
    access: &ObservedAccess,
    names: &Names<'_>,
    basis: &mut BasisRecorder,
) -> Users<'a> {
    let mut users = Users::default();
    let renames = user_renames(desired, access);
    users
        .notices
        .extend(renames.ignored(|name| Address::User(name.clone())));
    for (name, user) in &desired.users {
        let address = Address::User(name.clone());
        let source = renames.source(name);
        let live_name = source.unwrap_or(name);
        let live = access
            .users
            .get(live_name)
            .filter(|_| is_its_own(&renames, name));
        basis.found(
            &address,
            live.map_or(Found::Missing, |live| Found::There {
                name: live_name,
                id: live.id,
                created_at_micros: live.created_at_micros,
            }),
        );
        let target = target(user, desired, Known::Server(names));
        match live {
            None => users.changes.push(creation(address, user, target)),
            Some(live) => {
                users.live_names.insert(name, live_name);
                basis.user(live);
                // What is declared in vain is not written either.
                if target.as_ref().is_some_and(|it| it.missing.is_empty()) {
                    users.managed.insert(live_name.clone());
                }
                let comparison = Comparison {
                    desired: user,
                    live,
                    is_me: access.me.as_ref() == Some(live_name),
                    renamed_from: source,
                    names,
                };
                match comparison.change(address, target) {
                    Some(change) => users.changes.push(change),
                    None => users.unchanged += 1,
                }
            }
        }
    }
    users
}

/// What the declared users are called on the server, those that are there:
/// whoever asks the server about one has to ask by this name.
#[must_use]
pub fn live_user_names<'a>(
    desired: &'a DesiredState,
    access: &ObservedAccess,
) -> BTreeMap<&'a ResourceName, &'a ResourceName> {
    let renames = user_renames(desired, access);
    desired
        .users
        .keys()
        .filter(|name| is_its_own(&renames, name))
        .map(|name| (name, renames.source(name).unwrap_or(name)))
        .filter(|(_, live)| access.users.contains_key(*live))
        .collect()
}

fn user_renames<'a>(desired: &'a DesiredState, access: &ObservedAccess) -> rename::Renames<'a> {
    rename::resolve(
        desired
            .users
            .iter()
            .map(|(name, user)| (name, declaration(user))),
        |name| desired.users.get(name).map(declaration),
        |name| match access.users.contains_key(name) {
            true => Sighting::There,
            false => Sighting::Missing,
        },
    )
}

/// A name that another declaration takes over is not there for its own.
fn is_its_own(renames: &rename::Renames<'_>, name: &ResourceName) -> bool {
    !renames.is_taken(name) || renames.source(name).is_some()
}

fn declaration(user: &DesiredUser) -> Declaration<'_> {
    Declaration {
        declared: true,
        previous: user.previous_name.as_ref(),
    }
}

fn creation(address: Address, desired: &DesiredUser, target: Option<Target>) -> Change {
    let mut obstacles = Vec::new();
    if desired.password.is_none() {
        obstacles.push(BlockReason::PasswordMissing);
    }
    let (grants, missing) = target.map_or((None, Vec::new()), |target| {
        (Some(target.grants), target.missing)
    });
    obstacles.extend(missing_targets(missing));
    Change {
        address,
        difference: Difference::CreateUser(Box::new(UserCreation {
            status: desired.status.unwrap_or(UserStatus::Active),
            password: desired.password.clone(),
            grants: grants.filter(|grants| !grants.is_empty()),
        })),
        obstacles,
    }
}

fn missing_targets(missing: Vec<Address>) -> impl Iterator<Item = BlockReason> {
    missing
        .into_iter()
        .map(|target| BlockReason::GrantTargetMissing { target })
}

struct Comparison<'a, 'n> {
    desired: &'a DesiredUser,
    live: &'a ObservedUser,
    /// It is the user that the connection is logged in as.
    is_me: bool,
    renamed_from: Option<&'a ResourceName>,
    names: &'a Names<'n>,
}

impl Comparison<'_, '_> {
    fn change(&self, address: Address, target: Option<Target>) -> Option<Change> {
        let DesiredUser {
            previous_name: _,
            status,
            password: _,
            previous_password: _,
            permissions: _,
            origin: _,
        } = self.desired;
        let mut obstacles = Vec::new();
        let mut unchanged = 0;
        let status = self.status(*status, &mut unchanged, &mut obstacles);
        let password = self.password(&mut unchanged, &mut obstacles);
        let permissions =
            target.and_then(|target| self.permissions(target, &mut unchanged, &mut obstacles));
        let renamed_from = self.renamed_from.cloned();
        if self.is_me && renamed_from.is_some() {
            obstacles.push(own_login(LoginAttribute::Name));
        }
        let differs = renamed_from.is_some()
            || status.is_some()
            || password.is_some()
            || permissions.is_some()
            || !obstacles.is_empty();
        differs.then(|| Change {
            address,
            difference: Difference::ChangeUser(Box::new(UserChange {
                renamed_from,
                status,
                password,
                permissions,
                unchanged_attributes: unchanged,
            })),
            obstacles,
        })
    }

    fn status(
        &self,
        declared: Option<UserStatus>,
        unchanged: &mut u32,
        obstacles: &mut Vec<BlockReason>,
    ) -> Option<(UserStatus, UserStatus)> {
        let declared = declared?;
        if declared == self.live.status {
            *unchanged += 1;
            return None;
        }
        if self.live.is_root() {
            obstacles.push(root_protected("status"));
            return None;
        }
        if self.is_me {
            obstacles.push(own_login(LoginAttribute::Status));
        }
        Some((self.live.status, declared))
    }

    fn password(
        &self,
        unchanged: &mut u32,
        obstacles: &mut Vec<BlockReason>,
    ) -> Option<PasswordChange> {
        let to = self.desired.password.as_ref()?;
        match &self.live.password {
            PasswordCheck::NotChecked | PasswordCheck::Declared => {
                *unchanged += 1;
                None
            }
            PasswordCheck::Previous => {
                let from = self.desired.previous_password.clone()?;
                let to = to.clone();
                Some(PasswordChange { from, to })
            }
            PasswordCheck::Neither => {
                obstacles.push(BlockReason::PasswordUnknown {
                    with_previous: self.desired.previous_password.is_some(),
                });
                None
            }
            // Whoever knows a former password must not get in with it for even a
            // moment: it is made sure before the user is active.
            PasswordCheck::Unverifiable { .. } if self.is_activated() => Some(PasswordChange {
                from: self
                    .desired
                    .previous_password
                    .as_ref()
                    .unwrap_or(to)
                    .clone(),
                to: to.clone(),
            }),
            // Nothing says that it differs, so nothing is blocked; it is a finding.
            PasswordCheck::Unverifiable { .. } => None,
        }
    }

    fn is_activated(&self) -> bool {
        self.live.status == UserStatus::Inactive && self.desired.status == Some(UserStatus::Active)
    }

    fn permissions(
        &self,
        target: Target,
        unchanged: &mut u32,
        obstacles: &mut Vec<BlockReason>,
    ) -> Option<PermissionChange> {
        let resolved = match self.names.resolve(&self.live.grants, Called::Declared) {
            Ok(resolved) => resolved,
            Err(TopicsUnread(stream)) => {
                let stream = Address::Stream(stream);
                let reason =
                    format!("it has grants on topics of {stream}, which could not be read");
                obstacles.push(BlockReason::NotReadable { reason });
                return None;
            }
        };
        let Target {
            grants: to,
            missing,
        } = target;
        if !missing.is_empty() {
            obstacles.extend(missing_targets(missing));
            return None;
        }
        let gone = u32::try_from(resolved.gone()).unwrap_or(u32::MAX);
        if gone == 0 && resolved.grants == to {
            *unchanged += 1;
            return None;
        }
        if self.live.is_root() {
            obstacles.push(root_protected("permissions"));
            return None;
        }
        let both = common(&resolved.grants, &to);
        let narrows = both != resolved.grants || gone > 0;
        if self.is_me && both.effective() != resolved.grants.effective() {
            obstacles.push(own_login(LoginAttribute::Permissions));
        }
        Some(PermissionChange {
            narrowed: narrows.then(|| self.names.live(&both)),
            from: resolved.grants,
            gone,
            to,
        })
    }
}

fn root_protected(field: &str) -> BlockReason {
    BlockReason::RootProtected {
        field: field.to_owned(),
    }
}

fn own_login(attribute: LoginAttribute) -> BlockReason {
    BlockReason::OwnLogin { attribute }
}
