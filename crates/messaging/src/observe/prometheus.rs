//! The metrics as a page for Prometheus.

use std::net::SocketAddr;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::{EMIT_LATENCY_SECONDS, LATENCY_BUCKETS, describe_metrics};

/// Why the metrics cannot be collected or shown.
#[derive(Debug, thiserror::Error)]
pub enum PrometheusError {
    /// There is a recorder already, or the address cannot be listened on.
    #[error("metrics cannot be collected: {0}")]
    Build(#[from] BuildError),
    /// There is no tokio runtime to serve the page.
    #[error("there is no tokio runtime here to serve metrics")]
    NoRuntime,
}

/// The metrics of this process.
#[derive(Clone)]
pub struct Prometheus(PrometheusHandle);

impl Prometheus {
    /// Collects the metrics of the whole process from now on.
    ///
    /// # Errors
    /// When somebody else does already.
    pub fn install() -> Result<Self, PrometheusError> {
        let handle = builder()?.install_recorder()?;
        describe_metrics();
        Ok(Self(handle))
    }

    /// As [`install`](Self::install), and serves them as a page at `http://ADDRESS/`,
    /// whatever the path, as long as the tokio runtime around runs.
    ///
    /// # Errors
    /// When somebody else collects already, when the address is taken, and outside of
    /// a runtime.
    pub fn serve(address: SocketAddr) -> Result<Self, PrometheusError> {
        let runtime =
            tokio::runtime::Handle::try_current().map_err(|_| PrometheusError::NoRuntime)?;
        let builder = builder()?.with_http_listener(address);
        let (recorder, exporter) = builder.build()?;
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(BuildError::FailedToSetGlobalRecorder)?;
        runtime.spawn(exporter);
        describe_metrics();
        Ok(Self(handle))
    }

    /// The page.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }
}

impl std::fmt::Debug for Prometheus {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Prometheus")
    }
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(
        Matcher::Full(EMIT_LATENCY_SECONDS.to_owned()),
        &LATENCY_BUCKETS,
    )
}
