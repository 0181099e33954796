//! Topics, apart from their options.

use iggy_binary_protocol::codes::*;

use super::Scene;
use crate::calls::{Encoded, id, named};

pub(super) async fn create_get_list(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    session.create_stream("s").await;
    session.get_topics(&named("s")).await;
    session.create_topic(&named("s"), "orders", 3, &[]).await;
    session.create_topic(&id(0), "audit", 1, &[]).await;
    session.get_topic(&named("s"), &named("orders")).await;
    session.get_topic(&id(0), &id(1)).await;
    session.get_topic(&named("s"), &named("missing")).await;
    session.get_topic(&named("s"), &id(9)).await;
    scene.note("duplicates; the same name in another stream is another topic");
    session.create_topic(&named("s"), "orders", 1, &[]).await;
    session.create_stream("other").await;
    session
        .create_topic(&named("other"), "orders", 1, &[])
        .await;
    session.get_topics(&named("s")).await;
    session.get_topics(&id(1)).await;
    session.get_stream(&named("s")).await;
    session.get_streams().await;
    session.close().await;
    Ok(())
}

pub(super) async fn rename(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    session.create_stream("s").await;
    session.create_topic(&named("s"), "a", 1, &[]).await;
    session.create_topic(&named("s"), "b", 1, &[]).await;
    session
        .update_topic(&named("s"), &named("a"), "c", &[])
        .await;
    session.get_topic(&named("s"), &named("a")).await;
    session.get_topic(&named("s"), &named("c")).await;
    session
        .update_topic(&named("s"), &named("c"), "c", &[])
        .await;
    session
        .update_topic(&named("s"), &named("c"), "b", &[])
        .await;
    session
        .update_topic(&named("s"), &named("missing"), "d", &[])
        .await;
    session
        .update_topic(&named("s"), &named("missing"), "b", &[])
        .await;
    session.update_topic(&named("s"), &id(9), "d", &[]).await;
    session.update_topic(&id(0), &id(0), "a", &[]).await;
    session.create_topic(&named("s"), "c", 1, &[]).await;
    session.get_topics(&named("s")).await;
    session.close().await;
    Ok(())
}

pub(super) async fn purge_and_delete(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    session.create_stream("s").await;
    session.create_topic(&named("s"), "t", 2, &[]).await;
    session.create_group(&named("s"), &named("t"), "g").await;
    session.purge_topic(&named("s"), &named("t")).await;
    session.purge_topic(&id(0), &id(0)).await;
    session.purge_topic(&named("s"), &named("missing")).await;
    session.purge_topic(&named("s"), &id(3)).await;
    session.get_topic(&named("s"), &named("t")).await;
    session.get_groups(&named("s"), &named("t")).await;
    scene.note("delete takes the groups with it");
    session.delete_topic(&named("s"), &named("t")).await;
    session.get_topic(&named("s"), &named("t")).await;
    session.get_groups(&named("s"), &named("t")).await;
    session.delete_topic(&named("s"), &named("t")).await;
    session.delete_topic(&named("s"), &id(0)).await;
    session.create_topic(&named("s"), "t", 1, &[]).await;
    session.get_groups(&named("s"), &named("t")).await;
    session.get_streams().await;
    session.close().await;
    Ok(())
}

pub(super) async fn missing_parents(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    for stream in [named("missing"), id(5)] {
        session.create_topic(&stream, "t", 1, &[]).await;
        session.get_topic(&stream, &named("t")).await;
        session.get_topics(&stream).await;
        session.update_topic(&stream, &named("t"), "u", &[]).await;
        session.purge_topic(&stream, &named("t")).await;
        session.delete_topic(&stream, &named("t")).await;
    }
    scene.note("which error comes first");
    session
        .create_topic(&named("missing"), "t", 1001, &[])
        .await;
    session
        .create_topic(
            &named("missing"),
            "t",
            1,
            &[crate::calls::text("nonsense", "x")],
        )
        .await;
    session.close().await;
    Ok(())
}

pub(super) async fn names(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    session.create_stream("s").await;
    let longest = "é".repeat(127) + "x";
    for name in ["a", "A", " sp ace/%? ", "é", "123", "0", &longest] {
        session.create_topic(&named("s"), name, 1, &[]).await;
        session.get_topic(&named("s"), &named(name)).await;
    }
    session.get_topic(&named("s"), &id(0)).await;
    session.get_topic(&named("s"), &id(123)).await;
    scene.note("no name at all");
    session
        .command(
            "create_topic(#0, 0 bytes, 1)",
            CREATE_TOPIC_CODE,
            &Encoded::new(&[&[1, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0]]),
        )
        .await;
    session.close().await;
    Ok(())
}

pub(super) async fn id_reuse(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    session.create_stream("s").await;
    session.create_stream("other").await;
    for name in ["a", "b", "c", "d"] {
        session.create_topic(&named("s"), name, 1, &[]).await;
    }
    session.delete_topic(&named("s"), &named("b")).await;
    session.delete_topic(&named("s"), &named("c")).await;
    session.create_topic(&named("s"), "e", 1, &[]).await;
    session.create_topic(&named("s"), "f", 1, &[]).await;
    session.create_topic(&named("s"), "g", 1, &[]).await;
    scene.note("ids count for each stream");
    session.create_topic(&named("other"), "a", 1, &[]).await;
    session.close().await;
    Ok(())
}

pub(super) async fn partition_limits(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    session.create_stream("s").await;
    for count in [0, 1, 1000, 1001, u32::MAX] {
        session
            .create_topic(&named("s"), &format!("t{count}"), count, &[])
            .await;
    }
    session.get_topic(&named("s"), &named("t0")).await;
    session.get_topics(&named("s")).await;
    scene.note("which error comes first");
    session.create_topic(&named("s"), "t0", 1001, &[]).await;
    session
        .create_topic(
            &named("s"),
            "u",
            1001,
            &[crate::calls::text("nonsense", "x")],
        )
        .await;
    session.close().await;
    Ok(())
}
