//! The programs of the market on an embedded server: content, order by symbol, retries,
//! metrics, and the load run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail by panicking"
)]

use std::collections::BTreeMap;

use examples_running::Program;
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};
use iggyctl_messaging::codec::Json;
use iggyctl_messaging::{Commit, Connection, Consumer, Start};
use market_data::STREAM;
use market_data::generate::{Generator, Snapshots};
use market_data::update::{Topic, Update};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const REPLAYER: &str = env!("CARGO_BIN_EXE_replayer");
const FOLLOWER: &str = env!("CARGO_BIN_EXE_follower");
const LOAD: &str = env!("CARGO_BIN_EXE_load");

/// SendMessages, in `iggy_binary_protocol`.
const SEND: u32 = 101;

async fn server() -> EmbeddedServer {
    examples_running::server_with(include_str!("../topology.yaml")).await
}

/// What the generator gives by default.
fn market(count: usize, snapshots: Snapshots) -> Vec<Update> {
    let symbols = ["BTC-USD", "ETH-USD", "SOL-USD"].map(str::to_owned);
    Generator::new(1, &symbols, snapshots).take(count).collect()
}

/// So many updates of a topic, looked at without storing anything.
async fn updates(server: &str, topic: Topic, count: usize) -> Vec<Update> {
    let connection = Connection::open(server).unwrap();
    let mut consumer = Consumer::<Update>::plain(&connection, "test", STREAM, topic.name())
        .start(Start::First)
        .commit(Commit::Never)
        .build(Json)
        .unwrap();
    let mut all = Vec::new();
    while all.len() < count {
        all.push(consumer.next().await.unwrap().unwrap().payload);
    }
    connection.shutdown().await;
    all
}

/// Those of each symbol, in the order in which they are.
fn by_symbol(mut updates: Vec<Update>) -> Vec<Update> {
    updates.sort_by(|one, other| one.symbol.cmp(&other.symbol));
    updates
}

