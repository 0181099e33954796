//! Consumer groups and their members.

use iggy_binary_protocol::codes::GET_ME_CODE;
use iggy_binary_protocol::requests::system::GetMeRequest;
use iggy_binary_protocol::responses::clients::ClientDetailsResponse;

use super::Scene;
use crate::calls::{id, named};
use crate::session::Session;

async fn topic(scene: &Scene, partitions: u32) -> Result<Session, String> {
    let session = scene.root_as("root").await?;
    session.create_stream("s").await;
    session
        .create_topic(&named("s"), "t", partitions, &[])
        .await;
    Ok(session)
}

pub(super) async fn create_get_list(scene: Scene) -> Result<(), String> {
    let session = topic(&scene, 3).await?;
    let (stream, t) = (named("s"), named("t"));
    session.get_groups(&stream, &t).await;
    session.create_group(&stream, &t, "billing").await;
    session.create_group(&id(0), &id(0), "audit").await;
    session.get_group(&stream, &t, &named("billing")).await;
    session.get_group(&id(0), &id(0), &id(1)).await;
    session.get_groups(&stream, &t).await;
    scene.note("the same name on another topic is another group");
    session.create_topic(&stream, "u", 1, &[]).await;
    session.create_group(&stream, &named("u"), "billing").await;
    session.get_groups(&stream, &named("u")).await;
    scene.note("a group of a topic without partitions; partitions added later");
    session.create_topic(&stream, "none", 0, &[]).await;
    session.create_group(&stream, &named("none"), "g").await;
    session.create_partitions(&stream, &named("none"), 2).await;
    session
        .get_group(&stream, &named("none"), &named("g"))
        .await;
    scene.note("names");
    let longest = "x".repeat(255);
    for name in ["A", "a", " sp ace/%? é", "123", &longest] {
        session.create_group(&stream, &named("u"), name).await;
    }
    session.get_group(&stream, &named("u"), &named("123")).await;
    session.get_groups(&stream, &named("u")).await;
    session.close().await;
    Ok(())
}

pub(super) async fn refused(scene: Scene) -> Result<(), String> {
    let session = topic(&scene, 1).await?;
    let (stream, t) = (named("s"), named("t"));
    session.create_group(&stream, &t, "g").await;
    session.create_group(&stream, &t, "g").await;
    session.get_group(&stream, &t, &named("missing")).await;
    session.get_group(&stream, &t, &id(7)).await;
    session.delete_group(&stream, &t, &named("missing")).await;
    session.delete_group(&stream, &t, &id(7)).await;
    session.delete_group(&stream, &t, &named("g")).await;
    session.delete_group(&stream, &t, &named("g")).await;
    session.get_groups(&stream, &t).await;
    session.close().await;
    Ok(())
}

pub(super) async fn missing_parents(scene: Scene) -> Result<(), String> {
    let session = topic(&scene, 1).await?;
    let g = named("g");
    for (stream, t) in [
        (named("missing"), named("t")),
        (id(9), id(0)),
        (named("s"), named("missing")),
        (named("s"), id(9)),
    ] {
        session.create_group(&stream, &t, "g").await;
        session.get_group(&stream, &t, &g).await;
        session.get_groups(&stream, &t).await;
        session.delete_group(&stream, &t, &g).await;
        session.join_group(&stream, &t, &g).await;
        session.leave_group(&stream, &t, &g).await;
        session.sync_group(&stream, &t, &g).await;
    }
    session.close().await;
    Ok(())
}

pub(super) async fn ids_not_reused(scene: Scene) -> Result<(), String> {
    let session = topic(&scene, 1).await?;
    let (stream, t) = (named("s"), named("t"));
    for name in ["a", "b", "c"] {
        session.create_group(&stream, &t, name).await;
    }
    session.delete_group(&stream, &t, &named("b")).await;
    session.create_group(&stream, &t, "b").await;
    session.delete_group(&stream, &t, &named("b")).await;
    session.create_group(&stream, &t, "d").await;
    session.get_groups(&stream, &t).await;
    scene.note("a new topic starts anew, also in a reused place");
    session.delete_topic(&stream, &t).await;
    session.create_topic(&stream, "t", 1, &[]).await;
    session.create_group(&stream, &t, "e").await;
    session.close().await;
    Ok(())
}

