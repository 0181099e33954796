use std::time::Instant;

use iggyctl_engine::broker::BrokerRead;
use serde::Serialize;

use super::Process;
use super::output::Format;
use super::runtime::block_on;
use super::server_arguments::ServerArguments;
use super::session::{Session, broker_failed};
use super::time_limit::TimeLimit;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl ping --server iggy://iggy:iggy@127.0.0.1:8090\n  iggyctl ping --context production -o json"
)]
pub(super) struct PingArguments {
    #[command(flatten)]
    server: ServerArguments,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// What answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    server: String,
    /// Absent when the login may not read it.
    version: Option<String>,
    login: &'static str,
    connect_milliseconds: f64,
    round_trip_milliseconds: f64,
}

pub(super) fn run(process: &Process, arguments: &PingArguments) -> Result<ExitCode, CommandError> {
    block_on(answer(process, arguments))?
}

async fn answer(process: &Process, arguments: &PingArguments) -> Result<ExitCode, CommandError> {
    let started = Instant::now();
    Session::run(
        process,
        &arguments.server,
        TimeLimit::NONE,
        async |session| {
            let answer = measure(session, milliseconds(started)).await?;
            let text = || {
                format!(
                    "{} answers: {}, login accepted, connected in {:.1} ms, round trip {:.2} ms\n",
                    answer.server,
                    match &answer.version {
                        Some(version) => format!("server version {version}"),
                        None => "server version unknown (the login may not read it)".to_owned(),
                    },
                    answer.connect_milliseconds,
                    answer.round_trip_milliseconds,
                )
            };
            process.output(&arguments.output.render(&answer, text)?)?;
            Ok(ExitCode::Done)
        },
    )
    .await
}

async fn measure(session: &Session, connect_milliseconds: f64) -> Result<Answer, CommandError> {
    let connection = session.connection().await?;
    let started = Instant::now();
    connection
        .ping()
        .await
        .map_err(|error| broker_failed(&error))?;
    Ok(Answer {
        server: session.name.clone(),
        round_trip_milliseconds: milliseconds(started),
        version: connection.stats().await.ok().map(|stats| stats.version),
        login: "accepted",
        connect_milliseconds,
    })
}

fn milliseconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1e6).round() / 1e3
}