#[tokio::test]
async fn every_topic_has_what_was_generated_in_the_order_of_its_symbols() {
    let server = server().await;
    let uri = server.connection_string();
    let replayer = Program::start(REPLAYER, &["--count", "2000"], &uri);
    assert_eq!(replayer.end().await, ["published 2000 updates"]);
    let market = market(2000, Snapshots::Every(50));
    for topic in Topic::ALL {
        let expected: Vec<Update> = market
            .iter()
            .filter(|it| it.data.topic() == topic)
            .cloned()
            .collect();
        assert!(!expected.is_empty());
        let found = updates(&uri, topic, expected.len()).await;
        assert_eq!(by_symbol(found), by_symbol(expected), "{topic:?}");
    }
    let follower = Program::start(FOLLOWER, &["--count", "2000"], &uri);
    let lines = follower.end().await;
    assert_eq!(
        lines.last().unwrap(),
        "in the end: 2000 updates in 33 series, 0 missing, 0 repeated, 0 wrong books"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_book_can_be_snapshots_only_and_a_market_can_come_from_a_file() {
    let server = server().await;
    let uri = server.connection_string();
    let printed = Program::start(
        REPLAYER,
        &["--print", "--snapshots-only", "--count", "300"],
        "iggy://127.0.0.1:1",
    );
    let lines = printed.end().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("market.jsonl");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let file = file.to_string_lossy();
    let replayer = Program::start(REPLAYER, &["--file", &file], &uri);
    assert_eq!(replayer.end().await, ["published 300 updates"]);

    let expected: Vec<Update> = market(300, Snapshots::Only)
        .into_iter()
        .filter(|it| it.data.topic() == Topic::Book)
        .collect();
    assert!(expected.len() > 50);
    let found = updates(&uri, Topic::Book, expected.len()).await;
    assert_eq!(by_symbol(found), by_symbol(expected));
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_sent_again_keeps_its_order_and_is_recognised() {
    let server = server().await;
    let uri = server.connection_string();
    // A connection breaks before a request and after one, and one is refused for now.
    let send = FaultTarget::Command(SEND);
    server.faults().set(
        FaultPlan::none()
            .once(FaultKind::Disconnect, send, 2)
            .once(FaultKind::LostReply, send, 5)
            .once(FaultKind::TransientNotCommitted, send, 8),
    );
    let replayer = Program::start(REPLAYER, &["--count", "1500"], &uri);
    assert_eq!(replayer.end().await, ["published 1500 updates"]);

    // What was done and whose reply was lost is there twice.
    let mut follower = Program::start(FOLLOWER, &["--show"], &uri);
    let (mut new, mut again) = (0, 0);
    while new < 1500 || again == 0 {
        match follower.line().await.split(' ').next() {
            Some("new") => new += 1,
            Some("again") => again += 1,
            other => panic!("{other:?}"),
        }
    }
    let lines = follower.interrupt().await;
    let end = lines.last().unwrap();
    let start = "in the end: 1500 updates in 33 series, 0 missing, ";
    assert!(
        end.starts_with(start) && end.ends_with(" 0 wrong books"),
        "{end}"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn members_share_the_symbols_and_each_keeps_their_order() {
    let server = server().await;
    let uri = server.connection_string();
    let arguments = ["--topics", "trades,book", "--show"];
    let mut one = Program::start(FOLLOWER, &arguments, &uri);
    let mut two = Program::start(FOLLOWER, &arguments, &uri);
    let symbols: Vec<String> = (0..12).map(|number| format!("S{number}")).collect();
    let replayer = ["--count", "3000", "--symbols", &symbols.join(",")];
    Program::start(REPLAYER, &replayer, &uri).end().await;
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for update in Generator::new(1, &symbols, Snapshots::Every(50)).take(3000) {
        if matches!(update.data.topic(), Topic::Trades | Topic::Book) {
            *expected.entry(series(&update)).or_default() += 1;
        }
    }

    let total: u64 = expected.values().sum();
    let mut seen: [Vec<String>; 2] = Default::default();
    while (seen[0].len() + seen[1].len()) as u64 != total {
        tokio::select! {
            line = one.line() => seen[0].push(line),
            line = two.line() => seen[1].push(line),
        }
    }
    // The last line is the sum. One may have come too late for anything.
    for (member, seen) in [one, two].into_iter().zip(&seen) {
        let lines = member.interrupt().await;
        let ended_well = ", 0 missing, 0 repeated, 0 wrong books";
        match lines.as_slice() {
            [] => assert!(seen.is_empty()),
            [line] => assert!(line.ends_with(ended_well), "{line}"),
            more => panic!("{more:?}"),
        }
    }
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    for lines in &seen {
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        for line in lines {
            let (name, sequence) = line.strip_prefix("new ").unwrap().rsplit_once(' ').unwrap();
            let sequence: u64 = sequence.parse().unwrap();
            let before = last.insert(name.to_owned(), sequence);
            assert!(before.is_none_or(|before| before + 1 == sequence), "{line}");
            *counted.entry(name.to_owned()).or_default() += 1;
        }
    }
    assert_eq!(counted, expected);
    server.shutdown().await;
}

/// As the follower shows it.
fn series(update: &Update) -> String {
    format!("{} {}", update.data.topic().name(), update.symbol)
}

#[tokio::test]
async fn metrics_can_be_read_while_it_runs_and_ctrl_c_loses_nothing() {
    let server = server().await;
    let uri = server.connection_string();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let arguments = ["--rate", "500", "--metrics-listen", &address];
    let mut replayer = Program::start(REPLAYER, &arguments, &uri);
    assert_eq!(
        replayer.line().await,
        format!("metrics at http://{address}/")
    );
    let page = async {
        loop {
            let page = get(&address).await;
            if page.contains("iggy_emit_total{stream=\"market\",topic=\"fills\"}") {
                break page;
            }
            tokio::task::yield_now().await;
        }
    };
    let page = tokio::time::timeout(std::time::Duration::from_secs(30), page)
        .await
        .unwrap();
    assert!(page.contains("iggy_emit_latency_seconds_bucket{"), "{page}");

    let lines = replayer.interrupt().await;
    let count = lines[0].strip_prefix("published ").unwrap();
    let count = count.strip_suffix(" updates").unwrap();
    let follower = Program::start(FOLLOWER, &["--count", count], &uri);
    let lines = follower.end().await;
    let end = lines.last().unwrap();
    assert!(
        end.starts_with(&format!(
            "in the end: {count} updates in 33 series, 0 missing, 0 repeated"
        )),
        "{end}"
    );
    server.shutdown().await;
}

async fn get(address: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    page
}

#[tokio::test]
async fn a_load_run_shows_percentiles_of_all_its_messages() {
    let server = server().await;
    let uri = server.connection_string();
    let load = Program::start(LOAD, &["--count", "20000", "--symbols", "20"], &uri);
    let lines = load.end().await;
    assert!(
        lines[0].starts_with("published 20000 updates, "),
        "{lines:?}"
    );
    assert_eq!(lines[1], "iggy_emit_latency_seconds of 20000 messages:");
    let values: Vec<f64> = lines[2..]
        .iter()
        .zip(["p50 ", "p90 ", "p99 ", "p99.9 "])
        .map(|(line, name)| {
            let value = line
                .strip_prefix(name)
                .and_then(|it| it.strip_suffix(" ms"));
            value.expect(line).parse().expect(line)
        })
        .collect();
    assert_eq!(values.len(), 4);
    assert!(
        values.is_sorted() && values[0] >= 0.0 && values[3] > 0.0,
        "{values:?}"
    );
    server.shutdown().await;
}
