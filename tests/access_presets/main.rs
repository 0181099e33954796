//! Each preset with the official clients: exactly its permissions are enough for the
//! program that it is named after, each of them is needed, and they end at the scope.
//!
//! On the embedded server, and on a real one, found as for the contract
//! (`docs/testing.md`).

#![allow(
    clippy::unwrap_used,
    reason = "a test program of its own, which clippy does not take for one"
)]

#[path = "../../crates/embedded/tests/contract/server.rs"]
#[allow(dead_code, reason = "the contract uses more of it")]
mod server;

mod grants;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use futures::StreamExt as _;
use iggy::prelude::*;
use iggyctl_core::access::{Grants, Preset, Scope};
use libtest_mimic::{Arguments, Completion, Failed, Trial};

use grants::{permissions, with_one_word_less};
use server::{PASSWORD, RealServer, RunningServer, USERNAME};

const UNAUTHORIZED: u32 = 41;
const CREATE_TOPIC: u32 = 302;

/// The ids that the server gives: another stream and another topic come first.
const STREAM: u32 = 1;
const TOPIC: u32 = 1;

const SCOPES: [Scope<u32>; 3] = [
    Scope::Server,
    Scope::Stream(STREAM),
    Scope::Topic(STREAM, TOPIC),
];

/// Bound on one test, so that a server that hangs fails instead of blocking the run.
const DEADLINE: Duration = Duration::from_secs(120);

/// A test on the embedded server, and on a real one where there is one.
macro_rules! trials {
    ($real:expr, $($test:ident),* $(,)?) => {
        [$(
            Trial::test(concat!("embedded/", stringify!($test)), || {
                block_on(async {
                    let server = server::embedded().await?;
                    $test(Fixture::start(server.address()).await).await;
                    server.shutdown().await;
                    Ok(Completion::Completed)
                })
                .map(|_| ())
            }),
            {
                let real: Result<RealServer, String> = $real.clone();
                Trial::ignorable_test(concat!("real/", stringify!($test)), || {
                    let real = match real {
                        Ok(real) => real,
                        Err(reason) => return Ok(Completion::ignored_with(reason)),
                    };
                    block_on(async {
                        let server = RunningServer::real(&real).await?;
                        $test(Fixture::start(server.address()).await).await;
                        if let RunningServer::Shared(address) = server {
                            server::clean(address).await?;
                        }
                        Ok(Completion::Completed)
                    })
                })
            },
        )*]
    };
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let real = RealServer::find();
    if let Ok(RealServer::Address(_)) = real {
        // One server for all: one test at a time.
        arguments.test_threads = Some(1);
    }
    let trials = trials!(
        real,
        each_preset_is_enough_for_its_client_and_ends_at_its_scope,
        without_any_one_of_its_permissions_its_client_is_refused,
        the_direct_presets_are_too_little_for_the_clients_of_the_sdk,
        what_a_preset_gives_away_is_really_given,
        who_only_reads_changes_no_settings_and_no_messages,
    );
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

fn block_on(test: impl Future<Output = Result<Completion, String>>) -> Result<Completion, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match tokio::time::timeout(DEADLINE, test).await {
            Ok(outcome) => outcome.map_err(Failed::from),
            Err(_) => Err(format!("not done after {} s", DEADLINE.as_secs()).into()),
        }
    })
}

struct Fixture {
    address: SocketAddr,
    root: Principal,
    users: u32,
}

impl Fixture {
    /// Streams `other` and `orders` with topics `other` and `events` each, with a
    /// message in each.
    async fn start(address: SocketAddr) -> Self {
        let root = Principal::log_in(address, USERNAME, PASSWORD).await;
        let fixture = Self {
            address,
            root,
            users: 0,
        };
        let sdk = &fixture.root.sdk;
        for (id, stream) in ["other", "orders"].into_iter().enumerate() {
            sdk.create_stream(stream).await.unwrap();
            for topic in ["other", "events"] {
                // Raw, since the SDK sends options that not every server knows.
                let stream_id = [&[1, 4][..], &u32::try_from(id).unwrap().to_le_bytes()].concat();
                let name = [&[u8::try_from(topic.len()).unwrap()], topic.as_bytes()].concat();
                let request = [stream_id, 1_u32.to_le_bytes().to_vec(), name].concat();
                sdk.send_binary_request(CREATE_TOPIC, request.into())
                    .await
                    .unwrap();
                let first = Partitioning::partition_id(0);
                fixture.root.send(stream, topic, &first).await.unwrap();
            }
        }
        let orders = sdk.get_stream(&named("orders")).await.unwrap().unwrap();
        let events = sdk.get_topic(&named("orders"), &named("events")).await;
        assert_eq!((orders.id, events.unwrap().unwrap().id), (STREAM, TOPIC));
        fixture
    }

