//! Transcripts of the real binary: what a person types, what is printed, and
//! how the process ends.

mod connecting;
mod examples;
mod faults;
mod lifecycle;
mod offline;
mod sandbox;
