//! The record of applies on the server: the stream `iggyctl`.
//!
//! ```text
//! begin ─┐              ┌─ topic history:   partition 0 Begun, partition 1 Ended
//! end   ─┤─LedgerWrite──┤─ topic revisions: documents, compressed, in parts
//!        │              └─ topic leases
//! list, latest, read_back ──LedgerRead
//! ```
//!
//! A document is written before the entry that names it: a process that dies in between
//! leaves a document that nobody names, which is harmless. The server gives each first
//! entry its place, so two applies at once have two numbers. What is read back may have
//! been written by anybody who may write there, so nothing of it is trusted to be short or
//! to have a shape.

mod ensure;
mod error;
mod pack;
mod pooled;
mod port;
mod read;
mod write;

pub use ensure::ensure_ledger;
pub use error::LedgerFailure;
pub use pooled::PooledLedger;
pub use port::{LedgerRead, LedgerWrite, Log};
pub use read::{
    Applied, Ending, FirstEntry, Recorded, describe, last_applied, last_applied_of_each, latest,
    list, read_back,
};
pub use write::{Recording, begin, end};
