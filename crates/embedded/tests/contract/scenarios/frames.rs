//! The wire itself: what the SDK never sends.

use bytes::{BufMut, BytesMut};
use iggy_binary_protocol::codes::*;
use iggy_binary_protocol::consensus::{Command, HEADER_SIZE, Operation, RequestHeader};
use iggy_binary_protocol::version::IGGY_PROTOCOL_VERSION;
use iggy_common::calculate_checksum;

use super::Scene;
use crate::wire::{Answer, Wire, non_replicated, request};

/// The request number of the ping that follows a frame, to tell its answer from others.
const MARKER: u64 = 999;

/// Sends a frame and then a ping: shows what the frame got, and whether the connection
/// still answers. So a frame without an answer is recognised without waiting.
pub(super) async fn probe(
    scene: &Scene,
    wire: &mut Wire,
    what: &str,
    header: RequestHeader,
    body: &[u8],
) -> Result<(), String> {
    let bytes = wire.frame(header, body);
    probe_bytes(scene, wire, what, &bytes).await
}

async fn probe_bytes(
    scene: &Scene,
    wire: &mut Wire,
    what: &str,
    bytes: &[u8],
) -> Result<(), String> {
    let mut ping = non_replicated(PING_CODE);
    ping.request = MARKER;
    let mut both = bytes.to_vec();
    both.extend_from_slice(&wire.frame(ping, &[]));
    let mut seen = Vec::new();
    if wire.send_bytes(&both).await.is_err() {
        seen.push("closed".to_owned());
    } else {
        loop {
            match wire.answer().await? {
                Answer::Reply {
                    request: MARKER,
                    status: 0,
                    ..
                } => {
                    if seen.is_empty() {
                        seen.push("no answer".to_owned());
                    }
                    seen.push("still open".to_owned());
                    break;
                }
                Answer::Closed => {
                    seen.push("closed".to_owned());
                    break;
                }
                answer => seen.push(answer.text()),
            }
        }
    }
    scene
        .transcript
        .push(format!("{what} -> {}", seen.join(", then ")));
    Ok(())
}

/// The body of a login of this protocol version.
fn login_body(version: u32, username: &str, password: &str) -> Vec<u8> {
    login_body_of(version, &[username, password])
}

/// The same with a name and a password, or with a token.
pub(super) fn login_body_of(version: u32, texts: &[&str]) -> Vec<u8> {
    let mut body = BytesMut::new();
    body.put_u32_le(version);
    for text in ["contract", "0.0.0"].iter().chain(texts) {
        body.put_u8(u8::try_from(text.len()).expect("short"));
        body.put_slice(text.as_bytes());
    }
    body.put_u32_le(0);
    body.to_vec()
}

const fn packed(major: u32, minor: u32, patch: u32) -> u32 {
    major << 20 | minor << 10 | patch
}

/// Logs in by hand; the session number of the reply.
pub(super) async fn login(wire: &mut Wire) -> Result<u64, String> {
    let body = login_body(IGGY_PROTOCOL_VERSION, "iggy", "iggy");
    match wire.exchange(request(Operation::Register), &body).await? {
        // count u32, user u32, session u64
        Answer::Reply {
            status: 0, body, ..
        } if body.len() >= 16 => {
            let mut session = [0; 8];
            session.copy_from_slice(&body[8..16]);
            Ok(u64::from_le_bytes(session))
        }
        answer => Err(format!("login: {}", answer.text())),
    }
}

pub(super) fn replicated(
    operation: Operation,
    session: u64,
    number: u64,
    body: &[u8],
) -> RequestHeader {
    RequestHeader {
        session,
        request: number,
        request_checksum: u128::from(calculate_checksum(body)),
        ..request(operation)
    }
}

fn create_stream_body(name: &str) -> Vec<u8> {
    let mut body = vec![u8::try_from(name.len()).expect("short")];
    body.extend_from_slice(name.as_bytes());
    body
}

