use iggy::prelude::*;
use iggyctl_embedded::{CredentialsError, EmbeddedServer, StartError};

use crate::support::{client_of, code, server_and_client, stranger_of};

#[tokio::test]
async fn a_wrong_login_is_refused() {
    let (server, _client) = server_and_client().await;
    let stranger = stranger_of(&server).await;
    for (username, password) in [("iggy", "wrong"), ("nobody", "iggy"), ("iggy", "iggy2")] {
        assert_eq!(
            code(stranger.login_user(username, password).await),
            42,
            "{username}"
        );
    }
    assert_eq!(
        code(
            stranger
                .login_with_personal_access_token("not-a-token")
                .await
        ),
        53
    );
    let identity = stranger.login_user("iggy", "iggy").await.unwrap();
    assert_eq!(identity.user_id, 0);
}

#[tokio::test]
async fn before_login_only_a_ping_is_answered() {
    let (server, _client) = server_and_client().await;
    let stranger = stranger_of(&server).await;
    stranger.ping().await.unwrap();
    assert_eq!(code(stranger.get_cluster_metadata().await), 40);
    assert_eq!(code(stranger.create_stream("s").await), 40);
}

#[tokio::test]
async fn a_second_login_takes_over_and_a_logout_ends_it() {
    let (_server, client) = server_and_client().await;
    client.login_user("iggy", "iggy").await.unwrap();
    client.create_stream("s").await.unwrap();
    client.logout_user().await.unwrap();
    client.login_user("iggy", "iggy").await.unwrap();
    assert_eq!(client.get_streams().await.unwrap().len(), 1);
}

#[tokio::test]
async fn credentials_can_be_chosen() {
    let server = EmbeddedServer::builder()
        .credentials("admin", "a long secret / really?")
        .start()
        .await
        .unwrap();
    assert_eq!(
        server.connection_string(),
        format!(
            "iggy://admin:a%20long%20secret%20%2F%20really%3F@{}",
            server.address()
        )
    );
    let stranger = stranger_of(&server).await;
    assert_eq!(code(stranger.login_user("iggy", "iggy").await), 42);
    stranger
        .login_user("admin", "a long secret / really?")
        .await
        .unwrap();
    let users = stranger.get_users().await.unwrap();
    assert_eq!(users[0].username, "admin");
}

#[tokio::test]
async fn impossible_credentials_are_refused_at_the_start() {
    let start = |username: &str, password: &str| {
        EmbeddedServer::builder()
            .credentials(username, password)
            .start()
    };
    assert!(matches!(
        start("ab", "secret").await,
        Err(StartError::Credentials(CredentialsError::Username {
            bytes: 2
        }))
    ));
    assert!(matches!(
        start("abc", &"x".repeat(101)).await,
        Err(StartError::Credentials(CredentialsError::Password {
            bytes: 101
        }))
    ));
}

#[tokio::test]
async fn beyond_loopback_credentials_must_be_chosen() {
    let everywhere = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(
        EmbeddedServer::builder().listen(everywhere).start().await,
        Err(StartError::CredentialsRequired { address }) if address == everywhere
    ));
    let server = EmbeddedServer::builder()
        .listen(everywhere)
        .credentials("admin", "secret")
        .start()
        .await
        .unwrap();
    assert_ne!(server.address().port(), 0);
}

#[tokio::test]
async fn a_taken_port_is_a_typed_error() {
    let (server, _client) = server_and_client().await;
    let address = server.address();
    assert!(matches!(
        EmbeddedServer::builder().listen(address).start().await,
        Err(StartError::Listen { address: asked, .. }) if asked == address
    ));
}

#[tokio::test]
async fn a_shutdown_ends_connections_and_frees_the_port() {
    let (server, client) = server_and_client().await;
    let address = server.address();
    server.shutdown().await;
    assert_ne!(code(client.get_streams().await), 0);
    let again = EmbeddedServer::builder()
        .listen(address)
        .start()
        .await
        .unwrap();
    assert_eq!(again.address(), address);
    assert!(
        client_of(&again)
            .await
            .get_streams()
            .await
            .unwrap()
            .is_empty()
    );
}
