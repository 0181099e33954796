//! Publishes events from a file.

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use event_transport::connect;
use event_transport::event::Envelope;
use event_transport::format::Format;
use event_transport::publish::Publisher;

/// Publishes events from a file, one in each line, as JSON.
#[derive(Parser)]
struct Arguments {
    /// The file.
    #[arg(long)]
    file: PathBuf,
    /// How they travel.
    #[arg(long, default_value = "json")]
    format: Format,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { file, format } = Arguments::parse();
    let connection = connect()?;
    let publisher = Publisher::new(&connection)?;
    for line in std::fs::read_to_string(file)?.lines() {
        let envelope: Envelope = serde_json::from_str(line)?;
        let there = publisher.publish(&envelope, format).await?;
        println!("partition {}: {envelope}", there.partition);
    }
    connection.shutdown().await;
    Ok(())
}
