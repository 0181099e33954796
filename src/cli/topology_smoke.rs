//! The smoke test of a topology: the second half of `iggyctl smoke`, and `--smoke` of
//! `iggyctl apply`.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use iggyctl_core::address::Address;
use iggyctl_core::plan::Approvals;
use iggyctl_core::render::{ScenarioReport, SmokeReport, SmokeServer};
use iggyctl_core::smoke::Limits as Sampling;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::AccessReading;
use iggyctl_core::{diff, plan};
use iggyctl_engine::broker::BrokerRead as _;
use iggyctl_engine::connect::ConnectionPool;
use iggyctl_engine::delivery::FileSinks;
use iggyctl_engine::observe::Reach;

use super::Process;
use super::manifest_arguments::{VariableArguments, compile};
use super::secret_arguments::{Gathered, passwords_here};
use super::session::{Session, observe_for};
use super::smoke_stop::{release, server_is_silent, take, unless};
use crate::command_error::CommandError;
use crate::smoke::topology::{self, Begun, Passwords, Topology};
use crate::smoke::{Check, Limits, Restart, RunId, Target, milliseconds, not_run, run_all};
use crate::terminal::Progress;

#[derive(Debug, clap::Args)]
pub(super) struct TopologyArguments {
    /// Prove what these manifests declare instead: a file, a folder, a pattern, or -
    #[arg(
        short,
        long = "file",
        value_name = "PATH",
        help_heading = "Topology options"
    )]
    pub(super) file: Vec<String>,
    #[command(flatten)]
    variables: VariableArguments,
    /// Where the secrets of `secretKeyRef` are: DIR/NAME/KEY
    #[arg(
        long,
        value_name = "DIR",
        requires = "file",
        help_heading = "Topology options"
    )]
    secrets_dir: Option<PathBuf>,
    /// Try each thing that is declared, also of a big topology
    #[arg(long, requires = "file", help_heading = "Topology options")]
    all: bool,
    /// Send a marked message through the real topics, too, as the real users: their consumers get it
    #[arg(long, requires = "file", help_heading = "Topology options")]
    canary: bool,
}

/// What a smoke test of a topology is made from, beside the server.
pub(super) struct Subject {
    pub(super) desired: DesiredState,
    pub(super) passwords: Passwords,
    pub(super) sinks: FileSinks,
    pub(super) sampling: Sampling,
    pub(super) canary: bool,
}

/// How it is run.
pub(super) struct Manner<'a> {
    /// Patterns of names; all checks without any.
    pub(super) scenarios: &'a [String],
    pub(super) limits: Limits,
    pub(super) connect_timeout: Duration,
    pub(super) is_quiet: bool,
}

/// When a run is to end before it is done.
pub(super) struct Ending<O, A> {
    /// What runs is left, and what was made is removed.
    pub(super) in_order: O,
    /// What was made is not removed either.
    pub(super) at_once: A,
}

impl TopologyArguments {
    /// A flag that sets variables of the manifests, if one was given.
    pub(super) fn variable_flag(&self) -> Option<&'static str> {
        self.variables.flag()
    }

    /// What the manifests declare, with the secrets that are here.
    pub(super) fn subject(&self, process: &Process) -> Result<Subject, CommandError> {
        let desired = compile(process, &self.file, &self.variables)?.state;
        Ok(Subject {
            passwords: passwords_here(process, self.secrets_dir.clone(), &desired),
            sinks: FileSinks::new(self.secrets_dir.clone()),
            sampling: match self.all {
                true => Sampling::NONE,
                false => Sampling::USUAL,
            },
            canary: self.canary,
            desired,
        })
    }
}

/// Tries what a topology declares.
pub(super) async fn smoke(
    process: &Process,
    session: &Session,
    subject: Subject,
    manner: Manner<'_>,
    stop: Ending<impl Future<Output = ()>, impl Future<Output = ()>>,
    has_begun: &Cell<bool>,
    show: fn(&mut Progress, &ScenarioReport),
) -> Result<SmokeReport, CommandError> {
    let Ending { in_order, at_once } = stop;
    // Asked for by several, one after the other.
    let in_order = in_order.shared();
    let began = jiff::Timestamp::now();
    let started = Instant::now();
    let topology = look(session, subject).await?;
    let connector = session.pool.connector().clone();
    let target = Rc::new(Target::new(
        session.name.clone(),
        ConnectionPool::new(connector.clone()),
        connector.address(),
        manner.connect_timeout,
        Restart::Nobody,
    ));
    let run = RunId::random();
    let mut begun = topology::begin(topology, &target, &run).map_err(|failure| {
        CommandError::other(format!("cannot {}: {}", failure.step, failure.found))
    })?;
    let mut parts = [
        std::mem::take(&mut begun.checks),
        std::mem::take(&mut begun.on_copy),
    ];
    if let Err(error) = retain(manner.scenarios, &mut parts) {
        drop(parts);
        begun.end().await;
        return Err(error);
    }
    has_begun.set(true);
    // Without a copy nothing is made that somebody would have to remove.
    let lease = match parts[1].is_empty() {
        true => None,
        false => Some(take(&target, run, in_order.clone()).await?),
    };
    if lease.is_some() {
        begun.copy();
    }
    let (scenarios, notes, was_stopped) = try_all(
        process,
        begun,
        parts,
        &manner,
        &target,
        in_order.clone(),
        show,
    )
    .await;
    let version = unless(in_order.clone(), async {
        let admin = session.pool.acquire().await.ok()?;
        admin.stats().await.ok().map(|stats| stats.version)
    })
    .await;
    let left_behind = match lease {
        None => Vec::new(),
        Some(lease) => release(lease, &target, in_order, at_once).await,
    };
    target.admin.close().await;
    let server = SmokeServer {
        name: target.name.clone(),
        version,
    };
    let took = milliseconds(started.elapsed());
    let report = SmokeReport::new(server, began.to_string(), took, scenarios, left_behind);
    Ok(report.with_notes(notes).with_interruption(was_stopped))
}

