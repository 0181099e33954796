//! What a server says about itself and its clients.

use iggy_binary_protocol::codes::*;
use iggy_binary_protocol::requests::system::*;
use iggy_binary_protocol::responses::clients::*;
use iggy_binary_protocol::responses::system::*;
use std::net::SocketAddr;

use super::Scene;
use crate::calls::{Encoded, id, named};
use crate::session::Session;
use crate::show;
use crate::transcript::{Transcript, name, time};

pub(super) async fn me_and_clients(scene: Scene) -> Result<(), String> {
    let first = scene.root_as("first").await?;
    let own = me(&first).await.ok_or("get_me gave nothing")?;
    clients(&first).await;
    let second = scene.root_as("second").await?;
    me(&second).await;
    clients(&first).await;
    scene.note("a connection without a login");
    let guest = scene.connect("guest").await?;
    guest.command("ping()", PING_CODE, &PingRequest).await;
    clients(&first).await;
    scene.note("one of them");
    client(&second, own).await;
    scene.note("nobody");
    client(&second, u32::MAX).await;
    client(&second, u32::MAX - 1).await;
    scene.note("a logout takes a client off the list, until it logs in again");
    second.logout().await;
    clients(&first).await;
    second.command("ping()", PING_CODE, &PingRequest).await;
    clients(&first).await;
    second.login("iggy", "iggy").await;
    me(&second).await;
    clients(&first).await;
    for session in [guest, second, first] {
        session.close().await;
    }
    Ok(())
}

pub(super) async fn stats(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    counts(&session).await;
    session.create_stream("a").await;
    session.create_topic(&named("a"), "t", 3, &[]).await;
    session.create_topic(&named("a"), "none", 0, &[]).await;
    session.create_stream("b").await;
    session.create_group(&named("a"), &named("t"), "g").await;
    session.create_group(&named("a"), &named("none"), "g").await;
    counts(&session).await;
    session.delete_partitions(&named("a"), &named("t"), 1).await;
    session.delete_group(&named("a"), &named("t"), &id(0)).await;
    counts(&session).await;
    session.delete_stream(&named("a")).await;
    counts(&session).await;
    session.close().await;
    Ok(())
}

pub(super) async fn cluster_metadata(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    session
        .ask(
            "get_cluster_metadata()",
            GET_CLUSTER_METADATA_CODE,
            &GetClusterMetadataRequest,
            |reply: &ClusterMetadataResponse| {
                let mut lines = vec![format!(
                    "name={} nodes={}",
                    name(&reply.name),
                    reply.nodes.len()
                )];
                lines.extend(reply.nodes.iter().map(|node| {
                    format!(
                        "node name={} ip={} role={} status={}",
                        name(&node.name),
                        name(&node.ip),
                        node.role,
                        node.status
                    )
                }));
                lines
            },
        )
        .await;
    session.close().await;
    Ok(())
}

pub(super) async fn describe_options(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    for scope in [1_u8, 2, 3, 0, 4] {
        session
            .ask(
                &format!("describe_options({scope})"),
                DESCRIBE_OPTIONS_CODE,
                &Encoded::new(&[&[scope]]),
                |reply: &DescribeOptionsResponse| {
                    let mut lines = vec![format!("{} entries", reply.entries.len())];
                    lines.extend(reply.entries.iter().map(|entry| {
                        format!(
                            "{} kind={} default={} description={}",
                            entry.key,
                            entry.kind,
                            show::value(entry.kind, &entry.default_value),
                            if entry.description.is_empty() {
                                "no"
                            } else {
                                "yes"
                            },
                        )
                    }));
                    lines
                },
            )
            .await;
    }
    session.close().await;
    Ok(())
}

/// Shows and returns the own client id.
async fn me(session: &Session) -> Option<u32> {
    session
        .query(
            "get_me()",
            GET_ME_CODE,
            &GetMeRequest,
            |reply: &ClientDetailsResponse| details(reply, &session.transcript),
        )
        .await
        .map(|reply| reply.client.client_id)
}

async fn client(session: &Session, client_id: u32) {
    session
        .query(
            &format!("get_client({})", session.transcript.client(client_id)),
            GET_CLIENT_CODE,
            &GetClientRequest { client_id },
            |reply: &ClientDetailsResponse| details(reply, &session.transcript),
        )
        .await;
}

/// The order is by random ids, so the lines are sorted.
async fn clients(session: &Session) {
    session
        .ask(
            "get_clients()",
            GET_CLIENTS_CODE,
            &GetClientsRequest,
            |reply: &GetClientsResponse| {
                let mut entries: Vec<String> = reply
                    .clients
                    .iter()
                    .map(|entry| fields(entry, &session.transcript))
                    .collect();
                entries.sort();
                let mut lines = vec![format!("{} clients", entries.len())];
                lines.extend(entries);
                lines
            },
        )
        .await;
}

fn details(reply: &ClientDetailsResponse, transcript: &Transcript) -> Vec<String> {
    let mut lines = vec![fields(&reply.client, transcript)];
    lines.extend(reply.consumer_groups.iter().map(|group| {
        format!(
            "group stream={} topic={} group={}",
            group.stream_id, group.topic_id, group.group_id
        )
    }));
    lines
}

fn fields(client: &ClientResponse, transcript: &Transcript) -> String {
    let ClientResponse {
        client_id,
        user_id,
        transport,
        address,
        consumer_groups_count,
    } = client;
    let user = if *user_id == u32::MAX {
        "none".to_owned()
    } else {
        user_id.to_string()
    };
    let address = match address.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => "loopback:port".to_owned(),
        _ => name(address),
    };
    format!(
        "{} user={user} transport={transport} address={address} groups={consumer_groups_count}",
        transcript.client(*client_id)
    )
}

/// Only what does not depend on the machine.
async fn counts(session: &Session) {
    session
        .ask("get_stats()", GET_STATS_CODE, &GetStatsRequest, |stats: &StatsResponse| {
            vec![
                format!(
                    "streams={} topics={} partitions={} segments={} messages={} bytes={} clients={} groups={}",
                    stats.streams_count,
                    stats.topics_count,
                    stats.partitions_count,
                    stats.segments_count,
                    stats.messages_count,
                    stats.messages_size_bytes,
                    stats.clients_count,
                    stats.consumer_groups_count
                ),
                format!(
                    "started={} process_id={} hostname={} os_name={} version={} semver={} cache_metrics={}",
                    time(stats.start_time),
                    given(stats.process_id != 0),
                    given(!stats.hostname.is_empty()),
                    given(!stats.os_name.is_empty()),
                    given(!stats.iggy_server_version.is_empty()),
                    given(stats.iggy_server_semver.is_some()),
                    stats.cache_metrics.len()
                ),
            ]
        })
        .await;
}

fn given(given: bool) -> &'static str {
    if given { "given" } else { "absent" }
}
