//! Personal access tokens.

use std::time::Duration;

use iggy::prelude::*;
use iggy_binary_protocol::codes;
use iggyctl_embedded::{FaultKind, FaultPlan, FaultTarget};

use crate::support::{client_as, code, login, named, server_and_client, token_login, user};

const NEVER: PersonalAccessTokenExpiry = PersonalAccessTokenExpiry::NeverExpire;

#[tokio::test]
async fn a_token_logs_in_as_its_user() {
    let (server, root) = server_and_client().await;
    user(&root, "bob", None).await;
    let bob = client_as(&server, "bob", "password").await;
    let token = bob.create_personal_access_token("ci", NEVER).await.unwrap();
    assert_eq!(token.token.len(), 68);
    server.requests().reset();
    assert_eq!(token_login(&server, &token.token).await, 0);
    let logins = server.requests().count(codes::LOGIN_REGISTER_WITH_PAT_CODE);
    assert_eq!(logins, 1);
    assert_eq!(token_login(&server, "no-token-at-all").await, 53);

    let again = bob.create_personal_access_token("ci", NEVER).await;
    assert_eq!(code(again), 51);
    bob.create_personal_access_token("a", NEVER).await.unwrap();
    let listed = bob.get_personal_access_tokens().await.unwrap();
    let names: Vec<&str> = listed.iter().map(|token| &*token.name).collect();
    assert_eq!(names, ["a", "ci"]);
    assert!(listed.iter().all(|token| token.expiry_at.is_none()));
    assert!(root.get_personal_access_tokens().await.unwrap().is_empty());
    assert_eq!(code(root.delete_personal_access_token("ci").await), 20);

    bob.delete_personal_access_token("ci").await.unwrap();
    assert_eq!(code(bob.delete_personal_access_token("ci").await), 20);
    assert_eq!(token_login(&server, &token.token).await, 53);
}

#[tokio::test]
async fn a_token_goes_with_its_user_and_waits_for_an_inactive_one() {
    let (server, root) = server_and_client().await;
    user(&root, "bob", None).await;
    let bob = client_as(&server, "bob", "password").await;
    let token = bob.create_personal_access_token("ci", NEVER).await.unwrap();
    let status = |status| {
        let root = &root;
        async move {
            root.update_user(
                &named("bob"),
                None,
                Some(status),
                &UserUpdateOptions::default(),
            )
            .await
            .unwrap();
        }
    };
    status(UserStatus::Inactive).await;
    assert_eq!(token_login(&server, &token.token).await, 40);
    status(UserStatus::Active).await;
    assert_eq!(token_login(&server, &token.token).await, 0);

    root.delete_user(&named("bob")).await.unwrap();
    assert_eq!(token_login(&server, &token.token).await, 53);
    // What the old connection makes now is nobody's, also when the id has a user again.
    let orphan = bob.create_personal_access_token("late", NEVER).await;
    let orphan = orphan.unwrap().token;
    assert_eq!(token_login(&server, &orphan).await, 53);
    assert_eq!(user(&root, "cid", None).await, 1);
    assert_eq!(token_login(&server, &orphan).await, 53);
    assert_eq!(token_login(&server, &token.token).await, 53);
    assert!(server.access().users[&1].tokens.is_empty());
}

#[tokio::test]
async fn an_expired_token_keeps_its_name_until_it_is_cleaned_up() {
    let (server, root) = server_and_client().await;
    let soon = PersonalAccessTokenExpiry::ExpireDuration(IggyDuration::from(300_000));
    let token = root.create_personal_access_token("ci", soon).await.unwrap();
    assert_eq!(token_login(&server, &token.token).await, 0);
    while token_login(&server, &token.token).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(token_login(&server, &token.token).await, 53);
    let again = root.create_personal_access_token("ci", NEVER).await;
    assert_eq!(code(again), 51);
    assert_eq!(root.get_personal_access_tokens().await.unwrap().len(), 1);
    assert_eq!(server.testing().delete_expired_tokens(), 1);
    assert_eq!(server.testing().delete_expired_tokens(), 0);
    root.create_personal_access_token("ci", NEVER)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_user_has_a_hundred_tokens() {
    let (_server, root) = server_and_client().await;
    for number in 0..100 {
        root.create_personal_access_token(&format!("token{number}"), NEVER)
            .await
            .unwrap();
    }
    for name in ["more", "token7"] {
        let result = root.create_personal_access_token(name, NEVER).await;
        assert_eq!(code(result), 52, "{name}");
    }
    root.delete_personal_access_token("token7").await.unwrap();
    let one_more = root.create_personal_access_token("more", NEVER).await;
    one_more.unwrap();
}

#[tokio::test]
async fn the_new_commands_suffer_faults_and_are_counted() {
    let (server, root) = server_and_client().await;
    let (faults, log) = (server.faults(), server.requests());
    let lose = |code| FaultPlan::none().once(FaultKind::LostReply, FaultTarget::Command(code), 1);

    faults.set(lose(codes::CREATE_PERSONAL_ACCESS_TOKEN_CODE));
    let lost = root.create_personal_access_token("ci", NEVER).await;
    assert_ne!(code(lost), 0);
    assert_eq!(root.get_personal_access_tokens().await.unwrap().len(), 1);

    faults.set(lose(codes::CREATE_USER_CODE));
    let lost = root
        .create_user("bob", "password", UserStatus::Active, None)
        .await;
    assert_ne!(code(lost), 0);
    assert!(root.get_user(&named("bob")).await.unwrap().is_some());
    assert_eq!(log.count(codes::CREATE_USER_CODE), 1);
    assert_eq!(log.count(codes::CREATE_PERSONAL_ACCESS_TOKEN_CODE), 1);

    faults.set(FaultPlan::none().once(
        FaultKind::Disconnect,
        FaultTarget::Command(codes::LOGIN_REGISTER_CODE),
        1,
    ));
    log.reset();
    // The SDK tries again by itself.
    assert_eq!(login(&server, "bob", "password").await, 0);
    assert_eq!(log.count(codes::LOGIN_REGISTER_CODE), 2);
}
