//! One apply of a project at a time, where a ledger is kept.
//!
//! ```text
//!  apply --ledger ──▶ ApplyLock ──▶ a thread of its own: acquire, renew, release
//!       ▲                                  │
//!       └── nothing more is sent ◀── lost ─┘
//!  lock list, lock release ──▶ the same leases, by hand
//! ```

mod apply_lock;
mod arguments;
mod by_hand;
mod keeper;
mod words;

pub(super) use apply_lock::ApplyLock;
pub(super) use arguments::LockArguments;
pub(super) use by_hand::{LockCommandArguments, run};
