//! `iggyctl`: topology-as-code for Apache Iggy.
//!
//! ```text
//! arguments, environment ──cli──▶ a command ──▶ core (model, diff, plan) and engine (server)
//!                                    │
//!                                    └──terminal──▶ standard output: data, standard error: people
//! ```

mod cli;
mod command_error;
mod contexts;
mod environment;
mod exit_code;
mod latencies;
mod logging;
mod measurement;
mod operator;
mod secrets;
mod server;
mod smoke;
mod sources;
mod terminal;

fn main() -> std::process::ExitCode {
    cli::run().into()
}
