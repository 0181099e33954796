//! Who may do what.

use bytes::{BufMut, Bytes, BytesMut};
use iggy::prelude::*;
use iggy_binary_protocol::codec::WireEncode;
use iggy_binary_protocol::codes::*;
use iggy_binary_protocol::primitives::permissions::WirePermissions;
use iggy_binary_protocol::requests::consumer_groups::*;
use iggy_binary_protocol::requests::partitions::*;
use iggy_binary_protocol::requests::segments::*;
use iggy_binary_protocol::requests::streams::*;
use iggy_binary_protocol::requests::topics::*;
use iggy_binary_protocol::requests::users::*;
use iggy_binary_protocol::{WireIdentifier, WireOptions};

use super::Scene;
use crate::access::{
    SERVER_RIGHTS, STREAM_RIGHTS, TOPIC_RIGHTS, on_server, on_streams, stream_rights, topic_rights,
};
use crate::calls::{id, named, wire_name};
use crate::session::Session;

const UNAUTHORIZED: u32 = 41;
/// What the embedded server says to whoever may have messages, which it has not.
const UNAVAILABLE: u32 = 5;
/// What is said of messages to whoever is allowed to ask: besides success, that the
/// partition or the offset is not there.
const OF_MESSAGES: &[u32] = &[0, UNAVAILABLE, 3021, 4100];

/// One command of a user, made so that it changes nothing that matters.
struct Attempt {
    name: &'static str,
    code: u32,
    body: Bytes,
    /// What it gets when it is allowed; 0 for success.
    when_allowed: &'static [u32],
}

