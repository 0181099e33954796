//! Commands that move messages, and what they share.

pub(super) mod connection;
mod consent;
mod consume;
mod dead_letters;
mod drive;
pub(super) mod encryption;
pub(super) mod failure;
mod header;
mod lag;
mod lookers;
pub(super) mod metrics;
mod moment;
mod offsets;
mod output;
mod pace;
pub(super) mod place;
mod produce;
mod replay;
mod replay_state;
mod shape;
mod start;
mod state_file;
mod writer;

pub(super) use consume::{ConsumeArguments, consume};
pub(super) use dead_letters::{DeadLettersArguments, dead_letters};
pub(super) use lag::{LagArguments, lag};
pub(super) use offsets::{OffsetsArguments, offsets};
pub(super) use produce::{ProduceArguments, produce};
pub(super) use replay::{ReplayArguments, replay};
