//! The ports to an Iggy server, and what can go wrong behind them.
//!
//! ```text
//!  observe, export ──▶ BrokerRead  ◀─┐
//!                                    ├── sdk::SdkBroker, or a double in tests
//!  apply           ──▶ BrokerWrite ◀─┘
//! ```
//!
//! The read port and the write port are two traits, so that a function that
//! takes a `BrokerRead` provably changes nothing. What is about users and their
//! access tokens has two traits of its own, which are part of these two.

mod error;
mod port;
mod user_port;

pub use error::{BrokerError, BrokerErrorKind, Operation};
pub use port::{BrokerRead, BrokerWrite, ConsumerGroups, ServerStats, SessionInfo, StreamSummary};
pub use user_port::{OwnTokens, UserRead, UserSummary, UserWrite};
