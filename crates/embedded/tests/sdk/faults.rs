use std::time::{Duration, Instant};

use iggy::prelude::*;
use iggy_binary_protocol::codes;
use iggyctl_embedded::{EmbeddedServer, Fault, FaultKind, FaultPlan, FaultTarget};

use crate::support::{client_of, code, named, server_and_client};

#[tokio::test]
async fn a_lost_reply_leaves_the_write_done() {
    let (server, client) = server_and_client().await;
    server
        .faults()
        .set(FaultPlan::none().once(FaultKind::LostReply, FaultTarget::Writes, 2));
    client.create_stream("first").await.unwrap();
    assert_ne!(code(client.create_stream("second").await), 0);
    // The SDK reconnects and logs in again by itself.
    let names: Vec<String> = client
        .get_streams()
        .await
        .unwrap()
        .into_iter()
        .map(|stream| stream.name)
        .collect();
    assert_eq!(names, ["first", "second"]);
    assert_eq!(code(client.create_stream("second").await), 1012);
}

#[tokio::test]
async fn a_disconnect_leaves_the_write_undone() {
    let (server, client) = server_and_client().await;
    server
        .faults()
        .set(FaultPlan::none().once(FaultKind::Disconnect, FaultTarget::Writes, 1));
    assert_ne!(code(client.create_stream("s").await), 0);
    assert!(client.get_stream(&named("s")).await.unwrap().is_none());
    client.create_stream("s").await.unwrap();
}

#[tokio::test]
async fn a_transient_refusal_is_repeated_by_the_sdk() {
    let (server, client) = server_and_client().await;
    let log = server.requests();
    for kind in [
        FaultKind::TransientNotCommitted,
        FaultKind::TransientNotAccepted,
    ] {
        log.reset();
        server.faults().set(FaultPlan::none().with(Fault {
            kind,
            target: FaultTarget::Command(codes::CREATE_STREAM_CODE),
            at: 1,
            times: 2,
        }));
        client.create_stream(&format!("{kind:?}")).await.unwrap();
        assert_eq!(log.count(codes::CREATE_STREAM_CODE), 3, "{kind:?}");
    }
    assert_eq!(client.get_streams().await.unwrap().len(), 2);
    // Reads are refused in the status of the header.
    server.faults().set(FaultPlan::none().once(
        FaultKind::TransientNotCommitted,
        FaultTarget::Any,
        1,
    ));
    assert_eq!(client.get_streams().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_delay_is_waited_for() {
    let delay = Duration::from_millis(60);
    let server = EmbeddedServer::builder()
        .faults(FaultPlan::none().once(FaultKind::Delay(delay), FaultTarget::Writes, 1))
        .start()
        .await
        .unwrap();
    let client = client_of(&server).await;
    let started = Instant::now();
    client.create_stream("s").await.unwrap();
    assert!(started.elapsed() >= delay);
    server.faults().clear();
}
