//! Users and their passwords.

use super::Scene;
use crate::access::{
    ACTIVE, INACTIVE, on_server, on_streams, server_rights, stream_rights, topic_rights,
};
use crate::calls::{flag, id, named};
use iggy_binary_protocol::primitives::permissions::WirePermissions;

pub(super) async fn create_get_list(scene: Scene) -> Result<(), String> {
    let root = scene.root().await?;
    root.get_users().await;
    root.get_user(&id(0)).await;
    root.create_user("bob", None).await;
    root.create_user_as(
        "cid",
        "password",
        INACTIVE,
        Some(on_server(&["read_users"])),
    )
    .await;
    for user in [
        id(1),
        named("bob"),
        id(2),
        named("cid"),
        id(3),
        named("nobody"),
    ] {
        root.get_user(&user).await;
    }
    root.get_users().await;
    scene.note("names are unique, 3 to 50 bytes, and nothing else");
    root.create_user("bob", None).await;
    root.create_user("iggy", None).await;
    for name in ["b", "bo", "BOB", "123", " sp ace/%? é"] {
        root.create_user(name, None).await;
    }
    root.create_user(&"n".repeat(50), None).await;
    root.create_user(&"n".repeat(51), None).await;
    root.get_user(&named("123")).await;
    scene.note("the length of a password does not matter until somebody logs in");
    for (name, password) in [
        ("empty", String::new()),
        ("short", "p".to_owned()),
        ("least", "p".repeat(3)),
        ("most", "p".repeat(100)),
        ("longer", "p".repeat(101)),
        ("longest", "p".repeat(255)),
    ] {
        root.create_user_as(name, &password, ACTIVE, None).await;
        let session = scene.connect("").await?;
        session.login_with(name, &password).await;
        session.close().await;
    }
    root.close().await;
    Ok(())
}

pub(super) async fn update(scene: Scene) -> Result<(), String> {
    let root = scene.root().await?;
    root.create_user("ann", None).await;
    root.create_user("bob", None).await;
    root.update_user(&named("bob"), Some("rob"), None).await;
    root.get_user(&named("bob")).await;
    root.get_user(&named("rob")).await;
    root.update_user(&id(2), Some("rob"), None).await;
    root.update_user(&id(2), Some("ann"), None).await;
    root.update_user(&id(2), Some("iggy"), None).await;
    root.update_user(&id(2), Some("bo"), None).await;
    root.update_user(&id(2), Some(&"n".repeat(51)), None).await;
    root.update_user(&id(2), Some("bo"), Some(INACTIVE)).await;
    root.get_user(&id(2)).await;
    root.update_user(&id(2), None, Some(INACTIVE)).await;
    root.get_user(&id(2)).await;
    root.update_user(&id(2), Some("bob"), Some(ACTIVE)).await;
    root.get_user(&id(2)).await;
    root.update_user(&id(2), None, None).await;
    root.update_user(&named("nobody"), Some("somebody"), None)
        .await;
    root.update_user(&named("nobody"), Some("bo"), None).await;
    root.get_users().await;
    root.close().await;
    Ok(())
}

pub(super) async fn delete_and_id_reuse(scene: Scene) -> Result<(), String> {
    let root = scene.root().await?;
    for name in ["ann", "bob", "cid", "dan"] {
        root.create_user(name, Some(on_server(&["read_users"])))
            .await;
    }
    root.delete_user(&named("cid")).await;
    root.delete_user(&id(1)).await;
    root.delete_user(&id(1)).await;
    root.delete_user(&named("nobody")).await;
    root.get_users().await;
    scene.note("the lowest free id first; nothing is inherited");
    for name in ["eve", "fay", "gus"] {
        root.create_user(name, None).await;
        root.get_user(&named(name)).await;
    }
    root.close().await;
    Ok(())
}

