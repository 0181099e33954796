//! `iggyctl drift --watch`: looks again and again, and says only what is new.

use std::collections::BTreeSet;
use std::time::Duration;

use iggyctl_core::drift::{DriftItem, DriftReport};
use iggyctl_engine::ReadOnly;
use iggyctl_engine::connect::ServerConnector;
use tokio::time::Instant;

use super::super::Process;
use super::super::ledger::refuse_another_ledger;
use super::super::messages::metrics::MetricsArguments;
use super::super::output::json_line;
use super::super::server_arguments::parse_duration;
use super::super::session::Session;
use super::super::stop::Stop;
use super::super::time_limit::TimeLimit;
use super::{
    DriftArguments, DriftFormat, called, exit_code, look, metrics, say_server, warn_about_unused,
};
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct WatchArguments {
    /// Look again and again until it is stopped, so long after the beginning of the look before, and
    /// print what changed; 5m when no interval is given
    #[arg(
        long,
        value_name = "INTERVAL",
        num_args = 0..=1,
        default_missing_value = "5m",
        value_parser = parse_duration,
        help_heading = "Watch options"
    )]
    watch: Option<Duration>,
    #[command(flatten)]
    metrics: MetricsArguments,
}

impl WatchArguments {
    pub(super) fn is_wanted(&self) -> bool {
        self.watch.is_some()
    }

    pub(super) fn check(&self, output: DriftFormat) -> Result<(), CommandError> {
        let can_repeat = matches!(output, DriftFormat::Text | DriftFormat::Json);
        match (self.watch, self.metrics.is_wanted(), can_repeat) {
            (Some(_), _, false) => Err(CommandError::usage(
                "--watch prints again and again, which only -o text and -o json can",
            )),
            (None, true, _) => Err(CommandError::usage(
                "--metrics-listen is for --watch: a single look ends before anybody asks",
            )),
            _ => Ok(()),
        }
    }
}

/// Looks until it is stopped. The exit code is that of the last look that was not
/// interrupted.
pub(super) async fn run(
    process: &Process,
    arguments: &DriftArguments,
) -> Result<ExitCode, CommandError> {
    let stop = Stop::listen();
    let interval = arguments.watch.watch.unwrap_or(Duration::MAX);
    arguments.watch.metrics.serve(process)?;
    metrics::describe();
    let connecting = arguments.time_limit();
    let server = &arguments.server;
    let watched = Session::run(process, server, connecting, async |session| {
        say_server(process, session);
        let refused = refuse_another_ledger(process, server, session);
        connecting.limit(refused).await?;
        let mut watch = Watch {
            process,
            arguments,
            server: ReadOnly::new(&session.pool),
            name: called(session),
            before: None,
            ended: None,
        };
        loop {
            let next = Instant::now() + interval;
            tokio::select! {
                () = stop.requested() => break,
                looked = watch.look() => looked?,
            }
            tokio::select! {
                () = stop.requested() => break,
                () = tokio::time::sleep_until(next) => {}
            }
        }
        Ok(watch.ended.unwrap_or(ExitCode::Error))
    });
    watched.await
}

struct Watch<'a> {
    server: ReadOnly<'a, ServerConnector>,
    name: &'a str,
    process: &'a Process,
    arguments: &'a DriftArguments,
    /// What was said at the last look.
    before: Option<BTreeSet<DriftItem>>,
    /// How the last look ended.
    ended: Option<ExitCode>,
}

impl Watch<'_> {
    async fn look(&mut self) -> Result<(), CommandError> {
        let started = Instant::now();
        let limit = TimeLimit::starting_now(self.arguments.timeout);
        let looked = async {
            // They are read again: whoever watches follows Git, too.
            let desired = self.arguments.desired(self.process)?;
            let ignores = &self.arguments.ignore;
            let looked = look(&self.server, self.name, &desired, ignores);
            limit.limit(looked).await
        };
        match looked.await {
            Ok(report) => {
                metrics::count(&report, started.elapsed());
                self.ended = Some(exit_code(&report));
                self.print(report)
            }
            // At the first look it is the command line, or the rights, that are wrong.
            Err(error) if self.ended.is_none() => Err(error),
            Err(error) => {
                metrics::count_error();
                self.server.forget_idle();
                self.ended = Some(error.exit_code);
                let hint = error.hint.as_deref();
                self.process.terminal.error(&error.message, hint);
                Ok(())
            }
        }
    }

    fn print(&mut self, report: DriftReport) -> Result<(), CommandError> {
        let now: BTreeSet<DriftItem> = report.items.iter().cloned().collect();
        let before = self.before.replace(now.clone());
        let Some(before) = before else {
            warn_about_unused(self.process, &report);
            return match self.arguments.output {
                DriftFormat::Json => self.process.output(&json_line(&report)?),
                _ => {
                    let options = self.process.text_options();
                    self.process.output(&report.to_text(options))
                }
            };
        };
        if before == now {
            return Ok(());
        }
        if self.arguments.output == DriftFormat::Json {
            return self.process.output(&json_line(&report)?);
        }
        let moment = jiff::Timestamp::now().round(jiff::Unit::Second);
        let moment = moment.map_or_else(|_| String::new(), |moment| moment.to_string());
        let text = report.changes_to_text(&before, self.process.text_options());
        self.process.output(&format!("\n{moment}\n{text}"))
    }
}
