//! Publishes under load, and says how long the server took.

use std::error::Error;
use std::time::Instant;

use clap::Parser;
use iggyctl_messaging::RetryPolicy;
use iggyctl_messaging::observe::EMIT_LATENCY_SECONDS;
use iggyctl_messaging::observe::prometheus::Prometheus;
use market_data::connect;
use market_data::generate::{Generator, Snapshots};
use market_data::percentiles::Histogram;
use market_data::replay::{Pace, Replayer};

/// Publishes a market, and shows the latencies.
#[derive(Parser)]
struct Arguments {
    /// How many updates.
    #[arg(long, default_value_t = 100_000)]
    count: usize,
    /// How many a second; default as many as the server takes.
    #[arg(long)]
    rate: Option<u32>,
    /// How many symbols.
    #[arg(long, default_value_t = 100)]
    symbols: usize,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments {
        count,
        rate,
        symbols,
    } = Arguments::parse();
    let metrics = Prometheus::install()?;
    let connection = connect()?;
    let symbols: Vec<String> = (0..symbols).map(|number| format!("SYM-{number}")).collect();
    let mut replayer = Replayer::new(&connection, RetryPolicy::default())?;
    let mut pace = Pace::new(rate);
    let began = Instant::now();
    for update in Generator::new(1, &symbols, Snapshots::Every(50)).take(count) {
        pace.turn().await;
        replayer.publish(update).await?;
    }
    let published = replayer.finish().await?;
    let seconds = began.elapsed().as_secs_f64();
    connection.shutdown().await;

    println!(
        "published {published} updates, {:.0} a second",
        published as f64 / seconds
    );
    let latencies = Histogram::read(&metrics.render(), EMIT_LATENCY_SECONDS);
    println!("{EMIT_LATENCY_SECONDS} of {} messages:", latencies.count());
    for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)] {
        if let Some(latency) = latencies.quantile(share) {
            println!("{name} {:.1} ms", latency.as_secs_f64() * 1_000.0);
        }
    }
    Ok(())
}
