//! What the ledger is called on a server. No manifest can declare these names, and no
//! pattern of `owns` matches them.

use crate::name::ResourceName;

/// The stream.
pub static STREAM: ResourceName = ResourceName::own("iggyctl");

/// The topic of the entries: what has begun in partition 0, what has ended in partition 1.
/// So the offsets of partition 0 are numbers without gaps.
pub static HISTORY: ResourceName = ResourceName::own("history");

/// The topic of the documents.
pub static REVISIONS: ResourceName = ResourceName::own("revisions");

/// The topic on which the consumer groups are that make applies wait for each other.
pub static LEASES: ResourceName = ResourceName::own("leases");
