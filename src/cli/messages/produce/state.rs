//! What `produce --state` keeps, to go on after whatever ended it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use iggyctl_core::wording::counted;
use serde::{Deserialize, Serialize};

use super::fingerprint::Fingerprint;
use super::input::Draft;
use crate::cli::messages::place::TopicPlace;
use crate::cli::messages::state_file::{State, StateFile, StatePlace, Survives};
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
    /// Of these messages.
    fingerprint: Fingerprint,
}

impl State for ProduceState {
    const VERSION: u32 = 2;
}

impl ProduceState {
    fn new(topic: &TopicPlace) -> Self {
        Self {
            version: Self::VERSION,
            topic: topic.to_string(),
            confirmed: 0,
            fingerprint: Fingerprint::default(),
        }
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
        let (file, state) = StatePlace::new(path).lock(|place| self.look(topic, place))?;
        if state.confirmed == 0 {
            file.write(&state, Survives::PowerLoss)?;
        }
        Ok(Some(Kept {
            file,
            before: state.confirmed,
            seen: Fingerprint::default(),
            to_skip: state.confirmed,
            open: VecDeque::new(),
            state,
            written: Instant::now(),
        }))
    }

    fn look(
        &self,
        topic: &TopicPlace,
        place: &StatePlace<ProduceState>,
    ) -> Result<ProduceState, CommandError> {
        let begin = ProduceState::new(topic);
        if self.resume {
            let state = place.read()?;
            if state.topic != begin.topic {
                return Err(place.wrong(&format!("it is of messages for {}", state.topic)));
            }
            return Ok(state);
        }
        // There is nothing to go on with where a run ended before anything was
        // confirmed.
        match place.is_there()? && place.read().map_or(true, |state| state.confirmed > 0) {
            true => Err(place.taken()),
            false => Ok(begin),
        }
    }
}

/// A state that is kept.
pub(super) struct Kept {
    file: StateFile<ProduceState>,
    state: ProduceState,
    /// What former runs sent.
    before: u64,
    /// How many of these were not seen in the input yet.
    to_skip: u64,
    /// Of the input so far.
    seen: Fingerprint,
    /// After each of the messages of this run that are not confirmed, in order.
    open: VecDeque<Fingerprint>,
    written: Instant,
}

impl Kept {
    /// How many messages of the input are not to be sent.
    pub(super) fn before(&self) -> u64 {
        self.before
    }

    /// Without those that former runs sent, which must be the same.
    pub(super) fn not_sent(&mut self, mut drafts: Vec<Draft>) -> Result<Vec<Draft>, CommandError> {
        if self.to_skip == 0 {
            return Ok(drafts);
        }
        let skipped = usize::try_from(self.to_skip).map_or(drafts.len(), |it| it.min(drafts.len()));
        for draft in drafts.drain(..skipped) {
            self.seen = self.seen.then(&draft);
        }
        self.to_skip -= u64::try_from(skipped).unwrap_or(self.to_skip);
        if self.to_skip == 0 && self.seen != self.state.fingerprint {
            return Err(self.file.wrong(&format!(
                "it is of another input: the first {} of this one are not those that it says are \
                 confirmed",
                counted(self.before, "message")
            )));
        }
        Ok(drafts)
    }

    /// That was the whole input.
    pub(super) fn input_ended(&self) -> Result<(), CommandError> {
        if self.to_skip == 0 {
            return Ok(());
        }
        Err(self.file.wrong(&format!(
            "it is of another input: this one has {}, and it says that {} are confirmed",
            counted(self.before - self.to_skip, "message"),
            self.before
        )))
    }

    /// These are sent now.
    pub(super) fn sending(&mut self, drafts: &[Draft]) {
        for draft in drafts {
            self.seen = self.seen.then(draft);
            self.open.push_back(self.seen);
        }
    }

    /// So many of this run are confirmed; written at once, or when it is time.
    pub(super) fn confirmed(&mut self, messages: u64, at_once: bool) -> Result<(), CommandError> {
        let confirmed = self.before + messages;
        while self.state.confirmed < confirmed {
            let Some(fingerprint) = self.open.pop_front() else {
                break;
            };
            self.state.confirmed += 1;
            self.state.fingerprint = fingerprint;
        }
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
