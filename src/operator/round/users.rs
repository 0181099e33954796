//! Users that a namespace must not take over on a server that it shares with others.

use iggyctl_core::address::Address;
use iggyctl_core::state::observed::{AccessReading, ObservedState};

use super::decide::Decision;
use super::member::{Member, Subject};

impl Decision {
    /// Leaves out users that would be more than their namespace may have: whoever says what the
    /// password of a user is, is that user. The operator's own login is for the namespace that
    /// its Secret is in, and a user that was there before may have more rights than the ceiling,
    /// unless its object says all of them.
    pub(crate) fn forbid_users(
        &mut self,
        members: &[Member],
        observed: &ObservedState,
        subject: &Subject,
    ) {
        let me = match &observed.access {
            AccessReading::Read(access) => access.me.clone(),
            _ => None,
        };
        let users: Vec<Address> = self.compared.declared().collect();
        for address in users {
            let Address::User(user) = &address else {
                continue;
            };
            let Some(place) = self.contest.winners.get(&address).copied() else {
                continue;
            };
            let member = &members[place];
            if !member.is_bounded() {
                continue;
            }
            let namespace = Some(member.object.key.namespace.as_str());
            let declared = self.compared.users.get(user);
            let says_all = declared.is_some_and(|it| it.permissions.is_some());
            let is_taken_over = self.grants[place].adopted.contains(&address);
            let why = if me.as_ref() == Some(user)
                && namespace != subject.login_namespace.as_deref()
            {
                format!("{address} is the operator's own login")
            } else if is_taken_over && !says_all {
                format!(
                    "{address} was there before, and may have more rights than this namespace: it \
                     can be adopted only with all its permissions declared"
                )
            } else {
                continue;
            };
            self.leave_out(&address);
            // Nor is there anything for whoever declares its tokens.
            for grant in &mut self.grants {
                let inside: Vec<Address> = grant
                    .held
                    .extract_if(.., |it, _| address.contains(it))
                    .map(|(it, _)| it)
                    .collect();
                for it in inside {
                    grant.adopted.remove(&it);
                    grant.forbidden.insert(it, why.clone());
                }
            }
        }
    }
}
