//! The library against the embedded server, and against a real one where
//! `IGGYCTL_TEST_SERVER` names it.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod connecting;
mod support;
mod tls;
