//! What is said about an access token, attribute by attribute.

use super::plan_report::AttributeReport;
use super::user_attributes::set;
use crate::access::TokenSlot;
use crate::address::Address;
use crate::diff::{Revocation, RevocationReason, TokenCause, TokenChange};
use crate::quantity::MessageExpiry;
use crate::secret::TokenSink;

pub(super) fn of_change(address: &Address, change: &TokenChange) -> Vec<AttributeReport> {
    let TokenChange {
        cause,
        revoke_first,
        create,
        revoke_after,
        takes_over: _,
        expiry,
        write_to,
        login_before: _,
        login_after: _,
        live_user: _,
    } = change;
    let mut attributes = Vec::new();
    if create.is_some() {
        attributes.push(set(
            "expiry",
            match *expiry {
                MessageExpiry::NEVER => "never".to_owned(),
                expiry => format!("after {expiry}"),
            },
        ));
        attributes.push(set("writeTo", sink(&write_to.sink)));
    }
    let replaces = match cause {
        TokenCause::New => None,
        TokenCause::NotDelivered => Some("one that was begun and never delivered"),
        TokenCause::Gone => Some("the one that was delivered and is no longer on the server"),
        TokenCause::Ended => Some("the one that was delivered and has ended"),
        TokenCause::EndsSoon => Some("the one that ends soon, and is valid until then"),
        TokenCause::Requested => Some("the valid one, as --rotate says"),
        TokenCause::PredecessorLeft => None,
    };
    attributes.extend(replaces.map(|text| set("replaces", text.to_owned())));
    // Each that goes has a line of its own: another may be in use.
    let name = |slot: TokenSlot| match address {
        Address::Token(_, token) => slot.name_of(token).to_string(),
        other => other.to_string(),
    };
    if let Some(Revocation { slot, reason, .. }) = revoke_first {
        let why = match reason {
            RevocationReason::NotDelivered => "which nobody has",
            RevocationReason::Ended => "which has ended",
            RevocationReason::Predecessor => "which is valid, to make room",
        };
        attributes.push(set("revokes", format!("{} at first, {why}", name(*slot))));
    }
    if let Some(Revocation { slot, .. }) = revoke_after {
        let when = match create {
            Some(_) => "when the new one is delivered",
            None => "since its successor is delivered",
        };
        attributes.push(set("revokes", format!("{} {when}", name(*slot))));
    }
    attributes
}

/// Where a value goes, never what it is.
fn sink(sink: &TokenSink) -> String {
    match sink {
        TokenSink::File(path) => format!("the file {path}"),
        TokenSink::SecretKeyRef(key) => {
            format!("the key {} of the Secret {}", key.key, key.name)
        }
    }
}
