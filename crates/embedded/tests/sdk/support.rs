//! A server and a client, and what the tests say often.

use iggy::prelude::*;
use iggyctl_embedded::EmbeddedServer;

/// A server in memory and a client logged in to it.
pub(crate) async fn server_and_client() -> (EmbeddedServer, IggyClient) {
    let server = EmbeddedServer::builder().start().await.unwrap();
    let client = client_of(&server).await;
    (server, client)
}

/// A client logged in to a server; it never reconnects by itself for long.
pub(crate) async fn client_of(server: &EmbeddedServer) -> IggyClient {
    let options = "reconnection_retries=3&reconnection_interval=10ms&reestablish_after=0s";
    let client =
        IggyClient::from_connection_string(&format!("{}?{options}", server.connection_string()))
            .unwrap();
    client.connect().await.unwrap();
    client
}

/// A client that is connected, and not logged in.
pub(crate) async fn stranger_of(server: &EmbeddedServer) -> IggyClient {
    let client = IggyClient::builder()
        .with_tcp()
        .with_server_address(server.address().to_string())
        .with_reconnection_max_retries(Some(0))
        .build()
        .unwrap();
    client.connect().await.unwrap();
    client
}

/// A name as an identifier.
pub(crate) fn named(name: &str) -> Identifier {
    Identifier::named(name).unwrap()
}

/// The code of an error; 0 for success.
pub(crate) fn code<T>(result: Result<T, IggyError>) -> u32 {
    result.err().map_or(0, |error| error.as_code())
}
