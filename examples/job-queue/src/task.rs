//! The messages. Their tags are what they are on the wire: a new field gets a new tag,
//! and the tag of a field that is gone is not used again.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::OfJob;

/// Something to do. In a file of `publish-task` as JSON.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize, prost::Message)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Its name, and the key of everything about it: 1 to 255 bytes.
    #[prost(string, tag = "1")]
    pub job_id: String,
    /// What to do, see [`crate::work::run`].
    #[prost(string, tag = "2")]
    pub kind: String,
    /// With what.
    #[prost(string, repeated, tag = "3")]
    pub inputs: Vec<String>,
}

/// How far a job is.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Status {
    /// The job.
    #[prost(string, tag = "1")]
    pub job_id: String,
    /// How far it is.
    #[prost(enumeration = "State", tag = "2")]
    pub state: i32,
    /// Which attempt this is about, from 1; 0 before the first.
    #[prost(uint32, tag = "3")]
    pub attempt: u32,
    /// Who says so.
    #[prost(string, tag = "4")]
    pub by: String,
    /// The result, or what went wrong.
    #[prost(string, tag = "5")]
    pub detail: String,
}

/// Where a job can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum State {
    /// Nobody has it yet. Protobuf wants a 0, and this is where each begins.
    Queued = 0,
    /// A worker has it.
    Running = 1,
    /// It went wrong, and comes again.
    Retrying = 2,
    /// It is done.
    Done = 3,
    /// It went wrong for the last time, and is a dead letter.
    Dead = 4,
}

impl State {
    /// Whether nothing comes after it.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Dead)
    }
}

/// Something that a worker said.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct LogLine {
    /// The job.
    #[prost(string, tag = "1")]
    pub job_id: String,
    /// Who said it.
    #[prost(string, tag = "2")]
    pub by: String,
    /// What.
    #[prost(string, tag = "3")]
    pub text: String,
    /// Whether it is the last one of the job.
    #[prost(bool, tag = "4")]
    pub is_last: bool,
}

impl OfJob for Task {
    fn job_id(&self) -> &str {
        &self.job_id
    }
}

impl OfJob for Status {
    fn job_id(&self) -> &str {
        &self.job_id
    }
}

impl OfJob for LogLine {
    fn job_id(&self) -> &str {
        &self.job_id
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            job_id,
            state: _,
            attempt,
            by,
            detail,
        } = self;
        let state = self.state();
        write!(
            formatter,
            "{job_id} {state:?} attempt {attempt} by {by}: {detail}"
        )
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            job_id,
            by,
            text,
            is_last: _,
        } = self;
        write!(formatter, "{job_id} [{by}] {text}")
    }
}
