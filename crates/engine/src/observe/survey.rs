use std::collections::BTreeSet;

use iggyctl_core::name::ResourceName;
use iggyctl_core::state::observed::ObservedState;

use super::reads::{Answer, Question, ReadError, read_all};
use super::state::record;
use super::users::read_access;
use crate::broker::BrokerRead;
use crate::connect::{Connect, ConnectionPool};

/// How far down to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Streams and their topics: one request for each stream.
    Topics,
    /// Consumer groups too: one more request for each topic, unless the server
    /// says that it has none at all.
    ConsumerGroups,
}

/// What a server has, whatever is declared.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// What is there; what could not be read is in its gaps.
    pub state: ObservedState,
    /// Streams that were asked for and are not there, in order.
    pub missing: Vec<ResourceName>,
}

/// Reads the named streams, or all of them.
///
/// # Errors
/// When there is no connection, a read fails on several, or the streams of the
/// server may not be listed.
pub async fn survey<C: Connect>(
    pool: &ConnectionPool<C>,
    streams: Option<&[ResourceName]>,
    depth: Depth,
) -> Result<Survey, ReadError> {
    let names: BTreeSet<ResourceName> = match streams {
        Some(names) => names.iter().cloned().collect(),
        None => {
            let lease = pool.acquire().await?;
            let listed = lease.list_streams().await?;
            listed.into_iter().map(|stream| stream.name).collect()
        }
    };
    let mut survey = Survey {
        state: ObservedState::default(),
        missing: Vec::new(),
    };
    let questions = names.into_iter().map(Question::Stream).collect();
    for answer in read_all(pool, questions).await? {
        match answer {
            // What was only listed may have been deleted since.
            Answer::Stream(name, None) if streams.is_some() => survey.missing.push(name),
            answer => record(&mut survey.state, answer)?,
        }
    }
    survey.missing.sort();
    if depth == Depth::ConsumerGroups {
        let questions = group_questions(pool, &survey.state).await?;
        for answer in read_all(pool, questions).await? {
            record(&mut survey.state, answer)?;
        }
    }
    survey
        .state
        .gaps
        .sort_by(|one, other| one.address.cmp(&other.address));
    Ok(survey)
}

/// Reads everything: all streams with their consumer groups, and all users.
///
/// # Errors
/// As [`survey`].
pub async fn survey_everything<C: Connect>(
    pool: &ConnectionPool<C>,
) -> Result<ObservedState, ReadError> {
    let Survey {
        mut state,
        missing: _,
    } = survey(pool, None, Depth::ConsumerGroups).await?;
    state.access = read_access(pool, &state.streams, &BTreeSet::new(), false).await?;
    Ok(state)
}

async fn group_questions<C: Connect>(
    pool: &ConnectionPool<C>,
    state: &ObservedState,
) -> Result<Vec<Question>, ReadError> {
    let mut questions = Vec::new();
    for (stream_name, stream) in &state.streams {
        for topic_name in stream.topics.keys() {
            questions.push(Question::Groups(stream_name.clone(), topic_name.clone()));
        }
    }
    if questions.len() > 1 {
        let lease = pool.acquire().await?;
        // A login without the right to statistics reads topic by topic.
        if let Ok(stats) = lease.stats().await
            && stats.consumer_groups == 0
        {
            return Ok(Vec::new());
        }
    }
    Ok(questions)
}
