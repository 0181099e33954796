//! A service that handles events until Ctrl-C.

use std::error::Error;
use std::net::SocketAddr;

use clap::Parser;
use event_transport::service::{Enough, Handled, Service};
use event_transport::{connect, health};
use iggyctl_messaging::Start;
use tokio::net::TcpListener;

/// Handles events until Ctrl-C.
#[derive(Parser)]
struct Arguments {
    /// The service; all with the same name share the events.
    #[arg(long)]
    group: String,
    /// The most that an order may cost; above, it becomes a dead letter.
    #[arg(long, default_value_t = u64::MAX)]
    limit_cents: u64,
    /// Where a new group begins, in microseconds since 1970; default with the first.
    #[arg(long)]
    since: Option<u64>,
    /// Where to answer GET /health.
    #[arg(long)]
    health: Option<SocketAddr>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments {
        group,
        limit_cents,
        since,
        health,
    } = Arguments::parse();
    let connection = connect()?;
    if let Some(address) = health {
        let listener = TcpListener::bind(address).await?;
        println!("http://{}/health", listener.local_addr()?);
        tokio::spawn(health::serve(listener, connection.clone()));
    }
    let start = since.map_or(Start::First, Start::Timestamp);
    let service = Service::new(&connection, &group, start, limit_cents)?;
    let stop = tokio::signal::ctrl_c();
    service
        .run(stop, |outcome| {
            match outcome {
                Ok(Handled {
                    envelope,
                    partition,
                    offset,
                }) => {
                    println!("{group}: {envelope} (partition {partition}, offset {offset})");
                }
                Err(reason) => println!("{group}: dead letter: {reason}"),
            }
            Enough::No
        })
        .await?;
    connection.shutdown().await;
    Ok(())
}
