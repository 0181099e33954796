//! The server itself and who is connected to it.

use std::net::SocketAddr;

use bytes::Bytes;
use iggy_binary_protocol::requests::system::{
    DescribeOptionsRequest, GetClientRequest, OPTIONS_SCOPE_STREAM, OPTIONS_SCOPE_TOPIC,
    OPTIONS_SCOPE_USER,
};
use iggy_binary_protocol::responses::clients::{
    ClientDetailsResponse, ClientResponse, ConsumerGroupInfoResponse, GetClientsResponse,
};
use iggy_binary_protocol::responses::system::{
    ClusterMetadataResponse, ClusterNodeResponse, DescribeOptionsResponse, StatsResponse,
};
use iggy_binary_protocol::{WireDecode, WireEncode};
use iggy_common::{ClusterNodeRole, ClusterNodeStatus};

use super::{Answer, ReadScene, count, decode};
use crate::connection::ConnectedClient;
use crate::rules::{Refused, Rejection, topic_options};

/// What a login reply and the stats say of the version: the server line whose
/// rules this one follows, and that it is not that server.
pub(crate) const SERVER_VERSION: &str = concat!("0.9.0-iggyctl.", env!("CARGO_PKG_VERSION"));
/// 0.9.0 in the form of the stats: three digits each for minor and patch.
const SERVER_SEMVER: u32 = 9_000;
/// A single node of the real server is always called this.
const CLUSTER_NAME: &str = "single-node";
const NODE_NAME: &str = "iggy-node";
/// Stands for "nobody" where a user id is expected.
const NO_USER: u32 = u32::MAX;

/// What does not change while the server runs.
#[derive(Debug)]
pub(crate) struct ServerFacts {
    /// Microseconds since the Unix epoch.
    pub(crate) started_at: u64,
    pub(crate) hostname: String,
    /// Where HTTP is answered.
    pub(crate) http: Option<SocketAddr>,
    /// Where QUIC is spoken.
    pub(crate) quic: Option<SocketAddr>,
    /// Where WebSockets are accepted.
    pub(crate) websocket: Option<SocketAddr>,
}

/// Figures of the process (memory, CPU, disk) are zero: this server shares its
/// process with others, so they would say nothing of it.
pub(super) fn stats(scene: &ReadScene<'_>) -> Answer {
    let totals = scene.metadata.totals();
    let facts = scene.facts;
    Ok(StatsResponse {
        process_id: std::process::id(),
        cpu_usage: 0.0,
        total_cpu_usage: 0.0,
        memory_usage: 0,
        total_memory: 0,
        available_memory: 0,
        run_time: scene.now.saturating_sub(facts.started_at),
        start_time: facts.started_at,
        read_bytes: 0,
        written_bytes: 0,
        messages_size_bytes: totals.size_bytes,
        streams_count: totals.streams,
        topics_count: totals.topics,
        partitions_count: totals.partitions,
        segments_count: totals.segments,
        messages_count: totals.messages,
        clients_count: count(scene.clients.len()),
        consumer_groups_count: totals.groups,
        hostname: facts.hostname.clone(),
        os_name: std::env::consts::OS.to_owned(),
        os_version: "unknown_os_version".to_owned(),
        kernel_version: "unknown_kernel_version".to_owned(),
        iggy_server_version: SERVER_VERSION.to_owned(),
        iggy_server_semver: Some(SERVER_SEMVER),
        cache_metrics: Vec::new(),
        threads_count: 0,
        free_disk_space: 0,
        total_disk_space: 0,
    }
    .to_bytes())
}

/// Exactly one node, under the address the client reached: clients take several
/// nodes as a reason to use commands that this server does not have.
pub(super) fn cluster_metadata(scene: &ReadScene<'_>) -> Bytes {
    ClusterMetadataResponse {
        name: CLUSTER_NAME.to_owned(),
        nodes: vec![ClusterNodeResponse {
            name: NODE_NAME.to_owned(),
            ip: scene.caller.reached.ip().to_string(),
            tcp_port: scene.caller.reached.port(),
            quic_port: scene.facts.quic.map_or(0, |address| address.port()),
            http_port: scene.facts.http.map_or(0, |address| address.port()),
            websocket_port: scene.facts.websocket.map_or(0, |address| address.port()),
            role: ClusterNodeRole::Leader as u8,
            status: ClusterNodeStatus::Healthy as u8,
        }],
    }
    .to_bytes()
}

pub(super) fn describe_options(body: &[u8]) -> Answer {
    let request: DescribeOptionsRequest = decode(body)?;
    let entries = match request.scope {
        OPTIONS_SCOPE_TOPIC => topic_options::catalogue(),
        OPTIONS_SCOPE_STREAM | OPTIONS_SCOPE_USER => Vec::new(),
        _ => return Err(Refused::Early(Rejection::InvalidCommand)),
    };
    Ok(DescribeOptionsResponse { entries }.to_bytes())
}

pub(super) fn me(scene: &ReadScene<'_>) -> Bytes {
    let id = scene.caller.connection;
    scene
        .clients
        .get(id)
        .map_or_else(Bytes::new, |client| details(id, client, scene))
}

/// A missing client is an empty body, and so is one that was not named.
pub(super) fn client(body: &[u8], scene: &ReadScene<'_>) -> Bytes {
    GetClientRequest::decode_from(body)
        .ok()
        .and_then(|request| Some((request.client_id, scene.clients.get(request.client_id)?)))
        .map_or_else(Bytes::new, |(id, client)| details(id, client, scene))
}

pub(super) fn clients(scene: &ReadScene<'_>) -> Bytes {
    let clients = scene
        .clients
        .iter()
        .map(|(id, client)| header(id, client, count(memberships(client, scene).len())))
        .collect();
    GetClientsResponse { clients }.to_bytes()
}

fn details(id: u32, client: &ConnectedClient, scene: &ReadScene<'_>) -> Bytes {
    let consumer_groups = memberships(client, scene);
    ClientDetailsResponse {
        client: header(id, client, count(consumer_groups.len())),
        consumer_groups,
    }
    .to_bytes()
}

fn header(id: u32, client: &ConnectedClient, consumer_groups_count: u32) -> ClientResponse {
    ClientResponse {
        client_id: id,
        user_id: client.login.map_or(NO_USER, |login| login.user_id),
        transport: client.transport as u8,
        address: client.address.to_string(),
        consumer_groups_count,
    }
}

fn memberships(client: &ConnectedClient, scene: &ReadScene<'_>) -> Vec<ConsumerGroupInfoResponse> {
    let Some(login) = client.login.filter(|login| login.joined) else {
        return Vec::new();
    };
    scene
        .metadata
        .memberships(login.client)
        .into_iter()
        .map(
            |(stream_id, topic_id, group_id)| ConsumerGroupInfoResponse {
                stream_id,
                topic_id,
                group_id,
            },
        )
        .collect()
}
