//! The SDK's clients over QUIC and WebSocket.

use std::net::SocketAddr;
use std::time::Duration;

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};

use crate::support::{client_of, code, named, partitions, polled, send, texts};

/// Over what a client comes.
#[derive(Debug, Clone, Copy)]
enum Over {
    Quic,
    WebSocket,
}

impl Over {
    /// A server that listens for it beside TCP.
    async fn server(self) -> EmbeddedServer {
        let builder = EmbeddedServer::builder();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let builder = match self {
            Self::Quic => builder.quic(address),
            Self::WebSocket => builder.websocket(address),
        };
        builder.start().await.unwrap()
    }

    async fn client_of(self, server: &EmbeddedServer) -> IggyClient {
        let uri = match self {
            Self::Quic => {
                let address = server.quic_address().unwrap();
                let options = "reconnection_max_retries=3&reconnection_interval=10ms";
                format!("iggy+quic://iggy:iggy@{address}?{options}")
            }
            Self::WebSocket => {
                let address = server.websocket_address().unwrap();
                let options =
                    "reconnection_retries=3&reconnection_interval=10ms&reestablish_after=0s";
                format!("iggy+ws://iggy:iggy@{address}?{options}")
            }
        };
        let client = IggyClient::from_connection_string(&uri).unwrap();
        client.connect().await.unwrap();
        client
    }

    /// What the server calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Quic => "QUIC",
            Self::WebSocket => "WebSocket",
        }
    }
}

async fn is_the_same_server(over: Over) {
    let server = over.server().await;
    let (client, tcp) = (over.client_of(&server).await, client_of(&server).await);
    client.create_stream("s").await.unwrap();
    client
        .create_topic(&named("s"), "t", &partitions(1))
        .await
        .unwrap();
    // More than what is on its way at once.
    let large = "x".repeat(3_000_000);
    send(&client, 0, &["a", &large]).await.unwrap();
    send(&tcp, 0, &["b"]).await.unwrap();
    for client in [&client, &tcp] {
        assert_eq!(texts(&polled(client, 0, 0).await), ["a", &large, "b"]);
    }
    assert_eq!(client.get_me().await.unwrap().transport, over.name());
    assert_eq!(tcp.get_me().await.unwrap().transport, "TCP");
    let node = client.get_cluster_metadata().await.unwrap().nodes.remove(0);
    let port = |address: Option<SocketAddr>| address.map_or(0, |address| address.port());
    assert_eq!(node.endpoints.quic, port(server.quic_address()));
    assert_eq!(node.endpoints.websocket, port(server.websocket_address()));
    assert_eq!(node.endpoints.tcp, server.address().port());
    client.shutdown().await.unwrap();
    server.shutdown().await;
}

async fn suffers_the_same_faults(over: Over) {
    const CREATE_STREAM: u32 = 202;
    let server = over.server().await;
    let client = over.client_of(&server).await;
    server.faults().set(FaultPlan::none().once(
        FaultKind::LostReply,
        FaultTarget::Command(CREATE_STREAM),
        1,
    ));
    assert_ne!(code(client.create_stream("s").await), 0);
    assert!(client.get_stream(&named("s")).await.unwrap().is_some());
    server.shutdown().await;
}

#[tokio::test]
async fn quic_leads_to_the_same_server() {
    is_the_same_server(Over::Quic).await;
}

#[tokio::test]
async fn websocket_leads_to_the_same_server() {
    is_the_same_server(Over::WebSocket).await;
}

#[tokio::test]
async fn quic_suffers_the_same_faults() {
    suffers_the_same_faults(Over::Quic).await;
}

#[tokio::test]
async fn websocket_suffers_the_same_faults() {
    suffers_the_same_faults(Over::WebSocket).await;
}

#[tokio::test]
async fn a_member_that_leaves_by_quic_gives_its_partitions_back() {
    let server = Over::Quic.server().await;
    let (quic, tcp) = (
        Over::Quic.client_of(&server).await,
        client_of(&server).await,
    );
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
async fn quic_is_not_open_to_others_with_the_well_known_password() {
    let open = EmbeddedServer::builder()
        .quic(SocketAddr::from(([0, 0, 0, 0], 0)))
        .start()
        .await;
    assert!(open.is_err());
}
