//! `login-after-restart`: users and access tokens are there after a restart, wrong
//! passwords are refused as before, and a connection that was open finds its server again.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::access::{Grants, StreamGrants, StreamPermission};
use iggyctl_messaging::Secret;
use iggyctl_messaging::connection::Credentials;

use super::messages::{expect_messages, numbered};
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Failure, Step as _, Stop};
use crate::smoke::sdk::{Client, From, Reader, Received, To};

const TOPIC: &str = "after";

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    arena.can_restart()?;
    arena.topic(TOPIC, 1).await?;
    let ids = arena.look_at(&arena.stream).await?;
    let stream = StreamGrants {
        allow: BTreeSet::from([StreamPermission::ReadStream, StreamPermission::SendMessages]),
        topics: BTreeMap::new(),
    };
    let grants = Grants {
        server: BTreeSet::new(),
        streams: BTreeMap::from([(ids.id, stream)]),
    };
    let user = arena.user("logs-in", &grants).await?;
    let open = arena.client_as(user.clone())?;
    let token = open
        .create_token("smoke")
        .await
        .step("create an access token")?;
    let sent = numbered("before", 10);
    open.send(&arena.stream, TOPIC, To::Partition(0), &sent)
        .await
        .step("send before the restart")?;

    arena.restart().await?;

    let read = again(arena, &open).await?;
    let step = "read over the connection that was open before the restart";
    expect_messages(step, &sent, 0, &read)?;
    for (who, credentials) in [
        ("the password", user.clone()),
        ("the access token", Credentials::Token(token)),
    ] {
        let step = format!("log in with {who} after the restart");
        let client = arena.client_as(credentials)?;
        expect_messages(&step, &sent, 0, &poll(arena, &client).await.step(&step)?)?;
    }
    let Credentials::Password { username, .. } = user else {
        return Ok(());
    };
    let wrong = Credentials::Password {
        username,
        password: Secret::new("not the password of this user"),
    };
    let step = "log in with a wrong password after the restart";
    match arena.client_as(wrong)?.log_in().await {
        Ok(()) => Err(Failure::new(step, "that it is refused", "it was accepted").into()),
        Err(error) if error.is_wrong_login() => Ok(()),
        Err(error) => Err(Failure::new(step, "that it is refused", error.to_string()).into()),
    }
}

async fn poll(
    arena: &Arena,
    client: &Client,
) -> Result<Vec<Received>, crate::smoke::sdk::CallError> {
    let reader = Reader::Plain("logs-in");
    client
        .poll(
            &arena.stream,
            TOPIC,
            Some(0),
            reader,
            From::First,
            100,
            false,
        )
        .await
}

/// The first request on a connection that was cut off finds that out; the next one has a
/// new connection.
async fn again(arena: &Arena, client: &Client) -> Result<Vec<Received>, Failure> {
    let step = "use the connection that was open before the restart";
    match poll(arena, client).await {
        Err(error) if client.reconnects_after(&error).await => poll(arena, client).await.step(step),
        other => other.step(step),
    }
}
