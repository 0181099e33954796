//! `iggyctl smoke`: proves with real traffic that a server works.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::{Duration, Instant};

use iggyctl_core::render::{ScenarioOutcome, ScenarioReport, SmokeReport, SmokeServer, escape};
use iggyctl_engine::broker::BrokerRead as _;
use iggyctl_engine::connect::{ServerAddress, Transport};

use super::Process;
use super::runtime::block_on;
use super::server_arguments::{ServerArguments, parse_duration};
use super::session::{Session, connect};
use super::smoke_output::SmokeFormat;
use super::smoke_repeat::RepeatArguments;
use super::smoke_stop::{interruptible, release, take, unless};
use super::stop::Stop;
use super::time_limit::TimeLimit;
use super::topology_smoke::{self, Ending, Manner, TopologyArguments};
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::smoke::{
    Limits, OwnServer, Restart, RunId, SCENARIOS, Scenario, Selected, Target, checks, milliseconds,
    run_all,
};
use crate::terminal::Progress;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl smoke --server embedded\n  iggyctl smoke --context production --scenario 'message-headers/*' -o json\n  iggyctl smoke -f topology.yaml --context production\n\nA run makes only streams and users whose names start with iggyctl-smoke-, and removes them.\nExit codes: 0 something was tried and nothing failed, 1 interrupted, or something could not be\nremoved, 7 a scenario failed, or none could be run, 64 usage, 65 an invalid manifest, 69 the server\ncannot be reached, 77 credentials refused."
)]
pub(super) struct SmokeArguments {
    #[command(flatten)]
    server: ServerArguments,
    #[command(flatten)]
    topology: TopologyArguments,
    /// Only these scenarios, or checks of a topology: names, or patterns with `*`; repeatable
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
    /// Over this transport, at the port that the server gives; repeatable; default: that of its address
    #[arg(long, value_enum, value_name = "TRANSPORT", conflicts_with = "file")]
    transport: Vec<SmokeTransport>,
    /// Restarts the server, for the scenarios that need it; run by the shell, which waits for its end
    #[arg(long, value_name = "COMMAND", conflicts_with = "file")]
    restart_command: Option<String>,
    /// How many scenarios run at once
    #[arg(long, value_name = "N", default_value = "4")]
    parallel: NonZeroUsize,
    /// How long each scenario may take
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    time_limit: Duration,
    #[command(flatten)]
    repeat: RepeatArguments,
    /// How to print the report
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: SmokeFormat,
}

/// Over what to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum SmokeTransport {
    /// TCP
    Tcp,
    /// QUIC
    Quic,
    /// WebSocket
    Websocket,
    /// HTTP
    Http,
}

impl From<SmokeTransport> for Transport {
    fn from(transport: SmokeTransport) -> Self {
        match transport {
            SmokeTransport::Tcp => Self::Tcp,
            SmokeTransport::Quic => Self::Quic,
            SmokeTransport::Websocket => Self::WebSocket,
            SmokeTransport::Http => Self::Http,
        }
    }
}

impl SmokeArguments {
    /// Each that was named, once; otherwise the one of the address.
    fn transports(&self, target: &Target) -> Vec<Transport> {
        if self.transport.is_empty() {
            return vec![target.main];
        }
        let mut transports: Vec<Transport> = Vec::new();
        for transport in self.transport.iter().copied().map(Transport::from) {
            if !transports.contains(&transport) {
                transports.push(transport);
            }
        }
        transports
    }
}

pub(super) fn run(process: &Process, arguments: &SmokeArguments) -> Result<ExitCode, CommandError> {
    arguments.repeat.check(arguments.output)?;
    if !arguments.topology.file.is_empty() {
        return block_on(smoke_topology(process, arguments))?;
    }
    if let Some(flag) = arguments.topology.variable_flag() {
        return Err(CommandError::usage(format!(
            "{flag} sets variables of manifests, and none is named"
        ))
        .hint("name one with -f"));
    }
    let selected = select(&arguments.scenario)?;
    block_on(smoke(process, arguments, &selected))?
}

/// What manifests declare is tried instead of the scenarios.
async fn smoke_topology(
    process: &Process,
    arguments: &SmokeArguments,
) -> Result<ExitCode, CommandError> {
    let stop = Stop::listen();
    let begun = Cell::new(false);
    let once = async || {
        begun.set(false);
        // Read again each time: a canary keeps to what is declared now.
        let subject = arguments.topology.subject(process)?;
        topology_smoke::check_names(&arguments.scenario, &subject)?;
        let manner = Manner {
            scenarios: &arguments.scenario,
            limits: Limits {
                parallel: arguments.parallel.get(),
                time: arguments.time_limit,
            },
            connect_timeout: arguments.server.connect_timeout(),
            is_quiet: false,
        };
        let work = async |session: &Session| {
            let ending = Ending {
                in_order: stop.requested(),
                at_once: stop.insisted(),
            };
            topology_smoke::smoke(process, session, subject, manner, ending, &begun, show).await
        };
        let work = Session::run(process, &arguments.server, TimeLimit::NONE, work);
        interruptible(&stop, &begun, work).await
    };
    let repeat = &arguments.repeat;
    repeat.drive(process, arguments.output, &stop, once).await
}

