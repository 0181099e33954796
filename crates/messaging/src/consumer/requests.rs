//! What a consumer asks of the server: one request each, through the SDK's client.
//!
//! Not through the SDK's `IggyConsumer` (0.11.0, `clients/consumer.rs`), because it
//! - hands a message over once in its life: one that is not acknowledged does not come
//!   again, also when its partition went to another member, which died, and came back;
//! - with its replay allowed, and offsets stored after handling, polls the same
//!   messages again until they are stored;
//! - gives up what a member holds without noticing, so that a member that is to let go
//!   of a partition never learns that it should finish what it has;
//! - drops a whole batch when one message cannot be decrypted, and asks for the same
//!   batch again for ever;
//! - reads one partition, unless it is in a group;
//! - waits for ever when the connection of its client is lost and not found again, and
//!   must not be dropped while it polls, since the reply would be taken for that of
//!   the next request.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use iggy::prelude::locking::IggyRwLockFn as _;
use iggy::prelude::{
    Consumer, ConsumerGroupClient as _, ConsumerOffsetClient as _, Identifier, IggyError,
    IggyMessage, MessageClient as _, Partitioning, PolledMessages, PollingStrategy,
    RESYNC_REQUIRED_PARTITION_SENTINEL, TopicClient as _,
};
use iggy_binary_protocol::codes::SYNC_CONSUMER_GROUP_CODE;
use iggy_binary_protocol::requests::consumer_groups::SyncConsumerGroupRequest;
use iggy_binary_protocol::responses::consumer_groups::SyncConsumerGroupResponse;
use iggy_binary_protocol::{WireDecode as _, WireEncode as _};
use iggy_common::wire_conversions::identifier_to_wire;
use tokio::time::timeout;

use super::start::Position;
use crate::connection::{Connection, Loss, Session};
use crate::error::{MessagingError, Reaction, classify, words};
use crate::readdressed::is_sent;

/// Why a request did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Again, after a pause.
    MayPass(String),
    /// The stream, the topic, the partition or the group is not there, or the
    /// partition or the membership is not ours.
    NotThere,
    /// A person has to do something.
    Final(MessagingError),
}

/// "Not there", as servers of the 0.9 line say it: 20 for most requests of messages
/// and offsets, the others by their names in `iggy_common` 0.11.0,
/// `error/iggy_error.rs`. 4100 is an offset that the partition does not have (yet).
const NOT_THERE: [u32; 11] = [
    20, 1009, 1010, 2010, 2011, 3007, 4100, 5000, 5003, 5006, 5009,
];

pub(crate) struct Requests {
    pub(crate) connection: Connection,
    pub(crate) stream: Identifier,
    pub(crate) topic: Identifier,
    /// Who stores offsets.
    pub(crate) consumer: Consumer,
}

/// What a member may poll.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    Member(Vec<u32>),
    Stranger,
}

impl Requests {
    /// One request; it is over when this is, or its connection is.
    pub(crate) async fn ask<R>(
        &self,
        session: &Session,
        operation: &'static str,
        request: impl Future<Output = Result<R, IggyError>>,
    ) -> Result<R, Failure> {
        let limit: Duration = self.connection.request_timeout();
        let error = match timeout(limit, request).await {
            Ok(Ok(reply)) => return Ok(reply),
            Ok(Err(error)) => error,
            Err(_) => {
                self.connection.lost(session, Loss::NoAnswer);
                return Err(Failure::MayPass(Loss::NoAnswer.to_string()));
            }
        };
        let code = error.as_code();
        if NOT_THERE.contains(&code) {
            return Err(Failure::NotThere);
        }
        Err(match classify(&error) {
            Reaction::Accept | Reaction::Retry => Failure::MayPass(words(code)),
            Reaction::Reconnect => {
                let loss = Loss::Error(error);
                let said = loss.to_string();
                self.connection.lost(session, loss);
                Failure::MayPass(said)
            }
            Reaction::DeadLetter | Reaction::Stop => {
                Failure::Final(MessagingError::Refused { operation, code })
            }
        })
    }

    /// How many partitions there are; none without a topic.
    pub(crate) async fn partitions(&self, session: &Session) -> Result<u32, Failure> {
        let request = session.client().get_topic(&self.stream, &self.topic);
        match self.ask(session, "read the topic", request).await? {
            Some(topic) => Ok(topic.partitions_count),
            None => Err(Failure::NotThere),
        }
    }

    /// The offset that is stored.
    pub(crate) async fn stored(
        &self,
        session: &Session,
        partition: u32,
    ) -> Result<Option<u64>, Failure> {
        let request = session.client().get_consumer_offset(
            &self.consumer,
            &self.stream,
            &self.topic,
            Some(partition),
        );
        let stored = self.ask(session, "read the stored offset", request).await?;
        Ok(stored.map(|stored| stored.stored_offset))
    }

