//! Carries out an approved plan: exactly its steps, each one call.
//!
//! ```text
//!  ApprovedPlan ──▶ ready steps ──▶ one connection each ──▶ call ──▶ applied
//!                        ▲                                   │
//!                        │                          outcome unknown
//!                        └─ needs are applied                ▼
//!                                             new connection, read, compare
//! ```
//!
//! Every step ends as applied, failed or not attempted, with its reason.

mod delete;
mod executor;
mod located;
mod outcome;
mod settle;
mod step;
mod supplies;
mod token;

pub use executor::{apply, verify};
pub use outcome::{
    Aftermath, ApplyEvent, ApplyOutcome, Cancellation, Failure, NotAttempted, StepOutcome,
    StepResult,
};
pub use supplies::Supplies;
pub use token::revoke_declared;
