//! `iggyctl drift --watch`: looks again and again, and says only what is new.

use std::collections::BTreeSet;
use std::time::Duration;

use iggyctl_core::drift::{DriftItem, DriftReport, OtherLedger, Unread};
use iggyctl_core::ledger::LedgerIdentity;
use iggyctl_engine::ReadOnly;
use iggyctl_engine::connect::ServerConnector;
use iggyctl_engine::ledger::{LedgerFailure, describe};
use tokio::time::Instant;

use super::super::Process;
use super::super::ledger::{ledger_failed, refuse_another_ledger};
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
            first_ledger: None,
            trouble: None,
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
    before: Option<Said>,
    /// The first ledger that the server had: a server that was replaced or emptied has
    /// another one.
    first_ledger: Option<LedgerIdentity>,
    /// Why the last look could not be made.
    trouble: Option<Trouble>,
    /// How the last look ended.
    ended: Option<ExitCode>,
}

/// What is not said again.
#[derive(PartialEq, Eq)]
struct Said {
    items: BTreeSet<DriftItem>,
    other_ledger: Option<OtherLedger>,
    unread: Vec<Unread>,
}

/// Why nothing could be seen, which is said once.
struct Trouble {
    message: String,
    /// When it began, with whatever was said first.
    since: String,
}

impl Watch<'_> {
    async fn look(&mut self) -> Result<(), CommandError> {
        let started = Instant::now();
        let limit = TimeLimit::starting_now(self.arguments.timeout);
        let looked = async {
            // They are read again: whoever watches follows Git, too.
            let desired = self.arguments.desired(self.process)?;
            let ignores = &self.arguments.ignore;
            let looked = async {
                let ledger = which_ledger(&self.server).await?;
                let report = look(&self.server, self.name, &desired, ignores).await?;
                Ok((ledger, report))
            };
            limit.limit(looked).await
        };
        match looked.await {
            Ok((ledger, report)) => {
                self.works_again();
                let report = report.with_other_ledger(self.other_ledger(ledger));
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
                self.say_trouble(&error);
                Ok(())
            }
        }
    }

    /// What is to be said of the ledger; what cannot be read is no other one.
    fn other_ledger(&mut self, found: Option<Option<LedgerIdentity>>) -> Option<OtherLedger> {
        let Some(found) = found else {
            return self.before.as_ref()?.other_ledger.clone();
        };
        self.first_ledger = self.first_ledger.or(found);
        let first = self.first_ledger?;
        (found != Some(first)).then(|| OtherLedger {
            before: first.to_string(),
            now: found.map(|found| found.to_string()),
        })
    }

    /// The same at every interval would hide what is new.
    fn say_trouble(&mut self, error: &CommandError) {
        let former = self.trouble.as_ref();
        if former.is_some_and(|it| it.message == error.message) {
            return;
        }
        let terminal = self.process.terminal;
        let since = former.map_or_else(moment, |it| it.since.clone());
        terminal.message(&format!("\n{}", moment()));
        terminal.error(&error.message, error.hint.as_deref());
        if former.is_none() {
            terminal.message("It is tried again at each interval, and said when that changes.");
        }
        self.trouble = Some(Trouble {
            message: error.message.clone(),
            since,
        });
    }

    fn works_again(&mut self) {
        if let Some(Trouble { message: _, since }) = self.trouble.take() {
            let text = format!(
                "\n{}\nLooking works again; it did not since {since}.",
                moment()
            );
            self.process.terminal.message(&text);
        }
    }

    fn print(&mut self, report: DriftReport) -> Result<(), CommandError> {
        let now = Said {
            items: report.items.iter().cloned().collect(),
            other_ledger: report.other_ledger.clone(),
            unread: report.unread.clone(),
        };
        let is_same = self.before.as_ref() == Some(&now);
        let Some(before) = self.before.replace(now) else {
            warn_about_unused(self.process, &report);
            return match self.arguments.output {
                DriftFormat::Json => self.process.output(&json_line(&report)?),
                _ => {
                    let options = self.process.text_options();
                    self.process.output(&report.to_text(options))
                }
            };
        };
        if is_same {
            return Ok(());
        }
        if self.arguments.output == DriftFormat::Json {
            return self.process.output(&json_line(&report)?);
        }
        let text = report.changes_to_text(&before.items, self.process.text_options());
        self.process.output(&format!("\n{}\n{text}", moment()))
    }
}

/// Now, by the clock of this machine.
fn moment() -> String {
    let moment = jiff::Timestamp::now().round(jiff::Unit::Second);
    moment.map_or_else(|_| String::new(), |moment| moment.to_string())
}

/// The ledger of the server, if it has one; `None` where the login may not read it.
async fn which_ledger(
    server: &ReadOnly<'_, ServerConnector>,
) -> Result<Option<Option<LedgerIdentity>>, CommandError> {
    match describe(server).await {
        Ok(found) => Ok(Some(found)),
        Err(LedgerFailure::NotAllowed { .. }) => Ok(None),
        Err(failure) => Err(ledger_failed(failure)),
    }
}