/// The scenarios that were named, or all.
fn select(patterns: &[String]) -> Result<Vec<Selected>, CommandError> {
    if patterns.is_empty() {
        let all = SCENARIOS.iter().map(|scenario| Selected {
            scenario,
            is_wanted: false,
        });
        return Ok(all.collect());
    }
    let mut matchers = Vec::new();
    for pattern in patterns {
        let matcher = glob::Pattern::new(pattern)
            .map_err(|error| CommandError::usage(format!("--scenario {pattern}: {error}")))?;
        if !SCENARIOS.iter().any(|it| matcher.matches(it.name)) {
            let names: Vec<&str> = SCENARIOS.iter().map(|it| it.name).collect();
            return Err(
                CommandError::usage(format!("there is no scenario `{pattern}`"))
                    .hint(format!("the scenarios are {}", names.join(", "))),
            );
        }
        matchers.push(matcher);
    }
    let is_named = |it: &&Scenario| matchers.iter().any(|matcher| matcher.matches(it.name));
    let named = SCENARIOS.iter().filter(is_named);
    Ok(named
        .map(|scenario| Selected {
            scenario,
            is_wanted: patterns.iter().any(|pattern| pattern == scenario.name),
        })
        .collect())
}

async fn smoke(
    process: &Process,
    arguments: &SmokeArguments,
    selected: &[Selected],
) -> Result<ExitCode, CommandError> {
    let stop = Stop::listen();
    let begun = Cell::new(false);
    interruptible(
        &stop,
        &begun,
        smoke_until(process, arguments, selected, &stop, &begun),
    )
    .await
}

async fn smoke_until(
    process: &Process,
    arguments: &SmokeArguments,
    selected: &[Selected],
    stop: &Stop,
    begun: &Cell<bool>,
) -> Result<ExitCode, CommandError> {
    let chosen = arguments.server.choose(process)?;
    if let Some(warning) = &chosen.warning {
        process.terminal.warning(warning);
    }
    let timeout = arguments.server.connect_timeout();
    let (remote, name, restart) = match chosen.address {
        ServerAddress::Remote(remote) => {
            let restart = match &arguments.restart_command {
                Some(command) => Restart::Command(command.clone()),
                None => Restart::Nobody,
            };
            (remote.clone(), remote.to_string(), restart)
        }
        ServerAddress::Embedded { .. } if arguments.restart_command.is_some() => {
            return Err(CommandError::usage(
                "--restart-command is for a server elsewhere: an embedded one is restarted without",
            ));
        }
        ServerAddress::Embedded { directory } => {
            let name = match &directory {
                Some(directory) => format!("the embedded server in {}", directory.display()),
                None => "an embedded server".to_owned(),
            };
            let server = OwnServer::start(directory).await.map_err(|error| {
                CommandError::new(
                    ExitCode::ServerUnavailable,
                    format!("the embedded server does not start: {error}"),
                )
            })?;
            let Ok(ServerAddress::Remote(mut remote)) = server.connection_string().await.parse()
            else {
                return Err(CommandError::other(
                    "the embedded server has an address that cannot be read",
                ));
            };
            if chosen.embedded_login.is_some() {
                remote.credentials = chosen.embedded_login;
            }
            (remote, name, Restart::Own(Rc::new(server)))
        }
    };
    let pool = connect(remote.clone(), timeout, &chosen.named_by).await?;
    let target = Rc::new(Target::new(name, pool, remote, timeout, restart));
    // From here on it ends in order.
    begun.set(true);
    let once = async || run_on(process, arguments, selected, &target, stop).await;
    let repeat = &arguments.repeat;
    let ended = repeat.drive(process, arguments.output, stop, once).await;
    target.close().await;
    ended
}

async fn run_on(
    process: &Process,
    arguments: &SmokeArguments,
    selected: &[Selected],
    target: &Rc<Target>,
    stop: &Stop,
) -> Result<SmokeReport, CommandError> {
    let began = jiff::Timestamp::now();
    let started = Instant::now();
    // Connections of the run before may have gone meanwhile.
    target.admin.forget_idle();
    let lease = take(target, RunId::random(), stop.requested()).await?;
    let limits = Limits {
        parallel: arguments.parallel.get(),
        time: arguments.time_limit,
    };
    let transports = arguments.transports(target);
    if transports.iter().any(|it| *it != target.main)
        && let Some(failure) =
            unless(stop.requested(), async { target.discover().await.err() }).await
    {
        process.terminal.warning(&format!(
            "only the transport of its address is known: cannot {}: {}",
            failure.step, failure.found
        ));
    }
    let checks = checks(
        selected,
        &transports,
        target,
        lease.run(),
        arguments.time_limit,
    );
    let mut progress = Progress::start(process.terminal, checks.len(), false);
    let ended = run_all(checks, limits, stop.requested(), &mut |report| {
        show(&mut progress, report)
    })
    .await;
    progress.finish();
    let version = unless(stop.requested(), async {
        let admin = target.admin.acquire().await.ok()?;
        admin.stats().await.ok().map(|stats| stats.version)
    })
    .await;
    let left_behind = release(lease, target, stop.requested(), stop.insisted()).await;
    let report = SmokeReport::new(
        SmokeServer {
            name: target.name.clone(),
            version,
        },
        began.to_string(),
        milliseconds(started.elapsed()),
        ended.scenarios,
        left_behind,
    );
    Ok(report.with_interruption(ended.was_stopped))
}

/// Says how a check ended.
pub(super) fn show(progress: &mut Progress, report: &ScenarioReport) {
    let line = format!(
        "{} ({}): {}",
        escape(&report.name),
        report.transport,
        report.outcome.word()
    );
    match &report.outcome {
        ScenarioOutcome::Passed | ScenarioOutcome::Skipped { .. } => progress.step_done(&line),
        ScenarioOutcome::Failed { .. } | ScenarioOutcome::TimedOut { .. } => {
            progress.step_failed(&line);
        }
    }
}
