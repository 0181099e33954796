//! Messages that are sent again.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use iggy_binary_protocol::codes::SEND_MESSAGES_CODE;
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget, PasswordHashing};
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::connection::Backoff;
use iggyctl_messaging::consumer::dead_letters;
use iggyctl_messaging::replay::{self, Destination, From, Progress, Replay, Span, Spread, Until};
use iggyctl_messaging::{
    Commit, Connection, Consumer, DeadLetters, Headers, Manifest, Message, MessagingError,
    Outgoing, Producer, RedeliveryPolicy, Start,
};

struct Lab {
    server: EmbeddedServer,
    connection: Connection,
}

impl Lab {
    async fn new() -> Self {
        let server = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
        let server = server.start().await.unwrap();
        let connection = Connection::builder()
            .address(&server.connection_string())
            .unwrap()
            .backoff(Backoff {
                base: Duration::from_millis(5),
                max: Duration::from_millis(50),
                give_up_after: Some(Duration::from_secs(20)),
            })
            .build()
            .unwrap();
        let lab = Self { server, connection };
        for (topic, partitions) in [("source", 3), ("target", 3), ("narrow", 1), ("dead", 1)] {
            let manifest = Manifest::topic("s", topic, partitions).unwrap();
            lab.connection.ensure(&manifest).await.unwrap();
        }
        lab
    }

    async fn send(&self, topic: &str, partition: u32, payloads: &[&'static str]) {
        let producer = Producer::<Bytes>::builder(&self.connection, "s", topic)
            .build(Raw)
            .unwrap();
        for payload in payloads {
            let headers = Headers::new().with("first", &payload[..1]).unwrap();
            let message = Outgoing::new(Bytes::from(*payload));
            let message = message.partition(partition).headers(headers);
            producer.send(message).await.unwrap();
        }
    }

    /// All that is there: partition, payload, and where it was taken from.
    async fn all(&self, topic: &str, count: usize) -> Vec<Message<Bytes>> {
        let mut reader = Consumer::<Bytes>::plain(&self.connection, "look", "s", topic)
            .start(Start::First)
            .commit(Commit::Never)
            .build(Raw)
            .unwrap();
        let mut found = Vec::new();
        while found.len() < count {
            found.push(reader.next().await.unwrap().unwrap());
        }
        reader.shutdown().await;
        found.sort_by_key(|message| (message.partition, message.offset));
        found
    }

    fn replay(&self, topic: &str, spread: Spread) -> Replay {
        let to = Destination::Topic {
            stream: "s".to_owned(),
            topic: topic.to_owned(),
            spread,
        };
        Replay::new(&self.connection, "s", "source", to).unwrap()
    }
}

async fn run(replay: &mut Replay, spans: BTreeMap<u32, Span>, batch: u32) -> Progress {
    let mut progress = Progress::over(spans);
    while replay.step(&mut progress, batch).await.unwrap().is_some() {}
    progress
}

fn places(messages: &[Message<Bytes>]) -> Vec<(u32, &str, u32, u64)> {
    let place = |it: &'_ Message<Bytes>| {
        let partition = it.headers.get(replay::PARTITION).unwrap().as_uint32();
        let offset = it.headers.get(replay::OFFSET).unwrap().as_uint64();
        (partition.unwrap(), offset.unwrap())
    };
    messages
        .iter()
        .map(|it| {
            let (partition, offset) = place(it);
            (
                it.partition,
                std::str::from_utf8(&it.payload).unwrap(),
                partition,
                offset,
            )
        })
        .collect()
}

