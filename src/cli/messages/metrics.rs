//! `--metrics-listen`: what is counted, as a page for Prometheus.

use std::net::SocketAddr;

use iggyctl_messaging::observe::prometheus::Prometheus;

use super::super::Process;
use crate::command_error::CommandError;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct MetricsArguments {
    /// Serve metrics for Prometheus at this address while the command runs, such as 127.0.0.1:9464
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
}

impl MetricsArguments {
    /// Whether it was asked for.
    pub(in crate::cli) fn is_wanted(&self) -> bool {
        self.metrics_listen.is_some()
    }

    /// Serves them from now on, if that is asked for. Needs a tokio runtime.
    pub(in crate::cli) fn serve(&self, process: &Process) -> Result<(), CommandError> {
        let Some(address) = self.metrics_listen else {
            return Ok(());
        };
        Prometheus::serve(address)
            .map_err(|error| CommandError::other(format!("--metrics-listen {address}: {error}")))?;
        process
            .terminal
            .message(&format!("Metrics: http://{address}/metrics"));
        Ok(())
    }
}