/// All commands that need a permission, on stream 0 and topic 0. Most would be refused
/// for another reason, which is only looked at after the permission. The last ones
/// succeed.
fn attempts() -> Vec<Attempt> {
    let stream_id = id(0);
    let topic_id = id(0);
    let mut attempts = Vec::new();
    let mut add = |name, code, body: Bytes, when_allowed| {
        attempts.push(Attempt {
            name,
            code,
            body,
            when_allowed,
        });
    };
    let of_stream = stream_id.to_bytes();
    let of_topic: Bytes = [stream_id.to_bytes(), topic_id.to_bytes()].concat().into();
    let of_group: Bytes = [&of_topic[..], &named("missing").to_bytes()]
        .concat()
        .into();
    let no_options = WireOptions::empty;

    add(
        "create_stream",
        CREATE_STREAM_CODE,
        {
            CreateStreamRequest {
                name: wire_name("s"),
                options: no_options(),
            }
            .to_bytes()
        },
        &[1012],
    );
    add("get_streams", GET_STREAMS_CODE, Bytes::new(), &[0]);
    add("get_stream", GET_STREAM_CODE, of_stream.clone(), &[0]);
    add(
        "update_stream",
        UPDATE_STREAM_CODE,
        {
            UpdateStreamRequest {
                stream_id: stream_id.clone(),
                name: wire_name("other"),
                options: no_options(),
            }
            .to_bytes()
        },
        &[1012],
    );
    add("purge_stream", PURGE_STREAM_CODE, of_stream.clone(), &[0]);
    add("get_topics", GET_TOPICS_CODE, of_stream.clone(), &[0]);
    add("get_topic", GET_TOPIC_CODE, of_topic.clone(), &[0]);
    add(
        "create_topic",
        CREATE_TOPIC_CODE,
        {
            CreateTopicRequest {
                stream_id: stream_id.clone(),
                partitions_count: 1,
                name: wire_name("t"),
                options: no_options(),
            }
            .to_bytes()
        },
        &[2013],
    );
    add(
        "update_topic",
        UPDATE_TOPIC_CODE,
        {
            UpdateTopicRequest {
                stream_id: stream_id.clone(),
                topic_id: topic_id.clone(),
                name: wire_name("u"),
                options: no_options(),
            }
            .to_bytes()
        },
        &[2013],
    );
    add("purge_topic", PURGE_TOPIC_CODE, of_topic.clone(), &[0]);
    add(
        "create_partitions",
        CREATE_PARTITIONS_CODE,
        {
            CreatePartitionsRequest {
                stream_id: stream_id.clone(),
                topic_id: topic_id.clone(),
                partitions_count: 1,
            }
            .to_bytes()
        },
        &[0],
    );
    add(
        "delete_partitions",
        DELETE_PARTITIONS_CODE,
        {
            DeletePartitionsRequest {
                stream_id: stream_id.clone(),
                topic_id: topic_id.clone(),
                partitions_count: 1000,
            }
            .to_bytes()
        },
        &[2019],
    );
    add(
        "delete_segments",
        DELETE_SEGMENTS_CODE,
        {
            DeleteSegmentsRequest {
                stream_id: stream_id.clone(),
                topic_id: topic_id.clone(),
                partition_id: 0,
                segments_count: 1,
            }
            .to_bytes()
        },
        &[0],
    );
    add(
        "get_groups",
        GET_CONSUMER_GROUPS_CODE,
        of_topic.clone(),
        &[0],
    );
    add("get_group", GET_CONSUMER_GROUP_CODE, of_group.clone(), &[0]);
    add(
        "create_group",
        CREATE_CONSUMER_GROUP_CODE,
        {
            CreateConsumerGroupRequest {
                stream_id: stream_id.clone(),
                topic_id: topic_id.clone(),
                name: wire_name("g"),
            }
            .to_bytes()
        },
        &[5004],
    );
    add(
        "delete_group",
        DELETE_CONSUMER_GROUP_CODE,
        of_group.clone(),
        &[5000],
    );
    add(
        "join_group",
        JOIN_CONSUMER_GROUP_CODE,
        of_group.clone(),
        &[5000],
    );
    add("leave_group", LEAVE_CONSUMER_GROUP_CODE, of_group, &[5000]);

    add("get_user", GET_USER_CODE, id(0).to_bytes(), &[0]);
    add("get_users", GET_USERS_CODE, Bytes::new(), &[0]);
    add(
        "create_user",
        CREATE_USER_CODE,
        {
            CreateUserRequest {
                username: wire_name("bo"),
                password: "password".to_owned(),
                status: 1,
                permissions: None,
                options: no_options(),
            }
            .to_bytes()
        },
        &[43],
    );
    add(
        "update_user",
        UPDATE_USER_CODE,
        {
            UpdateUserRequest {
                user_id: id(0),
                username: Some(wire_name("bo")),
                status: None,
                options: no_options(),
            }
            .to_bytes()
        },
        &[43],
    );
    add("delete_user", DELETE_USER_CODE, id(0).to_bytes(), &[48]);
    add(
        "update_permissions",
        UPDATE_PERMISSIONS_CODE,
        {
            UpdatePermissionsRequest {
                user_id: id(0),
                permissions: None,
            }
            .to_bytes()
        },
        &[49],
    );
    add(
        "change_password",
        CHANGE_PASSWORD_CODE,
        {
            ChangePasswordRequest {
                user_id: id(0),
                current_password: "wrong".to_owned(),
                new_password: "wrong".to_owned(),
            }
            .to_bytes()
        },
        &[42],
    );

    add("get_stats", GET_STATS_CODE, Bytes::new(), &[0]);
    add("get_clients", GET_CLIENTS_CODE, Bytes::new(), &[0]);
    add(
        "get_client",
        GET_CLIENT_CODE,
        Bytes::from_static(&[0, 0, 0, 0]),
        &[0],
    );
    // Deflated, of the kind that is for tests.
    add(
        "get_snapshot",
        GET_SNAPSHOT_FILE_CODE,
        Bytes::from_static(&[2, 1, 4]),
        &[0, UNAVAILABLE],
    );
    // These destroy, and the scenario mends.
    add("delete_topic", DELETE_TOPIC_CODE, of_topic, &[0]);
    add("delete_stream", DELETE_STREAM_CODE, of_stream, &[0]);
    attempts
}