#[tokio::test]
async fn a_topic_is_sent_again_with_everything_and_once() {
    let lab = Lab::new().await;
    lab.send("source", 0, &["a0", "a1", "b2"]).await;
    lab.send("source", 2, &["a0"]).await;
    let mut replay = lab.replay("target", Spread::Keep);
    let spans = replay.spans(From::Oldest, Until::Now, None).await.unwrap();
    lab.send("source", 2, &["late"]).await;
    let done = run(&mut replay, spans, 2).await;
    assert_eq!(
        (done.read, done.sent, done.filtered, done.unmarked),
        (4, 4, 0, 0)
    );
    let before = lab.all("source", 5).await;
    let after = lab.all("target", 4).await;
    assert_eq!(
        places(&after),
        [
            (0, "a0", 0, 0),
            (0, "a1", 0, 1),
            (0, "b2", 0, 2),
            (2, "a0", 2, 0)
        ]
    );
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.id, after.id);
        assert_eq!(before.origin_timestamp, after.origin_timestamp);
        assert_eq!(after.headers.text("first"), before.headers.text("first"));
        assert_eq!(after.headers.text(replay::STREAM), Some("s"));
        assert_eq!(after.headers.text(replay::TOPIC), Some("source"));
    }
}

#[tokio::test]
async fn a_range_a_partition_and_a_filter_leave_the_rest_out() {
    let lab = Lab::new().await;
    lab.send("source", 0, &["a0", "a1", "b2", "a3", "a4"]).await;
    lab.send("source", 1, &["a0"]).await;
    let filter = Headers::new().with("first", "a").unwrap();
    let mut replay = lab.replay("target", Spread::Keep).filter(filter);
    let (from, until) = (From::Offset(1), Until::Offset(3));
    let spans = replay.spans(from, until, Some(0)).await.unwrap();
    assert_eq!(spans, BTreeMap::from([(0, Span { next: 1, end: 4 })]));
    let mut dry = lab.replay("target", Spread::Keep).dry_run();
    assert_eq!(run(&mut dry, spans.clone(), 100).await.sent, 3);
    let done = run(&mut replay, spans, 100).await;
    assert_eq!((done.read, done.sent, done.filtered), (3, 2, 1));
    let found = lab.all("target", 2).await;
    assert_eq!(places(&found), [(0, "a1", 0, 1), (0, "a3", 0, 3)]);

    let times: Vec<u64> = lab
        .all("source", 6)
        .await
        .iter()
        .map(|it| it.timestamp)
        .collect();
    let (from, until) = (From::Time(times[1]), Until::Time(times[4]));
    let spans = replay.spans(from, until, Some(0)).await.unwrap();
    let first = times.iter().position(|it| *it >= times[1]).unwrap() as u64;
    let end = times[..5].iter().position(|it| *it >= times[4]).unwrap() as u64;
    assert_eq!(spans[&0], Span { next: first, end });
    let nothing = replay
        .spans(From::Time(u64::MAX / 2), Until::Now, None)
        .await;
    assert!(nothing.unwrap().values().all(|span| span.left() == 0));
    let nowhere = replay.spans(From::Oldest, Until::Now, Some(9)).await;
    assert!(matches!(nowhere, Err(MessagingError::NoTopic { .. })));
}

#[tokio::test]
async fn a_topic_replayed_to_itself_ends_and_fewer_partitions_are_shared() {
    let lab = Lab::new().await;
    lab.send("source", 0, &["a0", "a1"]).await;
    lab.send("source", 2, &["a0"]).await;
    let mut itself = lab.replay("source", Spread::Balanced);
    let spans = itself.spans(From::Oldest, Until::Now, None).await.unwrap();
    assert_eq!(run(&mut itself, spans, 1).await.sent, 3);
    let found = lab.all("source", 6).await;
    let copies = found
        .iter()
        .filter(|it| it.headers.get(replay::TOPIC).is_some());
    let mut at: Vec<u32> = copies.map(|it| it.partition).collect();
    at.sort_unstable();
    assert_eq!(at, [0, 1, 2], "each batch to the next one");

    let mut narrow = lab.replay("narrow", Spread::Keep);
    let spans = narrow.spans(From::Oldest, Until::Now, None).await.unwrap();
    let progress = Progress::over(spans.clone());
    assert_eq!(
        narrow.lacks_partitions(&progress).await.unwrap(),
        Some((1, 2))
    );
    let mut narrow = lab.replay("narrow", Spread::Balanced);
    assert_eq!(narrow.lacks_partitions(&progress).await.unwrap(), None);
    assert_eq!(run(&mut narrow, spans, 100).await.sent, 6);
}

