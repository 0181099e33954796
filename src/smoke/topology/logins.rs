//! Each declared user and token logs in; an inactive user does not.

use std::collections::BTreeMap;
use std::rc::Rc;

use iggyctl_core::name::ResourceName;
use iggyctl_core::smoke::{Expected, Login};

use super::Shared;
use super::accounts::NoSession;
use crate::smoke::check::Check;
use crate::smoke::failure::{Failure, Stop};

pub(super) fn checks(logins: &[Login], shared: &Shared) -> Vec<Check<'static>> {
    let checks = logins.iter().map(|login| {
        let (accounts, login) = (Rc::clone(&shared.accounts), login.clone());
        let name = format!("login/{}", login.address());
        let title = match login.expected {
            Expected::Allowed => "it logs in",
            Expected::Denied => "an inactive user does not log in",
        };
        shared.check(name, title, |_| {
            Box::pin(async move {
                let found = accounts.log_in(&login).await.map(drop);
                compare(&login, found)
            })
        })
    });
    checks.collect()
}

/// How each user can log in.
pub(super) struct Logins(BTreeMap<ResourceName, Vec<Login>>);

impl Logins {
    pub(super) fn new(logins: &[Login]) -> Self {
        let mut by_user: BTreeMap<ResourceName, Vec<Login>> = BTreeMap::new();
        for login in logins {
            let of_user = by_user.entry(login.user.clone()).or_default();
            of_user.push(login.clone());
        }
        Self(by_user)
    }

    pub(super) fn of(&self, user: &ResourceName) -> Vec<Login> {
        self.0.get(user).cloned().unwrap_or_default()
    }
}

fn compare(login: &Login, found: Result<(), NoSession>) -> Result<(), Stop> {
    let step = format!("log in as {}", login.address());
    match (login.expected, found) {
        (Expected::Allowed, Ok(())) | (Expected::Denied, Err(NoSession::Refused(_))) => Ok(()),
        (_, Err(NoSession::NotHere(reason))) => Err(Stop::Skipped(reason)),
        (Expected::Denied, Ok(())) => {
            let expected = "that an inactive user is refused";
            Err(Failure::new(step, expected, "it is let in").into())
        }
        (Expected::Allowed, Err(NoSession::Refused(found) | NoSession::Failed(found))) => {
            Err(Failure::new(step, "that it is let in", found).into())
        }
        (Expected::Denied, Err(NoSession::Failed(found))) => {
            Err(Failure::new(step, "that an inactive user is refused", found).into())
        }
    }
}