/// What the SDK says to one who polls, sends, or keeps an offset.
async fn message_attempts(session: &Session) -> Vec<(&'static str, Result<(), IggyError>)> {
    let number = |number| Identifier::numeric(number).expect("a number is an identifier");
    let (stream, topic) = (number(0), number(0));
    let consumer = Consumer::new(number(1));
    let client = &session.client;
    let mut results = Vec::new();
    let polled = client
        .poll_messages(
            &stream,
            &topic,
            Some(0),
            &consumer,
            &PollingStrategy::offset(0),
            1,
            false,
        )
        .await;
    results.push(("poll", polled.map(|_| ())));
    let mut messages = [IggyMessage::from("m")];
    let partitioning = Partitioning::partition_id(0);
    let sent = client
        .send_messages(&stream, &topic, &partitioning, &mut messages)
        .await;
    results.push(("send", sent.map(|_| ())));
    let read = client
        .get_consumer_offset(&consumer, &stream, &topic, Some(0))
        .await;
    results.push(("get_offset", read.map(|_| ())));
    let stored = client
        .store_consumer_offset(&consumer, &stream, &topic, Some(0), 0)
        .await;
    results.push(("store_offset", stored.map(|_| ())));
    let deleted = client
        .delete_consumer_offset(&consumer, &stream, &topic, Some(0))
        .await;
    results.push(("delete_offset", deleted.map(|_| ())));
    results
}

/// Makes stream 0 with topics 0 and 1 and a group anew, whatever was left of them.
async fn furnish(root: &Session) -> Result<(), String> {
    let client = &root.client;
    let missing_is_fine = client
        .delete_stream(&Identifier::named("s").expect("a name"))
        .await;
    drop(missing_is_fine);
    let requests = [
        (
            CREATE_STREAM_CODE,
            CreateStreamRequest {
                name: wire_name("s"),
                options: WireOptions::empty(),
            }
            .to_bytes(),
        ),
        (CREATE_TOPIC_CODE, topic_body("t")),
        (CREATE_TOPIC_CODE, topic_body("u")),
        (
            CREATE_CONSUMER_GROUP_CODE,
            CreateConsumerGroupRequest {
                stream_id: id(0),
                topic_id: id(0),
                name: wire_name("g"),
            }
            .to_bytes(),
        ),
    ];
    for (code, body) in requests {
        root.raw(code, body)
            .await
            .map_err(|error| format!("furnishing, {code}: {error}"))?;
    }
    Ok(())
}

fn topic_body(name: &str) -> Bytes {
    CreateTopicRequest {
        stream_id: id(0),
        partitions_count: 1,
        name: wire_name(name),
        options: WireOptions::empty(),
    }
    .to_bytes()
}

/// Gives a user exactly these permissions, and writes down what it may do.
async fn show_what_it_may(
    root: &Session,
    bob: &Session,
    what: &str,
    permissions: Option<WirePermissions>,
) -> Result<(), String> {
    furnish(root).await?;
    let request = UpdatePermissionsRequest {
        user_id: named("bob"),
        permissions,
    };
    root.raw(UPDATE_PERMISSIONS_CODE, request.to_bytes())
        .await
        .map_err(|error| format!("update_permissions: {error}"))?;
    let mut outcomes = Vec::new();
    for (name, result) in message_attempts(bob).await {
        outcomes.push((name, result, OF_MESSAGES));
    }
    for attempt in attempts() {
        let result = bob.raw(attempt.code, attempt.body).await.map(|_| ());
        outcomes.push((attempt.name, result, attempt.when_allowed));
    }
    let mut allowed = Vec::new();
    for (name, result, when_allowed) in outcomes {
        match result.err().map_or(0, |error| error.as_code()) {
            UNAUTHORIZED => {}
            code if when_allowed.contains(&code) => allowed.push(name.to_owned()),
            code => allowed.push(format!("{name}={code}")),
        }
    }
    let transcript = &root.transcript;
    if allowed.is_empty() {
        transcript.push(format!("{what} -> nothing"));
    } else {
        transcript.push(format!("{what} ->"));
        for few in allowed.chunks(6) {
            transcript.push(format!("    {}", few.join(" ")));
        }
    }
    Ok(())
}

