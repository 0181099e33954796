//! The contract: what an Iggy server does, as recorded from real ones.
//!
//! ```text
//! scenario ──▶ transcript ──┬─ real server ──▶ equals its record, or writes it (IGGYCTL_RECORD=1)
//!                           └─ embedded ─────▶ equals every record, but for stated differences
//! ```
//!
//! A real server is used when `IGGYCTL_TEST_SERVER` names a binary or a URI, or
//! `iggy-server` is on the `PATH`; without one those trials are *ignored*, with the
//! reason, never passed. See `docs/testing.md`.

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test program of its own, which clippy does not take for one"
)]

mod access;
mod calls;
mod http;
mod message_calls;
mod record;
mod scenarios;
mod server;
mod session;
mod show;
mod transcript;
mod wire;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use record::Record;
use scenarios::{Scenario, Scene};
use server::{RealServer, RunningServer};
use transcript::Transcript;

/// Bound on one scenario, so that a server that hangs fails instead of blocking the run.
const SCENARIO_DEADLINE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let records = match Record::all() {
        Ok(records) => records.into_iter().map(Arc::new).collect::<Vec<_>>(),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let mut trials = Vec::new();
    for record in &records {
        if !arguments.list {
            eprint!("{}", record.differences());
        }
        trials.push(differences_trial(record));
    }
    let real = RealServer::find();
    if let Ok(RealServer::Address(_)) = real {
        // One server for all: one scenario at a time.
        arguments.test_threads = Some(1);
    }
    for scenario in scenarios::all() {
        for record in &records {
            trials.push(embedded_trial(scenario, record));
        }
        trials.push(real_trial(scenario, &real));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A stale difference would hide a later mistake.
fn differences_trial(record: &Arc<Record>) -> Trial {
    let record = Arc::clone(record);
    Trial::test(format!("{}/differences_apply", record.version), move || {
        let names: Vec<&str> = scenarios::all()
            .iter()
            .map(|scenario| scenario.name)
            .collect();
        record.check_differences(&names).map_err(Failed::from)
    })
}

fn embedded_trial(scenario: Scenario, record: &Arc<Record>) -> Trial {
    let record = Arc::clone(record);
    let name = format!("embedded_as_{}/{}", record.version, scenario.name);
    Trial::test(name, move || {
        let transcript = block_on(async {
            let server = server::embedded().await?;
            let transcript = play(scenario, server.address(), server.http_address()).await;
            server.shutdown().await;
            transcript
        })?;
        record.compare_embedded(scenario.name, &transcript.text())?;
        Ok(())
    })
}

fn real_trial(scenario: Scenario, real: &Result<RealServer, String>) -> Trial {
    let real = real.clone();
    Trial::ignorable_test(format!("real/{}", scenario.name), move || {
        let real = match real {
            Ok(real) => real,
            Err(reason) => return Ok(Completion::ignored_with(reason)),
        };
        if matches!(real, RealServer::Address(_)) && scenario.name.starts_with("http/") {
            return Ok(Completion::ignored_with("only the TCP address is known"));
        }
        let (version, transcript) = block_on(async {
            let server = RunningServer::real(&real).await?;
            let version = server::version(server.address()).await?;
            let transcript = play(scenario, server.address(), server.http()).await?;
            if let RunningServer::Shared(address) = server {
                server::clean(address).await?;
            }
            Ok((version, transcript))
        })?;
        let record = Record::open(&version)?;
        if std::env::var_os("IGGYCTL_RECORD").is_some_and(|value| value == "1") {
            record.write(scenario.name, &transcript.text())?;
        } else {
            record.compare_real(scenario.name, &transcript.text())?;
        }
        Ok(Completion::Completed)
    })
}

async fn play(
    scenario: Scenario,
    address: SocketAddr,
    http: Option<SocketAddr>,
) -> Result<Arc<Transcript>, String> {
    let transcript = Arc::new(Transcript::default());
    let scene = Scene::new(address, http, &transcript);
    match tokio::time::timeout(SCENARIO_DEADLINE, (scenario.run)(scene)).await {
        Ok(Ok(())) => Ok(transcript),
        Ok(Err(error)) => Err(format!("{error}\nso far:\n{}", transcript.text())),
        Err(_) => Err(format!(
            "still running after {SCENARIO_DEADLINE:?}, so far:\n{}",
            transcript.text()
        )),
    }
}

fn block_on<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?
        .block_on(work)
}
