//! Members of groups that poll.

use iggy_binary_protocol::primitives::polling_strategy::WirePollingStrategy as Strategy;
use iggy_binary_protocol::requests::messages::PollMessagesRequest;

use super::Scene;
use crate::calls::named;
use crate::message_calls::{group, messages, poll};
use crate::session::Session;

async fn with_messages(scene: &Scene) -> Result<Session, String> {
    let root = scene.root_as("root").await?;
    let (stream, t) = (named("s"), named("t"));
    root.create_stream("s").await;
    root.create_topic(&stream, "t", 4, &[]).await;
    root.create_group(&stream, &t, "g").await;
    for partition in 0..4 {
        root.send(partition, &messages(1, &["a", "b", "c"])).await;
    }
    Ok(root)
}

fn next(partition: u32, commit: bool) -> PollMessagesRequest {
    let mut request = poll(Strategy::next(), 2);
    request.consumer = group("g");
    request.partition_id = Some(partition);
    request.auto_commit = commit;
    request
}

pub(super) async fn next_for_members(scene: Scene) -> Result<(), String> {
    let root = with_messages(&scene).await?;
    let (stream, t, g) = (named("s"), named("t"), named("g"));
    let first = scene.root_as("first").await?;
    first.join_group(&stream, &t, &g).await;
    first.sync_group(&stream, &t, &g).await;
    scene.note("with and without commits");
    first.poll(&next(0, true)).await;
    first.poll(&next(0, true)).await;
    first.poll(&next(0, true)).await;
    first.poll(&next(1, false)).await;
    first.poll(&next(1, false)).await;
    first.get_offset(&group("g"), Some(0)).await;
    first.get_offset(&group("g"), Some(1)).await;
    scene.note("a partition that is not there");
    first.poll(&next(4, true)).await;
    scene.note("the next owner goes on where the first one committed");
    first.leave_group(&stream, &t, &g).await;
    first.poll(&next(0, true)).await;
    let second = scene.root_as("second").await?;
    second.join_group(&stream, &t, &g).await;
    second.sync_group(&stream, &t, &g).await;
    second.poll(&next(0, true)).await;
    second.poll(&next(1, true)).await;
    second.poll(&next(1, true)).await;
    first.close().await;
    second.close().await;
    root.close().await;
    Ok(())
}

pub(super) async fn newcomers(scene: Scene) -> Result<(), String> {
    let root = with_messages(&scene).await?;
    let (stream, t, g) = (named("s"), named("t"), named("g"));
    let first = scene.root_as("first").await?;
    first.join_group(&stream, &t, &g).await;
    scene.note("committed: it moves at once");
    first.poll(&next(3, true)).await;
    scene.note("not committed: it waits");
    first.poll(&next(2, false)).await;
    let second = scene.root_as("second").await?;
    second.join_group(&stream, &t, &g).await;
    root.get_group(&stream, &t, &g).await;
    first.sync_group(&stream, &t, &g).await;
    second.sync_group(&stream, &t, &g).await;
    first.poll(&next(3, true)).await;
    second.poll(&next(3, true)).await;
    first.poll(&next(2, true)).await;
    second.poll(&next(2, true)).await;
    scene.note("committed late");
    first.store_offset(&group("g"), Some(2), 1).await;
    until_two(&second).await?;
    first.sync_group(&stream, &t, &g).await;
    second.sync_group(&stream, &t, &g).await;
    first.store_offset(&group("g"), Some(2), 2).await;
    second.poll(&next(2, true)).await;
    scene.note("a third one, with nothing in flight, and one too many");
    let third = scene.root_as("third").await?;
    third.join_group(&stream, &t, &g).await;
    root.get_group(&stream, &t, &g).await;
    let fourth = scene.root_as("fourth").await?;
    fourth.join_group(&stream, &t, &g).await;
    let fifth = scene.root_as("fifth").await?;
    fifth.join_group(&stream, &t, &g).await;
    fifth.sync_group(&stream, &t, &g).await;
    root.get_group(&stream, &t, &g).await;
    scene.note("a member logs out");
    first.logout().await;
    root.get_group(&stream, &t, &g).await;
    fifth.sync_group(&stream, &t, &g).await;
    for session in [first, second, third, fourth, fifth, root] {
        session.close().await;
    }
    Ok(())
}

/// A real server hands over when it looks after its groups next.
async fn until_two(second: &Session) -> Result<(), String> {
    use iggy_binary_protocol::codec::{WireDecode, WireEncode};
    use iggy_binary_protocol::codes::SYNC_CONSUMER_GROUP_CODE;
    use iggy_binary_protocol::requests::consumer_groups::SyncConsumerGroupRequest;
    use iggy_binary_protocol::responses::consumer_groups::SyncConsumerGroupResponse;
    let request = SyncConsumerGroupRequest {
        stream_id: named("s"),
        topic_id: named("t"),
        group_id: named("g"),
    };
    for _ in 0..1000 {
        let body = second
            .raw(SYNC_CONSUMER_GROUP_CODE, request.to_bytes())
            .await
            .map_err(|error| error.to_string())?;
        let reply =
            SyncConsumerGroupResponse::decode_from(&body).map_err(|error| error.to_string())?;
        if reply.partitions.len() == 2 {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    Err("the partition is never handed over".to_owned())
}
