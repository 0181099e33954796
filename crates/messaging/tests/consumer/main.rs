//! Consumers against the embedded server.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod dead_letters;
mod faults;
mod groups;
mod reading;
mod redelivery;
mod support;
