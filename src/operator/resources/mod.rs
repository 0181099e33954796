//! The custom resources: the kinds of `iggyctl_core::api::v1alpha1` as
//! Kubernetes wants them described.
//!
//! ```text
//!  the types of core ──▶ JSON Schema ──structural──▶ schema of the spec ─┐
//!  rules (CEL) ──────────────────────────────────────────────────────────┼──▶ CustomResourceDefinition
//!  status ───────────────────────────▶ schema of the status ─────────────┤
//!  names ────────────────────────────────────────────────────────────────┘
//! ```

mod bounds;
mod definition;
mod names;
mod rules;
pub(crate) mod status;
mod structural;

#[cfg(test)]
mod tests;

pub(crate) use definition::{GROUP, VERSION, definitions};
pub(crate) use names::{RESOURCES, Scope};
