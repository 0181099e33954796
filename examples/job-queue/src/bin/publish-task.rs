//! Gives a task in a file to the workers.

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use job_queue::publish::publish;
use job_queue::{Task, connect};

/// Gives a task to the workers.
#[derive(Parser)]
struct Arguments {
    /// The task: {"job_id": "…", "kind": "sum", "inputs": ["1", "2"]}
    #[arg(long)]
    file: PathBuf,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { file } = Arguments::parse();
    let task: Task = serde_json::from_slice(&std::fs::read(file)?)?;
    let job_id = task.job_id.clone();
    let connection = connect()?;
    publish(&connection, task).await?;
    println!("queued {job_id}");
    connection.shutdown().await;
    Ok(())
}
