//! Sessions of the accounts: each logs in once, and is closed at the end.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use iggyctl_core::diff::live_user_names;
use iggyctl_core::name::ResourceName;
use iggyctl_core::secret::Secret;
use iggyctl_core::smoke::{Login, LoginSubject};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::{AccessReading, ObservedState};
use iggyctl_engine::broker::BrokerRead as _;
use iggyctl_engine::connect::{Connect as _, ConnectError, Credentials, ServerConnector};
use iggyctl_engine::delivery::{FileSinks, TokenSinks as _};
use iggyctl_engine::sdk::SdkBroker;
use tokio::sync::OnceCell;

use super::Passwords;
use crate::smoke::failure::{Failure, Stop};

/// Which session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Account {
    /// The administrator; several, for what needs more than one.
    Admin(usize),
    /// A declared user with its password.
    User(ResourceName),
    /// A declared user with one of its tokens.
    Token(ResourceName, ResourceName),
    /// A temporary user; several, for what needs more than one.
    Temporary(ResourceName, usize),
}

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoSession {
    /// What it is made with is not here.
    NotHere(String),
    /// The server refuses it.
    Refused(String),
    /// Something else is wrong: the connection, or who it is.
    Failed(String),
}

impl NoSession {
    /// For whoever needs a session to try something else. That a login fails is said by
    /// the check of the login.
    pub(super) fn skips(self) -> Stop {
        Stop::Skipped(match self {
            Self::NotHere(reason) => reason,
            Self::Refused(reason) | Self::Failed(reason) => format!("there is no login: {reason}"),
        })
    }

    /// For whoever has to have one.
    pub(super) fn fails(self, step: &str) -> Stop {
        match self {
            Self::NotHere(reason) => Stop::Skipped(reason),
            Self::Refused(reason) | Self::Failed(reason) => {
                Failure::new(step, "a session", reason).into()
            }
        }
    }
}

type Opened = Result<Rc<SdkBroker>, NoSession>;

/// All sessions of the accounts.
pub(super) struct Accounts {
    connector: ServerConnector,
    passwords: Passwords,
    temporary: BTreeMap<ResourceName, Secret>,
    sinks: FileSinks,
    /// The ids of the declared users, where they are known.
    ids: BTreeMap<ResourceName, u32>,
    open: RefCell<BTreeMap<Account, Rc<OnceCell<Opened>>>>,
}

/// How long sessions may take to close, all together.
const FOR_CLOSING: Duration = Duration::from_secs(2);

impl Accounts {
    pub(super) fn new(
        connector: ServerConnector,
        desired: &DesiredState,
        observed: &ObservedState,
        passwords: Passwords,
        temporary: BTreeMap<ResourceName, Secret>,
        sinks: FileSinks,
    ) -> Self {
        Self {
            connector,
            passwords,
            temporary,
            sinks,
            ids: ids(desired, observed),
            open: RefCell::default(),
        }
    }

    /// The session of a login that a manifest declares.
    pub(super) async fn log_in(self: &Rc<Self>, login: &Login) -> Result<InUse, NoSession> {
        let account = match &login.subject {
            LoginSubject::Password(_) => Account::User(login.user.clone()),
            LoginSubject::Token(token, _) => Account::Token(login.user.clone(), token.clone()),
        };
        let credentials = async || self.declared(login).await;
        self.open(account, self.ids.get(&login.user).copied(), credentials)
            .await
    }

    /// A session of a user, with the first of its logins that is here.
    pub(super) async fn any_of(self: &Rc<Self>, logins: &[Login]) -> Result<InUse, NoSession> {
        let mut reason = "no manifest declares how it logs in".to_owned();
        for login in logins {
            match self.log_in(login).await {
                Err(NoSession::NotHere(why)) => reason = why,
                ended => return ended,
            }
        }
        Err(NoSession::NotHere(reason))
    }

    /// The session of a temporary user.
    pub(super) async fn temporary(
        self: &Rc<Self>,
        user: &ResourceName,
        number: usize,
    ) -> Result<InUse, NoSession> {
        let credentials = async || match self.temporary.get(user) {
            Some(password) => Ok(password_of(user, password)),
            None => Err(NoSession::Failed("it has no password".to_owned())),
        };
        let account = Account::Temporary(user.clone(), number);
        self.open(account, None, credentials).await
    }

