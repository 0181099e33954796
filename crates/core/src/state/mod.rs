//! What is wanted and what is there, in one vocabulary.
//!
//! [`desired`] comes from manifests, [`observed`] from a server. Both speak
//! names; numeric ids appear only in [`observed`]. A plan says one only to recognise what
//! it deletes, never to address it.

mod combine;
mod deletion_policy;
pub mod desired;
pub mod desired_token;
pub mod desired_user;
mod incarnation;
pub mod observed;
pub mod observed_access;
pub mod observed_token;
pub mod ownership;
mod retained;
mod spelled_out;

pub use deletion_policy::DeletionPolicy;
pub use incarnation::Incarnation;
pub use retained::{Kept, OtherProject, Retained, RetainedThing};
