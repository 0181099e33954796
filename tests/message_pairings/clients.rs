//! The three official clients, our library and our commands, each as a producer and a consumer of
//! partition 1 of `s/t`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::str::FromStr;

use bytes::Bytes;
use iggy::prelude::{Client as _, *};
use iggyctl_messaging as ours;
use iggyctl_messaging::codec::Raw;
use libtest_mimic::Failed;

/// An official client, or ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Rust,
    Cli,
    Python,
    Ours,
    /// `iggyctl produce` and `iggyctl consume`.
    Commands,
}

/// A message as a consumer shows it.
#[derive(Debug, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct Received {
    pub(crate) offset: u64,
    pub(crate) payload: String,
    /// The value of the header `producer`.
    pub(crate) producer: Option<String>,
}

const HEADER: &str = "producer";
const PARTITION: u32 = 1;

impl Client {
    /// Those that store what they read without being in a group.
    pub(crate) const READERS: [Self; 4] = [Self::Rust, Self::Cli, Self::Python, Self::Ours];
    pub(crate) const ALL: [Self; 5] = [
        Self::Rust,
        Self::Cli,
        Self::Python,
        Self::Ours,
        Self::Commands,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Cli => "cli",
            Self::Python => "python",
            Self::Ours => "ours",
            Self::Commands => "iggyctl",
        }
    }

    /// The program to run, none for the client in this process; or why it is not here.
    pub(crate) fn program(self) -> Result<Option<PathBuf>, String> {
        let variable = match self {
            Self::Rust | Self::Ours => return Ok(None),
            Self::Commands => return Ok(Some(env!("CARGO_BIN_EXE_iggyctl").into())),
            Self::Cli => "IGGYCTL_TEST_OFFICIAL_CLI",
            Self::Python => "IGGYCTL_TEST_PYTHON",
        };
        std::env::var_os(variable)
            .map(|program| Some(program.into()))
            .ok_or_else(|| format!("{variable} is not set"))
    }

    /// Sends messages `NAME-0`, `NAME-1`, … with the header `producer: NAME`.
    pub(crate) async fn produce(self, address: SocketAddr, count: u32) -> Result<(), Failed> {
        let name = self.name();
        let texts: Vec<String> = (0..count)
            .map(|number| format!("{name}-{number}"))
            .collect();
        match self {
            Self::Rust => {
                let mut messages = Vec::new();
                for text in texts {
                    let headers = BTreeMap::from([(
                        HeaderKey::from_str(HEADER)?,
                        HeaderValue::from_str(name)?,
                    )]);
                    messages.push(
                        IggyMessage::builder()
                            .payload(Bytes::from(text))
                            .user_headers(headers)
                            .build()?,
                    );
                }
                let (s, t) = (Identifier::named("s")?, Identifier::named("t")?);
                let partitioning = Partitioning::partition_id(PARTITION);
                rust(address)
                    .await?
                    .send_messages(&s, &t, &partitioning, &mut messages)
                    .await?;
            }
            Self::Cli => {
                let header = format!("{HEADER}:string:{name}");
                let partition = PARTITION.to_string();
                let mut arguments = vec!["message", "send", "-p", &partition, "-H", &header];
                arguments.extend(["s", "t"]);
                arguments.extend(texts.iter().map(String::as_str));
                self.cli(address, &arguments).await?;
            }
            Self::Python => {
                self.python(address, &["produce", name, &count.to_string()])
                    .await?;
            }
            Self::Ours => {
                let connection = our_connection(address)?;
                let producer = ours::Producer::<Bytes>::builder(&connection, "s", "t")
                    .partitioning(ours::Partitioning::Partition(PARTITION))
                    .build(Raw)?;
                for text in texts {
                    let headers = ours::Headers::new().with(HEADER, name)?;
                    let message = ours::Outgoing::new(Bytes::from(text)).headers(headers);
                    producer.send(message).await?;
                }
                connection.shutdown().await;
            }
            Self::Commands => {
                let (header, partition) = (format!("{HEADER}={name}"), PARTITION.to_string());
                let mut arguments = vec!["produce", "s/t", "-H", &header, "-p", &partition];
                for text in &texts {
                    arguments.extend(["-m", text]);
                }
                self.commands(address, &arguments).await?;
            }
        }
        Ok(())
    }

    /// Polls the next messages, and commits them with the poll.
    pub(crate) async fn consume(
        self,
        address: SocketAddr,
        name: &str,
        count: u32,
    ) -> Result<Vec<Received>, Failed> {
        match self {
            Self::Rust => {
                let consumer = Consumer::new(Identifier::named(name)?);
                poll(&rust(address).await?, &consumer, count).await
            }
            Self::Cli => {
                let (partition, count) = (PARTITION.to_string(), count.to_string());
                let arguments = [
                    "message", "poll", "--next", "-a", "-s", "-c", name, "-m", &count, "s", "t",
                    &partition,
                ];
                rows(&self.cli(address, &arguments).await?)
            }
            Self::Python => {
                let count = count.to_string();
                lines(&self.python(address, &["consume", name, &count]).await?)
            }
            Self::Ours => {
                let connection = our_connection(address)?;
                let consumer =
                    ours::Consumer::plain(&connection, name, "s", "t").partition(PARTITION);
                take(&connection, consumer, count).await
            }
            Self::Commands => Err("our commands store offsets of groups only".into()),
        }
    }

    /// The same as a member of a group.
    pub(crate) async fn consume_in_group(
        self,
        address: SocketAddr,
        group: &str,
        count: u32,
    ) -> Result<Vec<Received>, Failed> {
        match self {
            Self::Rust => {
                let client = rust(address).await?;
                let (s, t) = (Identifier::named("s")?, Identifier::named("t")?);
                let id = Identifier::named(group)?;
                client.join_consumer_group(&s, &t, &id).await?;
                let received = poll(&client, &Consumer::group(id.clone()), count).await?;
                client.leave_consumer_group(&s, &t, &id).await?;
                Ok(received)
            }
            Self::Cli => Err("the official command line joins no groups".into()),
            Self::Python => {
                let count = count.to_string();
                lines(
                    &self
                        .python(address, &["consume-in-group", group, &count])
                        .await?,
                )
            }
            Self::Ours => {
                let connection = our_connection(address)?;
                let consumer = ours::Consumer::group(&connection, group, "s", "t");
                take(&connection, consumer, count).await
            }
            Self::Commands => {
                let count = count.to_string();
                let arguments = ["consume", "s/t", "-g", group, "-n", &count, "-o", "json"];
                let printed = self.commands(address, &arguments).await?;
                let mut received = Vec::new();
                for line in printed.lines() {
                    let message: serde_json::Value = serde_json::from_str(line)?;
                    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
                    received.push(Received {
                        offset: message["offset"].as_u64().ok_or("no offset")?,
                        payload: text(&message["payload"]).ok_or("no payload")?,
                        producer: text(&message["headers"][HEADER]["value"]),
                    });
                }
                Ok(received)
            }
        }
    }

    async fn cli(self, address: SocketAddr, arguments: &[&str]) -> Result<String, Failed> {
        let home = tempfile::tempdir()?;
        let address = address.to_string();
        let mut all = vec!["--tcp-server-address", &address];
        all.extend(["--username", "iggy", "--password", "iggy"]);
        all.extend(arguments);
        self.run(&all, home.path()).await
    }

    async fn commands(self, address: SocketAddr, arguments: &[&str]) -> Result<String, Failed> {
        let home = tempfile::tempdir()?;
        let server = format!("iggy://iggy:iggy@{address}");
        let mut all = arguments.to_vec();
        all.extend(["--server", &server]);
        self.run(&all, home.path()).await
    }

    async fn python(self, address: SocketAddr, arguments: &[&str]) -> Result<String, Failed> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/message_pairings/client.py");
        let (script, address) = (script.display().to_string(), address.to_string());
        let mut all = vec!["-B", "-s", &script, &address];
        all.extend(arguments);
        self.run(&all, Path::new(".")).await
    }

    /// What the program printed; an error when it failed.
    async fn run(self, arguments: &[&str], home: &Path) -> Result<String, Failed> {
        let program = self.program()?.ok_or("no program")?;
        let output = tokio::process::Command::new(program)
            .args(arguments)
            // The command line keeps contexts in the home folder.
            .env("HOME", home)
            .env_remove("PYTHONPATH")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        if !output.status.success() {
            return Err(format!(
                "{arguments:?} ended with {}:\n{}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
            .into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// The Rust SDK's client, logged in.
pub(crate) async fn rust(address: SocketAddr) -> Result<IggyClient, Failed> {
    let uri = format!("iggy://iggy:iggy@{address}?reconnection_retries=0");
    let client = IggyClient::from_connection_string(&uri)?;
    client.connect().await?;
    Ok(client)
}

async fn poll(
    client: &IggyClient,
    consumer: &Consumer,
    count: u32,
) -> Result<Vec<Received>, Failed> {
    let (s, t) = (Identifier::named("s")?, Identifier::named("t")?);
    let next = PollingStrategy::next();
    let polled = client
        .poll_messages(&s, &t, Some(PARTITION), consumer, &next, count, true)
        .await?;
    let mut received = Vec::new();
    for message in polled.messages {
        let headers = message.user_headers_map()?.unwrap_or_default();
        received.push(Received {
            offset: message.header.offset,
            payload: String::from_utf8(message.payload.to_vec())?,
            producer: match headers.get(&HeaderKey::from_str(HEADER)?) {
                Some(value) => Some(value.as_str()?.to_owned()),
                None => None,
            },
        });
    }
    Ok(received)
}

fn our_connection(address: SocketAddr) -> Result<ours::Connection, Failed> {
    Ok(ours::Connection::open(&format!(
        "iggy://iggy:iggy@{address}"
    ))?)
}

/// As many as there are, or `count`, each acknowledged.
async fn take(
    connection: &ours::Connection,
    consumer: ours::ConsumerBuilder<Bytes>,
    count: u32,
) -> Result<Vec<Received>, Failed> {
    let mut consumer = consumer.batch_length(count).build(Raw)?;
    let mut received = Vec::new();
    while received.len() < count as usize {
        let Some(message) = consumer.next().await.transpose()? else {
            break;
        };
        let is_last = message.offset + 1 == u64::from(crate::MESSAGES);
        received.push(Received {
            offset: message.offset,
            payload: String::from_utf8(message.payload.to_vec())?,
            producer: message.headers.text(HEADER).map(str::to_owned),
        });
        message.ack();
        if is_last {
            break;
        }
    }
    // Stores what was acknowledged.
    connection.shutdown().await;
    Ok(received)
}

/// What the Python script prints.
fn lines(printed: &str) -> Result<Vec<Received>, Failed> {
    let mut received = Vec::new();
    for line in printed.lines() {
        received.push(serde_json::from_str(line)?);
    }
    Ok(received)
}

/// The table that the official command line prints: a column for each of offset, time, id,
/// length and payload, then one for each header, in any order: ours has `content-type`, too,
/// whose values are the ones with a `/`.
fn rows(printed: &str) -> Result<Vec<Received>, Failed> {
    let mut received = Vec::new();
    for line in printed.lines() {
        let cells: Vec<&str> = line
            .split(['|', '│', '┆'])
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect();
        let Some(offset) = cells.first().and_then(|cell| cell.parse().ok()) else {
            continue;
        };
        received.push(Received {
            offset,
            payload: (*cells.get(4).ok_or_else(|| printed.to_owned())?).to_owned(),
            producer: cells
                .iter()
                .skip(5)
                .find(|cell| !cell.contains('/'))
                .map(|cell| (*cell).to_owned()),
        });
    }
    Ok(received)
}
