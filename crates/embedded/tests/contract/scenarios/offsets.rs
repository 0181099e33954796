//! Consumer offsets.

use iggy_binary_protocol::primitives::ack_level::AckLevel;
use iggy_binary_protocol::primitives::consumer::WireConsumer;
use iggy_binary_protocol::primitives::polling_strategy::WirePollingStrategy as Strategy;

use super::Scene;
use crate::calls::{id, named};
use crate::message_calls::{consumer, group, messages, poll};
use crate::session::Session;

async fn with_messages(scene: &Scene, label: &str) -> Result<Session, String> {
    let session = scene.root_as(label).await?;
    session.create_stream("s").await;
    session.create_topic(&named("s"), "t", 2, &[]).await;
    session.send(0, &messages(1, &["a", "b", "c"])).await;
    Ok(session)
}

pub(super) async fn of_consumers(scene: Scene) -> Result<(), String> {
    let session = with_messages(&scene, "").await?;
    let c = consumer("c");
    scene.note("none yet");
    session.get_offset(&c, Some(0)).await;
    session.delete_offset(&c, Some(0)).await;
    scene.note("stored, forwards and backwards");
    for offset in [0, 2, 1] {
        session.store_offset(&c, Some(0), offset).await;
        session.get_offset(&c, Some(0)).await;
    }
    session.get_offset(&c, None).await;
    session.poll(&poll(Strategy::next(), 9)).await;
    scene.note("beyond the newest message");
    session.store_offset(&c, Some(0), 3).await;
    session.store_offset(&c, Some(0), u64::MAX).await;
    session.get_offset(&c, Some(0)).await;
    scene.note("of an empty partition");
    session.store_offset(&c, Some(1), 0).await;
    session.get_offset(&c, Some(1)).await;
    scene.note("without a partition, or one that is not there");
    session.store_offset(&c, None, 0).await;
    session.store_offset(&c, Some(2), 0).await;
    session.get_offset(&c, Some(2)).await;
    session.delete_offset(&c, None).await;
    session.delete_offset(&c, Some(2)).await;
    scene.note("a number is a consumer like any other; a name is known by its hash");
    let number = WireConsumer::consumer(id(7));
    session.store_offset(&number, Some(0), 2).await;
    session.get_offset(&number, Some(0)).await;
    session.get_offset(&consumer("7"), Some(0)).await;
    let hash = iggy_common::calculate_32(b"c");
    session
        .get_offset(&WireConsumer::consumer(id(hash)), Some(0))
        .await;
    scene.note("deleted");
    session.delete_offset(&c, Some(0)).await;
    session.get_offset(&c, Some(0)).await;
    session.delete_offset(&c, Some(0)).await;
    session.poll(&poll(Strategy::next(), 1)).await;
    scene.note("without waiting for it to be safe");
    session
        .store_offset_with(&c, Some(0), 1, AckLevel::NoAck)
        .await;
    session.get_offset(&c, Some(0)).await;
    session
        .store_offset_with(&c, Some(0), 9, AckLevel::NoAck)
        .await;
    session
        .delete_offset_with(&c, Some(0), AckLevel::NoAck)
        .await;
    session
        .delete_offset_with(&c, Some(0), AckLevel::NoAck)
        .await;
    scene.note("of what is not there");
    session
        .get_offset_of(&named("missing"), &named("t"), &c, Some(0))
        .await;
    session
        .get_offset_of(&named("s"), &id(9), &c, Some(0))
        .await;
    session.close().await;
    Ok(())
}

pub(super) async fn of_groups(scene: Scene) -> Result<(), String> {
    let root = with_messages(&scene, "root").await?;
    let (stream, t, g) = (named("s"), named("t"), named("g"));
    scene.note("no group");
    root.store_offset(&group("g"), Some(0), 1).await;
    root.get_offset(&group("g"), Some(0)).await;
    root.delete_offset(&group("g"), Some(0)).await;
    root.create_group(&stream, &t, "g").await;
    scene.note("not a member");
    root.store_offset(&group("g"), Some(0), 1).await;
    root.get_offset(&group("g"), Some(0)).await;
    scene.note("a member");
    let member = scene.root_as("member").await?;
    member.join_group(&stream, &t, &g).await;
    member.store_offset(&group("g"), Some(0), 1).await;
    member.store_offset(&group("g"), Some(0), 3).await;
    member.store_offset(&group("g"), None, 1).await;
    member.store_offset(&group("g"), Some(9), 1).await;
    member.get_offset(&group("g"), Some(0)).await;
    scene.note("others may look, by name and by number");
    root.get_offset(&group("g"), Some(0)).await;
    root.get_offset(&WireConsumer::consumer_group(id(0)), Some(0))
        .await;
    root.get_offset(&WireConsumer::consumer(id(0)), Some(0))
        .await;
    root.delete_offset(&group("g"), Some(0)).await;
    scene.note("a member that left");
    member.leave_group(&stream, &t, &g).await;
    member.store_offset(&group("g"), Some(0), 2).await;
    member.get_offset(&group("g"), Some(0)).await;
    member.join_group(&stream, &t, &g).await;
    let mut next = poll(Strategy::next(), 9);
    next.consumer = group("g");
    member.poll(&next).await;
    scene.note("deleted by a member");
    member.delete_offset(&group("g"), Some(0)).await;
    member.get_offset(&group("g"), Some(0)).await;
    scene.note("a group of the same name starts anew");
    member.store_offset(&group("g"), Some(0), 2).await;
    root.delete_group(&stream, &t, &g).await;
    root.get_offset(&group("g"), Some(0)).await;
    root.create_group(&stream, &t, "g").await;
    root.get_offset(&group("g"), Some(0)).await;
    member.close().await;
    root.close().await;
    Ok(())
}
