//! The operator: the same manifests as Kubernetes objects.
//!
//! It adds where documents come from, where credentials come from, who may
//! claim what, and how a person sees the result. What a manifest means and how
//! a server is changed is the business of the other crates; a rule about Iggy
//! in this folder is in the wrong folder.

pub(crate) mod resources;
