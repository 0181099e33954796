//! The SDK's HTTP client.

use std::net::SocketAddr;

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, EmbeddedServerBuilder, FaultKind, FaultPlan, FaultTarget};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{client_of, code, named, partitions, polled, send, texts};

const ANYWHERE: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

fn builder() -> EmbeddedServerBuilder {
    EmbeddedServer::builder().http(SocketAddr::from(ANYWHERE))
}

/// A client that tries nothing twice, not logged in.
fn stranger_of(server: &EmbeddedServer) -> IggyClient {
    let address = server.http_address().unwrap();
    IggyClient::builder()
        .with_http()
        .with_api_url(format!("http://{address}"))
        .with_retries(0)
        .build()
        .unwrap()
}

async fn http_client_of(server: &EmbeddedServer) -> IggyClient {
    let client = stranger_of(server);
    client.login_user("iggy", "iggy").await.unwrap();
    client
}

#[tokio::test]
async fn sends_and_polls_what_others_poll_and_send() {
    let server = builder().start().await.unwrap();
    let (http, tcp) = (http_client_of(&server).await, client_of(&server).await);
    http.create_stream("s").await.unwrap();
    let topic = http.create_topic(&named("s"), "t", &partitions(2)).await;
    assert_eq!(topic.unwrap().partitions_count, 2);
    send(&http, 0, &["a", "b"]).await.unwrap();
    send(&tcp, 0, &["c"]).await.unwrap();
    for client in [&http, &tcp] {
        assert_eq!(texts(&polled(client, 0, 0).await), ["a", "b", "c"]);
    }
    let mut keyed = ["d".parse().unwrap()];
    let key = Partitioning::messages_key_str("k").unwrap();
    http.send_messages(&named("s"), &named("t"), &key, &mut keyed)
        .await
        .unwrap();
    let consumer = Consumer::new(named("reader"));
    http.store_consumer_offset(&consumer, &named("s"), &named("t"), Some(0), 1)
        .await
        .unwrap();
    let stored = tcp
        .get_consumer_offset(&consumer, &named("s"), &named("t"), Some(0))
        .await
        .unwrap()
        .unwrap();
    // The key belongs to this partition.
    assert_eq!((stored.current_offset, stored.stored_offset), (3, 1));
    let topic = http.get_topic(&named("s"), &named("t")).await.unwrap();
    assert_eq!(topic.unwrap().messages_count, 4);
    assert!(http.get_stream(&named("missing")).await.unwrap().is_none());
    server.shutdown().await;
}

#[tokio::test]
async fn reads_users_tokens_and_figures() {
    let server = builder().start().await.unwrap();
    let http = http_client_of(&server).await;
    let user = http
        .create_user("ann", "secret", UserStatus::Active, None)
        .await
        .unwrap();
    assert_eq!(user.id, 1);
    assert_eq!(http.get_users().await.unwrap().len(), 2);
    let token = http
        .create_personal_access_token("build", PersonalAccessTokenExpiry::NeverExpire)
        .await
        .unwrap()
        .token;
    let with_token = stranger_of(&server);
    with_token
        .login_with_personal_access_token(&token)
        .await
        .unwrap();
    assert_eq!(
        with_token.get_personal_access_tokens().await.unwrap().len(),
        1
    );
    http.create_stream("s").await.unwrap();
    assert_eq!(http.get_stats().await.unwrap().streams_count, 1);
    http.ping().await.unwrap();
    let metadata = http.get_cluster_metadata().await.unwrap();
    assert_eq!(
        metadata.nodes[0].endpoints.http,
        server.http_address().unwrap().port()
    );
    http.logout_user().await.unwrap();
    assert_eq!(code(http.get_streams().await), 40);
    let ann = stranger_of(&server);
    assert!(ann.login_user("ann", "wrong").await.is_err());
    ann.login_user("ann", "secret").await.unwrap();
    assert_eq!(code(ann.get_streams().await), 41);
    server.shutdown().await;
}

