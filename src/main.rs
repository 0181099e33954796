//! The `iggyctl` program.
fn main() {}