    /// A client of a new user with exactly these permissions.
    async fn client(&mut self, grants: &Grants<u32>) -> Principal {
        self.users += 1;
        let name = format!("user-{}", self.users);
        let permissions = Some(permissions(grants));
        let root = &self.root.sdk;
        root.create_user(&name, "password", UserStatus::Active, permissions)
            .await
            .unwrap();
        Principal::log_in(self.address, &name, "password").await
    }
}

fn named(name: &str) -> Identifier {
    Identifier::named(name).unwrap()
}

/// The official client of a user.
struct Principal {
    sdk: IggyClient,
}

impl Principal {
    async fn log_in(address: SocketAddr, name: &str, password: &str) -> Self {
        let sdk = IggyClient::builder()
            .with_tcp()
            .with_server_address(address.to_string())
            .with_reconnection_max_retries(Some(0))
            .build()
            .unwrap();
        sdk.connect().await.unwrap();
        sdk.login_user(name, password).await.unwrap();
        Self { sdk }
    }

    /// The SDK's low-level client.
    async fn send(
        &self,
        stream: &str,
        topic: &str,
        partitioning: &Partitioning,
    ) -> Result<(), IggyError> {
        let mut messages = [hello()];
        let (stream, topic) = (named(stream), named(topic));
        let sent = self
            .sdk
            .send_messages(&stream, &topic, partitioning, &mut messages)
            .await;
        sent.map(|_| ())
    }

    /// The SDK's low-level client; the offset is stored by the server.
    async fn poll(&self, stream: &str, topic: &str) -> Result<(), IggyError> {
        let (stream, topic) = (named(stream), named(topic));
        let consumer = Consumer::new(named("direct"));
        let first = PollingStrategy::first();
        let polled = self
            .sdk
            .poll_messages(&stream, &topic, Some(0), &consumer, &first, 1, true)
            .await?;
        assert_eq!(polled.messages.len(), 1);
        Ok(())
    }

    /// The SDK's producer that creates nothing and chooses the partition.
    async fn produce(&self, stream: &str, topic: &str) -> Result<(), IggyError> {
        let producer = self
            .sdk
            .producer(stream, topic)?
            .do_not_create_stream_if_not_exists()
            .do_not_create_topic_if_not_exists()
            .partitioning(Partitioning::balanced())
            .send_retries(Some(0), None)
            .build();
        producer.init().await?;
        let sent = producer.send(vec![hello()]).await;
        sent.map(|_| ()).map_err(|error| match error {
            IggyError::ProducerSendFailed { cause, .. } => *cause,
            other => other,
        })
    }

    /// The SDK's consumer, as the member of a group that it creates, then alone.
    async fn consume(&self, stream: &str, topic: &str) -> Result<(), IggyError> {
        let in_group = self.sdk.consumer_group("workers", stream, topic)?;
        let alone = self.sdk.consumer("alone", stream, topic, 0)?;
        for builder in [in_group, alone] {
            let mut consumer = builder
                .polling_strategy(PollingStrategy::first())
                .auto_commit(AutoCommit::When(AutoCommitWhen::ConsumingEachMessage))
                .batch_length(1)
                .without_poll_interval()
                .polling_retry_interval("1ms".parse().unwrap())
                .build();
            consumer.init().await?;
            let received = consumer.next().await.unwrap()?;
            assert_eq!(received.message.payload, "hello");
            consumer.shutdown().await?;
        }
        Ok(())
    }

    /// What each preset is there for, with the client of its kind.
    async fn run(&self, preset: Preset, stream: &str, topic: &str) -> Result<(), IggyError> {
        match preset {
            Preset::Producer => self.produce(stream, topic).await,
            Preset::Consumer => self.consume(stream, topic).await,
            Preset::DirectProducer => {
                let first = Partitioning::partition_id(0);
                self.send(stream, topic, &first).await
            }
            Preset::DirectConsumer => self.poll(stream, topic).await,
            Preset::Admin => {
                let (stream_id, topic_id) = (named(stream), named(topic));
                self.sdk.create_partitions(&stream_id, &topic_id, 1).await?;
                self.send(stream, topic, &Partitioning::balanced()).await
            }
            Preset::ReadOnly => {
                let (stream_id, topic_id) = (named(stream), named(topic));
                self.sdk.get_topic(&stream_id, &topic_id).await?;
                self.poll(stream, topic).await
            }
        }
    }
}

