//! Streams.

use iggy_binary_protocol::codes::*;

use super::Scene;
use crate::calls::{Encoded, id, named, text};

pub(super) async fn create_get_list(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    session.get_streams().await;
    session.create_stream("orders").await;
    session.create_stream("audit").await;
    session.create_stream("billing").await;
    scene.note("duplicates, also of another kind of identifier");
    session.create_stream("orders").await;
    session.create_stream("Orders").await;
    session.get_stream(&named("orders")).await;
    session.get_stream(&id(1)).await;
    session.get_stream(&named("missing")).await;
    session.get_stream(&id(4)).await;
    session.get_stream(&id(u32::MAX)).await;
    scene.note("the order of a list");
    session.get_streams().await;
    session.close().await;
    Ok(())
}

pub(super) async fn rename(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    session.create_stream("a").await;
    session.create_stream("b").await;
    session.update_stream(&named("a"), "c").await;
    session.get_stream(&named("a")).await;
    session.get_stream(&named("c")).await;
    scene.note("to its own name, to another's, of a missing one");
    session.update_stream(&named("c"), "c").await;
    session.update_stream(&named("c"), "b").await;
    session.update_stream(&named("missing"), "d").await;
    session.update_stream(&named("missing"), "b").await;
    session.update_stream(&id(9), "d").await;
    scene.note("by id, and the free name is free");
    session.update_stream(&id(0), "a").await;
    session.create_stream("c").await;
    session.get_streams().await;
    session.close().await;
    Ok(())
}

pub(super) async fn purge_and_delete(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    session.create_stream("a").await;
    session.create_topic(&named("a"), "t", 2, &[]).await;
    session.purge_stream(&named("a")).await;
    session.get_stream(&named("a")).await;
    session.purge_stream(&id(0)).await;
    session.purge_stream(&named("missing")).await;
    session.purge_stream(&id(7)).await;
    scene.note("delete takes the topics with it");
    session.delete_stream(&named("a")).await;
    session.get_stream(&named("a")).await;
    session.get_topic(&named("a"), &named("t")).await;
    session.delete_stream(&named("a")).await;
    session.delete_stream(&id(0)).await;
    session.get_streams().await;
    session.close().await;
    Ok(())
}

pub(super) async fn names(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    let longest = "x".repeat(255);
    for name in [
        "a",
        "A",
        " sp ace/%? ",
        "é",
        "e\u{301}",
        "123",
        "0",
        "tab\tnewline\n",
        "\u{0}",
        "日本語",
        &longest,
    ] {
        session.create_stream(name).await;
        session.get_stream(&named(name)).await;
    }
    scene.note("digits are a name when sent as one, and an id when sent as one");
    session.get_stream(&named("0")).await;
    session.get_stream(&id(0)).await;
    session.get_stream(&id(123)).await;
    session.get_streams().await;
    scene.note("no name at all, not UTF-8, and a length that lies");
    session
        .command(
            "create_stream(0 bytes)",
            CREATE_STREAM_CODE,
            &Encoded::new(&[&[0]]),
        )
        .await;
    session
        .command(
            "create_stream(not UTF-8)",
            CREATE_STREAM_CODE,
            &Encoded::new(&[&[2, 0xff, 0xfe]]),
        )
        .await;
    session
        .command(
            "create_stream(9 bytes said, 1 there)",
            CREATE_STREAM_CODE,
            &Encoded::new(&[&[9, b'a']]),
        )
        .await;
    session
        .command(
            "update_stream(#0, 0 bytes)",
            UPDATE_STREAM_CODE,
            &Encoded::new(&[&[1, 4, 0, 0, 0, 0, 0]]),
        )
        .await;
    session.close().await;
    Ok(())
}

pub(super) async fn id_reuse(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    for name in ["a", "b", "c", "d"] {
        session.create_stream(name).await;
    }
    scene.note("two free ids: the lowest first, whatever was freed last");
    session.delete_stream(&named("b")).await;
    session.delete_stream(&named("c")).await;
    session.create_stream("e").await;
    session.create_stream("f").await;
    session.create_stream("g").await;
    session.delete_stream(&named("d")).await;
    session.delete_stream(&named("a")).await;
    session.create_stream("h").await;
    session.create_stream("i").await;
    scene.note("a refused create takes no id");
    session.create_stream("h").await;
    session.create_stream("j").await;
    session.get_streams().await;
    session.close().await;
    Ok(())
}

pub(super) async fn options(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    session.create_stream("a").await;
    scene.note("streams have no options");
    session
        .create_stream_with("b", &[text("retention", "1d")])
        .await;
    session
        .create_stream_with("b", &[text("message_expiry", "1d")])
        .await;
    session
        .update_stream_with(&named("a"), "a", &[text("retention", "1d")])
        .await;
    scene.note("which error comes first");
    session
        .create_stream_with("a", &[text("retention", "1d")])
        .await;
    session
        .update_stream_with(&named("missing"), "a", &[text("retention", "1d")])
        .await;
    session.get_streams().await;
    session.close().await;
    Ok(())
}

pub(super) async fn details_with_many_topics(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    session.create_stream("s").await;
    for number in [5, 3, 11, 1, 9, 2] {
        session
            .create_topic(&named("s"), &format!("t{number}"), number, &[])
            .await;
    }
    session.get_stream(&named("s")).await;
    scene.note("a freed id is filled, and its place in the list too");
    session.delete_topic(&named("s"), &named("t11")).await;
    session.create_topic(&named("s"), "t0", 1, &[]).await;
    session.get_stream(&named("s")).await;
    session.get_topics(&named("s")).await;
    session.close().await;
    Ok(())
}
