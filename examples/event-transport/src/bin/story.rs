//! All of it in one process: publish, two services, a dead letter, moving it back, and
//! a replay. With `IGGY_CONNECTION_STRING=embedded` the server is in here, too.

use std::collections::BTreeMap;
use std::error::Error;

use event_transport::event::Envelope;
use event_transport::format::Format;
use event_transport::publish::Publisher;
use event_transport::redrive::Redrive;
use event_transport::service::{Enough, Service};
use event_transport::{STREAM, connect};
use iggyctl_messaging::{Connection, Manifest, MessagingError, Start};

const EVENTS: &str = include_str!("../../events.jsonl");
const TOPOLOGY: &str = include_str!("../../topology.yaml");

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let connection = connect()?;
    connection.ensure(&Manifest::parse(TOPOLOGY)?).await?;
    let publisher = Publisher::new(&connection)?;
    let formats = [Format::Json, Format::Postcard];
    let mut published = 0;
    for (line, format) in EVENTS.lines().zip(formats.into_iter().cycle()) {
        let envelope: Envelope = serde_json::from_str(line)?;
        publisher.publish(&envelope, format).await?;
        published += 1;
    }
    println!("published {published} events to {STREAM}");

    let (billing, audit) = tokio::try_join!(
        read(&connection, "billing", 100_000, published),
        read(&connection, "audit", u64::MAX, published),
    )?;
    println!("billing: {billing}");
    println!("audit: {audit}");

    let mut redrive = Redrive::new(&connection, "billing")?;
    if let Some(moved) = redrive.next().await? {
        println!("moved back: {} (was: {})", moved.event, moved.error);
    }
    println!(
        "billing, with a higher limit: {}",
        read(&connection, "billing", u64::MAX, 1).await?
    );
    println!(
        "a new group: {}",
        read(&connection, "reporting", u64::MAX, published).await?
    );
    connection.shutdown().await;
    Ok(())
}

/// Lets a service handle so many events; what it saw of each tenant, in order.
async fn read(
    connection: &Connection,
    group: &str,
    limit_cents: u64,
    count: usize,
) -> Result<String, MessagingError> {
    let service = Service::new(connection, group, Start::First, limit_cents)?;
    let mut seen = 0;
    let mut tenants: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut dead = 0;
    let never = std::future::pending::<()>();
    service
        .run(never, |outcome| {
            seen += 1;
            match outcome {
                Ok(it) => {
                    let numbers = tenants.entry(it.envelope.tenant).or_default();
                    numbers.push(it.envelope.number.to_string());
                }
                Err(_) => dead += 1,
            }
            match seen == count {
                true => Enough::Yes,
                false => Enough::No,
            }
        })
        .await?;
    let mut parts: Vec<String> = tenants
        .into_iter()
        .map(|(tenant, numbers)| format!("{tenant} {}", numbers.join(" ")))
        .collect();
    parts.push(format!("{dead} dead letters"));
    Ok(parts.join(", "))
}
