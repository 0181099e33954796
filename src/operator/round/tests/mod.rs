//! Rounds on a server and a cluster in memory: tables, and properties of any objects.

mod cluster;
mod drift;
mod histories;
mod marks;
mod properties;
mod refusals;
mod renames;
mod shared;
mod statuses;
mod tables;
mod tokens;
mod unreachable;
