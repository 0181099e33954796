//! Options of topics: what is stored, what comes back, what is refused.

use iggy_common::HeaderKind;

use super::Scene;
use crate::calls::{Setting, flag, named, text, u32_value, u64_value};
use crate::session::Session;

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

/// Creates a topic with these settings, reads it, and removes it again.
async fn try_create(session: &Session, settings: &[Setting]) {
    let stream = named("s");
    if session
        .create_topic(&stream, "t", 1, settings)
        .await
        .is_some()
    {
        session.get_topic(&stream, &named("t")).await;
        session.delete_topic(&stream, &named("t")).await;
    }
}

async fn scene_with_stream(scene: &Scene) -> Result<Session, String> {
    let session = scene.root().await?;
    session.create_stream("s").await;
    Ok(session)
}

pub(super) async fn each_explicit(scene: Scene) -> Result<(), String> {
    let session = scene_with_stream(&scene).await?;
    for setting in [
        text("compression_algorithm", "none"),
        text("compression_algorithm", "gzip"),
        u64_value("message_expiry", 3_600_000_000),
        u64_value("message_expiry", 1),
        u64_value("message_expiry", u64::MAX),
        u64_value("max_topic_size", 10 * GIB),
        u64_value("max_topic_size", u64::MAX),
        u64_value("segment_size", MIB),
        u64_value("segment_size", GIB),
        u32_value("messages_required_to_save", 1),
        u64_value("size_of_messages_required_to_save", 4096),
        flag("preallocate_segments", true),
        flag("preallocate_segments", false),
    ] {
        try_create(&session, &[setting]).await;
    }
    scene.note("several at once, not in the order of their names");
    try_create(
        &session,
        &[
            u64_value("segment_size", 2 * MIB),
            text("compression_algorithm", "gzip"),
            u64_value("message_expiry", 5_000_000),
            u64_value("max_topic_size", 2 * MIB),
        ],
    )
    .await;
    session.close().await;
    Ok(())
}

pub(super) async fn as_text(scene: Scene) -> Result<(), String> {
    let session = scene_with_stream(&scene).await?;
    for setting in [
        text("message_expiry", "7 days"),
        text("message_expiry", "1h 30m"),
        text("message_expiry", "never_expire"),
        text("message_expiry", "never"),
        text("message_expiry", "none"),
        text("message_expiry", "unlimited"),
        text("message_expiry", "server_default"),
        text("message_expiry", "3600000000"),
        text("message_expiry", "soon"),
        text("max_topic_size", "10 GiB"),
        text("max_topic_size", "10GB"),
        text("max_topic_size", "unlimited"),
        text("max_topic_size", "server_default"),
        text("max_topic_size", "10737418240"),
        text("max_topic_size", "big"),
        text("segment_size", "256MiB"),
        text("segment_size", "1 MiB"),
        text("compression_algorithm", "GZIP"),
        text("compression_algorithm", "zstd"),
        text("messages_required_to_save", "32"),
        text("size_of_messages_required_to_save", "4KiB"),
        text("preallocate_segments", "true"),
        text("preallocate_segments", "yes"),
    ] {
        try_create(&session, &[setting]).await;
    }
    session.close().await;
    Ok(())
}

pub(super) async fn server_default(scene: Scene) -> Result<(), String> {
    let session = scene_with_stream(&scene).await?;
    for setting in [
        u64_value("message_expiry", 0),
        u64_value("max_topic_size", 0),
        u64_value("segment_size", 0),
        u64_value("size_of_messages_required_to_save", 0),
        u32_value("messages_required_to_save", 0),
    ] {
        try_create(&session, &[setting]).await;
    }
    scene.note("all at once");
    try_create(
        &session,
        &[
            u64_value("message_expiry", 0),
            u64_value("max_topic_size", 0),
        ],
    )
    .await;
    session.close().await;
    Ok(())
}

