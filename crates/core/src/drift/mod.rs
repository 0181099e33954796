//! Whether somebody changed the server by hand, or whether Git is ahead.
//!
//! ```text
//!  what was applied ──diff──▶ how the server left it ─┐
//!                                                     ├─▶ DriftItem: what, and whose it is
//!  what Git declares ─diff──▶ what an apply would do ─┘
//! ```
//!
//! Two ordinary comparisons are joined by resource and attribute. A value that is not what
//! was applied was changed by hand; one that is only not what Git declares waits for an
//! apply. Without a record of the last apply nobody can tell.

mod adopted;
mod applied;
mod attribute;
mod away;
mod classify;
mod ignore;
mod item;
mod left;
mod notes;
mod other_ledger;
#[cfg(test)]
mod properties;
mod report;
mod settled;
#[cfg(test)]
mod tests;
mod things;
mod unread;

pub(crate) use attribute::PERMISSIONS;

pub use adopted::adopted;
pub use applied::{Applied, to_observe};
pub use away::Away;
pub use classify::drift;
pub use ignore::{Ignore, IgnoreError};
pub use item::{DriftClass, DriftItem, DriftKind};
pub use left::{Left, LeftAttribute};
pub use notes::not_compared;
pub use other_ledger::OtherLedger;
pub use report::{DriftCounts, DriftRecord, DriftReport, DriftVerdict};
pub use settled::Settled;
pub use unread::{Unread, UnreadSource};
