//! Every way in which a connection can fail has its own error, within the
//! deadline.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use iggyctl_engine::connect::{
    ConnectError, ConnectSettings, ServerAddress, connect, install_crypto_provider,
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const DEADLINE: Duration = Duration::from_millis(1500);

async fn failure(address: &str) -> ConnectError {
    failure_within(address, DEADLINE, DEADLINE).await
}

/// For ports that show what they are: said long before a deadline of 15 s is
/// over, of which the login has 3 s before the port is looked at.
async fn failure_soon(address: &str) -> ConnectError {
    failure_within(address, DEADLINE * 10, DEADLINE * 4).await
}

async fn failure_within(address: &str, deadline: Duration, limit: Duration) -> ConnectError {
    let ServerAddress::Remote(remote) = address.parse().unwrap() else {
        panic!("{address} is not remote");
    };
    let settings = ConnectSettings {
        deadline,
        ..ConnectSettings::default()
    };
    let started = Instant::now();
    let error = connect(&remote, settings).await.unwrap_err();
    assert!(
        started.elapsed() <= limit,
        "{address} took {:?}: {error}",
        started.elapsed()
    );
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    error
}

/// A listener that hands every connection to `serve`, and its port.
async fn listen<F>(serve: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> u16
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    port
}

/// Reads for ever and says nothing.
async fn silence(mut stream: TcpStream) {
    let mut buffer = [0; 1024];
    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
}

/// Answers every request of 256 bytes or more with an eviction frame.
async fn evict(mut stream: TcpStream, reason: u8, window: (u32, u32)) {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
        let mut frame = [0_u8; 256];
        frame[48..52].copy_from_slice(&256_u32.to_le_bytes());
        frame[60] = 13;
        frame[144..148].copy_from_slice(&window.1.to_le_bytes());
        frame[148..152].copy_from_slice(&window.0.to_le_bytes());
        frame[255] = reason;
        if stream.write_all(&frame).await.is_err() {
            return;
        }
    }
}

/// A TLS port with a certificate for `localhost` that nobody knows.
async fn tls_port() -> (u16, String) {
    install_crypto_provider();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let port = listen(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut buffer = [0; 1024];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
            }
        }
    })
    .await;
    (port, cert.pem())
}

