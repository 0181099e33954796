use std::iter::empty;

use super::names::{Called, Names, Resolved, TopicsUnread};
use super::target::{DeclaredGrants, Known, pieces};
use crate::access::Grants;
use crate::state::desired::DesiredState;
use crate::state::desired_user::DesiredUser;
use crate::state::observed_access::ObservedAccess;

/// Grants as the server keeps them, by the names that its streams and topics
/// have now.
///
/// # Errors
/// When they speak of topics of a stream that could not be read.
pub fn live_grants(
    grants: &Grants<u32>,
    access: &ObservedAccess,
) -> Result<Resolved, TopicsUnread> {
    Names::new(&access.streams, empty(), empty()).resolve(grants, Called::Live)
}

/// What the manifests grant a user, entry by entry, without asking a server:
/// what an entry names is taken to be there. `None` when its permissions are
/// not managed.
#[must_use]
pub fn declared_grants(user: &DesiredUser, desired: &DesiredState) -> Option<Vec<DeclaredGrants>> {
    let permissions = user.permissions.as_ref()?;
    let mut missing = Vec::new();
    let mut declared = pieces(
        permissions,
        &user.origin,
        desired,
        Known::Unasked,
        &mut missing,
    );
    declared.retain(|piece| !piece.grants.is_empty());
    Some(declared)
}
