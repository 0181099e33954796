//! `iggyctl smoke -f`: what it proves, that each kind of check is able to fail, and that
//! nothing of it stays on the server. The real binary, on an embedded server.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod applying;
mod broken;
mod lab;
mod left_behind;
#[allow(dead_code, reason = "shared with the transcripts")]
#[path = "../command_line/sandbox.rs"]
mod sandbox;
mod whole;
