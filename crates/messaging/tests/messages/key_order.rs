//! A server that is stopped and started again, with its data, on the same port.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use iggyctl_embedded::{EmbeddedServer, PasswordHashing};
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::{Outgoing, Producer};

use crate::support::{bare_client, messages_in, quick_retry, texts, with_topic};

const KEYS: u32 = 5;
const MESSAGES: u32 = 3000;
const RESTARTS: u32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_outlives_its_server_and_keeps_the_order_of_each_key() {
    let folder = tempfile::tempdir().unwrap();
    let start = |address: Option<std::net::SocketAddr>| {
        let mut builder = EmbeddedServer::builder()
            .password_hashing(PasswordHashing::Fast)
            .data_dir(folder.path());
        if let Some(address) = address {
            builder = builder.listen(address);
        }
        builder.start()
    };
    let mut server = start(None).await.unwrap();
    let connection = with_topic(&server, 3).await;
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .batch_messages(20)
        .retry(quick_retry(20))
        .build(Raw)
        .unwrap();

    let sending = {
        let producer = producer.clone();
        tokio::spawn(async move {
            let mut deliveries = Vec::new();
            for number in 0..MESSAGES {
                let key = format!("key-{}", number % KEYS);
                let message = Outgoing::new(Bytes::from(format!("{key} {number}"))).key(key);
                deliveries.push(producer.enqueue(message).await.unwrap());
                tokio::task::yield_now().await;
            }
            for delivery in deliveries {
                delivery.await.unwrap();
            }
        })
    };
    for round in 1..=RESTARTS {
        // In the middle of the work, not at a moment of the clock.
        let mark = u64::from(MESSAGES * round / (RESTARTS + 1)) / 20;
        while server
            .requests()
            .count(iggy_binary_protocol::codes::SEND_MESSAGES_CODE)
            < mark / u64::from(RESTARTS)
            && !sending.is_finished()
        {
            tokio::task::yield_now().await;
        }
        let address = server.address();
        server.shutdown().await;
        server = start(Some(address)).await.unwrap();
    }
    sending.await.unwrap();
    assert!(connection.session().await.unwrap().generation() > 1);

    let client = bare_client(&server).await;
    let mut by_key: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    let mut all = 0;
    for partition in 0..3 {
        for text in texts(&messages_in(&client, partition).await) {
            let (key, number) = text.split_once(' ').unwrap();
            let number = number.parse().unwrap();
            by_key.entry(key.to_owned()).or_default().push(number);
            all += 1;
        }
    }
    let distinct: BTreeSet<u32> = by_key.values().flatten().copied().collect();
    assert_eq!(distinct, (0..MESSAGES).collect(), "none is lost");
    // A batch is repeated as a whole before anything later is sent: without the
    // repetitions the order is that of sending.
    for (key, numbers) in by_key {
        let mut seen = BTreeSet::new();
        let first: Vec<u32> = numbers
            .iter()
            .copied()
            .filter(|number| seen.insert(*number))
            .collect();
        assert!(first.is_sorted(), "{key}: {first:?}");
    }
    // At most one batch is repeated for each loss of the connection.
    assert!(all - MESSAGES <= RESTARTS * 20, "{}", all - MESSAGES);
}
