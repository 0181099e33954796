use std::collections::BTreeSet;

use super::things::access;
use crate::name::ResourceName;
use crate::state::desired::DesiredState;
use crate::state::observed::ObservedState;

/// What of the declared resources is never compared, or not as this login, in words for a
/// person.
#[must_use]
pub fn not_compared(desired: &DesiredState, observed: &ObservedState) -> Vec<String> {
    let mut notes = Vec::new();
    if desired.users.values().any(|user| user.password.is_some()) {
        notes.push("Passwords cannot be read, so they are not compared.".to_owned());
    }
    let unseen: BTreeSet<&ResourceName> = match access(observed) {
        None => BTreeSet::new(),
        Some(access) => {
            let owners = desired.tokens.keys();
            owners
                .filter(|owner| {
                    let owner = access.users.get(*owner);
                    owner.is_some_and(|owner| owner.tokens.is_none())
                })
                .collect()
        }
    };
    if !unseen.is_empty() {
        let names: Vec<String> = unseen.iter().map(ToString::to_string).collect();
        notes.push(format!(
            "Access tokens can be listed only by their users, so those of {} are not compared.",
            names.join(", ")
        ));
    }
    notes
}
