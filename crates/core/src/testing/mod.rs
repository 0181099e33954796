//! For tests, also those of other crates (feature `testing`): states written by
//! hand, generated states, and a server that exists only on paper.

mod by_hand;
mod generate;
mod generate_tokens;
mod generate_users;
mod pruning;
mod simulate;
mod simulate_tokens;
mod simulate_users;

pub use by_hand::{
    declare_group, declare_stream, declare_topic, default_settings, name, there_group,
    there_stream, there_topic,
};
pub use generate::{desired_state, observed_state, without_obstacles};
pub use generate_tokens::with_tokens;
pub use generate_users::with_users;
pub use pruning::{Pruning, all_approvals, pruning};
pub use simulate::{SimulationError, apply_plan, apply_step};