pub(super) async fn out_of_range(scene: Scene) -> Result<(), String> {
    let session = scene_with_stream(&scene).await?;
    for setting in [
        u64_value("segment_size", MIB - 512),
        u64_value("segment_size", MIB + 1),
        u64_value("segment_size", MIB + 512),
        u64_value("segment_size", GIB + 512),
        u64_value("segment_size", u64::MAX),
        u32_value("messages_required_to_save", 16 * 1024 * 1024),
        u32_value("messages_required_to_save", 16 * 1024 * 1024 + 1),
        u64_value("size_of_messages_required_to_save", 1),
        u64_value("size_of_messages_required_to_save", GIB),
        u64_value("size_of_messages_required_to_save", GIB + 1),
    ] {
        try_create(&session, &[setting]).await;
    }
    scene.note("preallocation is bounded by segment size times partitions");
    let stream = named("s");
    for (name, partitions) in [("p64", 64), ("p65", 65)] {
        session
            .create_topic(
                &stream,
                name,
                partitions,
                &[flag("preallocate_segments", true)],
            )
            .await;
    }
    session
        .create_topic(
            &stream,
            "p65-small",
            65,
            &[
                flag("preallocate_segments", true),
                u64_value("segment_size", MIB),
            ],
        )
        .await;
    scene.note("adding partitions is not checked against it");
    session.create_partitions(&stream, &named("p64"), 1).await;
    session.close().await;
    Ok(())
}

pub(super) async fn wrong_kinds_and_keys(scene: Scene) -> Result<(), String> {
    let session = scene_with_stream(&scene).await?;
    for setting in [
        text("nonsense", "x"),
        text("Message_Expiry", "1d"),
        text("replication_factor", "1"),
        text("partitions_count", "1"),
        u32_value("message_expiry", 1_000_000),
        flag("message_expiry", true),
        Setting("message_expiry", HeaderKind::Raw, vec![1]),
        u32_value("max_topic_size", 1),
        u32_value("segment_size", 1024 * 1024),
        u64_value("messages_required_to_save", 32),
        u32_value("size_of_messages_required_to_save", 4096),
        u32_value("preallocate_segments", 1),
        u32_value("compression_algorithm", 2),
        text("compression_algorithm", "2"),
    ] {
        try_create(&session, &[setting]).await;
    }
    scene.note("a bad value and an unknown key, in both orders");
    try_create(
        &session,
        &[text("nonsense", "x"), text("segment_size", "tiny")],
    )
    .await;
    try_create(
        &session,
        &[text("segment_size", "tiny"), text("unknown", "x")],
    )
    .await;
    session.close().await;
    Ok(())
}

pub(super) async fn size_below_segment(scene: Scene) -> Result<(), String> {
    let session = scene_with_stream(&scene).await?;
    scene.note("against the default segment size, and against a declared one");
    try_create(&session, &[u64_value("max_topic_size", GIB - 1)]).await;
    try_create(&session, &[u64_value("max_topic_size", GIB)]).await;
    try_create(
        &session,
        &[
            u64_value("max_topic_size", MIB),
            u64_value("segment_size", MIB),
        ],
    )
    .await;
    try_create(
        &session,
        &[
            u64_value("max_topic_size", MIB),
            u64_value("segment_size", 2 * MIB),
        ],
    )
    .await;
    scene.note("for the whole topic, not for each partition");
    session
        .create_topic(
            &named("s"),
            "wide",
            10,
            &[
                u64_value("max_topic_size", MIB),
                u64_value("segment_size", MIB),
            ],
        )
        .await;
    scene.note("on update, against the topic's own segment size");
    session
        .update_topic(
            &named("s"),
            &named("wide"),
            "wide",
            &[u64_value("max_topic_size", MIB - 1)],
        )
        .await;
    session
        .update_topic(
            &named("s"),
            &named("wide"),
            "wide",
            &[u64_value("max_topic_size", MIB)],
        )
        .await;
    session.get_topic(&named("s"), &named("wide")).await;
    session.close().await;
    Ok(())
}

