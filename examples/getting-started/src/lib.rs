//! What the producer and the consumer agree on.

use serde::{Deserialize, Serialize};

/// The stream and the topic of `topology.yaml`.
pub const STREAM: &str = "getting-started";
/// See [`STREAM`].
pub const TOPIC: &str = "events";

/// One message, as JSON: `{"id":1,"text":"message 1","ts":"2026-01-31T12:00:00Z"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Counts from 1 since the producer was started.
    pub id: u64,
    /// What it says.
    pub text: String,
    /// When it was made.
    pub ts: String,
}

/// Where the server is, as for `iggyctl`: `IGGY_CONNECTION_STRING`.
#[must_use]
pub fn server() -> String {
    std::env::var("IGGY_CONNECTION_STRING")
        .unwrap_or_else(|_| "iggy://iggy:iggy@127.0.0.1:8090".to_owned())
}