/// What `curl` gets, and nothing when the connection ends without an answer.
async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply
}

fn create_stream(token: &str, name: &str) -> String {
    let body = format!(r#"{{"name":"{name}"}}"#);
    format!(
        "POST /streams HTTP/1.1\r\nhost: h\r\nconnection: close\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn suffers_the_same_faults() {
    const CREATE_STREAM: u32 = 202;
    let server = builder().start().await.unwrap();
    let tcp = client_of(&server).await;
    let token = tcp
        .create_personal_access_token("build", PersonalAccessTokenExpiry::NeverExpire)
        .await
        .unwrap()
        .token;
    let address = server.http_address().unwrap();
    let target = FaultTarget::Command(CREATE_STREAM);
    let fault = |kind| server.faults().set(FaultPlan::none().once(kind, target, 1));

    fault(FaultKind::LostReply);
    assert_eq!(raw(address, &create_stream(&token, "a")).await, "");
    assert!(tcp.get_stream(&named("a")).await.unwrap().is_some());

    fault(FaultKind::Disconnect);
    assert_eq!(raw(address, &create_stream(&token, "b")).await, "");
    assert!(tcp.get_stream(&named("b")).await.unwrap().is_none());

    fault(FaultKind::TransientNotCommitted);
    let refused = raw(address, &create_stream(&token, "b")).await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.contains("\r\nretry-after: 1\r\n"), "{refused}");
    assert!(refused.contains(r#"{"id":57,"#), "{refused}");

    let made = raw(address, &create_stream(&token, "b")).await;
    assert!(made.starts_with("HTTP/1.1 200 "), "{made}");
    assert_eq!(server.requests().count(CREATE_STREAM), 4);
    server.shutdown().await;
}

#[tokio::test]
async fn a_body_may_not_be_too_large() {
    let server = builder().start().await.unwrap();
    let http = http_client_of(&server).await;
    http.create_stream("s").await.unwrap();
    http.create_topic(&named("s"), "t", &partitions(1))
        .await
        .unwrap();
    // In base64 a third more, and then beyond the 2 MB.
    let error = send(&http, 0, &["x".repeat(1_600_000).as_str()]).await;
    assert!(
        matches!(error, Err(IggyError::HttpResponseError(413, _))),
        "{error:?}"
    );
    send(&http, 0, &["x".repeat(1_400_000).as_str()])
        .await
        .unwrap();
    server.shutdown().await;
}

#[tokio::test]
async fn what_was_sent_is_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let server = builder().data_dir(folder.path()).start().await.unwrap();
    let http = http_client_of(&server).await;
    http.create_stream("s").await.unwrap();
    http.create_topic(&named("s"), "t", &partitions(1))
        .await
        .unwrap();
    send(&http, 0, &["kept"]).await.unwrap();
    server.shutdown().await;
    let server = builder().data_dir(folder.path()).start().await.unwrap();
    let http = http_client_of(&server).await;
    assert_eq!(texts(&polled(&http, 0, 0).await), ["kept"]);
    server.shutdown().await;
}

#[tokio::test]
async fn beyond_loopback_it_needs_credentials_of_its_own() {
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let started = EmbeddedServer::builder().http(everywhere).start().await;
    assert!(matches!(
        started,
        Err(iggyctl_embedded::StartError::CredentialsRequired { .. })
    ));
}

#[tokio::test]
async fn plain_http_is_not_spoken_where_tls_is() {
    let identity = iggyctl_embedded::TlsIdentity::self_signed(std::iter::empty::<String>());
    let server = builder().tls(identity.unwrap()).start().await.unwrap();
    let mut stream = TcpStream::connect(server.http_address().unwrap())
        .await
        .unwrap();
    stream
        .write_all(b"GET /ping HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply).await;
    assert!(!reply.starts_with(b"HTTP"), "{reply:?}");
    server.shutdown().await;
}