pub(super) async fn each_right(scene: Scene) -> Result<(), String> {
    let root = scene.root().await?;
    let options = WireOptions::empty();
    furnish(&root).await?;
    let other = CreateStreamRequest {
        name: wire_name("other"),
        options,
    };
    root.raw(CREATE_STREAM_CODE, other.to_bytes())
        .await
        .map_err(|error| error.to_string())?;
    root.create_user("bob", None).await;
    let bob = scene.connect("").await?;
    bob.login_with("bob", "password").await;

    scene.note("what one right allows, of what is asked for stream 0 and topic 0");
    show_what_it_may(&root, &bob, "no permissions", None).await?;
    show_what_it_may(&root, &bob, "all false", Some(on_server(&[]))).await?;
    for right in SERVER_RIGHTS {
        let what = format!("server {right}");
        show_what_it_may(&root, &bob, &what, Some(on_server(&[right]))).await?;
    }
    for right in STREAM_RIGHTS {
        let what = format!("stream 0 {right}");
        let permissions = on_streams(vec![stream_rights(0, &[right], vec![])]);
        show_what_it_may(&root, &bob, &what, Some(permissions)).await?;
    }
    for right in TOPIC_RIGHTS {
        let what = format!("topic 0 {right}");
        let topics = vec![topic_rights(0, &[right])];
        let permissions = on_streams(vec![stream_rights(0, &[], topics)]);
        show_what_it_may(&root, &bob, &what, Some(permissions)).await?;
    }
    scene.note("all rights, elsewhere");
    let topics = vec![topic_rights(0, &TOPIC_RIGHTS)];
    let permissions = on_streams(vec![stream_rights(1, &STREAM_RIGHTS, topics)]);
    show_what_it_may(&root, &bob, "stream 1", Some(permissions)).await?;
    let topics = vec![topic_rights(1, &TOPIC_RIGHTS)];
    let permissions = on_streams(vec![stream_rights(0, &[], topics)]);
    show_what_it_may(&root, &bob, "topic 1", Some(permissions)).await?;
    root.close().await;
    bob.close().await;
    Ok(())
}

pub(super) async fn what_everybody_may(scene: Scene) -> Result<(), String> {
    let root = scene.root_as("root").await?;
    root.create_user("bob", None).await;
    let bob = scene.connect("bob").await?;
    bob.login_with("bob", "password").await;
    bob.whoami().await;
    for (name, code, body) in [
        ("ping", PING_CODE, &[][..]),
        ("get_cluster_metadata", GET_CLUSTER_METADATA_CODE, &[]),
        ("describe_options", DESCRIBE_OPTIONS_CODE, &[1]),
    ] {
        let result = bob.raw(code, Bytes::copy_from_slice(body)).await;
        bob.record(&format!("{name}()"), result, |_| vec![]);
    }
    bob.get_user(&named("bob")).await;
    bob.get_user(&id(1)).await;
    bob.get_user(&id(0)).await;
    bob.get_user(&named("nobody")).await;
    bob.change_password(&named("bob"), "password", "changed")
        .await;
    bob.create_token("ci", 0).await;
    bob.get_tokens().await;
    bob.delete_token("ci").await;
    scene.note("one's part of a group, which one has none of");
    furnish(&root).await?;
    bob.sync_group(&named("s"), &named("t"), &named("g")).await;
    bob.join_group(&named("s"), &named("t"), &named("g")).await;
    root.close().await;
    bob.close().await;
    Ok(())
}