pub(super) async fn update_is_a_patch(scene: Scene) -> Result<(), String> {
    let session = scene_with_stream(&scene).await?;
    let (stream, topic) = (named("s"), named("t"));
    session.create_topic(&stream, "t", 1, &[]).await;
    for settings in [
        &[][..],
        &[u64_value("message_expiry", 3_600_000_000)],
        &[u64_value("max_topic_size", 2 * GIB)],
        &[text("compression_algorithm", "gzip")],
        &[
            u64_value("message_expiry", u64::MAX),
            u64_value("max_topic_size", u64::MAX),
            text("compression_algorithm", "none"),
        ],
    ] {
        session.update_topic(&stream, &topic, "t", settings).await;
        session.get_topic(&stream, &topic).await;
    }
    scene.note("rename and patch in one call");
    session
        .update_topic(
            &stream,
            &topic,
            "u",
            &[u64_value("message_expiry", 1_000_000)],
        )
        .await;
    session.get_stream(&stream).await;
    session.close().await;
    Ok(())
}

pub(super) async fn update_traps(scene: Scene) -> Result<(), String> {
    let session = scene_with_stream(&scene).await?;
    let (stream, topic) = (named("s"), named("t"));
    session
        .create_topic(
            &stream,
            "t",
            1,
            &[
                u64_value("message_expiry", 3_600_000_000),
                u64_value("max_topic_size", 2 * GIB),
            ],
        )
        .await;
    scene.note("the server's default is kept in the options and ignored in the header");
    session
        .update_topic(&stream, &topic, "t", &[u64_value("message_expiry", 0)])
        .await;
    session.get_topic(&stream, &topic).await;
    session
        .update_topic(&stream, &topic, "t", &[u64_value("max_topic_size", 0)])
        .await;
    session.get_topic(&stream, &topic).await;
    scene.note("text stays text in the options");
    session
        .update_topic(&stream, &topic, "t", &[text("message_expiry", "2 h")])
        .await;
    session.get_topic(&stream, &topic).await;
    session
        .update_topic(&stream, &topic, "t", &[text("max_topic_size", "3 GiB")])
        .await;
    session.get_topic(&stream, &topic).await;
    session
        .update_topic(
            &stream,
            &topic,
            "t",
            &[text("message_expiry", "server_default")],
        )
        .await;
    session.get_topic(&stream, &topic).await;
    session.get_topics(&stream).await;
    session.close().await;
    Ok(())
}

pub(super) async fn update_refused(scene: Scene) -> Result<(), String> {
    let session = scene_with_stream(&scene).await?;
    let (stream, topic) = (named("s"), named("t"));
    session.create_topic(&stream, "t", 1, &[]).await;
    session.create_topic(&stream, "taken", 1, &[]).await;
    for setting in [
        u64_value("segment_size", MIB),
        u32_value("messages_required_to_save", 5),
        u64_value("size_of_messages_required_to_save", 4096),
        flag("preallocate_segments", true),
        text("nonsense", "x"),
        text("message_expiry", "soon"),
        u32_value("message_expiry", 1),
        text("compression_algorithm", "zstd"),
        u64_value("max_topic_size", 1),
    ] {
        session.update_topic(&stream, &topic, "t", &[setting]).await;
    }
    scene.note("which error comes first");
    session
        .update_topic(&stream, &topic, "taken", &[text("nonsense", "x")])
        .await;
    session
        .update_topic(&stream, &named("missing"), "t", &[text("nonsense", "x")])
        .await;
    session
        .update_topic(
            &named("missing"),
            &topic,
            "t",
            &[text("message_expiry", "soon")],
        )
        .await;
    session
        .update_topic(
            &stream,
            &topic,
            "taken",
            &[u64_value("message_expiry", 1_000_000)],
        )
        .await;
    scene.note("nothing of all that was kept");
    session.get_topic(&stream, &topic).await;
    session.close().await;
    Ok(())
}
