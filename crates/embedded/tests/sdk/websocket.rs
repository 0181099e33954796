//! The SDK's WebSocket client.

use std::net::SocketAddr;

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};

use crate::support::{client_of, code, named, partitions, polled, send, texts};

async fn server() -> EmbeddedServer {
    EmbeddedServer::builder()
        .websocket(SocketAddr::from(([127, 0, 0, 1], 0)))
        .start()
        .await
        .unwrap()
}

async fn websocket_client_of(server: &EmbeddedServer) -> IggyClient {
    let address = server.websocket_address().unwrap();
    let options = "reconnection_retries=3&reconnection_interval=10ms&reestablish_after=0s";
    let uri = format!("iggy+ws://iggy:iggy@{address}?{options}");
    let client = IggyClient::from_connection_string(&uri).unwrap();
    client.connect().await.unwrap();
    client
}

#[tokio::test]
async fn is_the_same_server() {
    let server = server().await;
    let (ws, tcp) = (websocket_client_of(&server).await, client_of(&server).await);
    ws.create_stream("s").await.unwrap();
    ws.create_topic(&named("s"), "t", &partitions(1))
        .await
        .unwrap();
    // More than what is on its way at once.
    let large = "x".repeat(3_000_000);
    send(&ws, 0, &["a", &large]).await.unwrap();
    send(&tcp, 0, &["b"]).await.unwrap();
    for client in [&ws, &tcp] {
        assert_eq!(texts(&polled(client, 0, 0).await), ["a", &large, "b"]);
    }
    assert_eq!(ws.get_me().await.unwrap().transport, "WebSocket");
    assert_eq!(tcp.get_me().await.unwrap().transport, "TCP");
    ws.shutdown().await.unwrap();
    server.shutdown().await;
}

#[tokio::test]
async fn suffers_the_same_faults() {
    const CREATE_STREAM: u32 = 202;
    let server = server().await;
    let ws = websocket_client_of(&server).await;
    server.faults().set(FaultPlan::none().once(
        FaultKind::LostReply,
        FaultTarget::Command(CREATE_STREAM),
        1,
    ));
    assert_ne!(code(ws.create_stream("s").await), 0);
    assert!(ws.get_stream(&named("s")).await.unwrap().is_some());
    server.shutdown().await;
}
