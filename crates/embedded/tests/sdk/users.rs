//! Users, their passwords, and what is left of them.

use iggy::prelude::*;
use iggy_binary_protocol::codes;
use iggyctl_embedded::EmbeddedServer;

use crate::support::{client_as, code, login, named, server_and_client, user};

#[tokio::test]
async fn a_user_is_kept_as_it_was_sent() {
    let (_server, root) = server_and_client().await;
    let permissions = Permissions {
        global: GlobalPermissions::default(),
        streams: Some([(999, StreamPermissions::default())].into()),
    };
    let sent = [None, Some(Permissions::default()), Some(permissions)];
    for (number, permissions) in sent.into_iter().enumerate() {
        let name = format!("user{number}");
        let created = root
            .create_user(&name, "password", UserStatus::Inactive, permissions.clone())
            .await
            .unwrap();
        let read = root.get_user(&named(&name)).await.unwrap().unwrap();
        assert_eq!(read.id as usize, number + 1);
        assert_eq!(read.status, UserStatus::Inactive);
        assert_eq!(read.permissions, permissions);
        assert_eq!(created.created_at, read.created_at);
    }
    let names: Vec<String> = root
        .get_users()
        .await
        .unwrap()
        .into_iter()
        .map(|user| user.username)
        .collect();
    assert_eq!(names, ["iggy", "user0", "user1", "user2"]);
}

#[tokio::test]
async fn empty_maps_are_read_back_as_none() {
    let (_server, root) = server_and_client().await;
    let empty = Permissions {
        global: GlobalPermissions::default(),
        streams: Some([].into()),
    };
    user(&root, "bob", Some(empty)).await;
    let read = root.get_user(&named("bob")).await.unwrap().unwrap();
    assert_eq!(read.permissions, Some(Permissions::default()));
}

#[tokio::test]
async fn names_are_taken_once_and_ids_again() {
    let (_server, root) = server_and_client().await;
    assert_eq!(user(&root, "ann", None).await, 1);
    assert_eq!(user(&root, "bob", None).await, 2);
    let again = root
        .create_user("bob", "password", UserStatus::Active, None)
        .await;
    assert_eq!(code(again), 46);
    let rename = root
        .update_user(&named("bob"), Some("ann"), None, &no_options())
        .await;
    assert_eq!(code(rename), 46);
    root.update_user(&named("bob"), Some("bob"), None, &no_options())
        .await
        .unwrap();
    root.delete_user(&named("ann")).await.unwrap();
    assert_eq!(code(root.delete_user(&named("ann")).await), 20);
    assert_eq!(user(&root, "cid", None).await, 1);
}

fn no_options() -> UserUpdateOptions {
    UserUpdateOptions::default()
}

#[tokio::test]
async fn root_keeps_its_rights_and_may_lose_all_else() {
    let (server, root) = server_and_client().await;
    let id = Identifier::numeric(0).unwrap();
    assert_eq!(code(root.delete_user(&id).await), 48);
    assert_eq!(code(root.update_permissions(&id, None).await), 49);
    root.update_user(&id, Some("boss"), None, &no_options())
        .await
        .unwrap();
    root.change_password(&id, "iggy", "changed").await.unwrap();
    assert_eq!(login(&server, "iggy", "iggy").await, 42);
    assert_eq!(login(&server, "boss", "iggy").await, 42);
    assert_eq!(login(&server, "boss", "changed").await, 0);
    root.update_user(&id, None, Some(UserStatus::Inactive), &no_options())
        .await
        .unwrap();
    assert_eq!(login(&server, "boss", "changed").await, 42);
    // Who is in stays in.
    root.create_stream("s").await.unwrap();
}

