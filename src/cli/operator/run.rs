//! `iggyctl operator run`.

use std::net::SocketAddr;

use iggyctl_engine::connect::install_crypto_provider;

use super::super::Process;
use super::super::runtime::block_on_beside_workers;
use super::super::stop::stop_requested;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::operator;
use crate::operator::cluster::Reach;
use crate::operator::run::Settings;

#[derive(Debug, clap::Args)]
pub(super) struct RunArguments {
    /// Work for this namespace only, with nothing but Roles in it; may be repeated. Without it, for
    /// the whole cluster
    #[arg(long = "namespace", value_name = "NAMESPACE")]
    namespaces: Vec<String>,
    /// Agree with other operators on which of them writes, by a Lease in this namespace; without it
    /// there must be no other one
    #[arg(
        long,
        value_name = "NAMESPACE",
        env = "IGGYCTL_OPERATOR_LEASE_NAMESPACE"
    )]
    leader_election_namespace: Option<String>,
    /// What that Lease is called
    #[arg(long, value_name = "NAME", default_value = "iggyctl-operator")]
    leader_election_name: String,
    /// Where to serve /healthz, /readyz and /metrics
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

pub(super) fn run(process: &Process, arguments: &RunArguments) -> Result<ExitCode, CommandError> {
    let RunArguments {
        namespaces,
        leader_election_namespace,
        leader_election_name,
        listen,
    } = arguments;
    let settings = Settings {
        reach: match namespaces.is_empty() {
            true => Reach::Cluster,
            false => Reach::Namespaces(namespaces.clone()),
        },
        listen: *listen,
        lease_namespace: leader_election_namespace.clone(),
        lease_name: leader_election_name.clone(),
        // The name of the pod, in a pod.
        identity: std::env::var("HOSTNAME")
            .ok()
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| format!("iggyctl-{}", std::process::id())),
    };
    install_crypto_provider();
    block_on_beside_workers(async {
        let stop = stop_requested();
        let ready = |address: SocketAddr| {
            let text = format!(
                "Probes: http://{address}/healthz, http://{address}/readyz; metrics: http://{address}/metrics"
            );
            process.terminal.message(&text);
        };
        let ended = operator::run::run(settings, ready, stop).await;
        ended.map_err(|error| CommandError::other(error.to_string()))
    })??;
    Ok(ExitCode::Done)
}
