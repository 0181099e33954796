use std::path::Path;
use std::process::{Child, Command, Stdio};

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, StartError, StoreError};

use crate::support::{client_of, code, named, token_login, user};

pub(crate) async fn start_in(directory: &Path) -> EmbeddedServer {
    EmbeddedServer::builder()
        .data_dir(directory)
        .start()
        .await
        .unwrap()
}

fn three_partitions() -> TopicCreateOptions {
    TopicCreateOptions {
        partitions_count: Some(3),
        message_expiry: Some(IggyExpiry::from(7_000_000_u64)),
        ..Default::default()
    }
}

/// Everything about a stream that must survive, as text.
async fn picture(client: &IggyClient) -> String {
    let mut picture = String::new();
    for stream in client.get_streams().await.unwrap() {
        let id = Identifier::numeric(stream.id).unwrap();
        let details = client.get_stream(&id).await.unwrap();
        picture += &format!("{details:?}\n");
        for topic in client.get_topics(&id).await.unwrap() {
            let topic_id = Identifier::numeric(topic.id).unwrap();
            let topic = client.get_topic(&id, &topic_id).await.unwrap();
            let groups = client.get_consumer_groups(&id, &topic_id).await.unwrap();
            picture += &format!("{topic:?}\n{groups:?}\n");
        }
    }
    picture
}

#[tokio::test]
async fn everything_comes_back_after_a_drop_without_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_in(folder.path()).await;
    let client = client_of(&server).await;
    let (s, t) = (named("s"), named("t"));
    for stream in ["gone", "s", "last"] {
        client.create_stream(stream).await.unwrap();
    }
    for topic in ["gone", "t", "u"] {
        client
            .create_topic(&s, topic, &three_partitions())
            .await
            .unwrap();
        client
            .create_consumer_group(&s, &named(topic), "g")
            .await
            .unwrap();
    }
    for group in ["gone", "h"] {
        client.create_consumer_group(&s, &t, group).await.unwrap();
    }
    client.delete_stream(&named("gone")).await.unwrap();
    client.delete_topic(&s, &named("gone")).await.unwrap();
    client
        .delete_consumer_group(&s, &t, &named("gone"))
        .await
        .unwrap();
    client
        .delete_consumer_group(&s, &t, &named("h"))
        .await
        .unwrap();
    client
        .update_stream(&named("last"), "renamed", &StreamUpdateOptions::default())
        .await
        .unwrap();
    let update = TopicUpdateOptions {
        compression_algorithm: Some(CompressionAlgorithm::Gzip),
        ..Default::default()
    };
    client.update_topic(&s, &t, "t", &update).await.unwrap();
    client.create_partitions(&s, &t, 2).await.unwrap();
    client.delete_partitions(&s, &t, 1).await.unwrap();
    let before = picture(&client).await;
    drop(server);

    let server = start_in(folder.path()).await;
    let client = client_of(&server).await;
    assert_eq!(picture(&client).await, before);
    // Ids go on as if nothing had happened.
    assert_eq!(client.create_stream("new").await.unwrap().id, 0);
    assert_eq!(
        client
            .create_topic(&s, "new", &three_partitions())
            .await
            .unwrap()
            .id,
        0
    );
    assert_eq!(
        client
            .create_consumer_group(&s, &t, "new")
            .await
            .unwrap()
            .id,
        3
    );
}

#[tokio::test]
async fn groups_of_a_deleted_topic_do_not_come_back_with_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_in(folder.path()).await;
    let client = client_of(&server).await;
    let (s, t) = (named("s"), named("t"));
    for _ in 0..2 {
        client.create_stream("s").await.unwrap();
        client
            .create_topic(&s, "t", &three_partitions())
            .await
            .unwrap();
        client.create_consumer_group(&s, &t, "g").await.unwrap();
        client.delete_topic(&s, &t).await.unwrap();
        client
            .create_topic(&s, "t", &three_partitions())
            .await
            .unwrap();
        server
            .testing()
            .set_group_members("s", "t", "g", 1)
            .unwrap_err();
        client.delete_stream(&s).await.unwrap();
    }
    client.create_stream("s").await.unwrap();
    client
        .create_topic(&s, "t", &three_partitions())
        .await
        .unwrap();
    server.shutdown().await;
    let server = start_in(folder.path()).await;
    let client = client_of(&server).await;
    assert!(client.get_consumer_groups(&s, &t).await.unwrap().is_empty());
    assert_eq!(
        client.create_consumer_group(&s, &t, "g").await.unwrap().id,
        0
    );
}

