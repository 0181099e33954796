use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use iggy::prelude::*;
use iggyctl_embedded::EmbeddedServer;

use crate::folder::{start_in, start_to_kill};
use crate::support::{client_of, code, named, partitions, polled, send, texts, topic};

/// Everything that must survive of the messages of a partition, as text.
async fn picture(client: &IggyClient, partition: u32) -> String {
    let polled = polled(client, partition, 0).await;
    let mut picture = format!("{} {}\n", polled.partition_id, polled.current_offset);
    for message in &polled.messages {
        picture += &format!("{message:?} {:?}\n", message.user_headers_map());
    }
    picture
}

async fn stored(client: &IggyClient, consumer: &Consumer, partition: u32) -> Option<u64> {
    client
        .get_consumer_offset(consumer, &named("s"), &named("t"), Some(partition))
        .await
        .unwrap()
        .map(|offset| offset.stored_offset)
}

async fn reopened(server: EmbeddedServer, folder: &Path) -> (EmbeddedServer, IggyClient) {
    drop(server);
    let server = start_in(folder).await;
    let client = client_of(&server).await;
    (server, client)
}

#[tokio::test]
async fn messages_and_offsets_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_in(folder.path()).await;
    let client = client_of(&server).await;
    topic(&client, &partitions(2)).await;
    let (s, t, g) = (named("s"), named("t"), named("g"));
    client.create_consumer_group(&s, &t, "g").await.unwrap();
    let mut messages: Vec<IggyMessage> = (0..3_u128)
        .map(|id| {
            IggyMessage::builder()
                .id(id + 7)
                .payload(Bytes::from(vec![b'x'; 1000]))
                .user_headers(BTreeMap::from([(
                    HeaderKey::from_str("key").unwrap(),
                    HeaderValue::from_str("value").unwrap(),
                )]))
                .build()
                .unwrap()
        })
        .collect();
    client
        .send_messages(&s, &t, &Partitioning::partition_id(0), &mut messages)
        .await
        .unwrap();
    send(&client, 0, &["a", "b"]).await.unwrap();
    send(&client, 1, &["c"]).await.unwrap();
    client.join_consumer_group(&s, &t, &g).await.unwrap();
    let (alone, group) = (Consumer::new(named("c")), Consumer::group(g.clone()));
    let next = PollingStrategy::next();
    for consumer in [&alone, &group] {
        client
            .poll_messages(&s, &t, Some(0), consumer, &next, 4, true)
            .await
            .unwrap();
    }
    client
        .store_consumer_offset(&alone, &s, &t, Some(1), 0)
        .await
        .unwrap();
    let before = [picture(&client, 0).await, picture(&client, 1).await];
    let details = format!("{:?}", client.get_topic(&s, &t).await.unwrap());

    let (server, client) = reopened(server, folder.path()).await;
    assert_eq!(picture(&client, 0).await, before[0]);
    assert_eq!(picture(&client, 1).await, before[1]);
    assert_eq!(
        format!("{:?}", client.get_topic(&s, &t).await.unwrap()),
        details
    );
    assert_eq!(stored(&client, &alone, 0).await, Some(3));
    assert_eq!(stored(&client, &group, 0).await, Some(3));
    assert_eq!(stored(&client, &alone, 1).await, Some(0));
    // Everything goes on where it was.
    send(&client, 0, &["d"]).await.unwrap();
    assert_eq!(texts(&polled(&client, 0, 4).await), ["b", "d"]);

    client
        .delete_consumer_offset(&alone, &s, &t, Some(1))
        .await
        .unwrap();
    client.delete_consumer_group(&s, &t, &g).await.unwrap();
    client.create_consumer_group(&s, &t, "g").await.unwrap();
    let (_server, client) = reopened(server, folder.path()).await;
    assert_eq!(stored(&client, &alone, 1).await, None);
    assert_eq!(stored(&client, &group, 0).await, None);
    assert_eq!(stored(&client, &alone, 0).await, Some(3));
}

