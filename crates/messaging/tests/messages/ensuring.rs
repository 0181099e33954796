use bytes::Bytes;
use futures::future::join_all;
use iggy::prelude::{CompressionAlgorithm, Identifier, TopicClient};
use iggy_binary_protocol::codes::LOGIN_REGISTER_CODE;
use iggyctl_embedded::{Fault, FaultKind, FaultPlan, FaultTarget};
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::{Connection, Consumer, Manifest, MessagingError, Producer};

use crate::support::{bare_client, server, to, with_topic};

fn manifest(partitions: u32) -> Manifest {
    let text = format!(
        "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: {{ name: orders }}
spec:
  streams:
    - name: stream
      topics:
        - name: topic
          partitions: {partitions}
          compression: gzip
          consumerGroups: [billing]
        - name: other
  users:
    - name: svc
      password: {{ env: NO_SUCH_VARIABLE }}
"
    );
    Manifest::parse(&text).unwrap()
}

#[tokio::test]
async fn what_is_missing_is_made_and_what_exists_is_left_alone() {
    let server = server().await;
    let connection = with_topic(&server, 2).await;
    let made = connection.ensure(&manifest(5)).await.unwrap();
    let made: Vec<String> = made.iter().map(ToString::to_string).collect();
    assert_eq!(made, ["topic/stream/other", "topic/stream/topic"]);

    let client = bare_client(&server).await;
    let stream = Identifier::named("stream").unwrap();
    let topic = Identifier::named("topic").unwrap();
    let details = client.get_topic(&stream, &topic).await.unwrap().unwrap();
    assert_eq!(details.partitions_count, 5);
    assert_eq!(details.compression_algorithm, CompressionAlgorithm::None);
    assert!(connection.ensure(&manifest(5)).await.unwrap().is_empty());
    // Fewer are no reason to take any away.
    assert!(connection.ensure(&manifest(1)).await.unwrap().is_empty());
    let details = client.get_topic(&stream, &topic).await.unwrap().unwrap();
    assert_eq!(details.partitions_count, 5);
}

#[tokio::test]
async fn many_that_make_the_same_do_not_disturb_each_other() {
    let server = server().await;
    let connections: Vec<Connection> = (0..6)
        .map(|_| to(&[&server.connection_string()]).build().unwrap())
        .collect();
    let manifest = manifest(3);
    let ended = join_all(connections.iter().map(|it| it.ensure(&manifest))).await;
    assert!(ended.iter().all(Result::is_ok), "{ended:?}");
    let client = bare_client(&server).await;
    let stream = Identifier::named("stream").unwrap();
    let topic = Identifier::named("topic").unwrap();
    let details = client.get_topic(&stream, &topic).await.unwrap().unwrap();
    assert_eq!(details.partitions_count, 3);
}

#[tokio::test]
async fn a_producer_makes_its_topic_before_the_first_message() {
    let server = server().await;
    let connection = to(&[&server.connection_string()]).build().unwrap();
    let without = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .build(Raw)
        .unwrap();
    let error = without.send(Bytes::from("m")).await.unwrap_err();
    assert!(matches!(error, MessagingError::NoTopic { .. }), "{error}");
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .ensure(manifest(2))
        .build(Raw)
        .unwrap();
    producer.send(Bytes::from("m")).await.unwrap();
    without.send(Bytes::from("m")).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_away_while_something_is_to_be_made_is_no_reason_to_fail() {
    let server = server().await;
    let connection = with_topic(&server, 1).await;
    let away = || {
        // The connection that would make it does not come about, nor the one after it.
        server.requests().reset();
        server.faults().set(FaultPlan::none().with(Fault {
            kind: FaultKind::Disconnect,
            target: FaultTarget::Command(LOGIN_REGISTER_CODE),
            at: 1,
            times: 2,
        }));
    };
    away();
    let producer = Producer::<Bytes>::builder(&connection, "stream", "topic")
        .ensure(manifest(1))
        .build(Raw)
        .unwrap();
    producer.send(Bytes::from("m")).await.unwrap();
    assert!(server.requests().count(LOGIN_REGISTER_CODE) > 2);

    away();
    let mut consumer = Consumer::<Bytes>::plain(&connection, "reader", "stream", "topic")
        .ensure(manifest(1))
        .build(Raw)
        .unwrap();
    let message = consumer.next().await.unwrap().unwrap();
    assert_eq!(message.payload, "m");
    assert!(server.requests().count(LOGIN_REGISTER_CODE) > 2);
}

#[test]
fn a_manifest_with_mistakes_names_them() {
    let error = Manifest::parse("kind: IggyTopology\n").unwrap_err();
    assert!(error.to_string().contains("apiVersion"), "{error}");
    assert!(Manifest::topic("stream", "", 1).is_err());
}
