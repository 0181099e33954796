//! Servers to test against, and waiting without sleeping.

use std::time::Duration;

use iggyctl_embedded::{EmbeddedServer, PasswordHashing};
use iggyctl_messaging::Connection;
use iggyctl_messaging::connection::{Backoff, ConnectionBuilder};

/// Quick, so that a test that waits for a server takes no time.
pub(crate) fn quick_backoff() -> Backoff {
    Backoff {
        base: Duration::from_millis(5),
        max: Duration::from_millis(20),
        give_up_after: Some(Duration::from_secs(10)),
    }
}

pub(crate) async fn server() -> EmbeddedServer {
    EmbeddedServer::builder()
        .password_hashing(PasswordHashing::Fast)
        .start()
        .await
        .unwrap()
}

pub(crate) fn to(addresses: &[&str]) -> ConnectionBuilder {
    let builder = Connection::builder()
        .backoff(quick_backoff())
        .connect_timeout(Duration::from_secs(2));
    addresses.iter().fold(builder, |builder, address| {
        builder.address(address).unwrap()
    })
}

/// A port on which nothing listens.
pub(crate) async fn dead_port() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}
