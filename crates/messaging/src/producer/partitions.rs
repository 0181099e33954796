use std::time::{Duration, Instant};

use iggy::prelude::{IggyError, TopicClient as _};
use tokio::time::timeout;

use super::sender::Sender;
use crate::connection::{Connection, Loss, Session};
use crate::error::{MessagingError, Reaction, classify};

/// How long a number of partitions is believed. Partitions that are added later are
/// used after that; asking costs one round trip.
const BELIEVED: Duration = Duration::from_secs(30);

/// How many partitions a topic has, and whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    known: Option<(u32, Instant)>,
    turn: u32,
}

/// Why the number is not known.
#[derive(Debug)]
pub(super) enum CountError {
    /// It may be known with another attempt.
    MayPass(String),
    /// It will not be.
    Final(MessagingError),
}

impl Partitions {
    /// Believes nothing any more.
    pub(super) fn forget(&mut self) {
        self.known = None;
    }

    /// The turn of the next batch.
    pub(super) fn next_turn(&mut self) -> u32 {
        let turn = self.turn;
        self.turn = turn.wrapping_add(1);
        turn
    }

    pub(super) async fn count(
        &mut self,
        session: &Session,
        sender: &Sender,
    ) -> Result<u32, CountError> {
        if let Some((count, _)) = self.known.filter(|(_, at)| at.elapsed() < BELIEVED) {
            return Ok(count);
        }
        let connection = &sender.connection;
        let asked = session
            .client()
            .get_topic(&sender.stream_id, &sender.topic_id);
        let details = match timeout(connection.request_timeout(), asked).await {
            Ok(Ok(details)) => details,
            Ok(Err(error)) => return Err(failed(connection, session, error)),
            Err(_) => {
                connection.lost(session, Loss::NoAnswer);
                return Err(CountError::MayPass(Loss::NoAnswer.to_string()));
            }
        };
        let no_topic = || MessagingError::NoTopic {
            stream: sender.stream.clone(),
            topic: sender.topic.clone(),
        };
        let count = details
            .ok_or_else(|| CountError::Final(no_topic()))?
            .partitions_count;
        if count == 0 {
            return Err(CountError::Final(MessagingError::NoPartitions {
                stream: sender.stream.clone(),
                topic: sender.topic.clone(),
            }));
        }
        self.known = Some((count, Instant::now()));
        Ok(count)
    }
}

fn failed(connection: &Connection, session: &Session, error: IggyError) -> CountError {
    let code = error.as_code();
    match classify(&error) {
        Reaction::Reconnect => {
            let loss = Loss::Error(error);
            let said = loss.to_string();
            connection.lost(session, loss);
            CountError::MayPass(said)
        }
        Reaction::Retry | Reaction::Accept => CountError::MayPass(crate::error::words(code)),
        Reaction::DeadLetter | Reaction::Stop => CountError::Final(MessagingError::Refused {
            operation: "read the topic",
            code,
        }),
    }
}
