//! Stored offsets: seen as they are, and moved only when everything is as it was seen.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::time::Duration;

use iggy_binary_protocol::codes::{DELETE_CONSUMER_OFFSET_CODE, STORE_CONSUMER_OFFSET_CODE};
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget, PasswordHashing};
use iggyctl_messaging::codec::Json;
use iggyctl_messaging::connection::Backoff;
use iggyctl_messaging::offsets::{
    Ended, ObservedOffsets, OffsetPlan, Reader, Target, TopicOffsets, topics,
};
use iggyctl_messaging::{
    Connection, Consumer, Manifest, MessagingError, Outgoing, Partitioning, Producer, Start,
};

struct Lab {
    server: EmbeddedServer,
    connection: Connection,
    offsets: TopicOffsets,
}

impl Lab {
    /// A topic with two partitions: ten messages in the first, none in the other.
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
        let manifest = Manifest::topic("orders", "events", 2).unwrap();
        let producer = Producer::<u32>::builder(&connection, "orders", "events")
            .partitioning(Partitioning::Partition(0))
            .ensure(manifest)
            .build(Json)
            .unwrap();
        let deliveries = producer.enqueue_all((0..10).map(Outgoing::new)).await;
        for delivery in deliveries.unwrap() {
            delivery.await.unwrap();
        }
        let offsets = TopicOffsets::new(&connection, "orders", "events").unwrap();
        Self {
            server,
            connection,
            offsets,
        }
    }

    async fn stored(&self, reader: &Reader) -> Vec<Option<u64>> {
        let seen = self.offsets.observe(reader).await.unwrap();
        seen.partitions.values().map(|it| it.stored).collect()
    }

    async fn planned(&self, reader: &Reader, target: &Target) -> OffsetPlan {
        let seen = self.offsets.observe_closely(reader).await.unwrap();
        let only = matches!(target, Target::Offset(_) | Target::Stored(_)).then_some(0);
        OffsetPlan::new(&seen, target, only).unwrap()
    }

    async fn moved(&self, reader: &Reader, target: &Target) -> Vec<Option<u64>> {
        let plan = self.planned(reader, target).await;
        assert!(self.offsets.carry_out(&plan).await.unwrap().is_complete());
        self.stored(reader).await
    }

    /// A group whose member has handled the messages up to this one, and is gone.
    async fn group(&self, upto: u64) -> Reader {
        let mut member = self.member();
        loop {
            let message = member.next().await.unwrap().unwrap();
            let offset = message.offset;
            message.ack();
            if offset == upto {
                break;
            }
        }
        member.shutdown().await;
        Reader::Group("billing".to_owned())
    }

    fn member(&self) -> Consumer<u32> {
        Consumer::group(&self.connection, "billing", "orders", "events")
            .batch_length(1)
            .poll_interval(Duration::from_millis(5))
            .build(Json)
            .unwrap()
    }
}

fn consumer() -> Reader {
    Reader::Consumer("audit".to_owned())
}

fn summary(seen: &ObservedOffsets) -> Vec<(Option<u64>, u64, u64)> {
    let partitions = seen.partitions.values();
    partitions
        .map(|it| (it.stored, it.next(), it.end()))
        .collect()
}

#[tokio::test]
async fn the_offsets_of_a_consumer_go_where_they_are_told() {
    let lab = Lab::new().await;
    let seen = lab.offsets.observe(&consumer()).await.unwrap();
    assert_eq!(summary(&seen), [(None, 0, 10), (None, 0, 0)]);
    assert_eq!((seen.total_lag(), seen.members.len()), (10, 0));
    assert_eq!(
        lab.moved(&consumer(), &Target::Latest).await,
        [Some(9), None]
    );
    assert_eq!(
        lab.moved(&consumer(), &Target::Shift(-3)).await,
        [Some(6), None]
    );
    let seen = lab.offsets.observe(&consumer()).await.unwrap();
    assert_eq!((summary(&seen)[0], seen.total_lag()), ((Some(6), 7, 10), 3));
    assert_eq!(
        lab.moved(&consumer(), &Target::Earliest).await,
        [None, None]
    );

    let mut reader = Consumer::<u32>::plain(&lab.connection, "look", "orders", "events")
        .start(Start::Offset(4))
        .build(Json)
        .unwrap();
    let fourth = reader.next().await.unwrap().unwrap();
    let since = lab.offsets.since(fourth.timestamp).await.unwrap();
    let Target::Since(found) = &since else {
        panic!("{since:?}");
    };
    // One batch has one time.
    assert_eq!(found.values().copied().collect::<Vec<_>>(), [Some(0), None]);
    let later = lab.offsets.since(u64::MAX / 2).await.unwrap();
    assert_eq!(lab.moved(&consumer(), &later).await, [Some(9), None]);
}

