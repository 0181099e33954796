//! What the operator may do in a cluster, and nothing more.
//!
//! ```text
//!  rules.rs, one table, each rule with its reason ──▶ roles.rs, where each part is bound ──▶ YAML
//! ```
//!
//! `iggyctl operator rbac` prints it, and the chart has the same rules in files that a test compares
//! with it, so that there is one place to argue about a right.

mod roles;
mod rules;

#[cfg(test)]
mod tests;

pub(crate) use roles::{Installation, roles};
