//! The library against the embedded server.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod backpressure;
mod connecting;
mod documentation;
mod encrypting;
mod ensuring;
mod faults;
mod key_order;
mod producing;
mod random_faults;
mod refusals;
mod support;
mod tls;
