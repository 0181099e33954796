use std::time::Instant;

use iggyctl_engine::broker::BrokerRead;
use serde::Serialize;

use super::Process;
use super::output::Format;
use super::runtime::block_on;
use super::server_arguments::ServerArguments;
use super::session::Session;
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
    let session = Session::open(process, &arguments.server).await?;
    let connect_milliseconds = milliseconds(started);
    let connection = session.connection().await?;
    let started = Instant::now();
    connection
        .ping()
        .await
        .map_err(|error| super::session::broker_failed(&error))?;
    let round_trip_milliseconds = milliseconds(started);
    let answer = Answer {
        server: session.name.clone(),
        version: connection.stats().await.ok().map(|stats| stats.version),
        login: "accepted",
        connect_milliseconds,
        round_trip_milliseconds,
    };
    drop(connection);
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
    session.close(process).await;
    Ok(ExitCode::Done)
}

fn milliseconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1e6).round() / 1e3
}