pub(super) async fn version_window(scene: Scene) -> Result<(), String> {
    for (major, minor, patch) in [
        (0, 11, 0),
        (0, 11, 1),
        (0, 11, 1023),
        (0, 10, 0),
        (0, 10, 1023),
        (0, 12, 0),
        (1, 11, 0),
        (0, 0, 0),
        (0, 0, 1),
    ] {
        let mut wire = Wire::connect(scene.address).await?;
        let body = login_body(packed(major, minor, patch), "iggy", "iggy");
        probe(
            &scene,
            &mut wire,
            &format!("register({major}.{minor}.{patch})"),
            request(Operation::Register),
            &body,
        )
        .await?;
    }
    scene.note("the version comes before the credentials");
    let mut wire = Wire::connect(scene.address).await?;
    let body = login_body(packed(0, 10, 0), "iggy", "wrong-password");
    probe(
        &scene,
        &mut wire,
        "register(0.10.0, wrong password)",
        request(Operation::Register),
        &body,
    )
    .await?;
    Ok(())
}

pub(super) async fn malformed_login(scene: Scene) -> Result<(), String> {
    let whole = login_body(IGGY_PROTOCOL_VERSION, "iggy", "iggy");
    let mut trailing = whole.clone();
    trailing.extend_from_slice(b"more");
    let mut context = whole[..whole.len() - 4].to_vec();
    context.extend_from_slice(&4_u32.to_le_bytes());
    context.extend_from_slice(b"test");
    let empty_name = {
        let mut body = IGGY_PROTOCOL_VERSION.to_le_bytes().to_vec();
        body.extend_from_slice(&[0, 1, b'x']);
        body
    };
    for (what, body) in [
        ("empty body", &[][..]),
        ("half a version", &whole[..2]),
        ("version only", &whole[..4]),
        ("empty SDK name", &empty_name),
        ("cut in the credentials", &whole[..24]),
        ("cut in the context", &whole[..whole.len() - 1]),
        ("with a context", &context),
        ("trailing bytes", &trailing),
    ] {
        let mut wire = Wire::connect(scene.address).await?;
        probe(
            &scene,
            &mut wire,
            &format!("register({what})"),
            request(Operation::Register),
            body,
        )
        .await?;
    }
    scene.note("credentials out of bounds, and wrong ones");
    for (username, password) in [
        ("", "iggy"),
        ("iggy", ""),
        ("iggy", "x"),
        ("iggy", "wrong-password"),
    ] {
        let mut wire = Wire::connect(scene.address).await?;
        let body = login_body(IGGY_PROTOCOL_VERSION, username, password);
        probe(
            &scene,
            &mut wire,
            &format!("register({username:?}, {password:?})"),
            request(Operation::Register),
            &body,
        )
        .await?;
    }
    scene.note("headers that a register must not have");
    for (what, header) in [
        (
            "session 1",
            RequestHeader {
                session: 1,
                ..request(Operation::Register)
            },
        ),
        (
            "request 1",
            RequestHeader {
                request: 1,
                ..request(Operation::Register)
            },
        ),
        (
            "client 0",
            RequestHeader {
                client: 0,
                ..request(Operation::Register)
            },
        ),
        (
            "wrong checksum",
            RequestHeader {
                request_checksum: 1,
                ..request(Operation::Register)
            },
        ),
    ] {
        let mut wire = Wire::connect(scene.address).await?;
        probe(
            &scene,
            &mut wire,
            &format!("register({what})"),
            header,
            &whole,
        )
        .await?;
    }
    scene.note("the logins of earlier protocols");
    for code in [LOGIN_USER_CODE, LOGIN_WITH_PERSONAL_ACCESS_TOKEN_CODE] {
        let mut wire = Wire::connect(scene.address).await?;
        probe(
            &scene,
            &mut wire,
            &format!("command({code})"),
            non_replicated(code),
            &[],
        )
        .await?;
    }
    scene.note("on a connection that is logged in");
    let mut wire = Wire::connect(scene.address).await?;
    login(&mut wire).await?;
    probe(
        &scene,
        &mut wire,
        "register(again)",
        request(Operation::Register),
        &whole,
    )
    .await?;
    let wrong = login_body(IGGY_PROTOCOL_VERSION, "iggy", "wrong-password");
    probe(
        &scene,
        &mut wire,
        "register(again, wrong password)",
        request(Operation::Register),
        &wrong,
    )
    .await?;
    probe(
        &scene,
        &mut wire,
        "get_streams()",
        non_replicated(GET_STREAMS_CODE),
        &[],
    )
    .await?;
    Ok(())
}

