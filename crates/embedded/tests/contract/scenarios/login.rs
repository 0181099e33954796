//! Logging in and out, and what needs it.

use iggy_binary_protocol::codes::*;
use iggy_binary_protocol::requests::system::{GetMeRequest, PingRequest};

use super::Scene;
use crate::calls::Encoded;
use crate::session::Session;

pub(super) async fn accepted_and_refused(scene: Scene) -> Result<(), String> {
    for (username, password) in [
        ("iggy", "iggy"),
        ("iggy", "wrong-password"),
        ("nobody", "wrong-password"),
        ("IGGY", "iggy"),
        ("iggy", "IGGY"),
        ("ig", "iggy"),
        ("iggy", "ig"),
    ] {
        let session = scene.connect("").await?;
        session.login(username, password).await;
        session.close().await;
    }
    scene.note("a refused login leaves the connection usable");
    let session = scene.connect("").await?;
    session.login("iggy", "wrong-password").await;
    session.command("ping()", PING_CODE, &PingRequest).await;
    session.login("iggy", "iggy").await;
    me(&session).await;
    session.close().await;
    Ok(())
}

pub(super) async fn twice_and_out(scene: Scene) -> Result<(), String> {
    let session = scene.connect("").await?;
    session.login("iggy", "iggy").await;
    me(&session).await;
    scene.note("the SDK logs out before it logs in again");
    session.login("iggy", "iggy").await;
    me(&session).await;
    session.logout().await;
    me(&session).await;
    session.command("ping()", PING_CODE, &PingRequest).await;
    session.create_stream("after-logout").await;
    session.logout().await;
    session.login("iggy", "iggy").await;
    me(&session).await;
    session.get_streams().await;
    session.close().await;
    Ok(())
}

pub(super) async fn before_login(scene: Scene) -> Result<(), String> {
    let session = scene.connect("").await?;
    session.command("ping()", PING_CODE, &PingRequest).await;
    for (name, code) in [
        ("get_me", GET_ME_CODE),
        ("get_stats", GET_STATS_CODE),
        ("get_clients", GET_CLIENTS_CODE),
        ("get_cluster_metadata", GET_CLUSTER_METADATA_CODE),
        ("get_streams", GET_STREAMS_CODE),
        ("get_users", GET_USERS_CODE),
    ] {
        session
            .command(&format!("{name}()"), code, &Encoded::new(&[]))
            .await;
    }
    session
        .command(
            "describe_options(1)",
            DESCRIBE_OPTIONS_CODE,
            &Encoded::new(&[&[1]]),
        )
        .await;
    session.create_stream("early").await;
    session.get_stream(&crate::calls::named("early")).await;
    session.close().await;
    Ok(())
}

/// Who the server thinks we are, as far as a login decides it.
async fn me(session: &Session) {
    session
        .ask(
            "get_me()",
            GET_ME_CODE,
            &GetMeRequest,
            |me: &iggy_binary_protocol::responses::clients::ClientDetailsResponse| {
                vec![format!("user={}", me.client.user_id)]
            },
        )
        .await;
}
