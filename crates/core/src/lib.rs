//! The model of iggyctl: what a manifest declares, what a server has, how the
//! two differ, and the ordered steps that make them equal.
//!
//! ```text
//!  SourceFile ──manifest──▶ DesiredState ─┐
//!                                         ├─diff──▶ ChangeSet ──plan──▶ Plan ──render──▶ text, JSON
//!              ObservedState ─────────────┘
//! ```
//!
//! Nothing in here does IO, reads a clock or an environment variable, or draws
//! a random number: the same input gives the same bytes. Imports point one way,
//! from the top of this list to the bottom; `tests/imports_point_one_way.rs`
//! holds that:
//!
//! `saved` → `ledger` → `render` → `smoke` → `policy` → `plan` → `check` → `drift` → `diff` → `manifest` → `api` → `state` →
//! `diagnostic` → `address` → `access` → `quantity`, `name`, `secret`, `wording`

pub mod access;
pub mod address;
pub mod api;
pub mod check;
pub mod diagnostic;
pub mod diff;
pub mod drift;
pub mod ledger;
pub mod manifest;
pub mod name;
pub mod plan;
pub mod policy;
pub mod quantity;
pub mod render;
pub mod saved;
pub mod secret;
pub mod smoke;
pub mod state;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod wording;
