//! What is inside `owns` and could not be looked at.

use super::{Finding, FindingCode, Severity};
use crate::address::Address;
use crate::drift::{Unread, UnreadSource};
use crate::state::desired::DesiredState;
use crate::state::observed::ObservedState;

/// One for each list that the login may not read, at the first thing that is declared.
pub(super) fn not_listed<'a>(
    desired: &'a DesiredState,
    observed: &'a ObservedState,
) -> impl Iterator<Item = Finding> + 'a {
    let streams = desired.streams.keys().next().cloned().map(Address::Stream);
    let users = desired.users.keys().next().cloned().map(Address::User);
    Unread::of_owned(desired, observed)
        .into_iter()
        .filter_map(move |unread| {
            let address = match unread.what {
                UnreadSource::Streams | UnreadSource::Record => streams.clone().or(users.clone()),
                UnreadSource::Users => users.clone().or(streams.clone()),
            };
            let sentence = unread.consequence();
            let message = sentence.trim_end_matches('.').replacen("The ", "the ", 1);
            Some(Finding {
                code: FindingCode::OwnedNotListed.into(),
                severity: Severity::Warning,
                address: address?,
                message,
                fix: "plan with a login that may list streams and read users".to_owned(),
                origin: None,
            })
        })
}
