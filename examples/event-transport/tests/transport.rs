//! The programs of the transport on an embedded server: order by tenant, services that
//! do not disturb each other, dead letters and back, replay, health.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use bytes::Bytes;
use event_transport::{EVENTS, STREAM, dead_letters_of};
use examples_running::Program;
use iggyctl_embedded::{EmbeddedServer, PasswordHashing};
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::{Commit, Connection, Consumer, Message, Start};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PUBLISH: &str = env!("CARGO_BIN_EXE_publish");
const SERVICE: &str = env!("CARGO_BIN_EXE_service");
const REDRIVE: &str = env!("CARGO_BIN_EXE_redrive");
const STORY: &str = env!("CARGO_BIN_EXE_story");
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/events.jsonl");
const COUNT: usize = 10;

async fn server() -> EmbeddedServer {
    examples_running::server_with(include_str!("../topology.yaml")).await
}

async fn publish(server: &str, format: &str) -> Vec<String> {
    let arguments = ["--file", FILE, "--format", format];
    Program::start(PUBLISH, &arguments, server).end().await
}

/// What is in a topic, looked at without storing anything.
async fn messages(connection: &Connection, topic: &str, count: usize) -> Vec<Message<Bytes>> {
    let mut consumer = Consumer::plain(connection, "test", STREAM, topic)
        .start(Start::First)
        .commit(Commit::Never)
        .build(Raw)
        .unwrap();
    let mut all = Vec::new();
    while all.len() < count {
        all.push(consumer.next().await.unwrap().unwrap());
    }
    all
}

/// The numbers of each tenant, in the order of lines such as `billing: acme 3 …`.
fn numbers(lines: &[String]) -> BTreeMap<String, Vec<u32>> {
    let mut tenants: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.contains("dead letter")) {
        let mut words = line.split(": ").nth(1).expect(line).split(' ');
        let tenant = words.next().expect(line).to_owned();
        let number = words.next().expect(line).parse().expect(line);
        tenants.entry(tenant).or_default().push(number);
    }
    tenants
}

fn each(tenants: [(&str, &[u32]); 3]) -> BTreeMap<String, Vec<u32>> {
    tenants
        .map(|(tenant, numbers)| (tenant.to_owned(), numbers.to_vec()))
        .into()
}

#[tokio::test]
async fn events_of_a_tenant_have_one_partition_and_one_order_in_both_formats() {
    let server = server().await;
    let uri = server.connection_string();
    let json = publish(&uri, "json").await;
    let postcard = publish(&uri, "postcard").await;
    assert_eq!(
        (json.len(), &json),
        (COUNT, &postcard),
        "the same partitions"
    );

    let connection = Connection::open(&uri).unwrap();
    let all = messages(&connection, EVENTS, 2 * COUNT).await;
    let mut places: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    let mut formats: BTreeMap<String, usize> = BTreeMap::new();
    for message in &all {
        let event = event_transport::format::decode(&message.headers, &message.payload).unwrap();
        places
            .entry(event.tenant)
            .or_default()
            .insert(message.partition);
        let content_type = message.headers.text("content-type").unwrap().to_owned();
        *formats.entry(content_type).or_default() += 1;
    }
    assert!(
        places.values().all(|partitions| partitions.len() == 1),
        "{places:?}"
    );
    assert_eq!(
        formats.into_iter().collect::<Vec<_>>(),
        [
            ("application/json".to_owned(), COUNT),
            ("application/x-postcard".to_owned(), COUNT)
        ]
    );

    // Another service has its own view of all of it.
    let twice = each([
        ("acme", &[1, 2, 3, 4, 1, 2, 3, 4]),
        ("globex", &[1, 2, 3, 4, 1, 2, 3, 4]),
        ("initech", &[1, 2, 1, 2]),
    ]);
    let mut everything = Program::start(SERVICE, &["--group", "everything"], &uri);
    let lines = everything.lines(2 * COUNT).await;
    assert_eq!(numbers(&lines), twice);
    assert!(everything.interrupt().await.is_empty());

    // Two members of one share it, each in order, and nothing comes twice.
    let mut one = Program::start(SERVICE, &["--group", "audit"], &uri);
    let mut two = Program::start(SERVICE, &["--group", "audit"], &uri);
    let mut shared: [Vec<String>; 2] = Default::default();
    while shared[0].len() + shared[1].len() < 2 * COUNT {
        tokio::select! {
            line = one.line() => shared[0].push(line),
            line = two.line() => shared[1].push(line),
        }
    }
    assert!(one.interrupt().await.is_empty());
    assert!(two.interrupt().await.is_empty());
    for lines in &shared {
        let places: Vec<(u32, u64)> = lines.iter().map(|line| place(line)).collect();
        for (index, (partition, offset)) in places.iter().enumerate() {
            let before = places[..index]
                .iter()
                .rfind(|(other, _)| other == partition);
            assert!(
                before.is_none_or(|(_, before)| before < offset),
                "{lines:?}"
            );
        }
    }
    let mut all = shared.concat();
    all.sort_by_key(|line| place(line));
    assert_eq!(numbers(&all), twice);
    connection.shutdown().await;
    server.shutdown().await;
}

