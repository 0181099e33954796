//! `iggyctl drift`: what was changed on the server by hand, and what Git is ahead.

mod look;
mod metrics;
mod watch;

use std::time::Duration;

use iggyctl_core::drift::{DriftReport, DriftVerdict, Ignore};
use iggyctl_core::render::{PlanServer, annotations_text, escape};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::wording::counted;
use iggyctl_engine::ReadOnly;

use self::look::look;
use self::watch::WatchArguments;
use super::Process;
use super::ledger::refuse_another_ledger;
use super::manifest_arguments::ManifestArguments;
use super::output::json_failed;
use super::runtime::block_on;
use super::server_arguments::{ServerArguments, parse_duration};
use super::session::Session;
use super::time_limit::TimeLimit;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl drift -f topology.yaml --context production\n  iggyctl drift -f manifests/ --context production --ignore 'topic/orders/*:messageExpiry'\n  iggyctl drift -f manifests/ --context production --watch 5m --metrics-listen 127.0.0.1:9464\n\nNothing is changed, on the server or in the ledger. Exit codes: 0 no drift, 2 only Git is ahead,\nor nobody can tell, 8 the server was changed by hand, 77 something could not be read."
)]
pub(super) struct DriftArguments {
    #[command(flatten)]
    manifests: ManifestArguments,
    #[command(flatten)]
    server: ServerArguments,
    /// Leave this out: an address, a pattern of addresses, or either with :ATTRIBUTE behind it, such
    /// as topic/orders/*:messageExpiry or 'user/svc-*:permissions stream/orders'; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = str::parse::<Ignore>)]
    ignore: Vec<Ignore>,
    /// End with an error unless the server is that of this context
    #[arg(long, value_name = "NAME", help_heading = "Server options")]
    expect_context: Option<String>,
    /// How long the whole command may take, or with --watch a look
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    timeout: Option<Duration>,
    /// How to print what differs
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: DriftFormat,
    #[command(flatten)]
    watch: WatchArguments,
}

/// How to print what differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum DriftFormat {
    /// For people.
    #[default]
    Text,
    /// JSON of schemas/drift.v1.json.
    Json,
    /// A comment, at most 60 kB.
    Markdown,
    /// Annotations at file and line, for GitHub Actions.
    Github,
}

impl DriftFormat {
    fn print(
        self,
        process: &Process,
        report: &DriftReport,
        desired: &DesiredState,
    ) -> Result<(), CommandError> {
        let text = match self {
            Self::Text => report.to_text(process.text_options()),
            Self::Json => report.to_json().map_err(json_failed)?,
            Self::Markdown => report.to_markdown(),
            Self::Github => annotations_text(report.annotations(|address| desired.origin(address))),
        };
        process.output(&text)
    }
}

impl DriftArguments {
    pub(super) fn annotates(&self) -> bool {
        self.output == DriftFormat::Github
    }

    /// What the manifests declare, if it is for this server.
    fn desired(&self, process: &Process) -> Result<DesiredState, CommandError> {
        let desired = self.manifests.compile(process)?.state;
        let (by_flag, declared) = (self.expect_context.as_deref(), desired.context.as_deref());
        self.server.refuse_others(process, by_flag, declared)?;
        Ok(desired)
    }

    fn time_limit(&self) -> TimeLimit {
        TimeLimit::starting_now(self.timeout)
    }
}

pub(super) fn run(process: &Process, arguments: &DriftArguments) -> Result<ExitCode, CommandError> {
    arguments.watch.check(arguments.output)?;
    // What is wrong with the manifests is said before anything is connected to.
    let desired = arguments.desired(process)?;
    if arguments.watch.is_wanted() {
        return block_on(watch::run(process, arguments))?;
    }
    block_on(async {
        let limit = arguments.time_limit();
        Session::run(process, &arguments.server, limit, async |session| {
            say_server(process, session);
            let refused = refuse_another_ledger(process, &arguments.server, session);
            limit.limit(refused).await?;
            let server = ReadOnly::new(&session.pool);
            let looked = look(&server, called(session), &desired, &arguments.ignore);
            let report = limit.limit(looked).await?;
            arguments.output.print(process, &report, &desired)?;
            warn_about_unused(process, &report);
            unreadable(&report)?;
            Ok(exit_code(&report))
        })
        .await
    })?
}

/// What the server is called in reports.
fn called(session: &Session) -> &str {
    session.context.as_ref().unwrap_or(&session.name)
}

/// Says which server it is, and as whom it is read.
fn say_server(process: &Process, session: &Session) {
    let server = PlanServer {
        name: session.name.clone(),
        context: session.context.clone(),
        login: session.login.clone(),
    };
    let text = format!("Server {}.", escape(&server.to_string()));
    process.terminal.message(&text);
}

/// What is ignored and is nowhere was mistyped, or is not needed any more.
fn warn_about_unused(process: &Process, report: &DriftReport) {
    for unused in &report.unused_ignores {
        process
            .terminal
            .warning(&format!("--ignore {unused} matches nothing that differs"));
    }
}

/// Nothing is known about what could not be read, so a run without drift in the rest is
/// not green either.
fn unreadable(report: &DriftReport) -> Result<(), CommandError> {
    if report.verdict != DriftVerdict::Unreadable {
        return Ok(());
    }
    let resources = report.counts.unreadable;
    let mut what: Vec<String> = report.unread.iter().map(|it| it.what.to_string()).collect();
    let hint = if resources == 0 {
        "use a login that may read it; docs/access.md names the least rights"
    } else {
        what.push(counted(resources, "resource"));
        "use a login that may read them, or leave resources out with --ignore"
    };
    let what = what.join(", ");
    let message = format!("the login may not read {what}: whether there is drift is not known");
    Err(CommandError::new(exit_code(report), message).hint(hint))
}

fn exit_code(report: &DriftReport) -> ExitCode {
    match report.verdict {
        DriftVerdict::None => ExitCode::Done,
        DriftVerdict::Ahead | DriftVerdict::Undecided => ExitCode::ChangesPending,
        DriftVerdict::Unreadable => ExitCode::CredentialsRefused,
        DriftVerdict::Drift => ExitCode::Drift,
    }
}
