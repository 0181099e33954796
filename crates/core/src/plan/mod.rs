//! From what differs to the ordered steps that repair it.
//!
//! A [`Plan`] is so specific that applying it has nothing left to choose:
//! each [`Step`] is one call on the broker, with everything the call needs.

mod step;

pub use step::{Action, BlockReason, Blocked, Cost, Plan, Risk, Step, StepId};
