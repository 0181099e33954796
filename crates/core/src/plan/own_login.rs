//! What takes something away from the user that iggyctl is logged in as: the
//! very last of all, since every other step needs its rights.

use super::Stage;
use super::access::{UserChanges, present};
use super::build::Steps;
use super::step::{Action, Risk};
use crate::access::{Grants, UserStatus};
use crate::address::Address;
use crate::diff::{BlockReason, Change, LoginAttribute, UserChange};
use crate::name::ResourceName;

/// What a person allowed to be taken from the own login.
#[derive(Debug)]
pub(super) struct OwnLogin<'a> {
    address: &'a Address,
    permissions: Option<Grants<ResourceName>>,
    status: Option<UserStatus>,
}

impl<'a> OwnLogin<'a> {
    /// Takes it out of the change, which then says the rest. Permissions on what
    /// is gone cannot wait: what is created could get its number.
    pub(super) fn taken_out_of(change: &'a Change, user: &mut UserChange) -> Option<Self> {
        let loses = |attribute| {
            let obstacle = BlockReason::OwnLogin { attribute };
            change.obstacles.contains(&obstacle)
        };
        let waits = user.permissions.as_ref().is_some_and(|it| it.gone == 0);
        let permissions = (waits && loses(LoginAttribute::Permissions))
            .then(|| user.permissions.take())
            .flatten();
        let status = loses(LoginAttribute::Status)
            .then(|| user.status.take())
            .flatten();
        (permissions.is_some() || status.is_some()).then(|| Self {
            address: &change.address,
            permissions: permissions.map(|permissions| permissions.to),
            status: status.map(|(_, to)| to),
        })
    }
}

impl Steps {
    pub(super) fn end_own_login(&mut self, users: &UserChanges<'_>) {
        let Some(OwnLogin {
            address,
            permissions,
            status,
        }) = &users.own
        else {
            return;
        };
        let Address::User(user) = address else {
            return;
        };
        let mut needs: Vec<_> = self.makes.get(address).copied().into_iter().collect();
        if let Some(grants) = permissions
            && users.is_widened(address)
        {
            let mut targets = self.made_for(grants);
            targets.append(&mut needs);
            targets.sort_unstable();
            targets.dedup();
            let id = self.push_in(
                Stage::OwnLogin,
                address,
                Action::SetPermissions {
                    user: user.clone(),
                    grants: grants.clone(),
                },
                targets,
                present(address),
                Risk::Risky,
            );
            needs = vec![id];
        }
        if let Some(status) = status {
            self.push_in(
                Stage::OwnLogin,
                address,
                Action::SetUserStatus {
                    user: user.clone(),
                    status: *status,
                },
                needs,
                present(address),
                Risk::Risky,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{ServerPermission, StreamGrants};
    use crate::diff::diff;
    use crate::plan::{Approvals, plan};
    use crate::state::desired::DesiredState;
    use crate::state::desired_user::{DesiredPermissions, DesiredUser};
    use crate::state::observed::{AccessReading, ObservedState};
    use crate::state::observed_access::{ObservedAccess, ObservedUser, PasswordCheck};
    use crate::testing::{declare_stream, name};

    #[test]
    fn who_applies_keeps_its_rights_until_everything_else_is_done() {
        let mut desired = DesiredState::default();
        let origin = declare_stream(&mut desired, "orders").origin.clone();
        desired.users.insert(
            name("boss"),
            DesiredUser {
                previous_name: None,
                status: Some(UserStatus::Inactive),
                password: None,
                previous_password: None,
                permissions: Some(DesiredPermissions::default()),
                origin,
            },
        );
        let grants = Grants {
            server: [
                ServerPermission::ManageStreams,
                ServerPermission::ManageUsers,
            ]
            .into(),
            ..Grants::default()
        };
        let boss = ObservedUser {
            id: 1,
            created_at_micros: 1,
            status: UserStatus::Active,
            grants: grants.clone(),
            password: PasswordCheck::NotChecked,
            tokens: None,
        };
        let mut access = ObservedAccess {
            me: Some(name("boss")),
            ..ObservedAccess::default()
        };
        access.users.insert(name("boss"), boss);
        let mut observed = ObservedState {
            access: AccessReading::Read(Box::new(access)),
            ..ObservedState::default()
        };
        let approvals = Approvals {
            allow_destroy: [Address::User(name("boss"))].into(),
            ..Approvals::default()
        };
        let actions = |observed: &ObservedState| -> Vec<String> {
            let plan = plan(&diff(&desired, observed), &approvals);
            let steps = plan.steps.iter();
            steps
                .map(|step| format!("{}: {}", step.address, step.action))
                .collect()
        };
        assert_eq!(
            actions(&observed),
            [
                "stream/orders: create stream",
                "user/boss: set permissions",
                "user/boss: make inactive"
            ]
        );
        // What it holds on something that is gone would be opened by the create.
        if let AccessReading::Read(access) = &mut observed.access
            && let Some(boss) = access.users.get_mut(&name("boss"))
        {
            boss.grants.streams.insert(
                7,
                StreamGrants {
                    allow: crate::access::StreamPermission::ALL
                        .iter()
                        .copied()
                        .collect(),
                    ..StreamGrants::default()
                },
            );
        }
        assert_eq!(actions(&observed)[0], "user/boss: set permissions");
    }
}
