//! Does tasks until Ctrl-C. Start as many as there are partitions.

use std::error::Error;

use clap::Parser;
use job_queue::connect;
use job_queue::work::Worker;

/// Does tasks until Ctrl-C.
#[derive(Parser)]
struct Arguments {
    /// What it calls itself.
    #[arg(long, default_value = "worker")]
    name: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { name } = Arguments::parse();
    let connection = connect()?;
    let worker = Worker::new(&connection, &name)?;
    let stop = tokio::signal::ctrl_c();
    worker.work(stop, |status| println!("{status}")).await?;
    connection.shutdown().await;
    Ok(())
}
