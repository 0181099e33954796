use iggyctl_core::name::ResourceName;

use super::left_out::{LeftOut, NotExported};
use super::manifest::{Export, write};
use crate::connect::{Connect, ConnectionPool};
use crate::observe::{Depth, ReadError, survey, survey_everything};

/// Why there is no export.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The server could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Streams that were asked for are not there.
    #[error("the server has no stream {}", listed(.0))]
    NoSuchStream(Vec<ResourceName>),
}

/// As everywhere in messages: whoever prints them escapes what could deceive.
fn listed(names: &[ResourceName]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// Writes down the named streams, or all streams and users, as an
/// `IggyTopology`.
///
/// # Errors
/// When the server cannot be read, or a named stream is not there. What this
/// login may not read is left out and listed.
pub async fn export<C: Connect>(
    pool: &ConnectionPool<C>,
    streams: Option<&[ResourceName]>,
) -> Result<Export, ExportError> {
    let state = match streams {
        None => survey_everything(pool).await?,
        Some(names) => {
            let survey = survey(pool, Some(names), Depth::ConsumerGroups).await?;
            if !survey.missing.is_empty() {
                return Err(ExportError::NoSuchStream(survey.missing));
            }
            survey.state
        }
    };
    let unreadable = state.gaps.iter().map(|gap| LeftOut {
        what: NotExported::Resource(gap.address.clone()),
        reason: match gap.address.topic() {
            // A topic comes with its stream, so only its groups can be missing.
            Some(_) => format!("its consumer groups: {}", gap.reason),
            None => gap.reason.clone(),
        },
    });
    Ok(write(&state, unreadable.collect()))
}