pub(super) async fn without_login(scene: Scene) -> Result<(), String> {
    let mut wire = Wire::connect(scene.address).await?;
    probe(&scene, &mut wire, "ping()", non_replicated(PING_CODE), &[]).await?;
    for code in [
        GET_ME_CODE,
        GET_STREAMS_CODE,
        GET_CLUSTER_METADATA_CODE,
        9999,
    ] {
        probe(
            &scene,
            &mut wire,
            &format!("command({code})"),
            non_replicated(code),
            &[],
        )
        .await?;
    }
    let body = create_stream_body("early");
    for (what, session) in [("no session", 0), ("session 5", 5)] {
        let mut wire = Wire::connect(scene.address).await?;
        probe(
            &scene,
            &mut wire,
            &format!("create_stream({what})"),
            replicated(Operation::CreateStream, session, 1, &body),
            &body,
        )
        .await?;
    }
    let mut wire = Wire::connect(scene.address).await?;
    probe(
        &scene,
        &mut wire,
        "operation(64)",
        replicated(Operation::CreateTopicWithAssignments, 5, 1, &[]),
        &[],
    )
    .await?;
    let mut wire = Wire::connect(scene.address).await?;
    probe(
        &scene,
        &mut wire,
        "logout(no session)",
        request(Operation::Logout),
        &[],
    )
    .await?;
    let mut wire = Wire::connect(scene.address).await?;
    probe(
        &scene,
        &mut wire,
        "logout(session 5)",
        replicated(Operation::Logout, 5, 1, &[]),
        &[],
    )
    .await?;
    Ok(())
}

pub(super) async fn commands_and_operations(scene: Scene) -> Result<(), String> {
    scene.note("command codes that no server knows, or that are not read this way");
    for code in [0, 9999, u32::MAX, CREATE_STREAM_CODE, LOGOUT_USER_CODE] {
        let mut wire = Wire::connect(scene.address).await?;
        login(&mut wire).await?;
        probe(
            &scene,
            &mut wire,
            &format!("command({code})"),
            non_replicated(code),
            &[],
        )
        .await?;
    }
    scene.note("operations that are not a client's");
    for operation in [
        Operation::Reserved,
        Operation::CreateTopicWithAssignments,
        Operation::CreatePartitionsWithAssignments,
        Operation::RemoveConsumerGroupMember,
    ] {
        let mut wire = Wire::connect(scene.address).await?;
        let session = login(&mut wire).await?;
        probe(
            &scene,
            &mut wire,
            &format!("operation({})", operation as u8),
            replicated(operation, session, 1, &[]),
            &[],
        )
        .await?;
    }
    scene.note("an operation that does not exist");
    let mut wire = Wire::connect(scene.address).await?;
    let session = login(&mut wire).await?;
    let mut bytes = wire.frame(replicated(Operation::CreateStream, session, 1, &[]), &[]);
    bytes[176] = 250;
    probe_bytes(&scene, &mut wire, "operation(250)", &bytes).await?;
    scene.note("frames that are not requests");
    for command in [
        0_u8,
        Command::Ping as u8,
        Command::Prepare as u8,
        Command::Reply as u8,
        99,
    ] {
        let mut wire = Wire::connect(scene.address).await?;
        login(&mut wire).await?;
        let mut bytes = wire.frame(non_replicated(PING_CODE), &[]);
        bytes[60] = command;
        probe_bytes(
            &scene,
            &mut wire,
            &format!("frame(command {command})"),
            &bytes,
        )
        .await?;
    }
    Ok(())
}

