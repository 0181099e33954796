//! Messages from each client to each: the Rust SDK, the command line, the Python SDK, our
//! library and our commands, by way of the embedded server, which is started anew in between.

mod clients;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clients::{Client, Received};
use iggy::prelude::*;
use iggyctl_embedded::EmbeddedServer;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// No single test takes longer, whatever a client in another process does.
const DEADLINE: Duration = Duration::from_secs(60);
/// How many messages a producer sends.
const MESSAGES: u32 = 5;

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for producer in Client::ALL {
        for consumer in Client::READERS {
            trials.push(trial(
                format!("{producer:?}_to_{consumer:?}").to_lowercase(),
                [producer, consumer],
                move || from_one_to_the_other(producer, consumer),
            ));
        }
    }
    for [first, second] in [
        [Client::Rust, Client::Python],
        [Client::Python, Client::Rust],
        [Client::Ours, Client::Python],
        [Client::Python, Client::Ours],
        [Client::Ours, Client::Rust],
        [Client::Commands, Client::Python],
        [Client::Python, Client::Commands],
        [Client::Commands, Client::Rust],
    ] {
        trials.push(trial(
            format!("a_group_of_{first:?}_goes_on_in_{second:?}").to_lowercase(),
            [first, second],
            move || a_group_goes_on(first, second),
        ));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A test that is ignored where one of its clients is missing.
fn trial<Running>(
    name: String,
    clients: [Client; 2],
    test: impl FnOnce() -> Running + Send + 'static,
) -> Trial
where
    Running: Future<Output = Result<(), Failed>>,
{
    Trial::ignorable_test(name, move || {
        for client in clients {
            if let Err(reason) = client.program() {
                return Ok(Completion::ignored_with(reason));
            }
        }
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?
            .block_on(async {
                match tokio::time::timeout(DEADLINE, test()).await {
                    Ok(outcome) => outcome.map(|()| Completion::Completed),
                    Err(_) => Err(format!("not done after {} s", DEADLINE.as_secs()).into()),
                }
            })
    })
    .with_kind("official-clients")
}

/// A server in a folder, with a topic of two partitions and a group.
async fn start(folder: &Path) -> Result<EmbeddedServer, Failed> {
    let server = EmbeddedServer::builder().data_dir(folder).start().await?;
    let client = clients::rust(server.address()).await?;
    let (s, t) = (Identifier::named("s")?, Identifier::named("t")?);
    client.create_stream("s").await?;
    let options = TopicCreateOptions {
        partitions_count: Some(2),
        ..Default::default()
    };
    client.create_topic(&s, "t", &options).await?;
    client.create_consumer_group(&s, &t, "workers").await?;
    Ok(server)
}

async fn again(server: EmbeddedServer, folder: &Path) -> Result<EmbeddedServer, Failed> {
    server.shutdown().await;
    Ok(EmbeddedServer::builder().data_dir(folder).start().await?)
}

async fn from_one_to_the_other(producer: Client, consumer: Client) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let server = start(folder.path()).await?;
    producer.produce(server.address(), MESSAGES).await?;
    let server = again(server, folder.path()).await?;
    let address: SocketAddr = server.address();
    let mut received = consumer.consume(address, "reader", 3).await?;
    assert_eq!(received.len(), 3, "{received:?}");
    let server = again(server, folder.path()).await?;
    // The rest, since the first three were committed.
    received.extend(consumer.consume(server.address(), "reader", 10).await?);
    assert_eq!(received, expected(producer));
    server.shutdown().await;
    Ok(())
}

async fn a_group_goes_on(first: Client, second: Client) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let server = start(folder.path()).await?;
    first.produce(server.address(), MESSAGES).await?;
    let mut received = first
        .consume_in_group(server.address(), "workers", 2)
        .await?;
    let server = again(server, folder.path()).await?;
    for (client, count) in [(second, 2), (first, 10)] {
        received.extend(
            client
                .consume_in_group(server.address(), "workers", count)
                .await?,
        );
    }
    assert_eq!(received, expected(first));
    server.shutdown().await;
    Ok(())
}

fn expected(producer: Client) -> Vec<Received> {
    let name = producer.name();
    (0..MESSAGES)
        .map(|number| Received {
            offset: number.into(),
            payload: format!("{name}-{number}"),
            producer: Some(name.to_owned()),
        })
        .collect()
}