pub(super) async fn permissions_as_stored(scene: Scene) -> Result<(), String> {
    let root = scene.root().await?;
    root.create_stream("s").await;
    let one_of_each = WirePermissions {
        global: server_rights(&["read_servers", "send_messages"]),
        streams: vec![
            stream_rights(
                0,
                &["read_stream", "poll_messages"],
                vec![
                    topic_rights(3, &["manage_topic"]),
                    topic_rights(5, &["poll_messages", "send_messages"]),
                ],
            ),
            stream_rights(999, &["manage_stream", "manage_topics"], vec![]),
        ],
    };
    let backwards = on_streams(vec![
        stream_rights(7, &["read_stream"], vec![]),
        stream_rights(2, &["read_stream"], vec![]),
    ]);
    let twice = on_streams(vec![
        stream_rights(2, &["read_stream"], vec![topic_rights(1, &["read_topic"])]),
        stream_rights(2, &["manage_stream"], vec![]),
    ]);
    let nothing = on_server(&[]);
    let empty_handed = on_streams(vec![stream_rights(1, &[], vec![topic_rights(1, &[])])]);
    for (number, permissions) in [
        None,
        Some(nothing.clone()),
        Some(empty_handed.clone()),
        Some(one_of_each.clone()),
        Some(backwards.clone()),
        Some(twice.clone()),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("user{number}");
        root.create_user(&name, permissions).await;
        root.get_user(&named(&name)).await;
    }
    scene.note("and by an update, which replaces all of them");
    let user = named("user0");
    for permissions in [
        Some(one_of_each),
        Some(backwards),
        Some(twice),
        Some(empty_handed),
        Some(nothing),
        None,
    ] {
        root.update_permissions(&user, permissions).await;
        root.get_user(&user).await;
    }
    root.update_permissions(&named("nobody"), None).await;
    root.close().await;
    Ok(())
}

pub(super) async fn options_and_status(scene: Scene) -> Result<(), String> {
    let root = scene.root().await?;
    root.create_user_with("bob", &[flag("anything", true)])
        .await;
    root.create_user_with("bo", &[flag("anything", true)]).await;
    root.create_user("bob", None).await;
    root.update_user_with(&named("bob"), Some("rob"), None, &[flag("anything", true)])
        .await;
    root.update_user_with(&named("nobody"), None, None, &[flag("anything", true)])
        .await;
    scene.note("a status that does not exist");
    for status in [0, 3, 255] {
        let name = format!("user{status}");
        root.create_user_as(&name, "password", status, None).await;
        root.get_user(&named(&name)).await;
        root.update_user(&named("bob"), None, Some(status)).await;
        root.get_user(&named("bob")).await;
    }
    root.close().await;
    Ok(())
}

pub(super) async fn root_rules(scene: Scene) -> Result<(), String> {
    let root = scene.root().await?;
    for user in [id(0), named("iggy")] {
        root.delete_user(&user).await;
        root.update_permissions(&user, None).await;
        root.update_permissions(&user, Some(on_server(&["read_users"])))
            .await;
    }
    root.get_user(&id(0)).await;
    scene.note("renamed");
    root.update_user(&id(0), Some("boss"), None).await;
    root.get_user(&named("iggy")).await;
    root.get_user(&named("boss")).await;
    attempt(&scene, "iggy", "iggy").await?;
    attempt(&scene, "boss", "iggy").await?;
    root.update_user(&id(0), Some("iggy"), None).await;
    attempt(&scene, "iggy", "iggy").await?;
    scene.note("inactive: nobody new gets in, who is in stays");
    root.update_user(&id(0), None, Some(INACTIVE)).await;
    attempt(&scene, "iggy", "iggy").await?;
    root.create_stream("s").await;
    root.update_user(&id(0), None, Some(ACTIVE)).await;
    attempt(&scene, "iggy", "iggy").await?;
    scene.note("another password");
    root.change_password(&id(0), "wrong", "changed").await;
    root.change_password(&id(0), "iggy", "changed").await;
    attempt(&scene, "iggy", "iggy").await?;
    attempt(&scene, "iggy", "changed").await?;
    root.change_password(&id(0), "changed", "iggy").await;
    attempt(&scene, "iggy", "iggy").await?;
    root.close().await;
    Ok(())
}

