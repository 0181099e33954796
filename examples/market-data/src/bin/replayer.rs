//! Publishes a market: from a generator that is always the same, or from a file.

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;

use clap::Parser;
use iggyctl_messaging::RetryPolicy;
use iggyctl_messaging::observe::prometheus::Prometheus;
use market_data::connect;
use market_data::generate::{Generator, Snapshots};
use market_data::replay::{Pace, Replayer};
use market_data::update::Update;

/// Publishes a market.
#[derive(Parser)]
struct Arguments {
    /// How many updates; default until Ctrl-C, or the end of the file.
    #[arg(long)]
    count: Option<usize>,
    /// How many a second; default as many as the server takes.
    #[arg(long)]
    rate: Option<u32>,
    /// The symbols of the generator.
    #[arg(long, value_delimiter = ',', default_value = "BTC-USD,ETH-USD,SOL-USD")]
    symbols: Vec<String>,
    /// The same number gives the same market.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A snapshot of the book each so many of its updates, changes in between.
    #[arg(long, default_value_t = 50, conflicts_with = "snapshots_only")]
    snapshot_every: u64,
    /// Of the book, nothing but snapshots.
    #[arg(long)]
    snapshots_only: bool,
    /// Updates from a file instead, one in each line, as --print writes them.
    #[arg(long, conflicts_with_all = ["symbols", "seed", "snapshot_every", "snapshots_only"])]
    file: Option<PathBuf>,
    /// Writes the updates to the output, and needs no server.
    #[arg(long)]
    print: bool,
    /// How often to send again what did not get through.
    #[arg(long, default_value_t = 5)]
    max_retries: u32,
    /// Where to show metrics to Prometheus.
    #[arg(long)]
    metrics_listen: Option<SocketAddr>,
}

impl Arguments {
    fn updates(
        &self,
    ) -> Result<Box<dyn Iterator<Item = Result<Update, serde_json::Error>>>, std::io::Error> {
        let limit = self.count.unwrap_or(usize::MAX);
        if let Some(file) = &self.file {
            let text = std::fs::read_to_string(file)?;
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let updates = lines.into_iter().map(|line| serde_json::from_str(&line));
            return Ok(Box::new(updates.take(limit)));
        }
        let snapshots = match self.snapshots_only {
            true => Snapshots::Only,
            false => Snapshots::Every(self.snapshot_every),
        };
        let market = Generator::new(self.seed, &self.symbols, snapshots);
        Ok(Box::new(market.map(Ok).take(limit)))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let updates = arguments.updates()?;
    if arguments.print {
        let mut output = std::io::stdout().lock();
        for update in updates {
            writeln!(output, "{}", serde_json::to_string(&update?)?)?;
        }
        return Ok(());
    }
    if let Some(address) = arguments.metrics_listen {
        Prometheus::serve(address)?;
        println!("metrics at http://{address}/");
    }
    let connection = connect()?;
    let retry = RetryPolicy {
        max_retries: arguments.max_retries,
        ..RetryPolicy::default()
    };
    let mut replayer = Replayer::new(&connection, retry)?;
    let mut pace = Pace::new(arguments.rate);
    let mut stop = pin!(tokio::signal::ctrl_c());
    for update in updates {
        tokio::select! {
            biased;
            _ = &mut stop => break,
            () = pace.turn() => {}
        }
        replayer.publish(update?).await?;
    }
    println!("published {} updates", replayer.finish().await?);
    connection.shutdown().await;
    Ok(())
}
