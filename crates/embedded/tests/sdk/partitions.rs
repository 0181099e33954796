use iggy::prelude::*;

use crate::support::{code, named, server_and_client};

async fn with_topic(partitions: u32) -> (iggyctl_embedded::EmbeddedServer, IggyClient) {
    let (server, client) = server_and_client().await;
    client.create_stream("s").await.unwrap();
    let options = TopicCreateOptions {
        partitions_count: Some(partitions),
        ..Default::default()
    };
    client
        .create_topic(&named("s"), "t", &options)
        .await
        .unwrap();
    (server, client)
}

async fn ids(client: &IggyClient) -> Vec<u32> {
    let topic = client.get_topic(&named("s"), &named("t")).await.unwrap();
    topic.unwrap().partitions.iter().map(|p| p.id).collect()
}

#[tokio::test]
async fn partitions_come_and_go_at_the_tail() {
    let (_server, client) = with_topic(2).await;
    let (s, t) = (named("s"), named("t"));
    client.create_partitions(&s, &t, 3).await.unwrap();
    assert_eq!(ids(&client).await, [0, 1, 2, 3, 4]);
    client.delete_partitions(&s, &t, 2).await.unwrap();
    assert_eq!(ids(&client).await, [0, 1, 2]);
    // More than there are: refused, and none is removed.
    assert_eq!(code(client.delete_partitions(&s, &t, 4).await), 2019);
    assert_eq!(ids(&client).await, [0, 1, 2]);
    client.delete_partitions(&s, &t, 3).await.unwrap();
    assert_eq!(ids(&client).await, [] as [u32; 0]);
}

#[tokio::test]
async fn a_request_is_for_1_to_1000_partitions() {
    let (_server, client) = with_topic(0).await;
    let (s, t) = (named("s"), named("t"));
    for count in [0, 1001] {
        assert_eq!(code(client.create_partitions(&s, &t, count).await), 2015);
        assert_eq!(code(client.delete_partitions(&s, &t, count).await), 2015);
    }
    client.create_partitions(&s, &t, 1000).await.unwrap();
    client.create_partitions(&s, &t, 1000).await.unwrap();
    client.delete_partitions(&s, &t, 1000).await.unwrap();
    assert_eq!(ids(&client).await.len(), 1000);
    let too_many = TopicCreateOptions {
        partitions_count: Some(1001),
        ..Default::default()
    };
    assert_eq!(code(client.create_topic(&s, "many", &too_many).await), 2015);
}

#[tokio::test]
async fn missing_parents_are_named_by_level() {
    let (_server, client) = with_topic(1).await;
    let (s, t, no) = (named("s"), named("t"), named("no"));
    assert_eq!(code(client.create_partitions(&no, &t, 1).await), 1009);
    assert_eq!(code(client.create_partitions(&s, &no, 1).await), 2010);
    assert_eq!(code(client.delete_partitions(&no, &t, 1).await), 1009);
    assert_eq!(code(client.delete_partitions(&s, &no, 1).await), 2010);
    // The size of the request is looked at first.
    assert_eq!(code(client.create_partitions(&no, &t, 0).await), 2015);
}

#[tokio::test]
async fn deleting_segments_checks_where_they_are() {
    let (_server, client) = with_topic(1).await;
    let (s, t, no) = (named("s"), named("t"), named("no"));
    client.delete_segments(&s, &t, 0, 1).await.unwrap();
    assert_eq!(code(client.delete_segments(&s, &t, 1, 1).await), 3007);
    assert_eq!(code(client.delete_segments(&s, &no, 0, 1).await), 2010);
    assert_eq!(code(client.delete_segments(&no, &t, 0, 1).await), 1009);
}
