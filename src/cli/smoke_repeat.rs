//! `iggyctl smoke --repeat`: a permanent canary, with metrics.

use std::time::Duration;

use iggyctl_core::render::SmokeReport;
use tokio::time::Instant;

use super::Process;
use super::messages::metrics::MetricsArguments;
use super::server_arguments::parse_duration;
use super::smoke_output::{SmokeFormat, exit_code};
use super::stop::Stop;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::smoke::metrics::{self, Canary};

#[derive(Debug, clap::Args)]
pub(super) struct RepeatArguments {
    /// Run again and again until it is stopped, so long after the beginning of the run before; 1m when no interval is given
    #[arg(
        long,
        value_name = "INTERVAL",
        num_args = 0..=1,
        default_missing_value = "1m",
        value_parser = parse_duration,
        help_heading = "Canary options"
    )]
    repeat: Option<Duration>,
    #[command(flatten)]
    metrics: MetricsArguments,
}

impl RepeatArguments {
    /// Whether what was asked for can be.
    pub(super) fn check(&self, output: SmokeFormat) -> Result<(), CommandError> {
        if self.repeat.is_some() && !output.can_repeat() {
            return Err(CommandError::usage(
                "--repeat prints many reports, which only -o text and -o json can",
            ));
        }
        Ok(())
    }

    /// Runs once, or again and again, and prints each report. The exit code is that of
    /// the last run that was not interrupted.
    pub(super) async fn drive(
        &self,
        process: &Process,
        output: SmokeFormat,
        stop: &Stop,
        mut once: impl AsyncFnMut() -> Result<SmokeReport, CommandError>,
    ) -> Result<ExitCode, CommandError> {
        self.metrics.serve(process)?;
        metrics::describe();
        let mut canary = Canary::default();
        let Some(interval) = self.repeat else {
            let report = once().await?;
            canary.count(&report);
            output.print(process, &report, false)?;
            return Ok(exit_code(&report));
        };
        // A server that cannot be reached at all is said by the exit code; later on it
        // is what a canary is for.
        let mut ended: Option<ExitCode> = None;
        loop {
            let next = Instant::now() + interval;
            match once().await {
                Ok(report) if report.interrupted => {
                    output.print(process, &report, true)?;
                    return Ok(ended.unwrap_or(ExitCode::Error));
                }
                Ok(report) => {
                    canary.count(&report);
                    output.print(process, &report, true)?;
                    ended = Some(exit_code(&report));
                }
                Err(error) if ended.is_none() => return Err(error),
                // It was cut off, which says nothing about the server.
                Err(_) if stop.is_requested() => return Ok(ended.unwrap_or(ExitCode::Error)),
                Err(error) => {
                    canary.count_error();
                    let hint = error.hint.as_deref();
                    process.terminal.error(&error.message, hint);
                    ended = Some(error.exit_code);
                }
            }
            tokio::select! {
                () = stop.requested() => return Ok(ended.unwrap_or(ExitCode::Error)),
                () = tokio::time::sleep_until(next) => {}
            }
        }
    }
}