pub(super) async fn existence_first(scene: Scene) -> Result<(), String> {
    let root = scene.root_as("root").await?;
    root.create_stream("s").await;
    root.create_user("bob", None).await;
    let bob = scene.connect("bob").await?;
    bob.login_with("bob", "password").await;
    let (s, none) = (named("s"), named("none"));
    scene.note("streams and topics: what is missing says so");
    bob.get_stream(&none).await;
    bob.get_stream(&s).await;
    bob.delete_stream(&none).await;
    bob.delete_stream(&s).await;
    bob.get_topics(&none).await;
    bob.get_topics(&s).await;
    bob.get_topic(&s, &none).await;
    bob.get_topic(&none, &none).await;
    bob.delete_topic(&s, &none).await;
    bob.delete_topic(&none, &none).await;
    bob.get_groups(&s, &none).await;
    bob.create_group(&s, &none, "g").await;
    bob.get_group(&none, &none, &none).await;
    scene.note("users: permission does not depend on which one");
    bob.get_user(&none).await;
    bob.delete_user(&none).await;
    bob.update_user(&none, Some("name"), None).await;
    bob.update_permissions(&none, None).await;
    bob.change_password(&none, "password", "changed").await;
    scene.note("what cannot be decoded, and what can be seen without the state, is said first");
    for (name, code, body) in [
        ("create_stream", CREATE_STREAM_CODE, &[1][..]),
        ("create_user", CREATE_USER_CODE, &[3, b'b']),
        ("get_user", GET_USER_CODE, &[1]),
        ("get_stream", GET_STREAM_CODE, &[1]),
        ("get_topics", GET_TOPICS_CODE, &[1]),
        ("update_user", UPDATE_USER_CODE, &[1]),
        ("change_password", CHANGE_PASSWORD_CODE, &[1]),
    ] {
        let result = bob.raw(code, Bytes::copy_from_slice(body)).await;
        bob.record(&format!("{name}({body:?})"), result, |body| {
            vec![format!("{} bytes", body.len())]
        });
    }
    let mut partitions = BytesMut::new();
    partitions.put_slice(&s.to_bytes());
    partitions.put_slice(&none.to_bytes());
    partitions.put_u32_le(0);
    let result = bob.raw(CREATE_PARTITIONS_CODE, partitions.freeze()).await;
    bob.record("create_partitions(s, none, 0)", result, |_| vec![]);
    root.close().await;
    bob.close().await;
    Ok(())
}

pub(super) async fn dangling_grants(scene: Scene) -> Result<(), String> {
    let root = scene.root_as("root").await?;
    root.create_stream("a").await;
    root.create_stream("b").await;
    let raw_topic = |stream: WireIdentifier, name: &str| {
        CreateTopicRequest {
            stream_id: stream,
            partitions_count: 1,
            name: wire_name(name),
            options: WireOptions::empty(),
        }
        .to_bytes()
    };
    let quietly = async |body: Bytes| {
        root.raw(CREATE_TOPIC_CODE, body)
            .await
            .map_err(|error| error.to_string())
    };
    quietly(raw_topic(named("a"), "t")).await?;
    let permissions = on_streams(vec![
        stream_rights(0, &[], vec![topic_rights(0, &["read_topic"])]),
        stream_rights(1, &["read_stream"], vec![]),
    ]);
    root.create_user("bob", Some(permissions)).await;
    let bob = scene.connect("bob").await?;
    bob.login_with("bob", "password").await;
    bob.get_groups(&named("a"), &named("t")).await;
    bob.get_stream(&named("b")).await;
    scene.note("the stream goes, its grant stays, and is somebody else's");
    root.delete_stream(&named("b")).await;
    root.get_user(&named("bob")).await;
    root.create_stream("other").await;
    bob.get_stream(&named("other")).await;
    scene.note("the same with a topic");
    root.delete_topic(&named("a"), &named("t")).await;
    quietly(raw_topic(named("a"), "other")).await?;
    bob.get_groups(&named("a"), &named("other")).await;
    scene.note("what is taken away is taken away for the next request");
    root.update_permissions(&named("bob"), None).await;
    bob.get_stream(&named("other")).await;
    bob.get_groups(&named("a"), &named("other")).await;
    root.close().await;
    bob.close().await;
    Ok(())
}

pub(super) async fn who_manages_users(scene: Scene) -> Result<(), String> {
    let root = scene.root_as("root").await?;
    root.create_user("mia", Some(on_server(&["manage_users"])))
        .await;
    let mia = scene.connect("mia").await?;
    mia.login_with("mia", "password").await;
    mia.create_stream("s").await;
    mia.create_user("bob", Some(on_server(&["manage_streams"])))
        .await;
    mia.update_permissions(&named("mia"), Some(on_server(&SERVER_RIGHTS)))
        .await;
    mia.create_stream("s").await;
    mia.update_permissions(&named("iggy"), None).await;
    mia.delete_user(&named("iggy")).await;
    mia.update_user(&named("iggy"), Some("boss"), None).await;
    mia.update_user(&named("boss"), Some("iggy"), None).await;
    scene.note("itself");
    mia.delete_user(&named("mia")).await;
    mia.whoami().await;
    mia.create_stream("s").await;
    root.close().await;
    mia.close().await;
    Ok(())
}
