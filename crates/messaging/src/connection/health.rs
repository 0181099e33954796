use std::time::{Duration, Instant};

use iggy::prelude::SystemClient as _;
use tokio::time::timeout;

use super::link::Link;

/// How a connection is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Whether the server answered just now.
    pub connected: bool,
    /// Where it is connected to, without credentials; none when it is not, or when
    /// the caller brought the client along.
    pub address: Option<String>,
    /// How long the answer took.
    pub latency: Option<Duration>,
    /// The version that the server gives, where the user may read it (the right to
    /// read servers).
    pub server_version: Option<String>,
    /// What was wrong last, also when it has passed.
    pub last_error: Option<String>,
}

/// A question of health must not take long where nothing answers.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn of(link: &Link) -> Health {
    let snapshot = link.snapshot();
    let Some(session) = snapshot.session else {
        return Health {
            last_error: snapshot.last_error,
            ..Health::default()
        };
    };
    // In a task of its own: a request that is given up would leave its answer to the
    // next one.
    let client = session.client().clone();
    let asking = tokio::spawn(async move {
        let asked = Instant::now();
        client.ping().await?;
        let latency = asked.elapsed();
        let version = client.get_stats().await.ok();
        Ok::<_, iggy::prelude::IggyError>((latency, version.map(|stats| stats.iggy_server_version)))
    });
    let (latency, server_version, last_error) = match timeout(PATIENCE, asking).await {
        Ok(Ok(Ok((latency, version)))) => (Some(latency), version, snapshot.last_error),
        Ok(Ok(Err(error))) => (None, None, Some(crate::error::words(error.as_code()))),
        Ok(Err(_)) => (None, None, snapshot.last_error),
        Err(_) => (None, None, Some("no answer in time".to_owned())),
    };
    Health {
        connected: latency.is_some(),
        address: session.address().map(ToString::to_string),
        latency,
        server_version: server_version.filter(|version| !version.is_empty()),
        last_error,
    }
}
