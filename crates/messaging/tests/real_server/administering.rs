//! Offsets that are moved, messages that are sent again, dead letters that go back.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use iggyctl_messaging::codec::{Json, Raw};
use iggyctl_messaging::dead_letters::DeadLetterTopic;
use iggyctl_messaging::offsets::{OffsetPlan, Reader, Target, TopicOffsets};
use iggyctl_messaging::replay::{Destination, From, Progress, Replay, Spread, Until};
use iggyctl_messaging::{
    Connection, Consumer, DeadLetters, Manifest, MessagingError, Outgoing, Producer, Start,
};

use crate::server::Server;

type Scenario = fn(PathBuf) -> BoxFuture<'static, ()>;

pub(crate) fn all() -> Vec<(&'static str, Scenario)> {
    vec![
        ("offsets_tcp", |program| offsets(program, "iggy").boxed()),
        ("offsets_http", |program| {
            offsets(program, "iggy+http").boxed()
        }),
        ("offsets_of_a_group", |program| group(program).boxed()),
        ("replay_tcp", |program| replay(program, "iggy").boxed()),
        ("replay_http", |program| {
            replay(program, "iggy+http").boxed()
        }),
        ("dead_letters_go_back", |program| {
            dead_letters(program).boxed()
        }),
    ]
}

/// Ten messages in the first of two partitions.
async fn begin(program: PathBuf) -> (Server, Connection) {
    let server = Server::start(program);
    let connection = Connection::open(&server.address("iggy")).unwrap();
    for (topic, partitions) in [("topic", 2), ("copy", 2), ("dead", 1)] {
        let manifest = Manifest::topic("stream", topic, partitions).unwrap();
        connection.ensure(&manifest).await.unwrap();
    }
    let producer = Producer::<u32>::builder(&connection, "stream", "topic")
        .build(Json)
        .unwrap();
    for number in 0..10 {
        let message = Outgoing::new(number).partition(0);
        producer.send(message).await.unwrap();
    }
    (server, connection)
}

async fn moved(offsets: &TopicOffsets, reader: &Reader, target: &Target) -> Vec<Option<u64>> {
    let seen = offsets.observe_closely(reader).await.unwrap();
    let plan = OffsetPlan::new(&seen, target, None).unwrap();
    let outcome = offsets.carry_out(&plan).await.unwrap();
    assert!(outcome.is_complete(), "{outcome:?}");
    let seen = offsets.observe(reader).await.unwrap();
    seen.partitions.values().map(|it| it.stored).collect()
}

async fn offsets(program: PathBuf, scheme: &str) {
    let (server, _tcp) = begin(program).await;
    let connection = Connection::open(&server.address(scheme)).unwrap();
    let offsets = TopicOffsets::new(&connection, "stream", "topic").unwrap();
    let reader = Reader::Consumer("audit".to_owned());
    let latest = moved(&offsets, &reader, &Target::Latest).await;
    assert_eq!(latest, [Some(9), None]);
    let back = moved(&offsets, &reader, &Target::Shift(-4)).await;
    assert_eq!(back, [Some(5), None]);
    let since = offsets.since(0).await.unwrap();
    assert_eq!(moved(&offsets, &reader, &since).await, [None, None]);
    let later = offsets.since(u64::MAX / 4).await.unwrap();
    assert_eq!(moved(&offsets, &reader, &later).await, [Some(9), None]);
    assert_eq!(
        moved(&offsets, &reader, &Target::Earliest).await,
        [None, None]
    );
    assert_eq!(offsets.observe(&reader).await.unwrap().total_lag(), 10);
    connection.shutdown().await;
}