/// What a lease builds on: a group is deleted by its id only while it is that one.
pub(super) async fn deleted_by_id(scene: Scene) -> Result<(), String> {
    let one = topic(&scene, 1).await?;
    let other = scene.root_as("other").await?;
    let (stream, t) = (named("s"), named("t"));
    one.create_group(&stream, &t, "lease").await;
    other.create_group(&stream, &t, "lease").await;
    scene.note("taken over");
    other.delete_group(&stream, &t, &id(0)).await;
    other.create_group(&stream, &t, "lease").await;
    scene.note("by whoever had it before: not the new one");
    one.delete_group(&stream, &t, &id(0)).await;
    one.get_groups(&stream, &t).await;
    one.create_group(&stream, &t, "lease").await;
    scene.note("other sessions see at once what one has done");
    one.get_group(&stream, &t, &named("lease")).await;
    other.delete_group(&stream, &t, &id(1)).await;
    one.get_groups(&stream, &t).await;
    one.close().await;
    other.close().await;
    Ok(())
}

pub(super) async fn join_and_leave(scene: Scene) -> Result<(), String> {
    let root = topic(&scene, 3).await?;
    let (stream, t, g) = (named("s"), named("t"), named("g"));
    root.create_group(&stream, &t, "g").await;
    let first = scene.root_as("first").await?;
    me(&first).await;
    scene.note("not a member yet");
    first.sync_group(&stream, &t, &g).await;
    first.leave_group(&stream, &t, &g).await;
    first.join_group(&stream, &t, &named("missing")).await;
    first.sync_group(&stream, &t, &named("missing")).await;
    first.leave_group(&stream, &t, &named("missing")).await;
    scene.note("one member has all");
    first.join_group(&stream, &t, &g).await;
    first.sync_group(&stream, &t, &g).await;
    root.get_group(&stream, &t, &g).await;
    root.get_groups(&stream, &t).await;
    me(&first).await;
    scene.note("again, by ids");
    first.join_group(&id(0), &id(0), &id(0)).await;
    first.sync_group(&id(0), &id(0), &id(0)).await;
    root.get_group(&stream, &t, &g).await;
    scene.note("leave");
    first.leave_group(&stream, &t, &g).await;
    first.leave_group(&stream, &t, &g).await;
    first.sync_group(&stream, &t, &g).await;
    root.get_group(&stream, &t, &g).await;
    me(&first).await;
    scene.note("a deleted group leaves no membership");
    first.join_group(&stream, &t, &g).await;
    root.delete_group(&stream, &t, &g).await;
    me(&first).await;
    first.sync_group(&stream, &t, &g).await;
    first.close().await;
    root.close().await;
    Ok(())
}

pub(super) async fn membership_ends(scene: Scene) -> Result<(), String> {
    let root = topic(&scene, 2).await?;
    let (stream, t, g) = (named("s"), named("t"), named("g"));
    root.create_group(&stream, &t, "g").await;
    let member = scene.root_as("member").await?;
    member.join_group(&stream, &t, &g).await;
    root.get_group(&stream, &t, &g).await;
    scene.note("partitions come and go");
    root.create_partitions(&stream, &t, 2).await;
    root.get_group(&stream, &t, &g).await;
    member.sync_group(&stream, &t, &g).await;
    root.delete_partitions(&stream, &t, 3).await;
    root.get_group(&stream, &t, &g).await;
    member.sync_group(&stream, &t, &g).await;
    scene.note("a logout ends it");
    member.logout().await;
    root.get_group(&stream, &t, &g).await;
    member.close().await;
    root.close().await;
    Ok(())
}

/// The memberships the server sees.
async fn me(session: &Session) {
    session
        .ask(
            "get_me()",
            GET_ME_CODE,
            &GetMeRequest,
            |me: &ClientDetailsResponse| {
                let mut lines = vec![format!(
                    "{} groups={}",
                    session.transcript.client(me.client.client_id),
                    me.client.consumer_groups_count
                )];
                lines.extend(me.consumer_groups.iter().map(|group| {
                    format!(
                        "group stream={} topic={} group={}",
                        group.stream_id, group.topic_id, group.group_id
                    )
                }));
                lines
            },
        )
        .await;
}
