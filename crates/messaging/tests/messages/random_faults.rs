//! Whatever goes wrong on the way, and whenever.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use iggy_binary_protocol::codes::SEND_MESSAGES_CODE;
use iggyctl_embedded::{FaultKind, FaultPlan, FaultTarget};
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::{Outgoing, Producer};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{bare_client, messages_in, quick_retry, server, with_topic};

const MESSAGES: u32 = 200;
const KEYS: u32 = 6;
const BATCH: usize = 9;
const PARTITIONS: u32 = 3;

fn fault() -> impl Strategy<Value = (FaultKind, u64)> {
    let kind = prop_oneof![
        Just(FaultKind::LostReply),
        Just(FaultKind::Disconnect),
        Just(FaultKind::TransientNotCommitted),
        Just(FaultKind::Delay(Duration::from_millis(3))),
    ];
    (kind, 1..60_u64)
}

async fn check(faults: Vec<(FaultKind, u64)>) {
    let server = server().await;
    let connection = with_topic(&server, PARTITIONS).await;
    let sends = FaultTarget::Command(SEND_MESSAGES_CODE);
    let plan = faults.iter().fold(FaultPlan::none(), |plan, (kind, at)| {
        plan.once(*kind, sends, *at)
    });
    server.faults().set(plan);
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .batch_messages(BATCH)
        .buffer_bytes(4096)
        .retry(quick_retry(30))
        .build(Raw)
        .unwrap();
    let messages = (0..MESSAGES).map(|number| {
        let key = format!("key-{}", number % KEYS);
        Outgoing::new(Bytes::from(number.to_string())).key(key)
    });
    let mut confirmed = BTreeMap::new();
    let deliveries = producer.enqueue_all(messages).await.unwrap();
    for (delivery, number) in deliveries.into_iter().zip(0..) {
        confirmed.insert(number, delivery.await.unwrap());
    }

    let client = bare_client(&server).await;
    let mut numbers = BTreeSet::new();
    let mut ids = BTreeSet::new();
    let mut total = 0;
    for partition in 0..PARTITIONS {
        let messages = messages_in(&client, partition).await;
        let mut seen = BTreeSet::new();
        let mut first = Vec::new();
        for message in &messages {
            let number: u32 = message.payload_as_string().unwrap().parse().unwrap();
            let confirmation = &confirmed[&number];
            assert_eq!(message.header.id, confirmation.id, "the id stays");
            assert_eq!(partition, confirmation.partition, "the partition stays");
            if seen.insert(number) {
                first.push(number);
            }
            ids.insert(message.header.id);
            total += 1;
        }
        // The numbers of one key grow, and so do those of one partition.
        assert!(first.is_sorted(), "{first:?}");
        for number in &seen {
            let offset = usize::try_from(confirmed[number].offset.unwrap()).unwrap();
            let there = messages[offset].payload_as_string().unwrap();
            assert_eq!(there, number.to_string(), "the offset is right");
        }
        numbers.extend(seen);
    }
    assert_eq!(numbers, (0..MESSAGES).collect(), "none is lost");
    assert_eq!(ids.len(), numbers.len(), "one id for each");
    let lost = faults
        .iter()
        .filter(|(kind, _)| *kind == FaultKind::LostReply)
        .count();
    let repeated = total - numbers.len();
    assert!(
        repeated <= lost * BATCH,
        "{repeated} after {lost} lost replies"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_reordered_or_changed(faults in vec(fault(), 0..12)) {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(check(faults));
    }
}
