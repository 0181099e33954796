//! Storing what a plan says, if everything is as it was seen.

use std::collections::BTreeMap;

use super::TopicOffsets;
use super::facts::Reader;
use super::plan::{OffsetChange, OffsetPlan};
use crate::connection::Session;
use crate::consumer::requests::{Failure, Membership};
use crate::error::MessagingError;
use crate::topic_reader::TopicReader;

/// How the change of one partition ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It is stored.
    Done,
    /// The offset is not any more what the plan was made from; nothing was stored.
    Moved {
        /// What is stored now.
        found: Option<u64>,
    },
    /// The server does not take it.
    Refused {
        /// Why.
        reason: String,
    },
    /// Nobody knows whether it is stored.
    Unknown {
        /// Why.
        reason: String,
    },
    /// It was not tried, since one before did not end well.
    NotAttempted,
}

/// How a plan ended, by partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Each change of the plan.
    pub partitions: BTreeMap<u32, Ended>,
}

impl Outcome {
    /// Whether all is as planned.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.partitions.values().all(|ended| *ended == Ended::Done)
    }

    /// Whether anything is or may be changed.
    #[must_use]
    pub fn may_have_changed(&self) -> bool {
        let may = |ended: &Ended| matches!(ended, Ended::Done | Ended::Unknown { .. });
        self.partitions.values().any(may)
    }
}

impl TopicOffsets {
    /// Stores what the plan says, where everything is as it was seen; stops at the first
    /// partition where it is not. Of a group, as its only member.
    ///
    /// # Errors
    /// Nothing was changed then: the server cannot be reached,
    /// [`MessagingError::GroupInUse`] when somebody else is in the group,
    /// [`MessagingError::NoGroup`].
    pub async fn carry_out(&self, plan: &OffsetPlan) -> Result<Outcome, MessagingError> {
        if plan.changes.is_empty() {
            return Ok(Outcome {
                partitions: BTreeMap::new(),
            });
        }
        match &plan.reader {
            Reader::Consumer(_) => {
                let topic = self.reading(&self.connection, &plan.reader)?;
                store_all(&topic, plan, None).await
            }
            Reader::Group(group) => self.as_only_member(plan, group).await,
        }
    }

    async fn as_only_member(
        &self,
        plan: &OffsetPlan,
        group: &str,
    ) -> Result<Outcome, MessagingError> {
        // Before joining, which would take partitions from those who are there.
        let looking = self.reading(&self.connection, &plan.reader)?;
        let others = self.members(&looking, group).await?.len();
        self.nobody_else(others, 0, group)?;
        let own = self.connection.separate();
        let connection = own.as_ref().unwrap_or(&self.connection);
        let topic = self.reading(connection, &plan.reader)?;
        let session = connection.session().await?;
        let ended = self.joined(&topic, &session, plan, group).await;
        // The membership ends with the session in any case.
        let _ = topic.requests.leave(&session).await;
        if let Some(own) = &own {
            own.shutdown().await;
        }
        ended
    }

    async fn joined(
        &self,
        topic: &TopicReader,
        session: &Session,
        plan: &OffsetPlan,
        group: &str,
    ) -> Result<Outcome, MessagingError> {
        let requests = &topic.requests;
        let join = topic.patiently("join the group", |_| async move {
            requests.join(session, group, false).await
        });
        join.await?;
        let members = self.members(topic, group).await?;
        self.nobody_else(members.len(), 1, group)?;
        let ours = topic
            .patiently("read the assignment", |_| async move {
                requests.sync(session).await
            })
            .await?;
        let has_all = match ours {
            Membership::Member(ours) => plan.changes.keys().all(|it| ours.contains(it)),
            Membership::Stranger => false,
        };
        if !has_all {
            return Err(self.in_use(members.len().saturating_sub(1), group));
        }
        store_all(topic, plan, Some(session)).await
    }

    fn nobody_else(&self, members: usize, ours: usize, group: &str) -> Result<(), MessagingError> {
        match members.saturating_sub(ours) {
            0 => Ok(()),
            others => Err(self.in_use(others, group)),
        }
    }

    fn in_use(&self, members: usize, group: &str) -> MessagingError {
        MessagingError::GroupInUse {
            stream: self.stream.clone(),
            topic: self.topic.clone(),
            group: group.to_owned(),
            members,
        }
    }
}

/// `session` is the one that is a member of the group.
async fn store_all(
    topic: &TopicReader,
    plan: &OffsetPlan,
    session: Option<&Session>,
) -> Result<Outcome, MessagingError> {
    // All of them first: a plan that is out of date changes nothing.
    let mut partitions = BTreeMap::new();
    for (&partition, change) in &plan.changes {
        let found = topic.stored(partition).await?;
        if found != change.from {
            partitions.insert(partition, Ended::Moved { found });
        }
    }
    let mut goes_on = partitions.is_empty();
    for (&partition, change) in &plan.changes {
        if !goes_on {
            partitions.entry(partition).or_insert(Ended::NotAttempted);
            continue;
        }
        let ended = store(topic, partition, change, session).await;
        goes_on = ended == Ended::Done;
        partitions.insert(partition, ended);
    }
    Ok(Outcome { partitions })
}

/// How often a change whose reply was lost is sent again.
const MOST_ATTEMPTS: u32 = 5;

async fn store(
    topic: &TopicReader,
    partition: u32,
    change: &OffsetChange,
    member: Option<&Session>,
) -> Ended {
    let requests = &topic.requests;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let session = match member {
            // Another session would be no member.
            Some(session) => session.clone(),
            None => match requests.connection.session().await {
                Ok(session) => session,
                Err(error) if attempts == 1 => {
                    return Ended::Refused {
                        reason: error.to_string(),
                    };
                }
                Err(error) => {
                    return Ended::Unknown {
                        reason: error.to_string(),
                    };
                }
            },
        };
        let sent = match change.to {
            Some(offset) => requests.store(&session, partition, offset).await,
            None => requests.delete(&session, partition).await,
        };
        let reason = match sent {
            Ok(()) => return Ended::Done,
            Err(Failure::MayPass(reason)) => reason,
            Err(Failure::Final(error)) => error.to_string(),
            Err(Failure::NotThere) => match member {
                Some(_) => "the partition is not there, or another member has it now".to_owned(),
                None => "the partition is not there, or does not have this offset".to_owned(),
            },
        };
        // The reply may be what was lost: look.
        match topic.stored(partition).await {
            Err(error) => {
                return Ended::Unknown {
                    reason: format!("{reason}; then: {error}"),
                };
            }
            Ok(found) if found == change.to => return Ended::Done,
            Ok(found) if found != change.from => return Ended::Moved { found },
            Ok(_) if attempts < MOST_ATTEMPTS && member.is_none() => {}
            Ok(_) => return Ended::Refused { reason },
        }
    }
}
