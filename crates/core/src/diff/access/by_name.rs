use std::iter::empty;

use super::names::{Called, Names, Resolved, TopicsUnread};
use crate::access::Grants;
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
