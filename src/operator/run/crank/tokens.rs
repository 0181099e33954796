//! Access tokens in a round: for which of them somebody logs in, and how one is revoked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use iggyctl_core::address::Address;
use iggyctl_core::name::ResourceName;
use iggyctl_core::secret::Secret;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::desired_token::TokenDestination;
use iggyctl_core::state::desired_user::SecretReference;
use iggyctl_core::state::observed::{AccessReading, ObservedState};
use iggyctl_core::state::observed_token::{SinkContent, TokenCheck};
use iggyctl_engine::apply::revoke_declared;
use iggyctl_engine::broker::BrokerRead;
use iggyctl_engine::connect::{
    Connect as _, ConnectError, ConnectionPool, Credentials, ServerConnector,
};
use iggyctl_engine::delivery::TokenSinks as _;
use jiff::Timestamp;

use super::super::fence::Fence;
use super::super::passwords::Gathered;
use crate::operator::cluster::SecretSinks;
use crate::operator::model::Object;
use crate::operator::round::{Decision, Member};

/// A token that is as it should be is looked at again after this: that somebody revoked it is
/// seen only by who logs in as its user.
const LOOK_AGAIN: Duration = Duration::from_secs(60 * 60);

/// A token as it was when somebody last logged in as its user.
pub(super) struct Seen {
    content: SinkContent,
    /// Microseconds since 1970.
    ends: Option<u64>,
    at: Timestamp,
}

/// Which object says where the value of a token goes.
pub(super) fn owners(members: &[Member]) -> BTreeMap<TokenDestination, Arc<Object>> {
    let own = members
        .iter()
        .filter(|member| !member.is_foreign && !member.is_deleting());
    let declared = own.filter_map(|member| Some((member, member.declared.as_ref().ok()?)));
    let destinations = declared.flat_map(|(member, declared)| {
        let tokens = declared.state.tokens.values().flat_map(BTreeMap::values);
        tokens.map(|token| (token.write_to.clone(), Arc::clone(&member.object)))
    });
    destinations.collect()
}

/// The passwords of the users as whom somebody has to log in, for their tokens.
pub(super) async fn logins(
    wanted: &DesiredState,
    sinks: &SecretSinks,
    seen: &BTreeMap<Address, Seen>,
    now: Timestamp,
) -> BTreeSet<SecretReference> {
    let now_micros = u64::try_from(now.as_microsecond()).unwrap_or(0);
    let mut logins = BTreeSet::new();
    for (user, tokens) in &wanted.tokens {
        let Some(password) = wanted
            .users
            .get(user)
            .and_then(|user| user.password.as_ref())
        else {
            continue;
        };
        for (name, token) in tokens {
            let content = sinks.read(&token.write_to).await;
            let before = token.rotate_before.map_or(0, |before| before.micros());
            let address = Address::Token(user.clone(), name.clone());
            let is_known = seen.get(&address).is_some_and(|seen| {
                let is_due = seen
                    .ends
                    .is_some_and(|ends| ends <= now_micros.saturating_add(before));
                // A clock that was set back has nothing of it known.
                let age = Duration::try_from(now.duration_since(seen.at));
                seen.content == content && age.is_ok_and(|age| age < LOOK_AGAIN) && !is_due
            });
            if !is_known {
                logins.insert(password.clone());
            }
        }
    }
    logins
}

/// What was seen of the tokens that are as they should be.
pub(super) fn seen(
    wanted: &DesiredState,
    observed: &ObservedState,
    now: Timestamp,
) -> Vec<(Address, Seen)> {
    let AccessReading::Read(access) = &observed.access else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for (user, tokens) in &wanted.tokens {
        let live = access.users.get(user).and_then(|it| it.tokens.as_ref());
        for name in tokens.keys() {
            let content = access.sinks.get(&(user.clone(), name.clone()));
            let (Some(live), Some(SinkContent::Record(record))) = (live, content) else {
                continue;
            };
            let delivered = record.delivered.filter(|_| {
                record.has_value && record.pending.is_none() && record.revokes.is_none()
            });
            let there = delivered.and_then(|it| live.get(&it.slot.name_of(name)));
            let Some(there) = there else { continue };
            let mut content = record.clone();
            content.check = TokenCheck::NotChecked;
            let seen = Seen {
                content: SinkContent::Record(content),
                ends: there.expires_at_micros,
                at: now,
            };
            all.push((Address::Token(user.clone(), name.clone()), seen));
        }
    }
    all
}

