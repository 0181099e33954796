//! Shows how far a job is, until it is done or dead.

use std::error::Error;

use clap::Parser;
use job_queue::tail::follow;
use job_queue::{STATUS, Status, connect};

/// Shows how far a job is, until it is done or dead.
#[derive(Parser)]
struct Arguments {
    /// The job.
    #[arg(long)]
    job: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { job } = Arguments::parse();
    let connection = connect()?;
    follow(&connection, STATUS, &job, |status: &Status| {
        status.state().is_final()
    })
    .await?;
    connection.shutdown().await;
    Ok(())
}