    /// A session of the administrator.
    pub(super) async fn admin(self: &Rc<Self>, number: usize) -> Result<InUse, NoSession> {
        let credentials = async || match self.connector.address().credentials {
            Some(credentials) => Ok(credentials),
            None => Err(NoSession::Failed("there are no credentials".to_owned())),
        };
        self.open(Account::Admin(number), None, credentials).await
    }

    async fn declared(&self, login: &Login) -> Result<Credentials, NoSession> {
        let not_here = |reason: String| Err(NoSession::NotHere(reason));
        match &login.subject {
            LoginSubject::Password(None) => {
                not_here("no manifest declares its password".to_owned())
            }
            LoginSubject::Password(Some(reference)) => match self.passwords.known.get(reference) {
                Some(password) => Ok(password_of(&login.user, password)),
                None => not_here(
                    self.passwords
                        .missing
                        .get(reference)
                        .cloned()
                        .unwrap_or_else(|| "its password is not here".to_owned()),
                ),
            },
            LoginSubject::Token(_, destination) => match self.sinks.value(destination).await {
                Ok(Some(value)) => Ok(Credentials::Token(value)),
                Ok(None) => not_here("its value was not delivered to this machine".to_owned()),
                Err(error) => not_here(format!("its value cannot be read: {error}")),
            },
        }
    }

    async fn open(
        self: &Rc<Self>,
        account: Account,
        expected: Option<u32>,
        credentials: impl AsyncFnOnce() -> Result<Credentials, NoSession>,
    ) -> Result<InUse, NoSession> {
        let cell = {
            let mut open = self.open.borrow_mut();
            Rc::clone(open.entry(account.clone()).or_default())
        };
        let opened = cell.get_or_init(async || {
            let credentials = credentials().await?;
            let broker = self.connector.log_in_as(&credentials).await;
            let broker = broker.map_err(|error| match error {
                ConnectError::CredentialsRefused { .. } => NoSession::Refused(error.to_string()),
                _ => NoSession::Failed(error.to_string()),
            })?;
            let broker = Rc::new(broker);
            let me = broker.me().await;
            let me = me.map_err(|error| NoSession::Failed(error.to_string()))?;
            match (expected, me.user_id) {
                (Some(expected), Some(found)) if expected != found => Err(NoSession::Failed(
                    "the server takes it for another user".to_owned(),
                )),
                _ => Ok(broker),
            }
        });
        Ok(InUse {
            broker: opened.await.clone()?,
            accounts: Rc::clone(self),
            account,
            is_busy: Cell::new(false),
        })
    }

    /// Closes all sessions.
    pub(super) async fn close(&self) {
        let open = std::mem::take(&mut *self.open.borrow_mut());
        let brokers = open.into_values().filter_map(|cell| {
            let opened = Rc::into_inner(cell)?.into_inner()?.ok()?;
            Rc::into_inner(opened)
        });
        let closing = futures::future::join_all(brokers.map(SdkBroker::close));
        let _ = tokio::time::timeout(FOR_CLOSING, closing).await;
    }
}

fn password_of(user: &ResourceName, password: &Secret) -> Credentials {
    Credentials::Password {
        username: user.as_str().to_owned(),
        password: password.clone(),
    }
}

fn ids(desired: &DesiredState, observed: &ObservedState) -> BTreeMap<ResourceName, u32> {
    let AccessReading::Read(access) = &observed.access else {
        return BTreeMap::new();
    };
    let names = live_user_names(desired, access);
    let owners = desired.users.keys().chain(desired.tokens.keys());
    owners
        .filter_map(|owner| {
            let live = names.get(owner).copied().unwrap_or(owner);
            Some((owner.clone(), access.users.get(live)?.id))
        })
        .collect()
}

/// A session that somebody uses. One whose request was given up is forgotten: its reply
/// would be taken for that of the next one.
pub(super) struct InUse {
    broker: Rc<SdkBroker>,
    accounts: Rc<Accounts>,
    account: Account,
    is_busy: Cell<bool>,
}

impl InUse {
    /// One request.
    pub(super) async fn ask<T>(&self, request: impl AsyncFnOnce(&SdkBroker) -> T) -> T {
        self.is_busy.set(true);
        let reply = request(&self.broker).await;
        self.is_busy.set(false);
        reply
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        if self.is_busy.get() {
            self.accounts.open.borrow_mut().remove(&self.account);
        }
    }
}