pub(super) async fn passwords(scene: Scene) -> Result<(), String> {
    let root = scene.root_as("root").await?;
    root.create_user("bob", None).await;
    root.create_user("eve", None).await;
    root.create_user("mia", Some(on_server(&["manage_users"])))
        .await;
    let bob = scene.connect("bob").await?;
    bob.login_with("bob", "password").await;
    scene.note("one's own");
    bob.change_password(&named("bob"), "wrong", "second").await;
    bob.change_password(&id(1), "password", "second").await;
    bob.whoami().await;
    attempt(&scene, "bob", "password").await?;
    attempt(&scene, "bob", "second").await?;
    bob.change_password(&id(1), "second", "second").await;
    scene.note("another's, with and without the right to manage users");
    let eve = scene.connect("eve").await?;
    eve.login_with("eve", "password").await;
    eve.change_password(&named("bob"), "second", "third").await;
    eve.change_password(&named("bob"), "wrong", "third").await;
    eve.change_password(&named("nobody"), "wrong", "third")
        .await;
    let mia = scene.connect("mia").await?;
    mia.login_with("mia", "password").await;
    mia.change_password(&named("bob"), "wrong", "third").await;
    mia.change_password(&named("bob"), "second", "third").await;
    mia.change_password(&named("nobody"), "wrong", "third")
        .await;
    attempt(&scene, "bob", "third").await?;
    root.change_password(&named("bob"), "wrong", "fourth").await;
    scene.note("a password that no login takes");
    root.change_password(&named("bob"), "third", "").await;
    attempt(&scene, "bob", "third").await?;
    root.change_password(&named("bob"), "", "ab").await;
    root.change_password(&named("bob"), "ab", &"p".repeat(101))
        .await;
    attempt(&scene, "bob", &"p".repeat(101)).await?;
    root.change_password(&named("bob"), &"p".repeat(101), &"p".repeat(100))
        .await;
    attempt(&scene, "bob", &"p".repeat(100)).await?;
    for session in [root, bob, eve, mia] {
        session.close().await;
    }
    Ok(())
}

pub(super) async fn inactive_login(scene: Scene) -> Result<(), String> {
    let root = scene.root_as("root").await?;
    root.create_user_as("bob", "password", INACTIVE, None).await;
    attempt(&scene, "bob", "password").await?;
    attempt(&scene, "bob", "wrong-password").await?;
    attempt(&scene, "nobody", "password").await?;
    root.update_user(&named("bob"), None, Some(ACTIVE)).await;
    let bob = scene.connect("bob").await?;
    bob.login_with("bob", "password").await;
    scene.note("deactivated while logged in");
    root.update_user(&named("bob"), None, Some(INACTIVE)).await;
    bob.whoami().await;
    bob.get_user(&named("bob")).await;
    bob.change_password(&named("bob"), "password", "changed")
        .await;
    bob.create_token("ci", 0).await;
    attempt(&scene, "bob", "changed").await?;
    root.close().await;
    bob.close().await;
    Ok(())
}

pub(super) async fn deleted_with_a_live_session(scene: Scene) -> Result<(), String> {
    let root = scene.root_as("root").await?;
    root.create_stream("s").await;
    root.create_user("bob", Some(on_server(&["read_streams", "manage_users"])))
        .await;
    let bob = scene.connect("bob").await?;
    bob.login_with("bob", "password").await;
    bob.get_stream(&named("s")).await;
    root.delete_user(&named("bob")).await;
    scene.note("logged in still, with nothing");
    bob.whoami().await;
    bob.get_stream(&named("s")).await;
    bob.get_streams().await;
    bob.get_users().await;
    bob.get_user(&id(1)).await;
    bob.change_password(&id(1), "password", "changed").await;
    bob.get_tokens().await;
    scene.note("whoever gets the id next");
    root.create_user_as(
        "cid",
        "another-password",
        ACTIVE,
        Some(on_server(&["read_streams"])),
    )
    .await;
    bob.whoami().await;
    bob.get_user(&id(1)).await;
    bob.get_stream(&named("s")).await;
    bob.change_password(&id(1), "password", "changed").await;
    bob.change_password(&id(1), "another-password", "changed")
        .await;
    bob.create_token("ci", 0).await;
    let cid = scene.connect("cid").await?;
    cid.login_with("cid", "changed").await;
    cid.get_tokens().await;
    for session in [root, bob, cid] {
        session.close().await;
    }
    Ok(())
}

/// Logs in on a connection of its own.
async fn attempt(scene: &Scene, username: &str, password: &str) -> Result<(), String> {
    let session = scene.connect("").await?;
    session.login_with(username, password).await;
    session.close().await;
    Ok(())
}
