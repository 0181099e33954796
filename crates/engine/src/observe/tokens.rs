//! Access tokens: what the sinks hold, and whether the server takes it.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use iggyctl_core::diff::live_user_names;
use iggyctl_core::name::ResourceName;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::desired_token::TokenDestination;
use iggyctl_core::state::observed_access::ObservedAccess;
use iggyctl_core::state::observed_token::{SinkContent, TokenCheck};

use super::reads::ReadError;
use crate::broker::{BrokerRead as _, UserRead as _};
use crate::connect::{Connect, ConnectError, ConnectionPool, Credentials};
use crate::delivery::TokenSinks;

/// Sinks and logins at once.
const AT_ONCE: usize = 4;

/// The declared token, by the declared names of its user and itself.
type TokenKey = (ResourceName, ResourceName);

fn declared(desired: &DesiredState) -> impl Iterator<Item = (TokenKey, &TokenDestination)> {
    desired.tokens.iter().flat_map(|(user, tokens)| {
        tokens
            .iter()
            .map(|(name, token)| ((user.clone(), name.clone()), &token.write_to))
    })
}

/// Looks where the values of the declared tokens go, and at the clock.
pub(super) async fn read_sinks<S: TokenSinks>(
    desired: &DesiredState,
    sinks: &S,
    access: &mut ObservedAccess,
) {
    access.read_at_micros = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|elapsed| u64::try_from(elapsed.as_micros()).ok())
        .unwrap_or(0);
    // Owned, so that the compiler sees that the future may go to another thread.
    let destinations: Vec<_> = declared(desired)
        .map(|(key, destination)| (key, destination.clone()))
        .collect();
    access.sinks = stream::iter(destinations)
        .map(|(key, destination)| async move { (key, sinks.read(&destination).await) })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
}

/// Lists the tokens of the own login, which needs no other one.
pub(super) async fn read_own<C: Connect>(
    pool: &ConnectionPool<C>,
    desired: &DesiredState,
    access: &mut ObservedAccess,
) -> Result<(), ReadError> {
    let Some(me) = access.me.clone() else {
        return Ok(());
    };
    let live_names = live_user_names(desired, access);
    let mut owners = desired.tokens.keys();
    if !owners.any(|owner| live_name(&live_names, desired, owner) == Some(&me)) {
        return Ok(());
    }
    let tokens = pool.acquire().await?.own_tokens().await?;
    if let Some(user) = access.users.get_mut(&me) {
        user.tokens = Some(tokens);
    }
    Ok(())
}

/// What the owner of a token is called on the server; who is not declared has
/// the name by which the token says so.
fn live_name<'a>(
    live_names: &BTreeMap<&'a ResourceName, &'a ResourceName>,
    desired: &DesiredState,
    owner: &'a ResourceName,
) -> Option<&'a ResourceName> {
    match desired.users.contains_key(owner) {
        true => live_names.get(owner).copied(),
        false => Some(owner),
    }
}

/// Logs in with every value that was delivered, to see whether it works.
pub(super) async fn check_values<C: Connect, S: TokenSinks>(
    connector: &C,
    desired: &DesiredState,
    sinks: &S,
    access: &mut ObservedAccess,
) -> Result<(), ReadError> {
    let live_names = live_user_names(desired, access);
    let questions: Vec<(TokenKey, TokenDestination, u32)> = declared(desired)
        .filter_map(|(key, destination)| {
            let SinkContent::Record(record) = access.sinks.get(&key)? else {
                return None;
            };
            let owner = access.users.get(live_name(&live_names, desired, &key.0)?)?;
            let is_asked = record.has_value && record.delivered.is_some() && owner.tokens.is_some();
            is_asked.then(|| (key, destination.clone(), owner.id))
        })
        .collect();
    let answers: BTreeMap<TokenKey, TokenCheck> = stream::iter(questions)
        .map(|(key, destination, owner)| async move {
            let check = check_value(connector, &destination, sinks, owner).await?;
            Ok::<_, ReadError>((key, check))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    for (key, check) in answers {
        if let Some(SinkContent::Record(record)) = access.sinks.get_mut(&key) {
            record.check = check;
        }
    }
    Ok(())
}

async fn check_value<C: Connect, S: TokenSinks>(
    connector: &C,
    destination: &TokenDestination,
    sinks: &S,
    owner: u32,
) -> Result<TokenCheck, ReadError> {
    // What went away since it was looked at is for the next plan.
    let Ok(Some(value)) = sinks.value(destination).await else {
        return Ok(TokenCheck::NotChecked);
    };
    match connector.log_in_as(&Credentials::Token(value)).await {
        Ok(broker) => {
            let me = broker.me().await;
            connector.close(broker).await;
            Ok(match me?.user_id {
                Some(user) if user != owner => TokenCheck::Refused,
                _ => TokenCheck::Accepted,
            })
        }
        Err(ConnectError::CredentialsRefused { .. }) => Ok(TokenCheck::Refused),
        Err(error) => Err(error.into()),
    }
}