/// Partition and offset of a line `… (partition 2, offset 5)`.
fn place(line: &str) -> (u32, u64) {
    let (_, place) = line.rsplit_once("(partition ").expect(line);
    let (partition, offset) = place
        .trim_end_matches(')')
        .split_once(", offset ")
        .expect(line);
    (partition.parse().expect(line), offset.parse().expect(line))
}

#[tokio::test]
async fn what_one_service_cannot_handle_comes_back_to_it_alone() {
    let server = server().await;
    let uri = server.connection_string();
    publish(&uri, "postcard").await;
    let limited = ["--group", "billing", "--limit-cents", "100000"];
    let mut billing = Program::start(SERVICE, &limited, &uri);
    let lines = billing.lines(COUNT).await;
    let dead: Vec<&String> = lines
        .iter()
        .filter(|line| line.contains("dead letter"))
        .collect();
    assert_eq!(
        dead,
        ["billing: dead letter: G-1 costs 250000 cents, and the limit is 100000"]
    );
    assert!(billing.interrupt().await.is_empty());

    let connection = Connection::open(&uri).unwrap();
    let letter = &messages(&connection, &dead_letters_of("billing"), 1).await[0];
    let id = letter.id;
    assert_eq!(letter.headers.text("dead-letter-topic"), Some(EVENTS));

    let moved = Program::start(REDRIVE, &["--group", "billing", "--count", "1"], &uri);
    assert_eq!(
        moved.end().await,
        [
            "globex 2 G-1 placed, 250000 cents (was: G-1 costs 250000 cents, and the limit is 100000)"
        ]
    );
    let back = messages(&connection, EVENTS, COUNT + 1).await;
    let back: Vec<_> = back.iter().filter(|message| message.id == id).collect();
    assert_eq!(back.len(), 2, "the same id");
    let headers = &back
        .iter()
        .max_by_key(|message| message.offset)
        .unwrap()
        .headers;
    assert_eq!(headers.text("for-group"), Some("billing"));
    assert_eq!(headers.text("content-type"), Some("application/x-postcard"));
    assert_eq!(headers.len(), 2);

    // Billing, repaired, gets it and nothing else; audit sees each event once.
    let mut billing = Program::start(SERVICE, &["--group", "billing"], &uri);
    assert!(
        billing
            .line()
            .await
            .starts_with("billing: globex 2 G-1 placed, 250000 cents")
    );
    assert!(billing.interrupt().await.is_empty());
    let mut audit = Program::start(SERVICE, &["--group", "audit"], &uri);
    let lines = audit.lines(COUNT).await;
    assert_eq!(
        numbers(&lines),
        each([
            ("acme", &[1, 2, 3, 4]),
            ("globex", &[1, 2, 3, 4]),
            ("initech", &[1, 2])
        ])
    );
    // What comes next is what is published next, not what was for billing.
    publish(&uri, "json").await;
    let lines = audit.lines(COUNT).await;
    assert_eq!(
        numbers(&lines),
        each([
            ("acme", &[1, 2, 3, 4]),
            ("globex", &[1, 2, 3, 4]),
            ("initech", &[1, 2])
        ])
    );
    assert!(audit.interrupt().await.is_empty());
    connection.shutdown().await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_new_group_replays_all_or_what_came_since() {
    let server = server().await;
    let uri = server.connection_string();
    publish(&uri, "json").await;
    let connection = Connection::open(&uri).unwrap();
    let first = messages(&connection, EVENTS, COUNT).await;
    let until = first.iter().map(|message| message.timestamp).max().unwrap();
    publish(&uri, "postcard").await;

    let mut everything = Program::start(SERVICE, &["--group", "everything"], &uri);
    everything.lines(2 * COUNT).await;
    assert!(everything.interrupt().await.is_empty());
    let since = (until + 1).to_string();
    let mut recent = Program::start(SERVICE, &["--group", "recent", "--since", &since], &uri);
    let lines = recent.lines(COUNT).await;
    assert!(recent.interrupt().await.is_empty());
    let offsets: BTreeSet<(u32, u64)> = lines.iter().map(|line| place(line)).collect();
    let before: BTreeSet<(u32, u64)> = first
        .iter()
        .map(|message| (message.partition, message.offset))
        .collect();
    assert_eq!(offsets.len(), COUNT);
    assert!(offsets.is_disjoint(&before));
    connection.shutdown().await;
    server.shutdown().await;
}

async fn get(address: &str) -> (u16, Value) {
    let host = address
        .trim_start_matches("http://")
        .trim_end_matches("/health");
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!("GET /health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    (code, serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn health_says_whether_the_server_answers() {
    let folder = tempfile::tempdir().unwrap();
    let start = |address: SocketAddr| {
        EmbeddedServer::builder()
            .password_hashing(PasswordHashing::Fast)
            .data_dir(folder.path())
            .listen(address)
            .start()
    };
    let server = start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    examples_running::apply(&server, include_str!("../topology.yaml")).await;
    let (address, uri) = (server.address(), server.connection_string());

    let arguments = ["--group", "billing", "--health", "127.0.0.1:0"];
    let mut service = Program::start(SERVICE, &arguments, &uri);
    let page = service.line().await;
    let (code, body) = get(&page).await;
    assert_eq!(
        (code, &body["connected"]),
        (200, &Value::Bool(true)),
        "{body}"
    );
    assert!(
        body["latency_micros"]
            .as_u64()
            .is_some_and(|micros| micros > 0)
    );
    assert!(
        !body["address"].as_str().unwrap().contains("iggy:iggy"),
        "{body}"
    );

    server.shutdown().await;
    let (code, body) = get(&page).await;
    assert_eq!(
        (code, &body["connected"]),
        (503, &Value::Bool(false)),
        "{body}"
    );
    assert!(body["last_error"].is_string(), "{body}");

    let server = start(address).await.unwrap();
    publish(&uri, "json").await;
    service.lines(COUNT).await;
    // It is found again when its loss is noticed, with the next heartbeat at the latest.
    let again = async {
        while get(&page).await.0 != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), again)
        .await
        .unwrap();
    assert!(service.interrupt().await.is_empty());
    server.shutdown().await;
}

#[tokio::test]
async fn the_story_is_the_same_embedded_and_remote() {
    let server = EmbeddedServer::builder()
        .password_hashing(PasswordHashing::Fast)
        .start()
        .await
        .unwrap();
    let remote = Program::start(STORY, &[], &server.connection_string());
    let embedded = Program::start(STORY, &[], "embedded");
    let expected = [
        "published 10 events to shop",
        "billing: acme 1 2 3 4, globex 1 3 4, initech 1 2, 1 dead letters",
        "audit: acme 1 2 3 4, globex 1 2 3 4, initech 1 2, 0 dead letters",
        "moved back: globex 2 G-1 placed, 250000 cents (was: G-1 costs 250000 cents, and the limit is 100000)",
        "billing, with a higher limit: globex 2, 0 dead letters",
        "a new group: acme 1 2 3 4, globex 1 2 3 4, initech 1 2, 0 dead letters",
    ];
    assert_eq!(remote.end().await, expected);
    assert_eq!(embedded.end().await, expected);
    server.shutdown().await;
}