    pub(crate) async fn store(
        &self,
        session: &Session,
        partition: u32,
        offset: u64,
    ) -> Result<(), Failure> {
        let request = session.client().store_consumer_offset(
            &self.consumer,
            &self.stream,
            &self.topic,
            Some(partition),
            offset,
        );
        self.ask(session, "store the offset", request).await
    }

    /// That there is none is as good.
    pub(crate) async fn delete(&self, session: &Session, partition: u32) -> Result<(), Failure> {
        let request = async {
            let deleted = session
                .client()
                .delete_consumer_offset(&self.consumer, &self.stream, &self.topic, Some(partition))
                .await;
            match deleted {
                Err(IggyError::ConsumerOffsetNotFound(_)) => Ok(()),
                other => other,
            }
        };
        self.ask(session, "delete the stored offset", request).await
    }

    /// [`Failure::NotThere`] when the partition is not ours to poll.
    pub(crate) async fn poll(
        &self,
        session: &Session,
        partition: u32,
        position: Position,
        count: u32,
        commits: bool,
    ) -> Result<PolledMessages, Failure> {
        let (strategy, count) = match position {
            Position::Offset(offset) => (PollingStrategy::offset(offset), count),
            // More would begin before the last one.
            Position::Last => (PollingStrategy::last(), 1),
            Position::Timestamp(time) => (PollingStrategy::timestamp(time.into()), count),
        };
        let client = session.client().client();
        // Past the encryptor of a client that was brought along: it drops the whole
        // batch at one message that it cannot read, and panics at a short one.
        let request = async {
            client
                .read()
                .await
                .poll_messages(
                    &self.stream,
                    &self.topic,
                    Some(partition),
                    &self.consumer,
                    &strategy,
                    count,
                    commits,
                )
                .await
        };
        let polled = self.ask(session, "poll messages", request).await?;
        if polled.messages.is_empty() && polled.partition_id == RESYNC_REQUIRED_PARTITION_SENTINEL {
            return Err(Failure::NotThere);
        }
        Ok(polled)
    }

    /// Joins the group; makes it when it is not there, if that is wanted.
    pub(crate) async fn join(
        &self,
        session: &Session,
        group: &str,
        creates: bool,
    ) -> Result<(), Failure> {
        let (client, id) = (session.client(), &self.consumer.id);
        let join = || client.join_consumer_group(&self.stream, &self.topic, id);
        match self.ask(session, "join the group", join()).await {
            Err(Failure::NotThere) if creates => {}
            ended => return ended,
        }
        // Without the topic, this says so.
        let create = async {
            match client
                .create_consumer_group(&self.stream, &self.topic, group)
                .await
            {
                Ok(_) | Err(IggyError::ConsumerGroupNameAlreadyExists(..)) => Ok(()),
                Err(error) => Err(error),
            }
        };
        self.ask(session, "create the group", create).await?;
        self.ask(session, "join the group", join()).await
    }

    pub(crate) async fn leave(&self, session: &Session) -> Result<(), Failure> {
        let leave =
            session
                .client()
                .leave_consumer_group(&self.stream, &self.topic, &self.consumer.id);
        self.ask(session, "leave the group", leave).await
    }

    /// What is ours.
    pub(crate) async fn sync(&self, session: &Session) -> Result<Membership, Failure> {
        let request = async {
            let request = SyncConsumerGroupRequest {
                stream_id: identifier_to_wire(&self.stream)?,
                topic_id: identifier_to_wire(&self.topic)?,
                group_id: identifier_to_wire(&self.consumer.id)?,
            };
            let reply: Bytes = session
                .client()
                .send_binary_request(SYNC_CONSUMER_GROUP_CODE, request.to_bytes())
                .await?;
            // As the SDK's `sync_group_assignment` (`iggy_common` 0.11.0,
            // `traits/binary_impls/messages.rs`): an empty reply is for strangers.
            if reply.is_empty() {
                return Ok(Membership::Stranger);
            }
            let (assignment, _) =
                SyncConsumerGroupResponse::decode(&reply).map_err(|_| IggyError::InvalidCommand)?;
            Ok(Membership::Member(assignment.partitions))
        };
        self.ask(session, "read the assignment", request).await
    }

    /// Sends one message elsewhere, as it is.
    pub(crate) async fn send(
        &self,
        session: &Session,
        stream: &Identifier,
        topic: &Identifier,
        key: &str,
        message: IggyMessage,
    ) -> Result<(), Failure> {
        let client = session.client().client();
        let request = async {
            let key = Partitioning::messages_key_str(key)?;
            let sent = client
                .read()
                .await
                .send_messages(stream, topic, &key, &mut [message])
                .await;
            match sent {
                Err(error) if !is_sent(&error) => Err(error),
                Ok(_) | Err(_) => Ok(()),
            }
        };
        self.ask(session, "send a dead letter", request).await
    }
}
