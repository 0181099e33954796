//! One look at a server for all objects that are for it.
//!
//! ```text
//!  objects ──contest──▶ who may have what ──▶ what to read ──(the server)──┐
//!                                                                          ▼
//!           ┌── statuses to write first ◀── Decision: what to do ◀──decide─┘
//!           ▼                                     │
//!     (the API server)            ──plan, apply, read again──▶ conclude ──▶ Conclusion of each object
//! ```
//!
//! Everything here is pure, so that each rule is tried by a table. All objects of a server
//! are treated together: one read is for all of them, a stream and the topics that another
//! object declares in it are created in one go, and who may have what is decided with all
//! in view.

mod announce;
mod conclude;
mod conditions;
mod contest;
mod decide;
mod drift;
mod grant;
mod look;
mod marks;
mod member;
mod naming;
mod removal;
mod standing;
#[cfg(test)]
mod tests;
mod tokens;
mod unreachable;
mod users;

pub(crate) use announce::{Announcement, announcement};
pub(crate) use conclude::{After, Conclusion, Happening, conclude};
pub(crate) use conditions::{Health, is_settled, standard_conditions, time, turns_to};
pub(crate) use contest::Contest;
pub(crate) use decide::{Decision, decide, prepare};
pub(crate) use drift::{Correction, corrections};
pub(crate) use look::compare_alone;
pub(crate) use marks::{FEWEST_MARKED, kept, marks};
pub(crate) use member::{Member, Subject};
pub(crate) use unreachable::{NoServer, rest_of_wait, without_server};
