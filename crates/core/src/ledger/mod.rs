//! The record of applies that is kept on the server itself: who changed what, when and
//! from which commit, and what was declared then.
//!
//! ```text
//!  PlanReport, manifests, ObservedState ──▶ BegunDocument ◀── Begun ─┐
//!                                                                    ├──▶ AppliedState, HistoryReport
//!  StepReports, ObservedState of after  ──▶ EndedDocument ◀── Ended ─┘
//! ```
//!
//! An apply writes twice: before its first step and after its last. So one that was
//! killed in between is seen as begun and never ended, and what its steps speak of counts
//! as unsettled. An entry is small, so that a history is listed quickly, and names the
//! document with the rest. Nothing in here is a secret: manifests and plans say only where
//! secrets come from.

mod after;
mod applied;
mod document;
mod entry;
mod identity;
mod lease_report;
mod names;
mod removed;
mod report;
mod report_text;
#[cfg(test)]
mod tests;
mod text;

pub use applied::{AppliedManifest, AppliedState, applied_manifests};
pub use document::{BegunDocument, EndedDocument, Removed};
pub use entry::{
    Author, Begun, DocumentPlace, Ended, Entry, LedgeredCommand, MAX_ENTRY_BYTES, Omitted, Outcome,
    Revision,
};
pub use identity::{LedgerIdentity, NotAnIdentity};
pub use lease_report::{LeaseLine, LeaseList, LeaseState};
pub use names::{HISTORY, LEASES, REVISIONS, STREAM};
pub use removed::removed_by;
pub use report::{
    HistoryAbout, HistoryLine, HistoryOutcome, HistoryReport, LeftLine, RevisionReport,
};
pub use text::{FORMAT_VERSION, LedgerError};

/// Which thing of the server it is.
pub use crate::diff::Incarnation;
/// How the declared stands, what of it was left undone, and what is elsewhere.
pub use crate::drift::{Away, Left, LeftAttribute, Settled};