/// What became of tokens that nobody declares any more.
#[derive(Default)]
pub(super) struct Revoked {
    pub(super) done: BTreeSet<Address>,
    /// It is tried again.
    pub(super) failed: BTreeMap<Address, String>,
    /// Nobody can.
    pub(super) orphaned: BTreeMap<Address, String>,
}

/// Revokes tokens, logged in as their users: with the values, which the Secrets still have,
/// with the password that an object declares, or as the operator itself where it is its own.
pub(super) async fn revoke_all(
    pool: &ConnectionPool<ServerConnector>,
    sinks: &SecretSinks,
    decision: &Decision,
    members: &[Member],
    gathered: &Gathered,
    fence: &Fence,
) -> Revoked {
    let mut revoked = Revoked::default();
    let revocations = decision.revocations(members);
    for (place, address) in revocations.take_while(|_| fence.holds()) {
        let Address::Token(user, name) = address else {
            continue;
        };
        let object = &members[place].object;
        let delivered = match sinks.own_token(object, address).await {
            Ok(delivered) => delivered,
            Err(error) => {
                revoked.failed.insert(address.clone(), error.to_string());
                continue;
            }
        };
        let declared = decision.compared.users.get(user);
        let password = declared.and_then(|user| gathered.secrets.get(user.password.as_ref()?));
        let value = delivered.as_ref().and_then(|it| it.value.clone());
        match revoke_one(pool, user, name, value, password).await {
            Err(error) => {
                revoked.failed.insert(address.clone(), error.to_string());
                continue;
            }
            Ok(true) => {
                revoked.done.insert(address.clone());
            }
            Ok(false) => {
                let why = "neither its value nor the password of its user is known".to_owned();
                revoked.orphaned.insert(address.clone(), why);
            }
        }
        if let Some(delivered) = delivered
            && let Err(error) = sinks.forget(object, &delivered).await
        {
            revoked.failed.insert(address.clone(), error.to_string());
        }
    }
    revoked
}

/// Whether it is revoked now; else nobody could log in as its user.
async fn revoke_one(
    pool: &ConnectionPool<ServerConnector>,
    user: &ResourceName,
    name: &ResourceName,
    value: Option<Secret>,
    password: Option<&Secret>,
) -> Result<bool, RevokeError> {
    let had_value = value.is_some();
    let with_password = password.map(|password| Credentials::Password {
        username: user.as_str().to_owned(),
        password: password.clone(),
    });
    let connection = pool.acquire().await?;
    if is_me(&*connection, user).await {
        revoke_declared(&*connection, name).await?;
        return Ok(true);
    }
    drop(connection);
    let connector = pool.connector();
    for credentials in with_password
        .into_iter()
        .chain(value.map(Credentials::Token))
    {
        match connector.log_in_as(&credentials).await {
            Ok(broker) => {
                let revoked = revoke_declared(&broker, name).await;
                connector.close(broker).await;
                revoked?;
                return Ok(true);
            }
            Err(ConnectError::CredentialsRefused { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // A value that the server does not take lets nobody in.
    Ok(had_value)
}

/// Whether it is the operator's own login. One that may not read users is not known to be.
async fn is_me(broker: &impl BrokerRead, user: &ResourceName) -> bool {
    let (Ok(me), Ok(Some(user))) = (broker.me().await, broker.get_user(user).await) else {
        return false;
    };
    me.user_id == Some(user.id)
}

/// Why a token is not revoked yet.
#[derive(Debug, thiserror::Error)]
enum RevokeError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Broker(#[from] iggyctl_engine::broker::BrokerError),
}
