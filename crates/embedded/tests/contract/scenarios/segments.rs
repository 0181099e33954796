//! What removes messages.

use iggy_binary_protocol::primitives::polling_strategy::WirePollingStrategy as Strategy;

use super::Scene;
use crate::calls::{id, named, u32_value, u64_value};
use crate::message_calls::{consumer, large, messages, poll, topic};
use crate::session::Session;

/// Segments of 1 MiB, and every message is written at once: two messages of 600 kB fill one.
async fn with_segments(scene: &Scene) -> Result<Session, String> {
    let session = scene.root().await?;
    session.create_stream("s").await;
    session
        .create_topic(
            &named("s"),
            "t",
            2,
            &[
                u64_value("segment_size", 1024 * 1024),
                u32_value("messages_required_to_save", 1),
            ],
        )
        .await;
    for number in 1..=7 {
        session.send(0, &large(number, 600_000)).await;
    }
    session.get_topic(&named("s"), &named("t")).await;
    Ok(session)
}

pub(super) async fn deleted(scene: Scene) -> Result<(), String> {
    let session = with_segments(&scene).await?;
    let (stream, t) = topic();
    scene.note("one");
    session.delete_segments(&stream, &t, 0, 1).await;
    session.until(|t| t.topic.messages_count == 5).await?;
    session.get_topic(&stream, &t).await;
    session.poll(&poll(Strategy::first(), 1)).await;
    session.poll(&poll(Strategy::offset(1), 1)).await;
    session.poll(&poll(Strategy::last(), 1)).await;
    scene.note("none at all, or of a partition without any");
    session.delete_segments(&stream, &t, 0, 0).await;
    session.delete_segments(&stream, &t, 1, 1).await;
    scene.note("not what a consumer has yet to read");
    session.store_offset(&consumer("c"), Some(0), 3).await;
    session.delete_segments(&stream, &t, 0, 9).await;
    session.until(|t| t.topic.messages_count == 3).await?;
    session.delete_offset(&consumer("c"), Some(0)).await;
    session.delete_segments(&stream, &t, 0, 9).await;
    session.until(|t| t.topic.messages_count == 1).await?;
    session.get_topic(&stream, &t).await;
    session.poll(&poll(Strategy::first(), 9)).await;
    scene.note("offsets go on");
    session.send(0, &messages(8, &["a"])).await;
    scene.note("what is not there");
    session.delete_segments(&stream, &t, 2, 1).await;
    session.delete_segments(&stream, &id(9), 0, 1).await;
    session.delete_segments(&named("missing"), &t, 0, 1).await;
    session.close().await;
    Ok(())
}

pub(super) async fn purged(scene: Scene) -> Result<(), String> {
    let session = with_segments(&scene).await?;
    let (stream, t) = topic();
    session.send(1, &messages(1, &["a", "b"])).await;
    session.store_offset(&consumer("c"), Some(0), 3).await;
    session.create_group(&stream, &t, "g").await;
    scene.note("a topic");
    session.purge_topic(&stream, &t).await;
    session.until_empty(0).await?;
    session.until_empty(1).await?;
    session.get_topic(&stream, &t).await;
    session.get_offset(&consumer("c"), Some(0)).await;
    session.poll(&poll(Strategy::first(), 1)).await;
    session.get_groups(&stream, &t).await;
    session.send(0, &messages(1, &["c"])).await;
    session.poll(&poll(Strategy::next(), 1)).await;
    scene.note("a stream");
    session.purge_stream(&stream).await;
    session.until_empty(0).await?;
    session.get_stream(&stream).await;
    session.send(0, &messages(1, &["d"])).await;
    scene.note("removed partitions come back empty");
    session.send(1, &messages(1, &["e"])).await;
    session.delete_partitions(&stream, &t, 1).await;
    session.create_partitions(&stream, &t, 1).await;
    session.until_empty(1).await?;
    session.send(1, &messages(1, &["f"])).await;
    session.get_topic(&stream, &t).await;
    session.close().await;
    Ok(())
}
