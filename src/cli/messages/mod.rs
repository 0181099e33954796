//! Commands that move messages, and what they share.

pub(super) mod connection;
pub(super) mod encryption;
pub(super) mod failure;
mod header;
mod input;
pub(super) mod metrics;
mod pace;
pub(super) mod place;
mod produce;
mod tally;

pub(super) use produce::{ProduceArguments, produce};