#[tokio::test]
async fn the_offsets_of_a_group_move_while_nobody_is_in_it() {
    let lab = Lab::new().await;
    let group = lab.group(4).await;
    assert_eq!(lab.offsets.groups().await.unwrap(), ["billing"]);
    assert_eq!(lab.stored(&group).await, [Some(4), None]);
    assert_eq!(lab.moved(&group, &Target::Stored(1)).await, [Some(1), None]);
    let mut member = lab.member();
    assert_eq!(member.next().await.unwrap().unwrap().payload, 2);

    // Now there is somebody.
    let plan = lab.planned(&group, &Target::Earliest).await;
    let refused = lab.offsets.carry_out(&plan).await.unwrap_err();
    assert!(
        matches!(refused, MessagingError::GroupInUse { members: 1, .. }),
        "{refused}"
    );
    let seen = lab.offsets.observe(&group).await.unwrap();
    assert_eq!(
        seen.members.len(),
        1,
        "the member has lost nothing: {seen:?}"
    );
    assert_eq!(seen.members[0].partitions, [0, 1]);
    member.shutdown().await;
    assert_eq!(lab.moved(&group, &Target::Earliest).await, [None, None]);
    let seen = lab.offsets.observe(&group).await.unwrap();
    assert!(seen.members.is_empty(), "{seen:?}");

    let nobody = Reader::Group("nobody".to_owned());
    let error = lab.offsets.observe(&nobody).await.unwrap_err();
    assert!(matches!(error, MessagingError::NoGroup { .. }), "{error}");
}

#[tokio::test]
async fn a_plan_that_is_out_of_date_changes_nothing() {
    let lab = Lab::new().await;
    let plan = lab.planned(&consumer(), &Target::Latest).await;
    assert_eq!(lab.moved(&consumer(), &Target::Offset(4)).await.len(), 2);
    let outcome = lab.offsets.carry_out(&plan).await.unwrap();
    assert_eq!(outcome.partitions[&0], Ended::Moved { found: Some(3) });
    assert!(!outcome.may_have_changed());
    assert_eq!(lab.stored(&consumer()).await, [Some(3), None]);
}

#[tokio::test]
async fn a_lost_reply_is_looked_up() {
    let lab = Lab::new().await;
    for (target, code, stored) in [
        (Target::Latest, STORE_CONSUMER_OFFSET_CODE, Some(9)),
        (Target::Earliest, DELETE_CONSUMER_OFFSET_CODE, None),
    ] {
        for fault in [FaultKind::LostReply, FaultKind::Disconnect] {
            let from = lab.planned(&consumer(), &target).await;
            let faults = FaultPlan::none().once(fault, FaultTarget::Command(code), 1);
            lab.server.faults().set(faults);
            assert!(lab.offsets.carry_out(&from).await.unwrap().is_complete());
            assert_eq!(lab.stored(&consumer()).await[0], stored);
            let back = match stored {
                Some(_) => Target::Earliest,
                None => Target::Latest,
            };
            lab.moved(&consumer(), &back).await;
        }
        lab.moved(&consumer(), &Target::Latest).await;
    }
}

#[tokio::test]
async fn all_topics_are_found_by_name() {
    let lab = Lab::new().await;
    let more = Manifest::topic("billing", "invoices", 1).unwrap();
    lab.connection.ensure(&more).await.unwrap();
    let pair = |stream: &str, topic: &str| (stream.to_owned(), topic.to_owned());
    let all = topics(&lab.connection, None).await.unwrap();
    assert_eq!(all, [pair("billing", "invoices"), pair("orders", "events")]);
    let one = topics(&lab.connection, Some("orders")).await.unwrap();
    assert_eq!(one, [pair("orders", "events")]);
    let none = topics(&lab.connection, Some("none")).await.unwrap_err();
    assert!(matches!(none, MessagingError::NoStream { .. }), "{none}");
    let nowhere = TopicOffsets::new(&lab.connection, "orders", "none").unwrap();
    let error = nowhere.observe(&consumer()).await.unwrap_err();
    assert!(matches!(error, MessagingError::NoTopic { .. }), "{error}");
}
