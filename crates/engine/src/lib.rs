//! The part of iggyctl that talks to a broker: how to reach it, what to read,
//! how to carry out an approved plan and how to write down what is there.
//!
//! ```text
//!  ServerAddress ──connect──▶ ConnectionPool ─┬─observe──▶ ObservedState
//!                                             ├─apply────▶ ApplyEvent*, ApplyOutcome
//!                                             └─export───▶ manifest text
//! ```
//!
//! [`broker`] holds the ports that everything here is written against; only
//! [`sdk`] names the Iggy SDK, so another minor of the wire protocol is another
//! adapter and nothing else.

pub mod apply;
pub mod broker;
pub mod connect;
pub mod delivery;
pub mod export;
pub mod lease;
pub mod ledger;
pub mod observe;
pub mod places;
mod read_only;
pub mod sdk;
mod secrets;

pub use read_only::ReadOnly;
pub use secrets::Secrets;
