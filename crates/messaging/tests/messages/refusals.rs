use bytes::Bytes;
use iggy::prelude::UserClient;
use iggy_binary_protocol::codes::SEND_MESSAGES_CODE;
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::connection::Credentials;
use iggyctl_messaging::{MessagingError, Outgoing, Partitioning, Producer, Secret};

use crate::support::{server, with_topic};

#[tokio::test]
async fn what_is_not_permitted_is_not_repeated() {
    let server = server().await;
    let root = with_topic(&server, 1).await;
    let session = root.session().await.unwrap();
    session
        .client()
        .create_user("alice", "secret-1", Default::default(), None)
        .await
        .unwrap();
    let connection = root
        .with_credentials(Credentials::Password {
            username: "alice".to_owned(),
            password: Secret::new("secret-1"),
        })
        .unwrap();
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .partitioning(Partitioning::Partition(0))
        .build(Raw)
        .unwrap();
    let error = producer.send(Bytes::from("m")).await.unwrap_err();
    assert!(
        matches!(error, MessagingError::Refused { code: 41, .. }),
        "{error}"
    );
    assert_eq!(server.requests().count(SEND_MESSAGES_CODE), 1);
    assert!(connection.health().await.connected);
}

#[tokio::test]
async fn what_cannot_be_sent_is_said_at_once_and_takes_no_room() {
    let server = server().await;
    let connection = with_topic(&server, 1).await;
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .build(Raw)
        .unwrap();
    let bad = [
        Outgoing::new(Bytes::new()),
        Outgoing::new(Bytes::from("m")).key(""),
        Outgoing::new(Bytes::from("m")).key(vec![1; 256]),
    ];
    for message in bad {
        assert!(matches!(
            producer.enqueue(message).await,
            Err(MessagingError::Message { .. })
        ));
    }
    // All or none.
    let mixed = [Bytes::from("m"), Bytes::new()];
    assert!(producer.enqueue_all(mixed).await.is_err());
    assert_eq!(producer.buffered_bytes(), 0);
    producer.flush().await;
    assert_eq!(server.requests().count(SEND_MESSAGES_CODE), 0);
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused() {
    let server = server().await;
    let connection = with_topic(&server, 1).await;
    let builder = || Producer::<Bytes>::builder(&connection, "stream", "topic");
    assert!(builder().batch_messages(0).build(Raw).is_err());
    assert!(builder().batch_bytes(0).build(Raw).is_err());
    assert!(builder().batch_bytes(1 << 30).build(Raw).is_err());
    let nameless = Producer::<Bytes>::builder(&connection, "", "topic");
    assert!(nameless.build(Raw).is_err());
}
