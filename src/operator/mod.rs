//! The operator: the same manifests as Kubernetes objects.
//!
//! It adds where documents come from, where credentials come from, who may
//! claim what, and how a person sees the result. What a manifest means and how
//! a server is changed is the business of the other crates; a rule about Iggy
//! in this folder is in the wrong folder.
//!
//! ```text
//!  API server ──cluster──▶ model::Object ─┐
//!                                         ├─round─▶ what to change ──engine──▶ the Iggy server
//!  Iggy server ──observe─▶ ObservedState ─┘     └─▶ statuses, events, finalizers ──cluster──▶ API server
//! ```
//!
//! [`round`] is pure: objects, what was read and the time in, decisions out. [`run`] turns
//! the crank for each server.

pub(crate) mod cluster;
pub(crate) mod metric_names;
pub(crate) mod model;
pub(crate) mod rbac;
pub(crate) mod resources;
pub(crate) mod round;
pub(crate) mod run;