#[tokio::test]
async fn writes_of_many_clients_at_once_are_all_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_in(folder.path()).await;
    let first = client_of(&server).await;
    first.create_stream("s").await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let client = client_of(&server).await;
        tasks.spawn(async move {
            for number in 0..10 {
                let name = format!("{task}-{number}");
                client
                    .create_topic(&named("s"), &name, &three_partitions())
                    .await
                    .unwrap();
                // The same rows again and again, in the order of the answers.
                client
                    .create_partitions(&named("s"), &named(&name), 1)
                    .await
                    .unwrap();
            }
        });
    }
    tasks.join_all().await;
    let before = picture(&first).await;
    server.shutdown().await;
    let server = start_in(folder.path()).await;
    let client = client_of(&server).await;
    assert_eq!(picture(&client).await, before);
    assert_eq!(client.get_topics(&named("s")).await.unwrap().len(), 80);
}

#[tokio::test]
async fn a_second_server_is_told_where_the_first_is() {
    let folder = tempfile::tempdir().unwrap();
    let first = start_in(folder.path()).await;
    let second = EmbeddedServer::builder()
        .data_dir(folder.path())
        .start()
        .await;
    match second {
        Err(StartError::Store(error @ StoreError::InUse { .. })) => {
            let expected = format!("which listens on {}", first.address());
            assert!(error.to_string().contains(&expected), "{error}");
        }
        other => panic!("{other:?}"),
    }
    first.shutdown().await;
    start_in(folder.path()).await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_a_typed_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let result = EmbeddedServer::builder()
        .data_dir(file.path())
        .start()
        .await;
    assert!(matches!(
        result,
        Err(StartError::Store(StoreError::Io { .. }))
    ));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("iggyctl.redb"), "no database").unwrap();
    let result = EmbeddedServer::builder()
        .data_dir(folder.path())
        .start()
        .await;
    assert!(
        matches!(result, Err(StartError::Store(StoreError::Database { .. }))),
        "{result:?}"
    );
}

/// Set for the child process that [`killed_process`] is.
const FOLDER: &str = "IGGYCTL_EMBEDDED_TEST_FOLDER";

/// Not a test by itself: the process that the test below kills.
#[tokio::test]
async fn killed_process() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let _server = start_in(Path::new(&folder)).await;
    std::future::pending::<()>().await;
}

/// A server in another process.
pub(crate) struct KilledOnDrop(Child);

impl KilledOnDrop {
    /// On unix this is SIGKILL. Waits until it is gone: until then it has the folder.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The address that a server published in its folder.
async fn published_address(folder: &Path) -> String {
    loop {
        if let Ok(address) = std::fs::read_to_string(folder.join("address"))
            && address.ends_with('\n')
        {
            return address.trim().to_owned();
        }
        tokio::task::yield_now().await;
    }
}

/// Starts a server in another process; where it listens.
pub(crate) async fn start_to_kill(folder: &Path) -> (KilledOnDrop, String) {
    let child = KilledOnDrop(
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "folder::killed_process"])
            .env(FOLDER, folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    (child, published_address(folder).await)
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, address) = start_to_kill(folder.path()).await;
    let client = IggyClient::from_connection_string(&format!(
        "iggy://iggy:iggy@{address}?reconnection_retries=0"
    ))
    .unwrap();
    client.connect().await.unwrap();
    client.create_stream("s").await.unwrap();
    user(&client, "bob", None).await;
    let token = client
        .create_personal_access_token("ci", PersonalAccessTokenExpiry::NeverExpire)
        .await
        .unwrap()
        .token;
    let mut acknowledged = 0;
    let writer = tokio::spawn(async move {
        while code(
            client
                .create_topic(
                    &named("s"),
                    &format!("t{acknowledged}"),
                    &three_partitions(),
                )
                .await,
        ) == 0
        {
            acknowledged += 1;
            if acknowledged == 20 {
                // In the middle of the writes.
                child.kill();
            }
        }
        acknowledged
    });
    let acknowledged = writer.await.unwrap();
    assert!(acknowledged >= 20);

    let server = start_in(folder.path()).await;
    let access = server.access();
    assert_eq!(access.users[&1].name, "bob");
    assert!(access.users[&0].tokens.contains_key("ci"));
    assert_eq!(token_login(&server, &token).await, 0);
    let client = client_of(&server).await;
    for number in 0..acknowledged {
        let topic = client
            .get_topic(&named("s"), &named(&format!("t{number}")))
            .await
            .unwrap();
        assert_eq!(topic.unwrap().partitions_count, 3, "t{number}");
    }
}
