//! From a decoded frame to an answer: one file per resource.

mod authorize;
mod groups;
mod messages;
mod offsets;
mod partitions;
mod provision;
mod streams;
mod system;
mod tokens;
mod topics;
mod users;

use std::net::SocketAddr;

use bytes::Bytes;
use iggy_binary_protocol::{Operation, WireDecode, codes, lookup_command};

use crate::connection::Clients;
use crate::rules::permissions::Action;
use crate::rules::{Refused, Rejection};
use crate::state::{Change, Metadata};

pub(crate) use messages::{Polled, poll};
pub(crate) use provision::{Errand, Provision};
pub(crate) use system::{SERVER_VERSION, ServerFacts};

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    /// Number of the connection.
    pub(crate) connection: u32,
    /// The id the client chose for its session.
    pub(crate) client: u128,
    /// The user id it logged in as; who has it may change meanwhile.
    pub(crate) user: u32,
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

/// Everything a write may look at, and change.
pub(crate) struct WriteScene<'server> {
    pub(crate) metadata: &'server mut Metadata,
    pub(crate) caller: Caller,
    /// What was hashed or drawn for it beforehand.
    pub(crate) provision: Provision,
    /// Microseconds since the Unix epoch.
    pub(crate) now: u64,
}

/// The payload of an answer, or why there is none.
pub(crate) type Answer = Result<Bytes, Refused>;

/// The payload of a write's answer and what it touched.
pub(crate) type WriteAnswer = Result<(Bytes, Change), Refused>;

/// Answers a request that changes nothing; not a poll, which may commit an offset.
pub(crate) fn read(code: u32, body: &[u8], scene: &ReadScene<'_>) -> Answer {
    match code {
        // As a read, a logout is answered and does nothing; the one that counts is an
        // operation of its own.
        codes::PING_CODE | codes::LOGOUT_USER_CODE => Ok(Bytes::new()),
        codes::GET_STATS_CODE => {
            scene.permit(Action::GetStats)?;
            system::stats(scene)
        }
        codes::GET_CLUSTER_METADATA_CODE => Ok(system::cluster_metadata(scene)),
        codes::DESCRIBE_OPTIONS_CODE => system::describe_options(body),
        codes::GET_ME_CODE => Ok(system::me(scene)),
        codes::GET_CLIENT_CODE => {
            scene.permit(Action::GetClient)?;
            Ok(system::client(body, scene))
        }
        codes::GET_CLIENTS_CODE => {
            scene.permit(Action::GetClients)?;
            Ok(system::clients(scene))
        }
        codes::GET_SNAPSHOT_FILE_CODE => {
            scene.permit(Action::GetSnapshot)?;
            Err(Refused::Early(Rejection::FeatureUnavailable))
        }
        codes::GET_USERS_CODE => users::list(scene),
        codes::GET_USER_CODE => users::get(body, scene),
        codes::GET_PERSONAL_ACCESS_TOKENS_CODE => tokens::list(scene),
        codes::GET_STREAMS_CODE => streams::list(scene),
        codes::GET_STREAM_CODE => streams::get(body, scene),
        codes::GET_TOPICS_CODE => topics::list(body, scene),
        codes::GET_TOPIC_CODE => topics::get(body, scene),
        codes::GET_CONSUMER_GROUPS_CODE => groups::list(body, scene),
        codes::GET_CONSUMER_GROUP_CODE => groups::get(body, scene),
        codes::SYNC_CONSUMER_GROUP_CODE => Ok(groups::sync(body, scene)),
        codes::GET_CONSUMER_OFFSET_CODE => offsets::get(body, scene),
        other => Err(Refused::Early(if lookup_command(other).is_some() {
            Rejection::FeatureUnavailable
        } else {
            Rejection::InvalidCommand
        })),
    }
}

/// Executes a request that changes something.
pub(crate) fn write(operation: Operation, body: &[u8], scene: &mut WriteScene<'_>) -> WriteAnswer {
    match operation {
        Operation::CreateStream => streams::create(body, scene),
        Operation::UpdateStream => streams::update(body, scene),
        Operation::DeleteStream => streams::delete(body, scene),
        Operation::PurgeStream => streams::purge(body, scene),
        Operation::CreateTopic => topics::create(body, scene),
        Operation::UpdateTopic => topics::update(body, scene),
        Operation::DeleteTopic => topics::delete(body, scene),
        Operation::PurgeTopic => topics::purge(body, scene),
        Operation::CreatePartitions => partitions::create(body, scene),
        Operation::DeletePartitions => partitions::delete(body, scene),
        Operation::DeleteSegments => partitions::delete_segments(body, scene),
        Operation::CreateConsumerGroup => groups::create(body, scene),
        Operation::DeleteConsumerGroup => groups::delete(body, scene),
        Operation::JoinConsumerGroup => groups::join(body, scene),
        Operation::LeaveConsumerGroup => groups::leave(body, scene),
        Operation::CreateUser => users::create(body, scene),
        Operation::UpdateUser => users::update(body, scene),
        Operation::DeleteUser => users::delete(body, scene),
        Operation::UpdatePermissions => users::update_permissions(body, scene),
        Operation::ChangePassword => users::change_password(body, scene),
        Operation::CreatePersonalAccessToken => tokens::create(body, scene),
        Operation::DeletePersonalAccessToken => tokens::delete(body, scene),
        Operation::SendMessages => messages::send(body, scene),
        Operation::StoreConsumerOffset => offsets::store(body, scene),
        Operation::DeleteConsumerOffset => offsets::delete(body, scene),
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

impl WriteScene<'_> {
    /// What was prepared for this write, once.
    fn take_provision(&mut self) -> Provision {
        std::mem::replace(&mut self.provision, Provision::Nothing)
    }
}
