//! Sending and polling.

use iggy_binary_protocol::WirePartitioning;
use iggy_binary_protocol::codes::SEND_MESSAGES_CODE;
use iggy_binary_protocol::primitives::polling_strategy::WirePollingStrategy as Strategy;

use super::Scene;
use crate::calls::{Encoded, id, named};
use crate::message_calls::{Message, consumer, group, large, messages, poll, send_body, topic};
use crate::session::Session;

async fn with_topic(scene: &Scene, partitions: u32) -> Result<Session, String> {
    let session = scene.root().await?;
    session.create_stream("s").await;
    session
        .create_topic(&named("s"), "t", partitions, &[])
        .await;
    Ok(session)
}

pub(super) async fn send_and_poll(scene: Scene) -> Result<(), String> {
    let session = with_topic(&scene, 2).await?;
    scene.note("nothing is there");
    for strategy in [Strategy::first(), Strategy::last(), Strategy::next()] {
        session.poll(&poll(strategy, 10)).await;
    }
    session.poll(&poll(Strategy::offset(3), 10)).await;
    session.poll(&poll(Strategy::timestamp(0), 10)).await;
    scene.note("two batches");
    session.send(0, &messages(1, &["a", "b", "c"])).await;
    session.send(0, &messages(4, &["d", "e"])).await;
    session.poll(&poll(Strategy::first(), 10)).await;
    session.poll(&poll(Strategy::first(), 2)).await;
    session.poll(&poll(Strategy::offset(1), 3)).await;
    session.poll(&poll(Strategy::offset(1), 1)).await;
    session.poll(&poll(Strategy::offset(3), 1)).await;
    session.poll(&poll(Strategy::offset(4), 9)).await;
    session.poll(&poll(Strategy::offset(5), 9)).await;
    session.poll(&poll(Strategy::offset(u64::MAX), 9)).await;
    session.poll(&poll(Strategy::last(), 1)).await;
    session.poll(&poll(Strategy::last(), 4)).await;
    session.poll(&poll(Strategy::last(), 99)).await;
    session.poll(&poll(Strategy::next(), 2)).await;
    session.poll(&poll(Strategy::next(), 2)).await;
    session.poll(&poll(Strategy::first(), 0)).await;
    session.poll(&poll(Strategy::first(), u32::MAX)).await;
    scene.note("no partition is the first one; the other one is empty");
    let mut request = poll(Strategy::first(), 1);
    request.partition_id = None;
    session.poll(&request).await;
    request.partition_id = Some(1);
    session.poll(&request).await;
    scene.note("counted");
    session.get_topic(&named("s"), &named("t")).await;
    session.get_stream(&named("s")).await;
    session.close().await;
    Ok(())
}

pub(super) async fn timestamps(scene: Scene) -> Result<(), String> {
    let session = with_topic(&scene, 1).await?;
    for first in [1, 3, 5] {
        session.send(0, &messages(first, &["a", "b"])).await;
    }
    let times = session.poll(&poll(Strategy::first(), 10)).await;
    let middle = *times.get(2).ok_or("three batches")?;
    let last = *times.get(4).ok_or("three batches")?;
    for (what, at) in [
        ("of the second batch", middle),
        ("a microsecond later", middle + 1),
        ("of the last batch", last),
        ("later than all", last + 1),
    ] {
        scene.note(what);
        session.poll(&poll(Strategy::timestamp(at), 3)).await;
    }
    scene.note("the time of the producer does not count");
    session.poll(&poll(Strategy::timestamp(1_000_001), 1)).await;
    session.close().await;
    Ok(())
}

pub(super) async fn partitioning(scene: Scene) -> Result<(), String> {
    let session = with_topic(&scene, 3).await?;
    let (stream, t) = topic();
    let one = messages(1, &["x"]);
    scene.note("in turn");
    for _ in 0..4 {
        session
            .send_to(&stream, &t, &WirePartitioning::Balanced, &one)
            .await;
    }
    scene.note("by key");
    for key in ["a", "b", "c", "a", "order-17", "é"] {
        let key = WirePartitioning::MessagesKey(key.as_bytes().to_vec());
        session.send_to(&id(0), &id(0), &key, &one).await;
    }
    session.get_topic(&stream, &t).await;
    scene.note("what is not there");
    session.send(3, &one).await;
    let missing = named("missing");
    for way in [
        WirePartitioning::Balanced,
        WirePartitioning::PartitionId(0),
        WirePartitioning::MessagesKey(b"a".to_vec()),
    ] {
        session.send_to(&missing, &t, &way, &one).await;
        session.send_to(&stream, &missing, &way, &one).await;
    }
    session.create_topic(&stream, "none", 0, &[]).await;
    for way in [
        WirePartitioning::Balanced,
        WirePartitioning::PartitionId(0),
        WirePartitioning::MessagesKey(b"a".to_vec()),
    ] {
        session.send_to(&stream, &named("none"), &way, &one).await;
    }
    session.close().await;
    Ok(())
}

