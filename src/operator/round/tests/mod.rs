//! Rounds on a server and a cluster in memory: tables, and properties of any objects.

mod cluster;
mod properties;
mod tables;
mod tokens;
