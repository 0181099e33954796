//! Proves with real traffic that a server works.
//!
//! ```text
//!  SCENARIOS ──select──▶ Check ─┐
//!                               ├─runner──▶ ScenarioReport ──▶ SmokeReport ──render──▶ text, JSON, …
//!  a manifest ─topology─▶ Check ┘   │ time limit, a few at once, stop on a signal
//!                                   ▼
//!          Lease: a stream that says "this run is alive"; what dead runs left is removed
//! ```
//!
//! A run makes only streams `iggyctl-smoke-<run>…` and users `iggyctl-smoke-<run>-…`
//! ([`names`]), and removes them whatever happens ([`lease`], [`vitality`], [`cleanup`]).
//!
//! Checks that are derived from a manifest plug in as [`Check`]s, too: they take the
//! same [`Lease`] and [`Target`], and their reports go into the same `SmokeReport`.

mod arena;
mod check;
mod cleanup;
mod failure;
mod lease;
pub(crate) mod metrics;
mod names;
mod recorder;
mod runner;
mod scenario;
mod scenarios;
mod sdk;
mod server;
mod target;
pub(crate) mod topology;
mod vitality;

pub(crate) use check::Check;
pub(crate) use lease::{Because, Lease, LeaseError};
pub(crate) use names::RunId;
pub(crate) use runner::{Limits, milliseconds, not_run, run_all};
pub(crate) use scenario::{SCENARIOS, Scenario, Selected, checks};
pub(crate) use server::OwnServer;
pub(crate) use target::{Restart, Target};
