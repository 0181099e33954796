use std::collections::BTreeSet;

use iggyctl_core::address::Address;
use iggyctl_core::name::ResourceName;
use iggyctl_core::state::observed::ObservedState;

use super::manifest::{Export, LeftOut, write};
use crate::broker::{BrokerErrorKind, BrokerRead};
use crate::connect::{Connect, ConnectionPool};
use crate::observe::{Answer, Question, ReadError, read_all};

/// Why there is no export.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The server could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Streams that were asked for are not there.
    #[error("the server has no stream {}", quoted(.0))]
    NoSuchStream(Vec<ResourceName>),
}

fn quoted(names: &[ResourceName]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    names.join(", ")
}

/// Writes down the named streams, or all of them, as an `IggyTopology`.
///
/// # Errors
/// When the server cannot be read, or a named stream is not there. A stream
/// that this login may not read is left out and listed.
pub async fn export<C: Connect>(
    pool: &ConnectionPool<C>,
    streams: Option<&[ResourceName]>,
) -> Result<Export, ExportError> {
    let mut left_out = Vec::new();
    let names: BTreeSet<ResourceName> = match streams {
        Some(names) => names.iter().cloned().collect(),
        None => {
            let lease = pool.acquire().await.map_err(ReadError::from)?;
            let listed = lease.list_streams().await.map_err(ReadError::from)?;
            listed.into_iter().map(|stream| stream.name).collect()
        }
    };
    let mut live = ObservedState::default();
    let mut missing = Vec::new();
    let questions = names.into_iter().map(Question::Stream).collect();
    for answer in read_all(pool, questions).await? {
        match answer {
            Answer::Stream(name, Some(stream)) => {
                live.streams.insert(name, stream);
            }
            // Deleted since it was listed, unless somebody asked for it.
            Answer::Stream(name, None) if streams.is_some() => missing.push(name),
            Answer::Stream(_, None) | Answer::Groups(..) => {}
            Answer::Refused(question, error) => left_out.push(refused(question, error)?),
        }
    }
    if !missing.is_empty() {
        missing.sort();
        return Err(ExportError::NoSuchStream(missing));
    }

    let questions = group_questions(pool, &live).await?;
    for answer in read_all(pool, questions).await? {
        match answer {
            Answer::Groups(stream, topic, groups) => {
                let found = live
                    .streams
                    .get_mut(&stream)
                    .and_then(|stream| stream.topics.get_mut(&topic));
                if let Some(found) = found {
                    found.groups = Some(groups);
                }
            }
            Answer::Stream(..) => {}
            Answer::Refused(question, error) => left_out.push(refused(question, error)?),
        }
    }
    Ok(write(&live, left_out))
}

/// One read for each topic, unless the server says that it has no groups at all.
async fn group_questions<C: Connect>(
    pool: &ConnectionPool<C>,
    live: &ObservedState,
) -> Result<Vec<Question>, ReadError> {
    let questions: Vec<Question> = live
        .streams
        .iter()
        .flat_map(|(name, stream)| {
            stream
                .topics
                .keys()
                .map(|topic| Question::Groups(name.clone(), topic.clone()))
        })
        .collect();
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

fn refused(question: Question, error: crate::broker::BrokerError) -> Result<LeftOut, ReadError> {
    match (&error.kind, question) {
        (BrokerErrorKind::Unauthorized, Question::Stream(stream)) => Ok(LeftOut {
            address: Address::Stream(stream),
            reason: error.kind.to_string(),
        }),
        (
            BrokerErrorKind::Unauthorized | BrokerErrorKind::NotFound,
            Question::Groups(stream, topic),
        ) => Ok(LeftOut {
            address: Address::Topic(stream, topic),
            reason: format!("its consumer groups: {}", error.kind),
        }),
        _ => Err(error.into()),
    }
}
