//! The official Rust SDK as a client of the embedded server.
//!
//! What is expected here was observed on the real server or read from its source:
//! a failing test means that the embedded server is no longer a stand-in for it.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod access;
mod access_in_folder;
mod connecting;
mod faults;
mod folder;
mod groups;
mod http;
mod message_faults;
mod messages;
mod messages_in_folder;
mod partitions;
mod raw;
mod rebalance;
mod retention;
mod streams;
mod support;
mod system;
mod tokens;
mod topics;
mod transports;
mod users;