#[tokio::test]
async fn what_is_kept_of_the_progress_is_gone_on_with() {
    let lab = Lab::new().await;
    lab.send("source", 0, &["a0", "a1", "a2", "a3", "a4"]).await;
    let mut replay = lab.replay("target", Spread::Keep);
    let spans = replay.spans(From::Oldest, Until::Now, None).await.unwrap();
    let mut progress = Progress::over(spans);
    replay.step(&mut progress, 2).await.unwrap();
    let kept = serde_json::to_string(&progress).unwrap();
    // Sent, and not kept: it is what comes twice.
    replay.step(&mut progress, 2).await.unwrap();
    let mut progress: Progress = serde_json::from_str(&kept).unwrap();
    let mut again = lab.replay("target", Spread::Keep);
    while again.step(&mut progress, 2).await.unwrap().is_some() {}
    let offsets: Vec<u64> = places(&lab.all("target", 7).await)
        .iter()
        .map(|it| it.3)
        .collect();
    assert_eq!(offsets, [0, 1, 2, 3, 2, 3, 4]);

    // A step that fails moves nothing, and can be tried again.
    let mut progress: Progress = serde_json::from_str(&kept).unwrap();
    let refuse = FaultTarget::Command(SEND_MESSAGES_CODE);
    lab.server
        .faults()
        .set(FaultPlan::none().always(FaultKind::Disconnect, refuse));
    let error = again.step(&mut progress, 2).await.unwrap_err();
    assert!(matches!(error, MessagingError::GaveUp { .. }), "{error}");
    assert_eq!(progress.partitions[&0], Span { next: 2, end: 5 });
    lab.server.faults().clear();
    again.step(&mut progress, 2).await.unwrap();
    assert_eq!(progress.partitions[&0], Span { next: 4, end: 5 });
}

#[tokio::test]
async fn dead_letters_go_back_and_their_attempts_are_counted_on() {
    let lab = Lab::new().await;
    lab.send("source", 2, &["a0", "b1"]).await;
    let failing = || {
        Consumer::<Bytes>::plain(&lab.connection, "worker", "s", "source")
            .poll_interval(Duration::from_millis(5))
            .redelivery(RedeliveryPolicy {
                max_attempts: 2,
                base_backoff: Duration::from_millis(1),
                max_backoff: Duration::from_millis(1),
                keeps_order: true,
            })
            .dead_letters(DeadLetters::to("s", "dead"))
            .build(Raw)
            .unwrap()
    };
    let mut worker = failing();
    for _ in 0..4 {
        worker.next().await.unwrap().unwrap().nack("no");
    }
    assert_eq!(lab.all("dead", 2).await.len(), 2);
    lab.send("dead", 0, &["stray"]).await;
    let to = Destination::WhereTheyDied;
    let mut back = Replay::new(&lab.connection, "s", "dead", to).unwrap();
    let spans = back.spans(From::Oldest, Until::Now, None).await.unwrap();
    let done = run(&mut back, spans, 100).await;
    assert_eq!((done.sent, done.unaddressed), (2, 1));
    for _ in 0..2 {
        let message = worker.next().await.unwrap().unwrap();
        assert_eq!(message.partition, 2);
        assert_eq!(message.headers.get(dead_letters::STREAM), None);
        assert_eq!(message.headers.text(replay::TOPIC), Some("dead"));
        message.reject("never");
    }
    let dead = lab.all("dead", 5).await;
    let attempts = |it: &Message<Bytes>| {
        let attempts = it.headers.get(dead_letters::ATTEMPTS)?;
        assert_eq!(it.headers.get(dead_letters::ATTEMPTS_BEFORE), None);
        attempts.as_uint32().ok()
    };
    let attempts: Vec<_> = dead.iter().map(attempts).collect();
    assert_eq!(attempts, [Some(2), Some(2), None, Some(3), Some(3)]);
    worker.shutdown().await;
}