#[tokio::test]
async fn what_was_removed_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_in(folder.path()).await;
    let client = client_of(&server).await;
    topic(&client, &partitions(2)).await;
    let (s, t) = (named("s"), named("t"));
    let consumer = Consumer::new(named("c"));
    let fill = async |client: &IggyClient| {
        for partition in 0..2 {
            send(client, partition, &["a", "b"]).await.unwrap();
            client
                .store_consumer_offset(&consumer, &s, &t, Some(partition), 1)
                .await
                .unwrap();
        }
    };
    fill(&client).await;
    client.delete_partitions(&s, &t, 1).await.unwrap();
    client.create_partitions(&s, &t, 1).await.unwrap();
    let (server, client) = reopened(server, folder.path()).await;
    assert_eq!(texts(&polled(&client, 0, 0).await), ["a", "b"]);
    assert!(polled(&client, 1, 0).await.messages.is_empty());
    assert_eq!(stored(&client, &consumer, 0).await, Some(1));
    assert_eq!(stored(&client, &consumer, 1).await, None);

    for round in 0..4 {
        fill(&client).await;
        match round {
            0 => client.purge_topic(&s, &t).await.unwrap(),
            1 => client.purge_stream(&s).await.unwrap(),
            2 => {
                client.delete_topic(&s, &t).await.unwrap();
                client.create_topic(&s, "t", &partitions(2)).await.unwrap();
            }
            _ => {
                client.delete_stream(&s).await.unwrap();
                topic(&client, &partitions(2)).await;
            }
        }
        for partition in 0..2 {
            assert!(polled(&client, partition, 0).await.messages.is_empty());
        }
    }
    let (_server, client) = reopened(server, folder.path()).await;
    for partition in 0..2 {
        assert!(polled(&client, partition, 0).await.messages.is_empty());
        assert_eq!(stored(&client, &consumer, partition).await, None);
        send(&client, partition, &["new"]).await.unwrap();
        assert_eq!(texts(&polled(&client, partition, 0).await), ["new"]);
    }
}

#[tokio::test]
async fn what_retention_removed_does_not_come_back_and_offsets_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_in(folder.path()).await;
    let client = client_of(&server).await;
    let options = TopicCreateOptions {
        message_expiry: Some(IggyExpiry::from(1_000_000_u64)),
        segment_size: Some(IggyByteSize::from(1024 * 1024)),
        messages_required_to_save: Some(1),
        ..partitions(1)
    };
    topic(&client, &options).await;
    let large = "x".repeat(600_000);
    for _ in 0..4 {
        send(&client, 0, &[&large]).await.unwrap();
    }
    server.testing().advance_clock(Duration::from_secs(60));
    assert_eq!(server.testing().clean_segments(), 1);
    let (_server, client) = reopened(server, folder.path()).await;
    assert!(polled(&client, 0, 0).await.messages.is_empty());
    send(&client, 0, &["next"]).await.unwrap();
    assert_eq!(polled(&client, 0, 0).await.messages[0].header.offset, 4);
}

#[tokio::test]
async fn what_does_not_fit_into_memory_is_read_from_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_in(folder.path()).await;
    let client = client_of(&server).await;
    topic(&client, &partitions(1)).await;
    // More than the newest batches that are kept in memory.
    for number in 0..80 {
        let text = format!("{number:03}{}", "x".repeat(1_000_000));
        send(&client, 0, &[&text]).await.unwrap();
    }
    for start in [0, 40, 79] {
        let polled = client
            .poll_messages(
                &named("s"),
                &named("t"),
                Some(0),
                &Consumer::new(named("c")),
                &PollingStrategy::offset(start),
                1,
                false,
            )
            .await
            .unwrap();
        assert_eq!(texts(&polled)[0][..3], format!("{start:03}"));
    }
}

#[tokio::test]
async fn acknowledged_messages_and_offsets_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (mut process, address) = start_to_kill(folder.path()).await;
    let connect = async || {
        let uri = format!("iggy://iggy:iggy@{address}?reconnection_retries=0&reestablish_after=0s");
        let client = IggyClient::from_connection_string(&uri).unwrap();
        client.connect().await.unwrap();
        client
    };
    topic(&connect().await, &partitions(3)).await;
    let mut writers = tokio::task::JoinSet::new();
    for partition in 0..3 {
        let client = connect().await;
        writers.spawn(async move {
            let mut acknowledged = 0;
            let mut committed = None;
            let consumer = Consumer::new(named("c"));
            loop {
                let texts = [acknowledged, acknowledged + 1].map(|number: u64| number.to_string());
                if code(send(&client, partition, &[&texts[0], &texts[1]]).await) != 0 {
                    break;
                }
                acknowledged += 2;
                let stored = client
                    .store_consumer_offset(
                        &consumer,
                        &named("s"),
                        &named("t"),
                        Some(partition),
                        acknowledged - 1,
                    )
                    .await;
                if code(stored) != 0 {
                    break;
                }
                committed = Some(acknowledged - 1);
            }
            (partition, acknowledged, committed)
        });
    }
    let watcher = connect().await;
    while watcher
        .get_topic(&named("s"), &named("t"))
        .await
        .unwrap()
        .unwrap()
        .messages_count
        < 200
    {
        tokio::task::yield_now().await;
    }
    process.kill();
    let outcomes = writers.join_all().await;

    let server = start_in(folder.path()).await;
    let client = client_of(&server).await;
    for (partition, acknowledged, committed) in outcomes {
        let found = polled(&client, partition, 0).await;
        assert!(found.messages.len() as u64 >= acknowledged);
        for (number, message) in (0_u64..).zip(&found.messages) {
            assert_eq!(message.header.offset, number);
            assert_eq!(message.payload, number.to_string());
        }
        let consumer = Consumer::new(named("c"));
        assert!(stored(&client, &consumer, partition).await >= committed);
    }
}
