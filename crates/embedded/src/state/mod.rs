//! The metadata of the server as a pure state machine.
//!
//! No clock, no IO, no randomness: the time of a change is passed in, ids follow
//! from what is there. What a change touched is returned as a [`Change`], so that
//! the store can follow without knowing the rules.

mod change;
mod group;
mod metadata;
mod slots;
mod stream;
mod topic;
mod user;
mod users;

pub(crate) use change::Change;
pub(crate) use group::{Group, Groups};
pub(crate) use metadata::Metadata;
pub(crate) use slots::Slots;
pub(crate) use stream::Stream;
pub(crate) use topic::{Partition, PartitionCounters, Topic};
pub(crate) use user::{Token, TokenHash, User};
pub(crate) use users::{ROOT_ID, RestoreError, StoredUser, TokenRefusal, Users};