fn hello() -> IggyMessage {
    let message = IggyMessage::builder().payload("hello".into());
    message.build().unwrap()
}

async fn each_preset_is_enough_for_its_client_and_ends_at_its_scope(mut fixture: Fixture) {
    for preset in Preset::ALL {
        for scope in SCOPES {
            let client = fixture.client(&preset.grants(&scope)).await;
            let here = client.run(*preset, "orders", "events").await;
            assert_eq!(here, Ok(()), "{preset} on {scope:?}");

            let other_stream = client.run(*preset, "other", "events").await;
            let expected = if scope == Scope::Server {
                Ok(())
            } else {
                Err(UNAUTHORIZED)
            };
            let found = other_stream.map_err(|error| error.as_code());
            assert_eq!(found, expected, "{preset} on {scope:?}");
        }
    }
}

async fn without_any_one_of_its_permissions_its_client_is_refused(mut fixture: Fixture) {
    let mut refused = 0;
    for preset in [
        Preset::Producer,
        Preset::Consumer,
        Preset::DirectProducer,
        Preset::DirectConsumer,
    ] {
        for scope in SCOPES {
            for less in with_one_word_less(&preset.grants(&scope)) {
                let client = fixture.client(&less).await;
                let error = client.run(preset, "orders", "events").await.unwrap_err();
                assert_eq!(error.as_code(), UNAUTHORIZED, "{preset} with {less:?}");
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 3 * (2 + 1 + 1 + 1));
}

/// Why there are two presets for each of the two directions.
async fn the_direct_presets_are_too_little_for_the_clients_of_the_sdk(mut fixture: Fixture) {
    for scope in SCOPES {
        let client = fixture.client(&Preset::DirectProducer.grants(&scope)).await;
        let producer = client.produce("orders", "events").await;
        assert_eq!(producer.unwrap_err().as_code(), UNAUTHORIZED);
        let balanced = client
            .send("orders", "events", &Partitioning::balanced())
            .await;
        assert_eq!(balanced.unwrap_err().as_code(), UNAUTHORIZED);

        let client = fixture.client(&Preset::DirectConsumer.grants(&scope)).await;
        let consumer = client.consume("orders", "events").await;
        assert_eq!(consumer.unwrap_err().as_code(), UNAUTHORIZED);
    }
}

async fn what_a_preset_gives_away_is_really_given(mut fixture: Fixture) {
    let scope = Scope::Topic(STREAM, TOPIC);
    let client = fixture.client(&Preset::Producer.grants(&scope)).await;
    // Of the other topic of the stream: its messages, its groups, its offsets.
    client.poll("orders", "other").await.unwrap();
    let (stream, topic) = (named("orders"), named("other"));
    let root = &fixture.root.sdk;
    root.create_consumer_group(&stream, &topic, "theirs")
        .await
        .unwrap();
    client
        .sdk
        .delete_consumer_group(&stream, &topic, &named("theirs"))
        .await
        .unwrap();
    let direct = Consumer::new(named("direct"));
    let deleted = client
        .sdk
        .delete_consumer_offset(&direct, &stream, &topic, Some(0))
        .await;
    deleted.unwrap();
    // Not: to send there.
    let sent = client
        .send("orders", "other", &Partitioning::partition_id(0))
        .await;
    assert_eq!(sent.unwrap_err().as_code(), UNAUTHORIZED);
}

async fn who_only_reads_changes_no_settings_and_no_messages(mut fixture: Fixture) {
    let client = fixture
        .client(&Preset::ReadOnly.grants(&Scope::Server))
        .await;
    let (stream, topic) = (named("orders"), named("events"));
    let refusals = [
        client
            .send("orders", "events", &Partitioning::partition_id(0))
            .await,
        client
            .sdk
            .update_stream(&stream, "renamed", &StreamUpdateOptions::default())
            .await,
        client.sdk.purge_topic(&stream, &topic).await,
        client.sdk.create_partitions(&stream, &topic, 1).await,
        client.sdk.delete_user(&named("user-1")).await,
    ];
    for refusal in refusals {
        assert_eq!(refusal.unwrap_err().as_code(), UNAUTHORIZED);
    }
    assert_eq!(client.sdk.get_streams().await.unwrap().len(), 2);
    assert_eq!(client.sdk.get_users().await.unwrap().len(), 2);
    client.sdk.get_stats().await.unwrap();
}
