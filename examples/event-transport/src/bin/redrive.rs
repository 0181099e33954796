//! Moves dead letters back.

use std::error::Error;

use clap::Parser;
use event_transport::connect;
use event_transport::redrive::Redrive;

/// Moves dead letters of a service back to the events, for it alone.
#[derive(Parser)]
struct Arguments {
    /// The service.
    #[arg(long)]
    group: String,
    /// How many; waits for them.
    #[arg(long)]
    count: usize,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { group, count } = Arguments::parse();
    let connection = connect()?;
    let mut redrive = Redrive::new(&connection, &group)?;
    for _ in 0..count {
        let Some(moved) = redrive.next().await? else {
            break;
        };
        println!("{} (was: {})", moved.event, moved.error);
    }
    connection.shutdown().await;
    Ok(())
}
