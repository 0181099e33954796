//! Rounds on a server and a cluster in memory: tables, and properties of any objects.

mod cluster;
mod properties;
mod shared;
mod tables;
mod tokens;
mod unreachable;
