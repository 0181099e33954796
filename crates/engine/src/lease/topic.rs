use std::collections::BTreeMap;

use bytes::Bytes;
use iggyctl_core::name::ResourceName;

use super::note::{LONGEST, Note, NoteId, StoredNote};
use super::{Epoch, Reply, Request};
use crate::broker::{
    BrokerError, BrokerErrorKind, BrokerRead as _, BrokerWrite as _, FoundMessage, MessageProbe,
    PartitionRef, ProbeMessage, ReadFrom,
};
use crate::connect::{Connect, ConnectionPool};
use crate::observe::ReadError;

/// Messages that are read with one request.
const CHUNK: u32 = 100;

/// The topic with the leases of a server, and their notes in its partition 0. Reads that
/// fail with their connection are made once more on a new one.
#[expect(
    missing_debug_implementations,
    reason = "what a connection is need not have one"
)]
pub struct LeaseTopic<'pool, C: Connect> {
    pool: &'pool ConnectionPool<C>,
    stream: ResourceName,
    topic: ResourceName,
}

impl<'pool, C: Connect> LeaseTopic<'pool, C>
where
    C::Broker: MessageProbe,
{
    /// Opens nothing.
    #[must_use]
    pub fn new(pool: &'pool ConnectionPool<C>, stream: ResourceName, topic: ResourceName) -> Self {
        Self {
            pool,
            stream,
            topic,
        }
    }

    /// The groups that there are.
    ///
    /// # Errors
    /// When they cannot be read, or the topic is not there.
    pub async fn groups(&self) -> Result<BTreeMap<ResourceName, Epoch>, ReadError> {
        let read = async |broker: &C::Broker| {
            let groups = broker.consumer_groups(&self.stream, &self.topic).await?;
            Ok(groups.into_iter().map(|(name, it)| (name, it.id)).collect())
        };
        self.read(read).await
    }

    /// The notes from this offset on, or as far back as they matter; others may be there,
    /// too.
    ///
    /// # Errors
    /// When they cannot be read; needs the right to poll.
    pub async fn notes(&self, from: Option<u64>) -> Result<Vec<StoredNote>, ReadError> {
        let mut chunks = vec![self.messages(ReadFrom::Last, CHUNK).await?];
        let newest = last_chunk(&chunks).last().map(|it| it.stored_at_micros);
        let oldest_that_matters = newest.map_or(0, |newest| {
            newest.saturating_sub(u64::try_from(LONGEST.as_micros()).unwrap_or(u64::MAX))
        });
        while let Some(first) = last_chunk(&chunks).first() {
            let end = first.offset;
            let is_enough = from.is_some_and(|from| from >= end);
            if end == 0 || is_enough || first.stored_at_micros < oldest_that_matters {
                break;
            }
            let start = end.saturating_sub(CHUNK.into());
            let count = u32::try_from(end - start).unwrap_or(CHUNK);
            let mut chunk = self.messages(ReadFrom::Offset(start), count).await?;
            // When older ones are not kept any more, a read begins with the first that is.
            chunk.retain(|message| message.offset < end);
            chunks.push(chunk);
        }
        let messages = chunks.into_iter().rev().flatten();
        Ok(messages.filter_map(stored).collect())
    }

    /// Carries out a request about a group.
    ///
    /// # Errors
    /// With what is known about the reply.
    pub(super) async fn carry_out(
        &self,
        group: &ResourceName,
        request: &Request,
    ) -> Result<Reply, (Reply, ReadError)> {
        match request {
            Request::Create => {
                let create = async |broker: &C::Broker| {
                    let created = broker.create_consumer_group(&self.stream, &self.topic, group);
                    created.await.map(Reply::Created)
                };
                self.change(create, BrokerErrorKind::AlreadyExists, Reply::Taken)
                    .await
            }
            Request::Find => match self.groups().await {
                Ok(groups) => Ok(Reply::Found(groups.get(group).copied())),
                Err(error) => Err((Reply::Failed, error)),
            },
            Request::Note(id, note) => self.append(*id, note).await,
            Request::Read { from } => match self.notes(*from).await {
                Ok(notes) => Ok(Reply::Notes(notes)),
                Err(error) => Err((Reply::Failed, error)),
            },
            Request::Delete(epoch) => {
                let delete = async |broker: &C::Broker| {
                    let deleted = broker.delete_consumer_group(&self.stream, &self.topic, *epoch);
                    deleted.await.map(|()| Reply::Deleted)
                };
                self.change(delete, BrokerErrorKind::NotFound, Reply::Absent)
                    .await
            }
        }
    }

    /// Forgets connections on which replies may come that nobody waits for any more.
    pub(super) fn forget_replies(&self) {
        self.pool.forget_idle();
    }

    async fn append(&self, id: NoteId, note: &Note) -> Result<Reply, (Reply, ReadError)> {
        let message = ProbeMessage {
            id,
            payload: Bytes::from(note.to_bytes()),
            mark: None,
        };
        let append = async |broker: &C::Broker| {
            let sent = broker.send_message(self.partition(), &message).await;
            sent.map(|_| Reply::Noted)
        };
        // No error of this request has a meaning of its own.
        self.change(append, BrokerErrorKind::AlreadyExists, Reply::Noted)
            .await
    }

    async fn messages(&self, from: ReadFrom, count: u32) -> Result<Vec<FoundMessage>, ReadError> {
        let read =
            async |broker: &C::Broker| broker.read_messages(self.partition(), from, count).await;
        self.read(read).await
    }

    fn partition(&self) -> PartitionRef<'_> {
        PartitionRef {
            stream: &self.stream,
            topic: &self.topic,
            partition: 0,
        }
    }

    async fn read<T>(
        &self,
        read: impl AsyncFn(&C::Broker) -> Result<T, BrokerError>,
    ) -> Result<T, ReadError> {
        let connection = self.pool.acquire().await?;
        match read(&connection).await {
            Err(error) if error.kind.is_about_the_connection() => connection.discard(),
            answer => return Ok(answer?),
        }
        let connection = self.pool.reconnect().await?;
        let answer = read(&connection).await;
        if matches!(&answer, Err(error) if error.kind.is_about_the_connection()) {
            connection.discard();
        }
        Ok(answer?)
    }

    /// One change, sent once; `expected` is an answer, too, and means `reply`.
    async fn change(
        &self,
        change: impl AsyncFn(&C::Broker) -> Result<Reply, BrokerError>,
        expected: BrokerErrorKind,
        reply: Reply,
    ) -> Result<Reply, (Reply, ReadError)> {
        let failed = |error| (Reply::Failed, ReadError::Connect(error));
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        let mut answer = change(&connection).await;
        if matches!(&answer, Err(error) if matches!(error.kind, BrokerErrorKind::Unreachable { .. }))
        {
            // An idle connection that the server had closed: nothing was sent on it.
            connection.discard();
            connection = self.pool.reconnect().await.map_err(failed)?;
            answer = change(&connection).await;
        }
        let error = match answer {
            Ok(reply) => return Ok(reply),
            Err(error) if error.kind == expected && !is_about_the_topic(&error) => {
                return Ok(reply);
            }
            Err(error) => error,
        };
        if error.kind.is_about_the_connection() {
            connection.discard();
        }
        let reply = match error.kind {
            BrokerErrorKind::OutcomeUnknown { .. } => Reply::Unknown,
            BrokerErrorKind::NotFound
            | BrokerErrorKind::AlreadyExists
            | BrokerErrorKind::Unauthorized
            | BrokerErrorKind::Refused { .. }
            | BrokerErrorKind::Unreachable { .. } => Reply::Failed,
        };
        Err((reply, ReadError::Broker(error)))
    }
}

/// `StreamIdNotFound`, `StreamNameNotFound`, `TopicIdNotFound` and `TopicNameNotFound`
/// (`iggy_common` 0.11.0, error/iggy_error.rs): it is not the group that is missing.
const TOPIC_IS_MISSING: [u32; 4] = [1009, 1010, 2010, 2011];

fn is_about_the_topic(error: &BrokerError) -> bool {
    error
        .code
        .is_some_and(|code| TOPIC_IS_MISSING.contains(&code))
}

fn last_chunk(chunks: &[Vec<FoundMessage>]) -> &[FoundMessage] {
    chunks.last().map_or(&[], Vec::as_slice)
}

fn stored(message: FoundMessage) -> Option<StoredNote> {
    let FoundMessage {
        id,
        offset,
        stored_at_micros,
        payload,
    } = message;
    Some(StoredNote {
        id,
        offset,
        at_micros: stored_at_micros,
        note: Note::from_bytes(&payload)?,
    })
}