async fn group(program: PathBuf) {
    let (_server, connection) = begin(program).await;
    let mut member = Consumer::<u32>::group(&connection, "group", "stream", "topic")
        .build(Json)
        .unwrap();
    for _ in 0..10 {
        member.next().await.unwrap().unwrap().ack();
    }
    member.commit().await.unwrap();
    let offsets = TopicOffsets::new(&connection, "stream", "topic").unwrap();
    let reader = Reader::Group("group".to_owned());
    let seen = offsets.observe_closely(&reader).await.unwrap();
    assert_eq!((seen.members.len(), seen.total_lag()), (1, 0));
    let plan = OffsetPlan::new(&seen, &Target::Earliest, None).unwrap();
    let refused = offsets.carry_out(&plan).await.unwrap_err();
    assert!(
        matches!(refused, MessagingError::GroupInUse { .. }),
        "{refused}"
    );
    member.shutdown().await;
    let back = moved(&offsets, &reader, &Target::Offset(0)).await;
    assert_eq!(back, [None, None]);
    let seen = offsets.observe(&reader).await.unwrap();
    assert!(seen.members.is_empty(), "{seen:?}");
    let mut member = Consumer::<u32>::group(&connection, "group", "stream", "topic")
        .build(Json)
        .unwrap();
    assert_eq!(member.next().await.unwrap().unwrap().payload, 0);
    connection.shutdown().await;
}

async fn replay(program: PathBuf, scheme: &str) {
    let (server, tcp) = begin(program).await;
    let connection = Connection::open(&server.address(scheme)).unwrap();
    let to = Destination::Topic {
        stream: "stream".to_owned(),
        topic: "copy".to_owned(),
        spread: Spread::Keep,
    };
    let mut replay = Replay::new(&connection, "stream", "topic", to).unwrap();
    let (from, until) = (From::Offset(2), Until::Offset(7));
    let spans = replay.spans(from, until, None).await.unwrap();
    let mut progress = Progress::over(spans);
    while replay.step(&mut progress, 4).await.unwrap().is_some() {}
    assert_eq!((progress.sent, progress.unmarked), (6, 0));
    let mut reader = Consumer::<u32>::plain(&tcp, "look", "stream", "copy")
        .start(Start::First)
        .build(Json)
        .unwrap();
    for number in 2..8 {
        let message = reader.next().await.unwrap().unwrap();
        assert_eq!(message.payload, number);
        let offset = message.headers.get(iggyctl_messaging::replay::OFFSET);
        assert_eq!(offset.unwrap().as_uint64(), Ok(u64::from(number)));
        message.ack();
    }
    connection.shutdown().await;
    tcp.shutdown().await;
}

async fn dead_letters(program: PathBuf) {
    let (_server, connection) = begin(program).await;
    let mut worker = Consumer::<u32>::plain(&connection, "worker", "stream", "topic")
        .dead_letters(DeadLetters::to("stream", "dead"))
        .build(Json)
        .unwrap();
    for _ in 0..10 {
        worker.next().await.unwrap().unwrap().reject("no");
    }
    let letters = DeadLetterTopic::new(&connection, "stream", "dead", None).unwrap();
    // They are sent one by one, while the worker goes on.
    let begun = Instant::now();
    let spans = loop {
        assert!(begun.elapsed() < Duration::from_secs(60));
        let spans = letters.spans().await.unwrap();
        if spans[&0].left() == 10 {
            break spans;
        }
    };
    let found = letters.read(0, spans[&0].next, 100).await.unwrap();
    assert_eq!(found.len(), 10);
    assert!(
        found
            .iter()
            .all(|it| it.dead.as_ref().is_some_and(|it| it.error == "no"))
    );
    let to = Destination::WhereTheyDied;
    let mut replay = Replay::new(&connection, "stream", "dead", to).unwrap();
    let mut progress = Progress::over(letters.pending(&spans).await.unwrap());
    replay.step(&mut progress, 6).await.unwrap();
    letters
        .remember(0, progress.partitions[&0].next - 1)
        .await
        .unwrap();
    let left = letters.pending(&spans).await.unwrap();
    assert_eq!(left[&0].left(), 4);
    for number in 0..6 {
        let message = worker.next().await.unwrap().unwrap();
        assert_eq!((message.payload, message.partition), (number, 0));
        message.ack();
    }
    letters.purge().await.unwrap();
    let spans = letters.spans().await.unwrap();
    assert_eq!(spans[&0].left(), 0);
    let producer = Producer::<Bytes>::builder(&connection, "stream", "dead")
        .build(Raw)
        .unwrap();
    producer.send(Bytes::from("new")).await.unwrap();
    let spans = letters.spans().await.unwrap();
    assert_eq!(
        letters.pending(&spans).await.unwrap(),
        spans,
        "nothing of it was sent back"
    );
    connection.shutdown().await;
}