#[tokio::test]
async fn nothing_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = failure_soon(&format!("iggy://iggy:hunter2@127.0.0.1:{port}")).await;
    assert!(
        matches!(error, ConnectError::NothingListens { .. }),
        "{error:?}"
    );
    let error = failure_soon(&format!("iggy+ws://iggy:hunter2@127.0.0.1:{port}")).await;
    assert!(
        matches!(error, ConnectError::NothingListens { .. }),
        "{error:?}"
    );
    let error = failure_soon(&format!("iggy://iggy:hunter2@127.0.0.1:{port}?tls=true")).await;
    assert!(
        matches!(error, ConnectError::NothingListens { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_name_that_means_nothing() {
    let error = failure("iggy://iggy:hunter2@no-such-host.invalid:8090").await;
    assert!(
        matches!(error, ConnectError::NameNotResolved { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_server_of_the_generation_before() {
    // Its frame is `[length][code]`, and it waits until it has all of one.
    let port = listen(|mut stream| async move {
        while let Ok(length) = stream.read_u32_le().await {
            let mut frame = vec![0; length as usize];
            let Ok(4..) = stream.read_exact(&mut frame).await else {
                return;
            };
            if frame != [1, 0, 0, 0] || stream.write_all(&[0; 8]).await.is_err() {
                return;
            }
        }
    })
    .await;
    let error = failure_soon(&format!("iggy://iggy:hunter2@127.0.0.1:{port}")).await;
    assert!(
        matches!(error, ConnectError::FormerGeneration { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_server_of_another_generation_never_answers() {
    let port = listen(silence).await;
    let error = failure(&format!("iggy://iggy:hunter2@127.0.0.1:{port}")).await;
    assert!(matches!(error, ConnectError::NoAnswer { .. }), "{error:?}");
    assert!(error.to_string().contains("another generation"), "{error}");
}

#[tokio::test]
async fn a_server_that_names_its_version() {
    let port = listen(|stream| evict(stream, 14, (12 << 10, (12 << 10) + 2))).await;
    let error = failure(&format!("iggy://iggy:hunter2@127.0.0.1:{port}")).await;
    let ConnectError::IncompatibleProtocol {
        min, max, client, ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!((min.as_str(), max.as_str()), ("0.12.0", "0.12.2"));
    assert!(client.starts_with("0.11."), "{client}");
}

#[tokio::test]
async fn refused_credentials() {
    for (address, reason, code) in [
        ("iggy:hunter2", 9, 42),
        ("hunter2", 10, 53),
        // An inactive user's token: the SDK turns the reason into 40.
        ("hunter2", 11, 40),
    ] {
        let port = listen(move |stream| evict(stream, reason, (0, 0))).await;
        let error = failure(&format!("iggy://{address}@127.0.0.1:{port}")).await;
        assert!(
            matches!(error, ConnectError::CredentialsRefused { code: found, .. } if found == code),
            "{address}, {reason}: {error:?}"
        );
    }
}

#[tokio::test]
async fn plain_to_a_tls_port() {
    let (port, _) = tls_port().await;
    let error = failure_soon(&format!("iggy://iggy:hunter2@127.0.0.1:{port}")).await;
    assert!(matches!(error, ConnectError::TlsPort { .. }), "{error:?}");
}

#[tokio::test]
async fn tls_to_a_plain_port() {
    // One that answers frames, and so closes or refuses what it cannot read.
    let port = listen(|stream| evict(stream, 1, (0, 0))).await;
    let error = failure_soon(&format!("iggy://iggy:hunter2@127.0.0.1:{port}?tls=true")).await;
    assert!(matches!(error, ConnectError::PlainPort { .. }), "{error:?}");
}

#[tokio::test]
async fn tls_to_a_plain_port_that_waits_for_a_whole_frame() {
    let port = listen(|mut stream| async move {
        let mut frame = [0; 256];
        if stream.read_exact(&mut frame).await.is_ok() && frame[60] == 5 {
            let mut reply = [0_u8; 256];
            reply[48..52].copy_from_slice(&256_u32.to_le_bytes());
            reply[60] = 8;
            let _ = stream.write_all(&reply).await;
        }
        silence(stream).await;
    })
    .await;
    let error = failure_soon(&format!("iggy://iggy:hunter2@127.0.0.1:{port}?tls=true")).await;
    assert!(matches!(error, ConnectError::PlainPort { .. }), "{error:?}");
}

#[tokio::test]
async fn a_certificate_that_nobody_knows() {
    let (port, _) = tls_port().await;
    let error = failure_soon(&format!("iggy://iggy:hunter2@localhost:{port}?tls=true")).await;
    assert!(
        matches!(error, ConnectError::CertificateNotTrusted { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_certificate_for_another_name() {
    let (port, pem) = tls_port().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, pem).unwrap();
    let ca = file.display();
    let error = failure(&format!(
        "iggy://iggy:hunter2@127.0.0.1:{port}?tls=true&tls_ca_file={ca}"
    ))
    .await;
    let ConnectError::CertificateNotTrusted { reason, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(reason.contains("127.0.0.1"), "{reason}");
    // With the right name TLS works, and what is behind it says nothing.
    let error = failure(&format!(
        "iggy://iggy:hunter2@127.0.0.1:{port}?tls=true&tls_ca_file={ca}&tls_domain=localhost"
    ))
    .await;
    assert!(matches!(error, ConnectError::NoAnswer { .. }), "{error:?}");
    assert!(!error.to_string().contains("speak TLS"), "{error}");
}

#[tokio::test]
async fn a_ca_file_that_cannot_be_read() {
    let port = listen(silence).await;
    let error = failure(&format!(
        "iggy://iggy:hunter2@127.0.0.1:{port}?tls=true&tls_ca_file=/nowhere/ca.pem"
    ))
    .await;
    assert!(
        matches!(error, ConnectError::Configuration { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_http_port() {
    let port = listen(|mut stream| async move {
        let mut buffer = [0; 256];
        let _ = stream.read(&mut buffer).await;
        let _ = stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
            .await;
    })
    .await;
    let error = failure_soon(&format!("iggy://iggy:hunter2@127.0.0.1:{port}")).await;
    assert!(matches!(error, ConnectError::HttpPort { .. }), "{error:?}");
}

#[tokio::test]
async fn what_cannot_be_tried_is_refused_at_once() {
    let error = failure("iggy+http://iggy:hunter2@127.0.0.1:3000").await;
    assert_eq!(error, ConnectError::HttpIsForMessages);
    let error = failure("iggy://127.0.0.1:8090").await;
    assert!(
        matches!(error, ConnectError::NoCredentials { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_slow_login_has_the_whole_deadline() {
    let server = iggyctl_embedded::EmbeddedServer::builder()
        .start()
        .await
        .unwrap();
    let upstream = server.address();
    // Everything that comes is passed on late, what looks at the port, too.
    let port = listen(move |mut client| async move {
        tokio::time::sleep(DEADLINE * 4 / 5).await;
        if let Ok(mut server) = TcpStream::connect(upstream).await {
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
    })
    .await;
    let address = format!("iggy://iggy:iggy@127.0.0.1:{port}");
    let ServerAddress::Remote(remote) = address.parse().unwrap() else {
        panic!("{address} is not remote");
    };
    let settings = ConnectSettings {
        deadline: DEADLINE,
        ..ConnectSettings::default()
    };
    connect(&remote, settings).await.unwrap().close().await;
    server.shutdown().await;
}

#[tokio::test]
async fn quic_to_nowhere() {
    let error = failure("iggy+quic://iggy:hunter2@127.0.0.1:1").await;
    assert!(
        matches!(error, ConnectError::NothingAnswersQuic { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_port_that_hangs_up() {
    let port = listen(|mut stream| async move {
        let mut buffer = [0; 16];
        let _ = stream.read(&mut buffer).await;
    })
    .await;
    let error = failure_soon(&format!("iggy://iggy:hunter2@127.0.0.1:{port}")).await;
    assert!(matches!(error, ConnectError::NotIggy { .. }), "{error:?}");
}

#[tokio::test]
async fn a_port_that_says_something_else_is_not_waited_for() {
    for said in [&[b'A'; 4096][..], b"SSH-2.0-OpenSSH_9.6\r\n"] {
        let port = listen(move |mut stream| async move {
            let _ = stream.write_all(said).await;
            silence(stream).await;
        })
        .await;
        let error = failure_soon(&format!("iggy://iggy:hunter2@127.0.0.1:{port}")).await;
        assert!(matches!(error, ConnectError::NotIggy { .. }), "{error:?}");
        assert!(
            error.to_string().contains("not in Iggy's protocol"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_silent_port_is_said_to_lack_what_it_was_asked_for() {
    let port = listen(silence).await;
    for (address, expected) in [
        (format!("iggy://u:p@127.0.0.1:{port}?tls=true"), "TLS"),
        (format!("iggy+ws://u:p@127.0.0.1:{port}"), "WebSocket"),
    ] {
        let error = failure(&address).await.to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn web_socket_to_the_tcp_port() {
    let server = iggyctl_embedded::EmbeddedServer::builder()
        .start()
        .await
        .unwrap();
    let error = failure_soon(&format!("iggy+ws://iggy:hunter2@{}", server.address())).await;
    assert!(matches!(error, ConnectError::TcpPort { .. }), "{error:?}");
}