#[tokio::test]
async fn a_password_is_changed_only_by_who_knows_it() {
    let (server, root) = server_and_client().await;
    user(&root, "bob", None).await;
    user(&root, "eve", None).await;
    let bob = client_as(&server, "bob", "password").await;
    let (bob_id, nobody) = (named("bob"), named("nobody"));
    let wrong = bob.change_password(&bob_id, "wrong", "new-one").await;
    assert_eq!(code(wrong), 42);
    let as_root = root.change_password(&bob_id, "wrong", "new-one").await;
    assert_eq!(code(as_root), 42);
    let missing = root.change_password(&nobody, "wrong", "new-one").await;
    assert_eq!(code(missing), 20);
    let eve = client_as(&server, "eve", "password").await;
    let others = eve.change_password(&bob_id, "password", "new-one").await;
    assert_eq!(code(others), 41);
    bob.change_password(&bob_id, "password", "new-one")
        .await
        .unwrap();
    assert_eq!(login(&server, "bob", "password").await, 42);
    assert_eq!(login(&server, "bob", "new-one").await, 0);
    // Who is in stays in.
    assert_eq!(bob.get_me().await.unwrap().user_id, Some(1));
}

#[tokio::test]
async fn an_inactive_user_is_refused_like_a_wrong_password() {
    let (server, root) = server_and_client().await;
    let created = root.create_user("bob", "password", UserStatus::Inactive, None);
    created.await.unwrap();
    assert_eq!(login(&server, "bob", "password").await, 42);
    root.update_user(&named("bob"), None, Some(UserStatus::Active), &no_options())
        .await
        .unwrap();
    assert_eq!(login(&server, "bob", "password").await, 0);
}

#[tokio::test]
async fn a_deleted_users_connection_acts_as_whoever_gets_its_id() {
    let (server, root) = server_and_client().await;
    let allowed = Permissions {
        global: GlobalPermissions {
            read_streams: true,
            ..Default::default()
        },
        streams: None,
    };
    user(&root, "bob", Some(allowed.clone())).await;
    let bob = client_as(&server, "bob", "password").await;
    bob.get_streams().await.unwrap();
    root.delete_user(&named("bob")).await.unwrap();
    assert_eq!(code(bob.get_streams().await), 41);
    assert_eq!(bob.get_me().await.unwrap().user_id, Some(1));
    user(&root, "cid", Some(allowed)).await;
    bob.get_streams().await.unwrap();
    let myself = bob.get_user(&Identifier::numeric(1).unwrap()).await;
    assert_eq!(myself.unwrap().unwrap().username, "cid");
}

#[tokio::test]
async fn passwords_cost_what_they_cost_on_the_real_server() {
    let server = EmbeddedServer::builder().start().await.unwrap();
    let root = crate::support::client_of(&server).await;
    user(&root, "bob", None).await;
    assert_eq!(login(&server, "bob", "password").await, 0);
    assert_eq!(login(&server, "bob", "wrong").await, 42);
    assert_eq!(server.requests().count(codes::LOGIN_REGISTER_CODE), 3);
}

#[tokio::test(flavor = "current_thread")]
async fn others_go_on_while_a_password_is_hashed() {
    // One thread serves everybody; hashing must not be on it.
    let server = EmbeddedServer::builder().start().await.unwrap();
    let root = crate::support::client_of(&server).await;
    let pending = root.create_user("bob", "password", UserStatus::Active, None);
    let other = crate::support::client_of(&server).await;
    let reads = async {
        let mut reads = 0;
        while server.access().users.len() == 1 {
            other.ping().await.unwrap();
            reads += 1;
        }
        reads
    };
    let (created, reads) = tokio::join!(pending, reads);
    created.unwrap();
    assert!(reads > 2, "{reads} answers while a password was hashed");
}

#[tokio::test]
async fn of_two_changes_of_a_password_at_once_one_is_refused() {
    let (server, root) = server_and_client().await;
    user(&root, "bob", None).await;
    let bob = named("bob");
    let (one, two) = (
        client_as(&server, "bob", "password").await,
        client_as(&server, "bob", "password").await,
    );
    let (first, second) = tokio::join!(
        one.change_password(&bob, "password", "first"),
        two.change_password(&bob, "password", "second"),
    );
    let mut codes = [code(first), code(second)];
    codes.sort_unstable();
    assert_eq!(codes, [0, 42]);
}