/// What the server has, compared with what is declared.
async fn look(session: &Session, subject: Subject) -> Result<Topology, CommandError> {
    let Subject {
        mut desired,
        passwords,
        sinks,
        sampling,
        canary,
    } = subject;
    // What an apply replaced on request is not to be replaced once more.
    desired.forget_rotations();
    let gathered = Gathered {
        secrets: Some(passwords.known.clone()),
        sinks: sinks.clone(),
    };
    let mut observed = observe_for(&session.pool, &desired, &gathered, Reach::Declared).await?;
    if let AccessReading::Read(access) = &mut observed.access {
        access.default_password = session.default_password;
        access.server = Some(session.name.clone());
    }
    let plan = plan::plan(&diff::diff(&desired, &observed), &Approvals::default());
    Ok(Topology {
        desired,
        observed,
        plan,
        passwords,
        sinks,
        limits: sampling,
        canary,
    })
}

type Ended = (Vec<ScenarioReport>, Vec<String>, bool);

async fn try_all(
    process: &Process,
    mut begun: Begun,
    parts: [Vec<Check<'static>>; 2],
    manner: &Manner<'_>,
    target: &Rc<Target>,
    stop: impl Future<Output = ()> + Clone,
    show: fn(&mut Progress, &ScenarioReport),
) -> Ended {
    let total = parts.iter().map(Vec::len).sum();
    let mut progress = Progress::start(process.terminal, total, manner.is_quiet);
    let [at_once, on_copy] = parts;
    let mut on_end = |report: &ScenarioReport| show(&mut progress, report);
    let first = run_all(at_once, manner.limits, stop.clone(), &mut on_end).await;
    let mut was_stopped = first.was_stopped;
    if !was_stopped && !on_copy.is_empty() {
        was_stopped = tokio::select! {
            () = begun.copied() => false,
            () = stop.clone() => true,
        };
    }
    let mut scenarios = first.scenarios;
    if was_stopped {
        scenarios.extend(on_copy.iter().map(not_run));
        drop(on_copy);
    } else {
        let second = run_all(on_copy, manner.limits, stop, &mut on_end).await;
        scenarios.extend(second.scenarios);
        was_stopped = second.was_stopped;
    }
    progress.finish();
    let notes = std::mem::take(&mut begun.notes);
    let silent = async {
        match was_stopped {
            true => server_is_silent(target).await,
            false => std::future::pending().await,
        }
    };
    tokio::select! {
        () = begun.end() => {}
        () = silent => {}
    }
    (scenarios, notes, was_stopped)
}

/// Refuses what can be no check of these manifests, whatever the server has.
pub(super) fn check_names(patterns: &[String], subject: &Subject) -> Result<(), CommandError> {
    let desired = &subject.desired;
    let mut names = vec!["copy".to_owned()];
    for stream in desired.streams.keys().cloned().map(Address::Stream) {
        let kinds = ["exists", "round-trip", "join"];
        names.extend(kinds.map(|kind| format!("{kind}/{stream}")));
    }
    for user in desired.users.keys().cloned().map(Address::User) {
        let kinds = ["exists", "login", "poll", "send", "canary"];
        names.extend(kinds.map(|kind| format!("{kind}/{user}")));
    }
    for (user, tokens) in &desired.tokens {
        names.push(format!("exists/{}", Address::User(user.clone())));
        for token in tokens.keys() {
            let token = Address::Token(user.clone(), token.clone());
            names.push(format!("login/{token}"));
        }
    }
    // What of these cannot be tried has names that depend on the server.
    let may_come = |pattern: &&String| {
        ["poll/", "send/", "*", "?", "["]
            .iter()
            .any(|begin| pattern.starts_with(begin))
    };
    let certain: Vec<String> = patterns
        .iter()
        .filter(|it| !may_come(it))
        .cloned()
        .collect();
    select(&certain, names.iter().map(String::as_str)).map(drop)
}

/// Leaves those that are meant.
fn retain(patterns: &[String], parts: &mut [Vec<Check<'static>>]) -> Result<(), CommandError> {
    let names = parts.iter().flatten().map(|check| check.name.as_str());
    let mut is_selected = select(patterns, names)?.into_iter();
    for checks in parts {
        checks.retain(|_| is_selected.next() == Some(true));
        for check in checks {
            // Whoever names one wants to see it run; a pattern may match what cannot be.
            check.is_wanted = patterns.contains(&check.name);
        }
    }
    Ok(())
}

/// Which of the names are meant.
fn select<'a>(
    patterns: &[String],
    names: impl Iterator<Item = &'a str>,
) -> Result<Vec<bool>, CommandError> {
    let names: Vec<&str> = names.collect();
    let mut selected = vec![patterns.is_empty(); names.len()];
    for text in patterns {
        let pattern = glob::Pattern::new(text)
            .map_err(|error| CommandError::usage(format!("--scenario {text}: {error}")))?;
        let mut is_used = false;
        for (name, selected) in names.iter().zip(&mut selected) {
            if pattern.matches(name) {
                is_used = true;
                *selected = true;
            }
        }
        if !is_used {
            return Err(
                CommandError::usage(format!("these manifests give no check `{text}`")).hint(
                    "a check is called KIND/ADDRESS, such as login/user/NAME; without --scenario \
                     all are listed",
                ),
            );
        }
    }
    Ok(selected)
}