pub(super) async fn bad_bodies(scene: Scene) -> Result<(), String> {
    let mut wire = Wire::connect(scene.address).await?;
    let session = login(&mut wire).await?;
    scene.note("reads");
    for (what, code, body) in [
        ("get_stream(empty body)", GET_STREAM_CODE, &[][..]),
        (
            "get_stream(identifier of kind 3)",
            GET_STREAM_CODE,
            &[3, 1, 0],
        ),
        (
            "get_stream(number of 2 bytes)",
            GET_STREAM_CODE,
            &[1, 2, 0, 0],
        ),
        ("get_stream(name of 0 bytes)", GET_STREAM_CODE, &[2, 0]),
        (
            "get_stream(trailing bytes)",
            GET_STREAM_CODE,
            &[1, 4, 0, 0, 0, 0, 9],
        ),
        ("get_streams(trailing bytes)", GET_STREAMS_CODE, &[9]),
        (
            "get_topic(one identifier)",
            GET_TOPIC_CODE,
            &[1, 4, 0, 0, 0, 0],
        ),
        ("describe_options(empty body)", DESCRIBE_OPTIONS_CODE, &[]),
        ("get_client(empty body)", GET_CLIENT_CODE, &[]),
        ("ping(trailing bytes)", PING_CODE, &[1, 2, 3]),
    ] {
        probe(&scene, &mut wire, what, non_replicated(code), body).await?;
    }
    // Not here: a delete or a group command whose body cannot be decoded. A real server
    // (0.9.0-edge.5) answers neither that frame nor any later one on the connection, which
    // no client can want to depend on.
    scene.note("writes");
    let stream = [1, 4, 0, 0, 0, 0];
    let create = create_stream_body("s");
    probe(
        &scene,
        &mut wire,
        "create_stream(s)",
        replicated(Operation::CreateStream, session, 1, &create),
        &create,
    )
    .await?;
    let mut twice = [stream, stream].concat();
    twice.extend_from_slice(&[1, 0]);
    for (number, (what, operation, body)) in (2..).zip([
        ("create_stream(empty body)", Operation::CreateStream, vec![]),
        (
            "create_stream(half an option)",
            Operation::CreateStream,
            vec![1, b'x', 2, 1],
        ),
        (
            "create_stream(option of kind 0)",
            Operation::CreateStream,
            vec![1, b'x', 2, 1, 0, 0, 0, b'k', 0, 1, 0, 0, 0, b'v'],
        ),
        (
            "create_stream(key that is no text)",
            Operation::CreateStream,
            vec![1, b'x', 12, 1, 0, 0, 0, b'k', 2, 1, 0, 0, 0, b'v'],
        ),
        (
            "update_stream(no name)",
            Operation::UpdateStream,
            stream.to_vec(),
        ),
        (
            "delete_stream(trailing bytes)",
            Operation::DeleteStream,
            vec![1, 4, 9, 0, 0, 0, 7],
        ),
        (
            "create_topic(stream only)",
            Operation::CreateTopic,
            stream.to_vec(),
        ),
        (
            "create_partitions(half a count)",
            Operation::CreatePartitions,
            twice,
        ),
    ]) {
        probe(
            &scene,
            &mut wire,
            what,
            replicated(operation, session, number, &body),
            &body,
        )
        .await?;
    }
    Ok(())
}

