//! Users and tokens in a data folder.

use std::path::Path;

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, PasswordHashing, StartError, StoreError};

use crate::support::{client_as, client_of, code, login, named, token_login, user};

async fn start_as(directory: &Path, root: &str, password: &str) -> EmbeddedServer {
    EmbeddedServer::builder()
        .credentials(root, password)
        .password_hashing(PasswordHashing::Fast)
        .data_dir(directory)
        .start()
        .await
        .unwrap()
}

async fn start_in(directory: &Path) -> EmbeddedServer {
    start_as(directory, "iggy", "iggy").await
}

#[tokio::test]
async fn users_and_tokens_come_back_after_a_drop_without_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_in(folder.path()).await;
    let root = client_of(&server).await;
    let topic = TopicPermissions {
        read_topic: true,
        ..Default::default()
    };
    let permissions = Permissions {
        global: GlobalPermissions::default(),
        streams: Some(
            [(
                7,
                StreamPermissions {
                    topics: Some([(3, topic)].into()),
                    ..Default::default()
                },
            )]
            .into(),
        ),
    };
    for name in ["gone", "bob", "cid"] {
        user(&root, name, Some(permissions.clone())).await;
    }
    let inactive = Some(UserStatus::Inactive);
    root.update_user(
        &named("cid"),
        Some("sid"),
        inactive,
        &UserUpdateOptions::default(),
    )
    .await
    .unwrap();
    root.update_permissions(&named("cid"), None)
        .await
        .unwrap_err();
    root.update_permissions(&named("sid"), None).await.unwrap();
    let bob = client_as(&server, "bob", "password").await;
    bob.change_password(&named("bob"), "password", "changed")
        .await
        .unwrap();
    let never = PersonalAccessTokenExpiry::NeverExpire;
    let token = bob.create_personal_access_token("ci", never).await.unwrap();
    bob.create_personal_access_token("deleted", never)
        .await
        .unwrap();
    bob.delete_personal_access_token("deleted").await.unwrap();
    let gone = client_as(&server, "gone", "password").await;
    let dead = gone.create_personal_access_token("ci", never).await;
    let dead = dead.unwrap().token;
    root.delete_user(&named("gone")).await.unwrap();
    let before = server.access();
    drop(server);

    let server = start_in(folder.path()).await;
    assert_eq!(server.access(), before);
    assert_eq!(login(&server, "iggy", "iggy").await, 0);
    assert_eq!(login(&server, "bob", "changed").await, 0);
    assert_eq!(login(&server, "bob", "password").await, 42);
    assert_eq!(login(&server, "sid", "password").await, 42);
    assert_eq!(token_login(&server, &token.token).await, 0);
    assert_eq!(token_login(&server, &dead).await, 53);
    // Ids go on as if nothing had happened, and tokens do not come back with them.
    let root = client_of(&server).await;
    assert_eq!(user(&root, "new", None).await, 1);
    drop(server);
    let server = start_in(folder.path()).await;
    assert!(server.access().users[&1].tokens.is_empty());
}

#[tokio::test]
async fn root_is_as_started_but_for_what_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    drop(start_as(folder.path(), "ann", "first").await);
    let server = start_as(folder.path(), "bob", "second").await;
    assert_eq!(login(&server, "ann", "first").await, 42);
    let root = client_as(&server, "bob", "second").await;
    root.change_password(&named("bob"), "second", "changed")
        .await
        .unwrap();
    drop(server);
    let server = start_as(folder.path(), "cid", "third").await;
    assert_eq!(login(&server, "cid", "third").await, 42);
    let root = client_as(&server, "cid", "changed").await;
    root.update_user(
        &named("cid"),
        Some("dan"),
        None,
        &UserUpdateOptions::default(),
    )
    .await
    .unwrap();
    drop(server);
    let server = start_as(folder.path(), "eve", "fourth").await;
    assert_eq!(login(&server, "dan", "changed").await, 0);
    assert_eq!(
        code(client_as(&server, "dan", "changed").await.get_users().await),
        0
    );
}

#[tokio::test]
async fn root_does_not_take_a_users_name() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_in(folder.path()).await;
    user(&client_of(&server).await, "bob", None).await;
    drop(server);
    let error = EmbeddedServer::builder()
        .credentials("bob", "password")
        .data_dir(folder.path())
        .start()
        .await
        .unwrap_err();
    assert!(
        matches!(&error, StartError::Store(StoreError::RootNameTaken { username, .. }) if username == "bob"),
        "{error}"
    );
}

#[tokio::test]
async fn no_password_and_no_token_is_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_as(folder.path(), "iggy", "root-password").await;
    let root = client_as(&server, "iggy", "root-password").await;
    let created = root.create_user("bob", "bobs-password", UserStatus::Active, None);
    created.await.unwrap();
    let never = PersonalAccessTokenExpiry::NeverExpire;
    let token = root.create_personal_access_token("ci", never).await;
    let token = token.unwrap().token;
    root.change_password(&named("iggy"), "root-password", "newer-password")
        .await
        .unwrap();
    server.shutdown().await;
    let secrets = ["root-password", "bobs-password", "newer-password", &*token];
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in secrets {
            assert!(
                !bytes
                    .windows(secret.len())
                    .any(|window| window == secret.as_bytes()),
                "{secret}"
            );
        }
    }
}

#[tokio::test]
async fn nothing_secret_is_in_what_debug_shows() {
    let server = EmbeddedServer::builder().credentials("iggy", "root-password");
    let builder = format!("{server:?}");
    let server = server
        .password_hashing(PasswordHashing::Fast)
        .record_access()
        .start()
        .await
        .unwrap();
    let root = client_as(&server, "iggy", "root-password").await;
    let created = root.create_user("bob", "bobs-password", UserStatus::Active, None);
    created.await.unwrap();
    let never = PersonalAccessTokenExpiry::NeverExpire;
    let token = root.create_personal_access_token("ci", never).await;
    let token = token.unwrap().token;
    let moments = server.access_moments();
    let shown = format!("{builder} {server:?} {:?} {moments:?}", server.access());
    assert!(shown.contains("bob"), "{shown}");
    for secret in ["root-password", "bobs-password", "$argon2id", &*token] {
        assert!(!shown.contains(secret), "{secret}");
    }
}
