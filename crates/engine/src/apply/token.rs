//! Creating and revoking access tokens, as their users.

use iggyctl_core::access::TokenSlot;
use iggyctl_core::address::Address;
use iggyctl_core::name::ResourceName;
use iggyctl_core::plan::FoundToken;
use iggyctl_core::quantity::MessageExpiry;
use iggyctl_core::state::desired_token::TokenDestination;

use super::located::Sent;
use super::outcome::Aftermath;
use crate::broker::{BrokerError, BrokerErrorKind, BrokerWrite};
use crate::delivery::{Beginning, Delivery, TokenOwner, TokenSinks};

/// A token to create.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewToken<'a> {
    pub(super) user: &'a ResourceName,
    pub(super) token: &'a ResourceName,
    pub(super) slot: TokenSlot,
    pub(super) expiry: MessageExpiry,
    pub(super) write_to: &'a TokenDestination,
    pub(super) takes_over: bool,
    pub(super) server: Option<&'a str>,
    pub(super) revokes: Option<TokenSlot>,
}

/// Creates a token and writes its value where it belongs.
///
/// The value is in one reply and nowhere else. So after a lost one the token is
/// of no use: it is revoked and created once more, with the same note that it
/// was begun.
pub(super) async fn create<B: BrokerWrite, S: TokenSinks>(
    broker: &B,
    sinks: &S,
    new: NewToken<'_>,
    is_repeated: bool,
) -> Result<Sent, BrokerError> {
    let NewToken {
        user,
        token,
        slot,
        expiry,
        write_to,
        takes_over,
        server,
        revokes,
    } = new;
    let name = slot.name_of(token);
    let declared = Address::Token(user.clone(), token.clone());
    if broker.own_tokens().await?.contains_key(&name) {
        if !is_repeated {
            return Ok(Sent::Moved {
                expected: format!("no token `{name}` of {}", Address::User(user.clone())),
                found: "one".to_owned(),
            });
        }
        revoke(broker, &name).await?;
    }
    let Some(me) = broker.get_user(user).await? else {
        return Ok(Sent::Moved {
            expected: Address::User(user.clone()).to_string(),
            found: "none".to_owned(),
        });
    };
    let owner = TokenOwner {
        created_at_micros: me.created_at_micros,
        server,
    };
    let beginning = Beginning {
        token: &declared,
        owner,
        takes_over,
        slot,
        revokes,
    };
    // It may be the very one that iggyctl logs in with.
    let former = sinks.value(write_to).await.ok().flatten();
    if let Err(error) = sinks.begin(write_to, &beginning).await {
        return Ok(Sent::NotDelivered(error, Aftermath::NotCreated));
    }
    let micros = (expiry != MessageExpiry::NEVER).then(|| expiry.micros());
    let value = match broker.create_token(&name, micros).await {
        // It was not there right before. Either the server saw this very request
        // twice, and shows a value only once; or somebody else was faster, and
        // theirs must not be revoked. The note stays, and people can look.
        Err(error) if error.kind == BrokerErrorKind::AlreadyExists => {
            return Ok(Sent::Taken(error));
        }
        created => created?,
    };
    let delivery = Delivery {
        token: &declared,
        owner,
        slot,
        expiry,
        revokes,
        value: &value,
    };
    let Err(error) = sinks.deliver(write_to, &delivery).await else {
        return Ok(Sent::Delivered { former, value });
    };
    // Nobody will ever have its value. If it cannot be revoked now, the note
    // that it was begun makes the next apply do so.
    let aftermath = match revoke(broker, &name).await {
        Ok(()) => Aftermath::Revoked,
        Err(_) => Aftermath::NotRevoked,
    };
    Ok(Sent::NotDelivered(error, aftermath))
}

/// Revokes a declared token that nobody declares any more, under both names that it may have
/// on the server, logged in as its user.
///
/// # Errors
/// When the server refuses it, or does not answer; what is not there is revoked.
pub async fn revoke_declared<B: BrokerWrite>(
    broker: &B,
    token: &ResourceName,
) -> Result<(), BrokerError> {
    for slot in TokenSlot::ALL {
        revoke(broker, &slot.name_of(token)).await?;
    }
    Ok(())
}

/// Revokes a token; one that is not there is revoked.
pub(super) async fn revoke<B: BrokerWrite>(
    broker: &B,
    name: &ResourceName,
) -> Result<(), BrokerError> {
    match broker.delete_token(name).await {
        Err(error) if error.kind == BrokerErrorKind::NotFound => Ok(()),
        revoked => revoked,
    }
}

/// Revokes a token, and then takes the note away that this was to be done.
pub(super) async fn revoke_and_note<B: BrokerWrite, S: TokenSinks>(
    broker: &B,
    sinks: &S,
    name: &ResourceName,
    expected: FoundToken,
    noted_in: Option<&TokenDestination>,
) -> Result<Sent, BrokerError> {
    if let Some(token) = broker.own_tokens().await?.get(name) {
        let found = FoundToken::from(Some(*token));
        if found != expected {
            return Ok(Sent::Moved {
                expected: in_words(name, expected),
                found: in_words(name, found),
            });
        }
        revoke(broker, name).await?;
    }
    let Some(destination) = noted_in else {
        return Ok(Sent::Done);
    };
    Ok(match sinks.finish(destination).await {
        Ok(()) => Sent::Done,
        Err(error) => Sent::NotDelivered(error, Aftermath::NoteLeft),
    })
}

fn in_words(name: &ResourceName, token: FoundToken) -> String {
    match token {
        FoundToken::Missing => format!("no token `{name}`"),
        FoundToken::Endless => format!("a token `{name}` without an end"),
        FoundToken::Ending { at_micros } => {
            format!("a token `{name}` that ends {at_micros} µs after 1970")
        }
    }
}