pub(super) async fn bad_frames(scene: Scene) -> Result<(), String> {
    for (what, size) in [
        ("size 0", 0_u32),
        ("size 255", 255),
        ("size above 64 MiB", 64 * 1024 * 1024 + 1),
        ("size 4 GiB", u32::MAX),
    ] {
        for logged_in in [false, true] {
            let mut wire = Wire::connect(scene.address).await?;
            if logged_in {
                login(&mut wire).await?;
            }
            let mut bytes = wire.frame(non_replicated(PING_CODE), &[]);
            bytes[48..52].copy_from_slice(&size.to_le_bytes());
            let who = if logged_in { "logged in" } else { "guest" };
            probe_bytes(&scene, &mut wire, &format!("frame({what}, {who})"), &bytes).await?;
        }
    }
    scene.note("what is no frame at all");
    let mut wire = Wire::connect(scene.address).await?;
    probe_bytes(
        &scene,
        &mut wire,
        "HTTP request",
        &[b"GET / HTTP/1.1\r\n\r\n".as_slice(), &[b' '; HEADER_SIZE]].concat(),
    )
    .await?;
    let mut wire = Wire::connect(scene.address).await?;
    probe_bytes(&scene, &mut wire, "256 bytes of zero", &[0; HEADER_SIZE]).await?;
    let mut wire = Wire::connect(scene.address).await?;
    probe_bytes(&scene, &mut wire, "256 bytes of 255", &[255; HEADER_SIZE]).await?;
    scene.note("a client that stops in the middle");
    let whole = wire.frame(non_replicated(PING_CODE), &[]);
    let mut body = wire.frame(non_replicated(GET_STREAM_CODE), &[1, 4, 0, 0, 0, 0]);
    body.truncate(HEADER_SIZE + 2);
    for (what, bytes) in [
        ("half a header", &whole[..100]),
        ("half a body", &body),
        ("nothing", &[]),
    ] {
        let mut wire = Wire::connect(scene.address).await?;
        wire.send_bytes(bytes)
            .await
            .map_err(|error| error.to_string())?;
        wire.finish().await.map_err(|error| error.to_string())?;
        scene
            .transcript
            .push(format!("finish({what}) -> {}", wire.answer().await?.text()));
    }
    scene.note("fields that are not checked");
    for (what, header) in [
        (
            "view 7",
            RequestHeader {
                view: 7,
                ..non_replicated(PING_CODE)
            },
        ),
        (
            "cluster 7",
            RequestHeader {
                cluster: 7,
                ..non_replicated(PING_CODE)
            },
        ),
        (
            "release 7",
            RequestHeader {
                release: 7,
                ..non_replicated(PING_CODE)
            },
        ),
        (
            "replica 7",
            RequestHeader {
                replica: 7,
                ..non_replicated(PING_CODE)
            },
        ),
        (
            "client 0",
            RequestHeader {
                client: 0,
                ..non_replicated(PING_CODE)
            },
        ),
        (
            "checksum 7",
            RequestHeader {
                checksum: 7,
                ..non_replicated(PING_CODE)
            },
        ),
        (
            "body checksum 7",
            RequestHeader {
                checksum_body: 7,
                ..non_replicated(PING_CODE)
            },
        ),
        (
            "request checksum 7",
            RequestHeader {
                request_checksum: 7,
                ..non_replicated(PING_CODE)
            },
        ),
        (
            "user 7",
            RequestHeader {
                user_id: 7,
                ..non_replicated(PING_CODE)
            },
        ),
    ] {
        let mut wire = Wire::connect(scene.address).await?;
        probe(&scene, &mut wire, &format!("ping({what})"), header, &[]).await?;
    }
    Ok(())
}

