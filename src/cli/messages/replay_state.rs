//! What a replay keeps in a file, to go on after whatever ended it.

use iggyctl_messaging::replay::Progress;
use serde::{Deserialize, Serialize};

use super::state_file::State;

/// A job, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ReplayState {
    /// Of this shape of the file.
    version: u32,
    /// As `STREAM/TOPIC`.
    pub(super) from: String,
    /// As `STREAM/TOPIC`.
    pub(super) to: String,
    /// Whether batches go to all partitions in turn.
    pub(super) balanced: bool,
    /// The filter, as arguments.
    pub(super) headers: Vec<String>,
    /// How many offsets there were to look at, at the start.
    pub(super) offsets: u64,
    pub(super) progress: Progress,
}

impl ReplayState {
    pub(super) fn new(from: String, to: String, balanced: bool, headers: Vec<String>) -> Self {
        Self {
            version: Self::VERSION,
            from,
            to,
            balanced,
            headers,
            offsets: 0,
            progress: Progress::default(),
        }
    }

    /// This is what there is to do.
    pub(super) fn begin(&mut self, progress: Progress) {
        self.offsets = progress.left();
        self.progress = progress;
    }
}

impl State for ReplayState {
    const VERSION: u32 = 2;
}
