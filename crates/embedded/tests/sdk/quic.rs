//! The SDK's QUIC client.

use std::net::SocketAddr;
use std::time::Duration;

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};

use crate::support::{client_of, named, partitions, polled, send, texts};

async fn server() -> EmbeddedServer {
    EmbeddedServer::builder()
        .quic(SocketAddr::from(([127, 0, 0, 1], 0)))
        .start()
        .await
        .unwrap()
}

async fn quic_client_of(server: &EmbeddedServer) -> IggyClient {
    let address = server.quic_address().unwrap();
    let options = "reconnection_max_retries=3&reconnection_interval=10ms";
    let uri = format!("iggy+quic://iggy:iggy@{address}?{options}");
    let client = IggyClient::from_connection_string(&uri).unwrap();
    client.connect().await.unwrap();
    client
}

#[tokio::test]
async fn is_the_same_server() {
    let server = server().await;
    let (quic, tcp) = (quic_client_of(&server).await, client_of(&server).await);
    quic.create_stream("s").await.unwrap();
    quic.create_topic(&named("s"), "t", &partitions(1))
        .await
        .unwrap();
    // More than what is on its way at once.
    let large = "x".repeat(3_000_000);
    send(&quic, 0, &["a", &large]).await.unwrap();
    send(&tcp, 0, &["b"]).await.unwrap();
    for client in [&quic, &tcp] {
        assert_eq!(texts(&polled(client, 0, 0).await), ["a", &large, "b"]);
    }
    assert_eq!(quic.get_me().await.unwrap().transport, "QUIC");
    let node = quic.get_cluster_metadata().await.unwrap().nodes.remove(0);
    assert_eq!(node.endpoints.quic, server.quic_address().unwrap().port());
    assert_eq!(node.endpoints.tcp, server.address().port());
    quic.shutdown().await.unwrap();
    server.shutdown().await;
}

#[tokio::test]
async fn a_member_that_leaves_gives_its_partitions_back() {
    let server = server().await;
    let (quic, tcp) = (quic_client_of(&server).await, client_of(&server).await);
    tcp.create_stream("s").await.unwrap();
    tcp.create_topic(&named("s"), "t", &partitions(2))
        .await
        .unwrap();
    let (stream, topic, group) = (named("s"), named("t"), named("g"));
    tcp.create_consumer_group(&stream, &topic, "g")
        .await
        .unwrap();
    quic.join_consumer_group(&stream, &topic, &group)
        .await
        .unwrap();
    let members = async || {
        let group = tcp.get_consumer_group(&stream, &topic, &group).await;
        group.unwrap().unwrap().members_count
    };
    assert_eq!(members().await, 1);
    quic.shutdown().await.unwrap();
    // The server hears of the end of a connection when its packet comes.
    tokio::time::timeout(Duration::from_secs(10), async {
        while members().await > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the member is gone");
    server.shutdown().await;
}

#[tokio::test]
async fn suffers_the_same_faults() {
    const CREATE_STREAM: u32 = 202;
    let server = server().await;
    let quic = quic_client_of(&server).await;
    server.faults().set(FaultPlan::none().once(
        FaultKind::LostReply,
        FaultTarget::Command(CREATE_STREAM),
        1,
    ));
    assert!(quic.create_stream("s").await.is_err());
    assert!(quic.get_stream(&named("s")).await.unwrap().is_some());
    server.shutdown().await;
}

#[tokio::test]
async fn is_not_open_to_others_with_the_well_known_password() {
    let open = EmbeddedServer::builder()
        .quic(SocketAddr::from(([0, 0, 0, 0], 0)))
        .start()
        .await;
    assert!(open.is_err());
}
