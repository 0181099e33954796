//! Adding and removing partitions.

use super::Scene;
use crate::calls::{id, named};

pub(super) async fn add_and_remove(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    let (stream, topic) = (named("s"), named("t"));
    session.create_stream("s").await;
    session.create_topic(&stream, "t", 1, &[]).await;
    session.create_partitions(&stream, &topic, 4).await;
    session.get_topic(&stream, &topic).await;
    session.delete_partitions(&stream, &topic, 2).await;
    session.get_topic(&stream, &topic).await;
    scene.note("ids stay dense");
    session.create_partitions(&id(0), &id(0), 1).await;
    session.get_topic(&stream, &topic).await;
    scene.note("down to none and up again");
    session.delete_partitions(&stream, &topic, 4).await;
    session.get_topic(&stream, &topic).await;
    session.create_partitions(&stream, &topic, 2).await;
    session.get_topic(&stream, &topic).await;
    scene.note("the most that one call takes");
    session.create_partitions(&stream, &topic, 1000).await;
    session.get_topic(&stream, &topic).await;
    session.delete_partitions(&stream, &topic, 1000).await;
    session.get_topic(&stream, &topic).await;
    session.close().await;
    Ok(())
}

pub(super) async fn refused(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    let (stream, topic) = (named("s"), named("t"));
    session.create_stream("s").await;
    session.create_topic(&stream, "t", 3, &[]).await;
    for count in [0, 1001, u32::MAX] {
        session.create_partitions(&stream, &topic, count).await;
        session.delete_partitions(&stream, &topic, count).await;
    }
    scene.note("more than exist: none is removed");
    session.delete_partitions(&stream, &topic, 4).await;
    session.get_topic(&stream, &topic).await;
    session.delete_partitions(&stream, &topic, 3).await;
    session.delete_partitions(&stream, &topic, 1).await;
    session.close().await;
    Ok(())
}

pub(super) async fn missing_parents(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    session.create_stream("s").await;
    for (stream, topic) in [
        (named("missing"), named("t")),
        (id(9), id(0)),
        (named("s"), named("missing")),
        (named("s"), id(9)),
    ] {
        session.create_partitions(&stream, &topic, 1).await;
        session.delete_partitions(&stream, &topic, 1).await;
    }
    scene.note("which error comes first");
    session
        .create_partitions(&named("missing"), &named("t"), 0)
        .await;
    session
        .delete_partitions(&named("missing"), &named("t"), 1001)
        .await;
    session.close().await;
    Ok(())
}
