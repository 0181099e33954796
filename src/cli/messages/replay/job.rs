//! What there is to do, and how it is done: from arguments, or from a file.

use iggyctl_core::wording::counted;
use iggyctl_messaging::Headers;
use iggyctl_messaging::replay::{Destination, From, Progress, Replay, Spread, Until};

use super::ReplayArguments;
use super::arguments::Partitioning;
use crate::cli::messages::connection::MessageSession;
use crate::cli::messages::header::HeaderArgument;
use crate::cli::messages::place::TopicPlace;
use crate::cli::messages::replay_state::ReplayState;
use crate::command_error::CommandError;

pub(super) fn filter(state: &ReplayState) -> Result<Headers, CommandError> {
    let wrong = |error: String| CommandError::usage(format!("--header: {error}"));
    let parsed: Result<Vec<HeaderArgument>, String> =
        state.headers.iter().map(|text| text.parse()).collect();
    HeaderArgument::all(&parsed.map_err(wrong)?)
}

pub(super) fn prepare(
    session: &MessageSession,
    state: &ReplayState,
) -> Result<Replay, CommandError> {
    let place = |text: &str| {
        text.parse::<TopicPlace>()
            .map_err(|error| CommandError::invalid_input(format!("--state: {error}")))
    };
    let (from, to) = (place(&state.from)?, place(&state.to)?);
    let destination = Destination::Topic {
        stream: to.stream.to_string(),
        topic: to.topic.to_string(),
        spread: match state.balanced {
            true => Spread::Balanced,
            false => Spread::Keep,
        },
    };
    let (stream, topic) = (from.stream.as_str(), from.topic.as_str());
    Replay::new(&session.connection, stream, topic, destination)
        .map_err(|error| session.reasons.of(&error))
}

impl ReplayArguments {
    pub(super) fn job(&self) -> Result<ReplayState, CommandError> {
        let (Some(from), Some(to)) = (&self.from, &self.to) else {
            return Err(CommandError::usage(
                "--from and --to say from where to where",
            ));
        };
        Ok(ReplayState::new(
            from.to_string(),
            to.to_string(),
            self.partitioning == Partitioning::Balanced,
            self.header.clone(),
        ))
    }

    /// What there is to do, and whether the target can take it.
    pub(super) async fn begin(
        &self,
        session: &MessageSession,
        replay: &mut Replay,
    ) -> Result<Progress, CommandError> {
        let failed = |error| session.reasons.of(&error);
        let from = match (self.from_offset, self.since) {
            (Some(offset), _) => From::Offset(offset),
            (None, Some(moment)) => From::Time(moment.micros()),
            (None, None) => From::Oldest,
        };
        let until = match (self.to_offset, self.until) {
            (Some(offset), _) => Until::Offset(offset),
            (None, Some(moment)) => Until::Time(moment.micros()),
            (None, None) => Until::Now,
        };
        self.find_partition(session).await?;
        let spans = replay.spans(from, until, self.partition).await;
        let progress = Progress::over(spans.map_err(failed)?);
        let lacks = replay.lacks_partitions(&progress).await.map_err(failed)?;
        if let Some((count, highest)) = lacks {
            return Err(CommandError::other(format!(
                "nothing was sent: the target has {}, and messages of partition {highest} keep \
                 their number",
                counted(count, "partition")
            ))
            .hint("spread them with --partitioning balanced, or add partitions"));
        }
        Ok(progress)
    }

    async fn find_partition(&self, session: &MessageSession) -> Result<(), CommandError> {
        let (Some(partition), Some(from)) = (self.partition, &self.from) else {
            return Ok(());
        };
        let (stream, topic) = (from.stream.as_str(), from.topic.as_str());
        let count = session.connection.partitions(stream, topic).await;
        let count = count.map_err(|error| session.reasons.of(&error))?;
        if partition < count {
            return Ok(());
        }
        Err(CommandError::other(format!(
            "{from} has no partition {partition}: it has {}, numbered from 0",
            counted(count, "partition")
        )))
    }
}
