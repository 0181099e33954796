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
//! access tokens has two traits of its own, which are part of these two. Single requests
//! with messages, to find out whether they work, are a port of their own, and so is
//! reading what messages there are.

mod error;
mod fact_port;
mod message_port;
mod port;
mod user_port;

pub use error::{BrokerError, BrokerErrorKind, Operation};
pub use fact_port::{MessageFacts, MessagePlace, Which};
pub use message_port::{FoundMessage, MessageProbe, PartitionRef, ProbeMessage, ReadFrom};
pub use port::{
    BrokerRead, BrokerWrite, ConsumerGroups, ServerProcess, ServerStats, SessionInfo, StreamSummary,
};
pub use user_port::{OwnTokens, UserRead, UserSummary, UserWrite};
