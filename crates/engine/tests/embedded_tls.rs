//! The embedded server over TLS, and what is said to those who miss it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

use std::path::Path;
use std::time::Duration;

use iggyctl_embedded::{EmbeddedServer, TlsIdentity};
use iggyctl_engine::broker::BrokerRead;
use iggyctl_engine::connect::{
    ConnectError, ConnectSettings, ConnectionPool, RemoteAddress, ServerAddress, ServerConnector,
    connect,
};

const SETTINGS: ConnectSettings = ConnectSettings {
    deadline: Duration::from_secs(10),
    request_timeout: Duration::from_secs(5),
};

fn self_signed() -> TlsIdentity {
    TlsIdentity::self_signed(std::iter::empty::<String>()).unwrap()
}

async fn start(identity: TlsIdentity) -> EmbeddedServer {
    EmbeddedServer::builder()
        .tls(identity)
        .start()
        .await
        .unwrap()
}

fn remote(address: &str) -> RemoteAddress {
    match address.parse().unwrap() {
        ServerAddress::Remote(remote) => remote,
        ServerAddress::Embedded { .. } => panic!("{address} is not remote"),
    }
}

fn trusting(server: &EmbeddedServer, authority: &Path) -> RemoteAddress {
    let address = server.connection_string();
    remote(&format!("{address}&tls_ca_file={}", authority.display()))
}

/// Reads something over a connection that is there.
async fn works(address: RemoteAddress) {
    let pool = ConnectionPool::new(ServerConnector::new(address, SETTINGS));
    let broker = pool.acquire().await.unwrap();
    assert!(broker.list_streams().await.unwrap().is_empty());
    drop(broker);
    pool.close().await;
}

async fn failure(address: RemoteAddress) -> ConnectError {
    connect(&address, SETTINGS).await.unwrap_err()
}

#[tokio::test]
async fn a_client_that_trusts_the_authority_gets_in() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    let identity = self_signed();
    std::fs::write(&authority, identity.authority_pem().unwrap()).unwrap();
    let server = start(identity).await;
    works(trusting(&server, &authority)).await;
    // By name, too: the certificate is for both.
    let port = server.address().port();
    let authority = authority.display();
    let named = format!("iggy://iggy:iggy@localhost:{port}?tls=true&tls_ca_file={authority}");
    // Where localhost is ::1 first, nothing of ours listens.
    if tokio::net::TcpStream::connect(("localhost", port))
        .await
        .is_ok()
    {
        works(remote(&named)).await;
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_certificate_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let server = start(TlsIdentity::from_files(&certificate, &key).unwrap()).await;
    works(trusting(&server, &certificate)).await;
    server.shutdown().await;
}

#[tokio::test]
async fn an_authority_that_is_another_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.pem");
    std::fs::write(&other, self_signed().authority_pem().unwrap()).unwrap();
    let server = start(self_signed()).await;
    for address in [
        trusting(&server, &other),
        remote(&server.connection_string()),
    ] {
        let error = failure(address).await;
        assert!(
            matches!(error, ConnectError::CertificateNotTrusted { .. }),
            "{error:?}"
        );
    }
    server.shutdown().await;
}

#[tokio::test]
async fn who_speaks_the_other_way_is_told() {
    let server = start(self_signed()).await;
    let plain = format!("iggy://iggy:iggy@{}", server.address());
    let error = failure(remote(&plain)).await;
    assert!(matches!(error, ConnectError::TlsPort { .. }), "{error:?}");
    server.shutdown().await;

    let server = EmbeddedServer::builder().start().await.unwrap();
    let error = failure(remote(&format!("{}?tls=true", server.connection_string()))).await;
    assert!(matches!(error, ConnectError::PlainPort { .. }), "{error:?}");
    server.shutdown().await;
}
