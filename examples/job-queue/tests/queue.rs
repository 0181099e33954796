//! The programs of the queue on an embedded server: what is done, what comes again, and
//! what nobody can do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use examples_running::Program;
use iggyctl_embedded::EmbeddedServer;
use iggyctl_messaging::codec::{Protobuf, Raw};
use iggyctl_messaging::{Connection, Consumer, Message, Producer};
use job_queue::{DEAD_LETTERS, STREAM, TASKS, Task};

const PUBLISH: &str = env!("CARGO_BIN_EXE_publish-task");
const WORKER: &str = env!("CARGO_BIN_EXE_worker");
const STATUS: &str = env!("CARGO_BIN_EXE_status");
const LOGS: &str = env!("CARGO_BIN_EXE_logs");

async fn server() -> EmbeddedServer {
    examples_running::server_with(include_str!("../topology.yaml")).await
}

/// Gives a task of the folder `tasks` to the workers.
async fn publish(server: &str, name: &str) {
    let file = format!("{}/tasks/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let publishing = Program::start(PUBLISH, &["--file", &file], server);
    assert_eq!(publishing.end().await.len(), 1);
}

/// All that `status` or `logs` show about a job, without who says it.
async fn tail(program: &str, server: &str, job: &str) -> Vec<String> {
    Program::start(program, &["--job", job], server).end().await
}

#[tokio::test]
async fn a_task_is_done_and_its_status_can_be_followed() {
    let server = server().await;
    let uri = server.connection_string();
    // Followed before anything is there: it waits.
    let follower = Program::start(STATUS, &["--job", "invoice-17"], &uri);
    publish(&uri, "words").await;
    publish(&uri, "sum").await;
    let worker = Program::start(WORKER, &["--name", "anna"], &uri);
    let expected = [
        "invoice-17 Queued attempt 0 by publish-task: sum",
        "invoice-17 Running attempt 1 by anna: ",
        "invoice-17 Done attempt 1 by anna: 1250",
    ];
    assert_eq!(follower.end().await, expected);
    assert_eq!(
        tail(STATUS, &uri, "invoice-17").await,
        expected,
        "again, afterwards"
    );
    assert_eq!(
        tail(STATUS, &uri, "essay-1").await.last().unwrap(),
        "essay-1 Done attempt 1 by anna: 10"
    );
    assert_eq!(
        tail(LOGS, &uri, "essay-1").await,
        ["essay-1 [anna] attempt 1 of count-words: 10"]
    );
    worker.interrupt().await;

    // What is done does not come again to those who come later.
    let mut worker = Program::start(WORKER, &["--name", "ben"], &uri);
    publish(&uri, "words").await;
    assert_eq!(worker.line().await, "essay-1 Done attempt 1 by ben: 10");
    assert!(worker.interrupt().await.is_empty());
    server.shutdown().await;
}

#[tokio::test]
async fn what_nobody_can_do_becomes_a_dead_letter_and_holds_up_nobody() {
    let server = server().await;
    let uri = server.connection_string();
    let connection = Connection::open(&uri).unwrap();
    // What is no task at all, from somebody who writes to the wrong topic.
    let stranger = Producer::<Bytes>::builder(&connection, STREAM, TASKS)
        .build(Raw)
        .unwrap();
    let nonsense = Bytes::from_static(b"\xff\xff\xff");
    stranger.send(nonsense.clone()).await.unwrap();
    publish(&uri, "poison").await;
    publish(&uri, "sum").await;
    let worker = Program::start(WORKER, &["--name", "anna"], &uri);

    assert_eq!(
        tail(STATUS, &uri, "invoice-17").await.last().unwrap(),
        "invoice-17 Done attempt 1 by anna: 1250"
    );
    let reason = "`eighty` is not a number: invalid digit found in string";
    let mut expected = vec!["invoice-18 Queued attempt 0 by publish-task: sum".to_owned()];
    for (attempt, state) in [(1, "Retrying"), (2, "Retrying"), (3, "Dead")] {
        expected.push(format!("invoice-18 Running attempt {attempt} by anna: "));
        expected.push(format!(
            "invoice-18 {state} attempt {attempt} by anna: {reason}"
        ));
    }
    assert_eq!(tail(STATUS, &uri, "invoice-18").await, expected);
    assert_eq!(tail(LOGS, &uri, "invoice-18").await.len(), 3);

    let mut letters = Consumer::<Bytes>::plain(&connection, "test", STREAM, DEAD_LETTERS)
        .build(Raw)
        .unwrap();
    let mut dead = BTreeMap::new();
    for _ in 0..2 {
        let letter: Message<Bytes> = tokio::time::timeout(Duration::from_secs(30), letters.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(letter.headers.text("dead-letter-stream"), Some(STREAM));
        assert_eq!(letter.headers.text("dead-letter-topic"), Some(TASKS));
        let attempts = letter.headers.get("dead-letter-attempts").unwrap();
        let error = letter.headers.text("dead-letter-error").unwrap().to_owned();
        dead.insert(
            letter.payload.clone(),
            (attempts.as_uint32().unwrap(), error),
        );
        letter.ack();
    }
    let (attempts, error) = dead.remove(&nonsense).unwrap();
    assert_eq!(attempts, 1, "{error}");
    assert!(error.contains("cannot be decoded"), "{error}");
    let (payload, poison) = dead.pop_first().unwrap();
    assert_eq!(poison, (3, reason.to_owned()));
    use iggyctl_messaging::codec::Codec;
    let task: Task = Protobuf.decode(&payload).unwrap();
    assert_eq!(task.job_id, "invoice-18");

    // All of them are done with: the next one comes alone.
    worker.interrupt().await;
    let mut worker = Program::start(WORKER, &["--name", "ben"], &uri);
    publish(&uri, "words").await;
    assert_eq!(worker.line().await, "essay-1 Done attempt 1 by ben: 10");
    assert!(worker.interrupt().await.is_empty());
    connection.shutdown().await;
    server.shutdown().await;
}

#[tokio::test]
async fn the_task_of_a_worker_that_dies_goes_to_another_one() {
    let server = server().await;
    let uri = server.connection_string();
    publish(&uri, "poison").await;
    let mut anna = Program::start(WORKER, &["--name", "anna"], &uri);
    assert!(
        anna.line()
            .await
            .starts_with("invoice-18 Retrying attempt 1 by anna: ")
    );
    anna.kill().await;

    // It had not acknowledged the task: for ben it is a new one.
    let ben = Program::start(WORKER, &["--name", "ben"], &uri);
    let statuses = tail(STATUS, &uri, "invoice-18").await;
    let of_ben: Vec<&str> = statuses
        .iter()
        .filter(|line| line.contains(" by ben: "))
        .filter_map(|line| line.split(" by ").next())
        .collect();
    assert_eq!(
        of_ben,
        [
            "invoice-18 Running attempt 1",
            "invoice-18 Retrying attempt 1",
            "invoice-18 Running attempt 2",
            "invoice-18 Retrying attempt 2",
            "invoice-18 Running attempt 3",
            "invoice-18 Dead attempt 3",
        ]
    );
    ben.interrupt().await;
    server.shutdown().await;
}

#[tokio::test]
async fn two_workers_share_the_tasks_and_do_each_once() {
    let server = server().await;
    let uri = server.connection_string();
    let mut workers = Vec::new();
    for name in ["anna", "ben"] {
        workers.push(Program::start(WORKER, &["--name", name], &uri));
    }
    let connection = Connection::open(&uri).unwrap();
    let mut expected = Vec::new();
    for number in 0..12 {
        let task = Task {
            job_id: format!("job-{number:02}"),
            kind: "sum".to_owned(),
            inputs: vec![number.to_string(), "1".to_owned()],
        };
        job_queue::publish::publish(&connection, task)
            .await
            .unwrap();
        expected.push(format!("job-{number:02} Done attempt 1 {}", number + 1));
    }
    for number in 0..12 {
        tail(STATUS, &uri, &format!("job-{number:02}")).await;
    }
    let mut done = Vec::new();
    for worker in workers {
        for line in worker.interrupt().await {
            let (job, rest) = line.split_once(" by ").unwrap();
            done.push(format!("{job} {}", rest.split_once(": ").unwrap().1));
        }
    }
    done.sort();
    assert_eq!(done, expected);
    connection.shutdown().await;
    server.shutdown().await;
}
