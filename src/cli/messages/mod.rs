//! Commands that move messages, and what they share.

pub(super) mod connection;
mod consent;
pub(super) mod encryption;
pub(super) mod failure;
mod header;
mod input;
mod lag;
pub(super) mod metrics;
mod moment;
mod offsets;
mod pace;
pub(super) mod place;
mod produce;
mod tally;

pub(super) use lag::{LagArguments, lag};
pub(super) use offsets::{OffsetsArguments, offsets};
pub(super) use produce::{ProduceArguments, produce};
