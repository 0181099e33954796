//! From a decoded frame to an answer: one file per resource.

mod groups;
mod partitions;
mod streams;
mod system;
mod topics;
pub(crate) mod users;

use std::net::SocketAddr;

use bytes::Bytes;
use iggy_binary_protocol::{Operation, WireDecode, codes, lookup_command};

use crate::connection::Clients;
use crate::rules::{Refused, Rejection};
use crate::state::{Change, Metadata};

pub(crate) use system::{SERVER_VERSION, ServerFacts};

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    /// Number of the connection.
    pub(crate) connection: u32,
    /// The id the client chose for its session.
    pub(crate) client: u128,
    /// The address the client reached.
    pub(crate) reached: SocketAddr,
}

/// Everything a read may look at.
pub(crate) struct ReadScene<'server> {
    pub(crate) metadata: &'server Metadata,
    pub(crate) clients: &'server Clients,
    pub(crate) facts: &'server ServerFacts,
    pub(crate) caller: Caller,
    /// Microseconds since the Unix epoch.
    pub(crate) now: u64,
}

/// The payload of an answer, or why there is none.
pub(crate) type Answer = Result<Bytes, Refused>;

/// The payload of a write's answer and what it touched.
pub(crate) type WriteAnswer = Result<(Bytes, Change), Refused>;

/// Answers a request that changes nothing.
pub(crate) fn read(code: u32, body: &[u8], scene: &ReadScene<'_>) -> Answer {
    match code {
        // As a read, a logout is answered and does nothing; the one that counts is an
        // operation of its own.
        codes::PING_CODE | codes::LOGOUT_USER_CODE => Ok(Bytes::new()),
        codes::GET_STATS_CODE => system::stats(scene),
        codes::GET_CLUSTER_METADATA_CODE => Ok(system::cluster_metadata(scene)),
        codes::DESCRIBE_OPTIONS_CODE => system::describe_options(body),
        codes::GET_ME_CODE => Ok(system::me(scene)),
        codes::GET_CLIENT_CODE => Ok(system::client(body, scene)),
        codes::GET_CLIENTS_CODE => Ok(system::clients(scene)),
        codes::GET_USERS_CODE => users::list(scene),
        codes::GET_USER_CODE => users::get(body, scene),
        codes::GET_PERSONAL_ACCESS_TOKENS_CODE => Ok(users::tokens()),
        codes::GET_STREAMS_CODE => Ok(streams::list(scene.metadata)),
        codes::GET_STREAM_CODE => streams::get(body, scene.metadata),
        codes::GET_TOPICS_CODE => topics::list(body, scene.metadata),
        codes::GET_TOPIC_CODE => topics::get(body, scene.metadata),
        codes::GET_CONSUMER_GROUPS_CODE => groups::list(body, scene.metadata),
        codes::GET_CONSUMER_GROUP_CODE => groups::get(body, scene.metadata),
        codes::SYNC_CONSUMER_GROUP_CODE => Ok(groups::sync(body, scene)),
        other => Err(Refused::Early(if lookup_command(other).is_some() {
            Rejection::FeatureUnavailable
        } else {
            Rejection::InvalidCommand
        })),
    }
}

/// Executes a request that changes something, at the given time.
pub(crate) fn write(
    operation: Operation,
    body: &[u8],
    metadata: &mut Metadata,
    client: u128,
    now: u64,
) -> WriteAnswer {
    match operation {
        Operation::CreateStream => streams::create(body, metadata, now),
        Operation::UpdateStream => streams::update(body, metadata),
        Operation::DeleteStream => streams::delete(body, metadata),
        Operation::PurgeStream => streams::purge(body, metadata),
        Operation::CreateTopic => topics::create(body, metadata, now),
        Operation::UpdateTopic => topics::update(body, metadata),
        Operation::DeleteTopic => topics::delete(body, metadata),
        Operation::PurgeTopic => topics::purge(body, metadata),
        Operation::CreatePartitions => partitions::create(body, metadata, now),
        Operation::DeletePartitions => partitions::delete(body, metadata),
        Operation::DeleteSegments => partitions::delete_segments(body, metadata),
        Operation::CreateConsumerGroup => groups::create(body, metadata),
        Operation::DeleteConsumerGroup => groups::delete(body, metadata),
        Operation::JoinConsumerGroup => groups::join(body, metadata, client),
        Operation::LeaveConsumerGroup => groups::leave(body, metadata, client),
        _ => Err(Refused::Early(Rejection::FeatureUnavailable)),
    }
}

/// Decodes the body of a request; 3 when it is malformed.
fn decode<T: WireDecode>(body: &[u8]) -> Result<T, Refused> {
    T::decode_from(body).map_err(|_| Refused::MALFORMED)
}

/// The answer to a write that has no payload.
fn done(change: Change) -> WriteAnswer {
    Ok((Bytes::new(), change))
}

/// A count as the wire carries it.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
