//! What each scenario does: one file each, read from the top like the sample.

pub(super) mod basic;
pub(super) mod getting_started;
mod messages;
