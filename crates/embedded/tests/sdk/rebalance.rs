use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use iggy::prelude::*;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use crate::support::{client_of, partitions, send, server_and_client, topic};

const PARTITIONS: u32 = 4;
const BATCHES: u64 = 60;
const BATCH: u64 = 10;

/// A member of the group that reports what it gets: partition and offset.
fn member(client: IggyClient, got: UnboundedSender<(u32, u64)>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut consumer = client
            .consumer_group("workers", "s", "t")
            .unwrap()
            .create_consumer_group_if_not_exists()
            .auto_join_consumer_group()
            .polling_strategy(PollingStrategy::next())
            .auto_commit(AutoCommit::When(AutoCommitWhen::ConsumingEachMessage))
            .batch_length(5)
            .poll_interval(IggyDuration::from(Duration::from_millis(1)))
            .build();
        consumer.init().await.unwrap();
        while let Some(received) = consumer.next().await {
            // A partition that went to another member is an error of that poll only.
            if let Ok(received) = received {
                let at = (received.partition_id, received.message.header.offset);
                if got.send(at).is_err() {
                    return;
                }
            }
        }
    })
}

/// Members come and go while messages do: each is given out at least once. When a member is
/// gone, partitions are dealt anew, and of each a few messages may not be committed yet:
/// those are given out twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_is_lost_while_members_come_and_go() {
    let (server, client) = server_and_client().await;
    topic(&client, &partitions(PARTITIONS)).await;
    let (got, mut all) = tokio::sync::mpsc::unbounded_channel();
    let mut members = vec![member(client_of(&server).await, got.clone())];
    let mut seen: BTreeMap<(u32, u64), u32> = BTreeMap::new();
    let mut sent = 0;
    for batch in 0..BATCHES {
        for partition in 0..PARTITIONS {
            let texts: Vec<String> = (0..BATCH)
                .map(|n| (batch * BATCH + n).to_string())
                .collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            send(&client, partition, &texts).await.unwrap();
            sent += texts.len();
        }
        match batch {
            10 | 20 | 30 => members.push(member(client_of(&server).await, got.clone())),
            // As when its process dies: without a goodbye.
            40 => members.remove(0).abort(),
            _ => {}
        }
    }
    let expected = usize::try_from(u64::from(PARTITIONS) * BATCHES * BATCH).unwrap();
    assert_eq!(sent, expected);
    let finished = tokio::time::timeout(Duration::from_secs(60), async {
        while seen.len() < expected {
            *seen.entry(all.recv().await.unwrap()).or_default() += 1;
        }
    });
    assert!(finished.await.is_ok(), "{} of {expected}", seen.len());
    let twice = seen.values().filter(|times| **times > 1).count();
    assert!(twice <= 40, "{twice} twice");
    for member in members {
        member.abort();
    }
}
