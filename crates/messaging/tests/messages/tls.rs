//! TLS, through a proxy that ends it in front of a server.

use std::sync::Arc;

use iggyctl_engine::connect::install_crypto_provider;
use iggyctl_messaging::connection::TlsSettings;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::{server, to};

/// The port, and the certificate (PEM), which is for `localhost`.
async fn tls_in_front_of(server: std::net::SocketAddr) -> (u16, String) {
    install_crypto_provider();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut plain = TcpStream::connect(server).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut plain).await;
                }
            });
        }
    });
    (port, cert.pem())
}

#[tokio::test]
async fn a_certificate_is_checked_unless_it_is_said_otherwise() {
    let server = server().await;
    let (port, pem) = tls_in_front_of(server.address()).await;
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, pem).unwrap();

    let by_name = format!("iggy://iggy:iggy@localhost:{port}");
    let by_number = format!("iggy://iggy:iggy@127.0.0.1:{port}");
    let authorities = TlsSettings::authorities_of(&ca_file);
    for (address, tls, is_trusted) in [
        (&by_name, authorities.clone(), true),
        (&by_number, authorities.clone(), false),
        (&by_number, authorities.domain("localhost"), true),
        (&by_name, TlsSettings::public_authorities(), false),
        (&by_number, TlsSettings::dangerously_trust_anybody(), true),
    ] {
        let connection = to(&[address]).tls(tls.clone()).build().unwrap();
        let session = connection.session().await;
        assert_eq!(session.is_ok(), is_trusted, "{address} {tls:?} {session:?}");
    }
}
