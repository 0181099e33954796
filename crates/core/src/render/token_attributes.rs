//! What is said about an access token, attribute by attribute.

use super::plan_report::AttributeReport;
use super::user_attributes::set;
use crate::diff::{TokenCause, TokenChange};
use crate::quantity::MessageExpiry;
use crate::secret::TokenSink;

pub(super) fn of_change(change: &TokenChange) -> Vec<AttributeReport> {
    let TokenChange {
        cause,
        revoke_first,
        create,
        revoke_after,
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
    if revoke_after.is_some() {
        let revokes = match create {
            Some(_) => "the one before, when the new one is delivered",
            None => "the one before: its successor is delivered",
        };
        attributes.push(set("revokes", revokes.to_owned()));
    } else if let (Some(revocation), TokenCause::EndsSoon | TokenCause::Requested) =
        (revoke_first, cause)
        && revocation.reason == crate::diff::RevocationReason::Predecessor
    {
        let text = "the one before that, which makes room".to_owned();
        attributes.push(set("revokes", text));
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
