//! Shows what the workers said about a job, until it is done or dead.

use std::error::Error;

use clap::Parser;
use job_queue::tail::follow;
use job_queue::{LOGS, LogLine, connect};

/// Shows what the workers said about a job, until it is done or dead.
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
    follow(&connection, LOGS, &job, |line: &LogLine| line.is_last).await?;
    connection.shutdown().await;
    Ok(())
}
