//! Reads topics in a group, and checks that each symbol comes in order.

use std::error::Error;
use std::pin::pin;

use clap::Parser;
use market_data::connect;
use market_data::follow::{Seen, member};
use market_data::update::Topic;

/// Reads topics in a group until Ctrl-C, and checks that each symbol comes in order.
#[derive(Parser)]
struct Arguments {
    /// The group; its members share the symbols.
    #[arg(long, default_value = "strategies")]
    group: String,
    /// Which topics; default all.
    #[arg(long, value_delimiter = ',')]
    topics: Vec<Topic>,
    /// Shows each update.
    #[arg(long)]
    show: bool,
    /// Ends after so many updates.
    #[arg(long)]
    count: Option<u64>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments {
        group,
        mut topics,
        show,
        count,
    } = Arguments::parse();
    if topics.is_empty() {
        topics = Topic::ALL.to_vec();
    }
    let connection = connect()?;
    // A task for each topic; what they read comes together here. Small, so that they
    // fetch no more than is handled.
    let (sender, mut updates) = tokio::sync::mpsc::channel(1);
    for topic in topics {
        let mut consumer = member(&connection, &group, topic)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while let Some(message) = consumer.next().await {
                if sender.send(message).await.is_err() {
                    break;
                }
            }
        });
    }
    drop(sender);
    let mut seen = Seen::default();
    let mut stop = pin!(tokio::signal::ctrl_c());
    while count.is_none_or(|count| seen.updates < count) {
        let message = tokio::select! {
            message = updates.recv() => message,
            _ = &mut stop => break,
        };
        let Some(message) = message.transpose()? else {
            break;
        };
        let update = &message.payload;
        let is_new = seen.take(update);
        if show {
            let news = if is_new { "new" } else { "again" };
            let topic = update.data.topic().name();
            println!("{news} {topic} {} {}", update.symbol, update.sequence);
        }
        message.ack();
    }
    // What was fetched and not shown is not acknowledged, and comes to the others.
    drop(updates);
    connection.shutdown().await;
    println!("in the end: {seen}");
    match (seen.missing, seen.wrong_books) {
        (0, 0) => Ok(()),
        _ => Err("updates are missing, or out of order".into()),
    }
}
