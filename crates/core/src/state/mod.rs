//! What is wanted and what is there, in one vocabulary.
//!
//! [`desired`] comes from manifests, [`observed`] from a server. Both speak
//! names; numeric ids appear only in [`observed`], and never in a plan.

pub mod desired;
pub mod desired_token;
pub mod desired_user;
pub mod observed;
pub mod observed_access;
pub mod observed_token;