pub(super) async fn contents(scene: Scene) -> Result<(), String> {
    let session = with_topic(&scene, 1).await?;
    let message = |id, payload: &[u8], headers: &[u8]| Message {
        id,
        origin: 5,
        payload: payload.to_vec(),
        headers: headers.to_vec(),
    };
    scene.note("ids stay as they are, also none and twice the same");
    session
        .send(
            0,
            &[
                message(0, b"none", b""),
                message(7, b"seven", b""),
                message(7, b"seven", b""),
                message(u128::MAX, b"largest", b""),
            ],
        )
        .await;
    scene.note("payloads and headers are not looked into");
    session
        .send(
            0,
            &[
                message(1, b"", b""),
                message(2, b"", b"no headers at all"),
                message(3, &[0xff, 0xfe, 0], &[0; 300]),
            ],
        )
        .await;
    scene.note("times of the producer, in any order");
    let mut unordered = messages(1, &["late", "early"]);
    unordered[0].origin = 4_000_000_000;
    unordered[1].origin = 0;
    session.send(0, &unordered).await;
    scene.note("large");
    session.send(0, &large(1, 3_000_000)).await;
    session.poll(&poll(Strategy::first(), 100)).await;
    session.get_topic(&named("s"), &named("t")).await;
    session.close().await;
    Ok(())
}

pub(super) async fn commits(scene: Scene) -> Result<(), String> {
    let session = with_topic(&scene, 1).await?;
    let mut next = poll(Strategy::next(), 2);
    next.auto_commit = true;
    let c = consumer("c");
    scene.note("nothing to commit");
    session.poll(&next).await;
    session.get_offset(&c, Some(0)).await;
    session
        .send(0, &messages(1, &["a", "b", "c", "d", "e"]))
        .await;
    scene.note("one after the other");
    for _ in 0..4 {
        session.poll(&next).await;
        session.get_offset(&c, Some(0)).await;
    }
    scene.note("a commit of a poll goes only forward");
    let mut first = poll(Strategy::first(), 1);
    first.auto_commit = true;
    session.poll(&first).await;
    session.get_offset(&c, Some(0)).await;
    scene.note("a stored offset goes anywhere");
    session.store_offset(&c, Some(0), 1).await;
    session.poll(&next).await;
    scene.note("consumers do not know each other");
    let mut other = next.clone();
    other.consumer = consumer("d");
    session.poll(&other).await;
    scene.note("without a commit the next one is the same");
    let mut looking = poll(Strategy::next(), 1);
    looking.consumer = consumer("e");
    session.poll(&looking).await;
    session.poll(&looking).await;
    session.get_offset(&consumer("e"), Some(0)).await;
    session.close().await;
    Ok(())
}

pub(super) async fn refused(scene: Scene) -> Result<(), String> {
    let session = with_topic(&scene, 1).await?;
    let (stream, t) = topic();
    session.send(0, &messages(1, &["a"])).await;
    scene.note("what is not there");
    let mut request = poll(Strategy::first(), 1);
    request.partition_id = Some(1);
    session.poll(&request).await;
    request = poll(Strategy::first(), 1);
    request.stream_id = named("missing");
    session.poll(&request).await;
    request = poll(Strategy::first(), 1);
    request.topic_id = id(9);
    session.poll(&request).await;
    scene.note("groups that are not there, or not joined");
    request = poll(Strategy::first(), 1);
    request.consumer = group("g");
    session.poll(&request).await;
    session.create_group(&stream, &t, "g").await;
    session.poll(&request).await;
    request.partition_id = None;
    session.poll(&request).await;
    request.stream_id = named("missing");
    request.partition_id = Some(0);
    session.poll(&request).await;
    scene.note("no request at all");
    session
        .poll_shown("poll(nothing)", &Encoded::new(&[]))
        .await;
    session
        .poll_shown("poll(garbage)", &Encoded::new(&[&[7; 40]]))
        .await;
    let whole = send_body(
        &stream,
        &t,
        &WirePartitioning::PartitionId(0),
        &messages(1, &["a"]),
    );
    for (what, length) in [("nothing", 0), ("a length", 4), ("half of where to", 10)] {
        session
            .command(
                &format!("send({what})"),
                SEND_MESSAGES_CODE,
                &Encoded::new(&[&whole[..length]]),
            )
            .await;
    }
    scene.note("flushing");
    session.flush(0, false).await;
    session.flush(9, true).await;
    session.close().await;
    Ok(())
}
