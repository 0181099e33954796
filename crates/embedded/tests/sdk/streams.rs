use std::collections::BTreeMap;

use bytes::Bytes;
use iggy::prelude::*;
use iggy_binary_protocol::codes::CREATE_STREAM_CODE;

use crate::support::{code, named, server_and_client};

#[tokio::test]
async fn a_stream_is_created_read_renamed_and_deleted() {
    let (_server, client) = server_and_client().await;
    let created = client.create_stream("orders").await.unwrap();
    assert_eq!((created.id, created.name.as_str()), (0, "orders"));
    assert!(created.created_at.as_micros() > 1_700_000_000_000_000);

    client
        .update_stream(&named("orders"), "orders", &StreamUpdateOptions::default())
        .await
        .unwrap();
    client
        .update_stream(&named("orders"), "sales", &StreamUpdateOptions::default())
        .await
        .unwrap();
    assert!(client.get_stream(&named("orders")).await.unwrap().is_none());
    let read = client.get_stream(&named("sales")).await.unwrap().unwrap();
    assert_eq!((read.id, read.created_at), (0, created.created_at));

    client.delete_stream(&named("sales")).await.unwrap();
    assert!(client.get_streams().await.unwrap().is_empty());
}

#[tokio::test]
async fn names_are_bytes_without_any_rule_but_their_length() {
    let (_server, client) = server_and_client().await;
    for name in ["a", "A", " sp ace/%? é", "123", &"x".repeat(255)] {
        client.create_stream(name).await.unwrap();
        assert_eq!(
            client.get_stream(&named(name)).await.unwrap().unwrap().name,
            name
        );
    }
    assert_eq!(client.get_streams().await.unwrap().len(), 5);
    assert_eq!(code(client.create_stream("").await), 4);
    assert_eq!(code(client.create_stream(&"x".repeat(256)).await), 4);
}

#[tokio::test]
async fn errors_have_the_codes_of_the_real_server() {
    let (_server, client) = server_and_client().await;
    client.create_stream("one").await.unwrap();
    client.create_stream("two").await.unwrap();
    let none = StreamUpdateOptions::default();
    assert_eq!(code(client.create_stream("one").await), 1012);
    assert_eq!(
        code(client.update_stream(&named("two"), "one", &none).await),
        1012
    );
    assert_eq!(
        code(client.update_stream(&named("no"), "x", &none).await),
        1009
    );
    assert_eq!(code(client.delete_stream(&named("no")).await), 1009);
    assert_eq!(code(client.purge_stream(&named("no")).await), 1009);
    assert_eq!(
        code(client.delete_stream(&Identifier::numeric(9).unwrap()).await),
        1009
    );
    let unknown = StreamUpdateOptions {
        raw: BTreeMap::from([("colour".to_owned(), "red".to_owned())]),
    };
    assert_eq!(
        code(client.update_stream(&named("one"), "one", &unknown).await),
        4041
    );
    // Name and options of which the length is cut.
    assert_eq!(
        code(
            client
                .send_binary_request(CREATE_STREAM_CODE, Bytes::from_static(&[9, b'x']))
                .await
        ),
        3
    );
}

#[tokio::test]
async fn the_lowest_free_id_is_given_again() {
    let (_server, client) = server_and_client().await;
    for name in ["a", "b", "c"] {
        client.create_stream(name).await.unwrap();
    }
    client.delete_stream(&named("b")).await.unwrap();
    client.delete_stream(&named("a")).await.unwrap();
    assert_eq!(client.create_stream("d").await.unwrap().id, 0);
    assert_eq!(client.create_stream("e").await.unwrap().id, 1);
    assert_eq!(client.create_stream("f").await.unwrap().id, 3);
}

#[tokio::test]
async fn a_purge_empties_every_topic() {
    let (server, client) = server_and_client().await;
    client.create_stream("s").await.unwrap();
    for name in ["a", "b"] {
        client
            .create_topic(&named("s"), name, &TopicCreateOptions::default())
            .await
            .unwrap();
        server
            .testing()
            .set_partition_counters("s", name, 0, 10, 1000)
            .unwrap();
    }
    let before = client.get_stream(&named("s")).await.unwrap().unwrap();
    assert_eq!(
        (before.messages_count, before.size.as_bytes_u64()),
        (20, 2000)
    );
    assert_eq!(before.topics[1].messages_count, 10);
    client.purge_stream(&named("s")).await.unwrap();
    let after = client.get_stream(&named("s")).await.unwrap().unwrap();
    assert_eq!((after.messages_count, after.topics.len()), (0, 2));
}

#[tokio::test]
async fn of_many_creates_of_one_name_one_succeeds() {
    let (server, _client) = server_and_client().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let client = crate::support::client_of(&server).await;
        tasks.spawn(async move { code(client.create_stream("same").await) });
    }
    let mut codes = tasks.join_all().await;
    codes.sort_unstable();
    assert_eq!(codes, [0, 1012, 1012, 1012, 1012, 1012, 1012, 1012]);
}