pub(super) async fn sessions_and_replays(scene: Scene) -> Result<(), String> {
    let create = |name: &str| create_stream_body(name);
    // Sessions are numbered from 1; an earlier login leaves room for an older one.
    login(&mut Wire::connect(scene.address).await?).await?;
    let mut wire = Wire::connect(scene.address).await?;
    let session = login(&mut wire).await?;
    let a = create("a");
    let first = replicated(Operation::CreateStream, session, 1, &a);
    probe(
        &scene,
        &mut wire,
        "create_stream(a) as request 1",
        first,
        &a,
    )
    .await?;
    scene.note("the same once more: answered from memory, not done again");
    probe(
        &scene,
        &mut wire,
        "create_stream(a) as request 1",
        first,
        &a,
    )
    .await?;
    let b = create("b");
    probe(
        &scene,
        &mut wire,
        "create_stream(b) as request 1",
        replicated(Operation::CreateStream, session, 1, &b),
        &b,
    )
    .await?;
    scene.note("numbers may be skipped, and not be gone back to");
    for (name, number) in [("c", 10), ("d", 5), ("e", 11), ("f", 0)] {
        let body = create(name);
        probe(
            &scene,
            &mut wire,
            &format!("create_stream({name}) as request {number}"),
            replicated(Operation::CreateStream, session, number, &body),
            &body,
        )
        .await?;
    }
    scene.note("an older one once more, also with another body");
    probe(
        &scene,
        &mut wire,
        "create_stream(a) as request 1",
        first,
        &a,
    )
    .await?;
    probe(
        &scene,
        &mut wire,
        "create_stream(b) as request 1",
        replicated(Operation::CreateStream, session, 1, &b),
        &b,
    )
    .await?;
    scene.note("five replies are kept");
    for number in 20..24 {
        let body = create(&format!("n{number}"));
        probe(
            &scene,
            &mut wire,
            &format!("create_stream(n{number}) as request {number}"),
            replicated(Operation::CreateStream, session, number, &body),
            &body,
        )
        .await?;
    }
    probe(
        &scene,
        &mut wire,
        "create_stream(a) as request 1",
        first,
        &a,
    )
    .await?;
    scene.note("a refusal before the log is not remembered, one in the log is");
    for (what, number) in [("x", 24), ("x", 24)] {
        let body = [create(what), vec![2, 1]].concat();
        probe(
            &scene,
            &mut wire,
            &format!("create_stream({what} and half an option) as request {number}"),
            replicated(Operation::CreateStream, session, number, &body),
            &body,
        )
        .await?;
    }
    for (what, number) in [("a", 24), ("x", 24), ("a", 25), ("a", 25)] {
        let body = create(what);
        probe(
            &scene,
            &mut wire,
            &format!("create_stream({what}) as request {number}"),
            replicated(Operation::CreateStream, session, number, &body),
            &body,
        )
        .await?;
    }
    scene.note("a body that does not fit its checksum, and one without");
    let g = create("g");
    probe(
        &scene,
        &mut wire,
        "create_stream(g) with a wrong checksum",
        RequestHeader {
            request_checksum: 1,
            ..replicated(Operation::CreateStream, session, 32, &g)
        },
        &g,
    )
    .await?;
    let h = create("h");
    probe(
        &scene,
        &mut wire,
        "create_stream(h) without a checksum",
        RequestHeader {
            request_checksum: 0,
            ..replicated(Operation::CreateStream, session, 33, &h)
        },
        &h,
    )
    .await?;
    scene.note("another session, another client");
    for (what, wrong) in [
        ("no session", 0),
        ("an older session", session - 1),
        ("a later session", session + 100),
    ] {
        let body = create("i");
        probe(
            &scene,
            &mut wire,
            &format!("create_stream(i) with {what}"),
            replicated(Operation::CreateStream, wrong, 34, &body),
            &body,
        )
        .await?;
    }
    let j = create("j");
    probe(
        &scene,
        &mut wire,
        "create_stream(j) as another client",
        RequestHeader {
            client: 8,
            ..replicated(Operation::CreateStream, session, 35, &j)
        },
        &j,
    )
    .await?;
    scene.note("reads do not look at the session");
    probe(
        &scene,
        &mut wire,
        "get_streams() with another session",
        RequestHeader {
            session: session + 100,
            ..non_replicated(GET_STREAMS_CODE)
        },
        &[],
    )
    .await?;
    scene.note("what is there in the end");
    let root = scene.root().await?;
    root.get_streams().await;
    root.close().await;
    Ok(())
}
