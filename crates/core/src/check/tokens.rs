//! What is worth knowing about access tokens.

use super::{Finding, FindingCode, Severity};
use crate::access::UserStatus;
use crate::address::Address;
use crate::name::ResourceName;
use crate::quantity::MessageExpiry;
use crate::state::desired::DesiredState;
use crate::state::observed_access::ObservedAccess;
use crate::wording::counted;

/// Tokens of a user that is declared to be inactive; or that is so on the
/// server, and no manifest says otherwise.
pub(super) fn of_inactive_users(
    desired: &DesiredState,
    access: Option<&ObservedAccess>,
) -> Vec<Finding> {
    let inactive = |user: &ResourceName| {
        let declared = desired.users.get(user).and_then(|user| user.status);
        let live = || Some(access?.users.get(user)?.status);
        declared.or_else(live) == Some(UserStatus::Inactive)
    };
    desired
        .tokens
        .iter()
        .filter(|(user, tokens)| !tokens.is_empty() && inactive(user))
        .map(|(user, tokens)| {
            let address = Address::User(user.clone());
            Finding {
                code: FindingCode::TokensOfInactiveUser.into(),
                severity: Severity::Note,
                message: format!(
                    "{address} is inactive, so the server lets nobody see or change its {}",
                    counted(tokens.len(), "token")
                ),
                address,
                fix: "make the user active, or remove its tokens from the manifest".to_owned(),
                origin: None,
            }
        })
        .collect()
}

/// A declared token without an end.
pub(super) fn never_expires(
    desired: &DesiredState,
    user: &ResourceName,
    token: &ResourceName,
) -> Option<Finding> {
    let declared = desired.token(user, token)?;
    let address = Address::Token(user.clone(), token.clone());
    (declared.expiry == MessageExpiry::NEVER).then(|| Finding {
        code: FindingCode::TokenNeverExpires.into(),
        severity: Severity::Warning,
        message: format!("{address} works until somebody deletes it"),
        address,
        fix: "give it an expiry, and rotateBefore to have it replaced in time".to_owned(),
        origin: None,
    })
}
