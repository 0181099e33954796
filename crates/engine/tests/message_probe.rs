//! Single requests with messages over the real wire protocol, against the embedded server.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use bytes::Bytes;
use iggyctl_core::access::UserStatus;
use iggyctl_core::name::ResourceName;
use iggyctl_core::secret::Secret;
use iggyctl_core::state::desired::TopicSettings;
use iggyctl_embedded::{EmbeddedServer, PasswordHashing};
use iggyctl_engine::broker::{
    BrokerErrorKind, BrokerRead as _, BrokerWrite as _, MessageProbe as _, PartitionRef,
    ProbeMessage, ReadFrom, UserWrite as _,
};
use iggyctl_engine::connect::{
    Connect as _, ConnectSettings, ConnectionPool, Credentials, ServerAddress, ServerConnector,
};

fn name(text: &str) -> ResourceName {
    text.parse().unwrap()
}

async fn start() -> (EmbeddedServer, ConnectionPool<ServerConnector>) {
    let server = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
    let server = server.start().await.unwrap();
    let Ok(ServerAddress::Remote(address)) = server.connection_string().parse() else {
        panic!("the server is remote");
    };
    let connector = ServerConnector::new(address, ConnectSettings::default());
    (server, ConnectionPool::new(connector))
}

fn message(id: u128) -> ProbeMessage {
    ProbeMessage {
        id,
        payload: Bytes::from_static(b"hello"),
        mark: Some(("iggyctl-smoke", "canary".to_owned())),
    }
}

#[tokio::test]
async fn a_message_is_found_again_by_its_id_and_nothing_is_stored() {
    let (server, pool) = start().await;
    let admin = pool.acquire().await.unwrap();
    let (stream, topic) = (name("orders"), name("events"));
    admin.create_stream(&stream).await.unwrap();
    let settings = TopicSettings::default();
    admin
        .create_topic(&stream, &topic, 2, &settings)
        .await
        .unwrap();
    let here = PartitionRef {
        stream: &stream,
        topic: &topic,
        partition: 1,
    };
    let found = admin.get_topic(&stream, &topic).await.unwrap();
    let created = found.unwrap().created_at_micros;
    for id in [7, 8] {
        let offset = admin.send_message(here, &message(id)).await.unwrap();
        assert_eq!(offset, Some(u64::try_from(id).unwrap() - 7));
    }
    for (from, expected) in [
        (ReadFrom::First, &[7, 8][..]),
        (ReadFrom::Offset(1), &[8]),
        (ReadFrom::Last, &[8]),
    ] {
        let count = if from == ReadFrom::Last { 1 } else { 10 };
        let found = admin.read_messages(here, from, count).await.unwrap();
        let ids: Vec<u128> = found.iter().map(|message| message.id).collect();
        assert_eq!(ids, expected, "{from:?}");
        assert!(found.iter().all(|it| it.payload.as_ref() == b"hello"));
        assert!(found.is_sorted_by_key(|it| it.stored_at_micros));
        assert!(found.iter().all(|it| it.stored_at_micros >= created));
    }
    let elsewhere = PartitionRef {
        partition: 0,
        ..here
    };
    let found = admin.read_messages(elsewhere, ReadFrom::First, 10).await;
    assert_eq!(found, Ok(Vec::new()));
    drop(admin);
    server.shutdown().await;
}

#[tokio::test]
async fn whoever_may_not_is_told_so() {
    let (server, pool) = start().await;
    let admin = pool.acquire().await.unwrap();
    let (stream, topic) = (name("orders"), name("events"));
    admin.create_stream(&stream).await.unwrap();
    let settings = TopicSettings::default();
    admin
        .create_topic(&stream, &topic, 1, &settings)
        .await
        .unwrap();
    let password = Secret::new("s3cret-orders");
    admin
        .create_user(&name("nobody"), &password, UserStatus::Active)
        .await
        .unwrap();
    let credentials = Credentials::Password {
        username: "nobody".to_owned(),
        password,
    };
    let nobody = pool.connector().log_in_as(&credentials).await.unwrap();
    let here = PartitionRef {
        stream: &stream,
        topic: &topic,
        partition: 0,
    };
    let read = nobody.read_messages(here, ReadFrom::First, 1).await;
    assert_eq!(read.unwrap_err().kind, BrokerErrorKind::Unauthorized);
    let sent = nobody.send_message(here, &message(1)).await;
    assert_eq!(sent.unwrap_err().kind, BrokerErrorKind::Unauthorized);
    let joined = nobody.join_group(&stream, &topic, &name("readers")).await;
    assert!(joined.is_err());
    let gone = PartitionRef {
        topic: &name("gone"),
        ..here
    };
    let read = admin.read_messages(gone, ReadFrom::First, 1).await;
    assert_eq!(read.unwrap_err().kind, BrokerErrorKind::NotFound);
    drop(admin);
    server.shutdown().await;
}

#[tokio::test]
async fn members_of_a_group_share_the_partitions() {
    let (server, pool) = start().await;
    let (one, other) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    let (stream, topic, group) = (name("orders"), name("events"), name("readers"));
    one.create_stream(&stream).await.unwrap();
    let settings = TopicSettings::default();
    one.create_topic(&stream, &topic, 4, &settings)
        .await
        .unwrap();
    one.create_consumer_group(&stream, &topic, &group)
        .await
        .unwrap();
    let assigned = async |of: &iggyctl_engine::sdk::SdkBroker| {
        let mut partitions = of
            .assigned_partitions(&stream, &topic, &group)
            .await
            .unwrap();
        partitions.sort_unstable();
        partitions
    };
    assert_eq!(assigned(&one).await, [0; 0], "no member");
    one.join_group(&stream, &topic, &group).await.unwrap();
    assert_eq!(assigned(&one).await, [0, 1, 2, 3]);
    other.join_group(&stream, &topic, &group).await.unwrap();
    let mut all = assigned(&one).await;
    all.extend(assigned(&other).await);
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);
    for partition in 0..4 {
        let here = PartitionRef {
            stream: &stream,
            topic: &topic,
            partition,
        };
        one.send_message(here, &message(u128::from(partition) + 1))
            .await
            .unwrap();
        let mut times = 0;
        for member in [&one, &other] {
            let found = member
                .read_as_member(here, &group, ReadFrom::First, 10)
                .await
                .unwrap();
            times += found.unwrap_or_default().len();
        }
        assert_eq!(times, 1, "partition {partition}");
    }
    one.leave_group(&stream, &topic, &group).await.unwrap();
    assert_eq!(assigned(&other).await, [0, 1, 2, 3]);
    drop((one, other));
    server.shutdown().await;
}
