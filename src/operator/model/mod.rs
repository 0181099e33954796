//! What the objects of the cluster say, without a cluster.
//!
//! ```text
//!  object of the API server ──▶ Object ──declared──▶ Declared: DesiredState and how to treat it
//! ```

mod declared;
#[cfg(test)]
mod documented;
mod event_reason;
mod listing;
mod object;
mod reason;
mod server;
mod smoke_test;
mod tenancy;

pub(crate) use declared::{Declared, Refused, lifecycle_alone, policy_alone};
pub(crate) use event_reason::EventReason;
pub(crate) use listing::listed;
pub(crate) use object::{Object, ObjectKey, Requests};
pub(crate) use reason::Reason;
pub(crate) use server::{Defaults, ServerKey};
pub(crate) use smoke_test::SmokeTest;
pub(crate) use tenancy::Ceiling;
