//! The one adapter around the Iggy SDK: nothing else in this crate names it.
//!
//! The SDK speaks exactly one minor of the wire protocol (0.11 here, the one of
//! server 0.9), so another server generation is another folder like this one.

mod broker;
mod client;
mod errors;
mod facts;
mod messages;
mod permissions;
mod settings;
mod users;

pub use broker::SdkBroker;
pub(crate) use client::{LoginFailure, log_in};
/// What [`open_client`](crate::connect::open_client) gives: a client of the SDK.
pub use iggy::prelude::ClientWrapper;
