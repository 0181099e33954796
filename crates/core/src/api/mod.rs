//! The wire shape of manifests, one folder per version, one file per kind.
//!
//! The types here are the single source of truth: the reader, the JSON Schemas
//! in `schemas/` and the reference in `docs/` all come from them.

pub mod v1alpha1;
