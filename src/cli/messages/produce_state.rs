//! What `produce --state` keeps, to go on after whatever ended it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::place::TopicPlace;
use super::state_file::{State, StateFile, Survives};
use crate::command_error::CommandError;

/// Between two writes of the file; what was confirmed meanwhile is sent again after a kill.
const INTERVAL: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProduceState {
    /// Of this shape of the file.
    version: u32,
    /// As `STREAM/TOPIC`.
    topic: String,
    /// So many messages of the input are confirmed, from the first one on.
    confirmed: u64,
}

impl State for ProduceState {
    const VERSION: u32 = 1;

    fn version(&self) -> u32 {
        self.version
    }
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct StateArguments {
    /// Keep in this file, which must be new, how many messages are confirmed, so that it can be gone on with
    #[arg(long, value_name = "PATH", help_heading = "Sending options")]
    state: Option<PathBuf>,
    /// Go on after what is confirmed by --state, with the same input; what was confirmed just before a kill is sent again
    #[arg(long, requires = "state", help_heading = "Sending options")]
    resume: bool,
}

impl StateArguments {
    /// The state to keep, if one is to be.
    pub(super) fn open(&self, topic: &TopicPlace) -> Result<Option<Kept>, CommandError> {
        let Some(path) = self.state.clone() else {
            return Ok(None);
        };
        let file = StateFile::new(path.clone());
        let state = if self.resume {
            let state: ProduceState = file.read()?;
            if state.topic != topic.to_string() {
                return Err(CommandError::invalid_input(format!(
                    "--state {}: it is of messages for {}",
                    path.display(),
                    state.topic
                )));
            }
            state
        } else {
            file.must_be_new()?;
            let state = ProduceState {
                version: ProduceState::VERSION,
                topic: topic.to_string(),
                confirmed: 0,
            };
            file.write(&state, Survives::PowerLoss)?;
            state
        };
        Ok(Some(Kept {
            file,
            before: state.confirmed,
            state,
            written: Instant::now(),
        }))
    }
}

/// A state that is kept.
pub(super) struct Kept {
    file: StateFile<ProduceState>,
    state: ProduceState,
    /// What former runs sent.
    before: u64,
    written: Instant,
}

impl Kept {
    /// How many messages of the input are not to be sent.
    pub(super) fn before(&self) -> u64 {
        self.before
    }

    /// So many of this run are confirmed; written at once, or when it is time.
    pub(super) fn confirmed(&mut self, messages: u64, at_once: bool) -> Result<(), CommandError> {
        self.state.confirmed = self.before + messages;
        if at_once || self.written.elapsed() >= INTERVAL {
            // While it waits for the disk, more would be sent that it does not know of.
            let survives = match at_once {
                true => Survives::PowerLoss,
                false => Survives::Kill,
            };
            self.file.write(&self.state, survives)?;
            self.written = Instant::now();
        }
        Ok(())
    }
}
