//! Shows the messages, from where it stopped the last time, until Ctrl-C.

use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use getting_started::{Event, STREAM, TOPIC, server};
use iggyctl_messaging::codec::Json;
use iggyctl_messaging::{Commit, Connection, Consumer, Start};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let connection = Connection::open(&server())?;
    let mut consumer = Consumer::<Event>::plain(&connection, "reader", STREAM, TOPIC)
        .start(Start::Next) // after the stored offset
        .commit(Commit::Handled) // stored by itself: no ack needed
        .poll_interval(Duration::from_millis(500))
        .build(Json)?;

    let mut stop = pin!(tokio::signal::ctrl_c());
    loop {
        let message = tokio::select! {
            message = consumer.next() => message,
            _ = &mut stop => break,
        };
        let Some(message) = message.transpose()? else {
            break;
        };
        let Event { id, text, ts } = message.payload;
        println!("offset {}: {id}, {text}, {ts}", message.offset);
    }
    // Stores how far it came.
    connection.shutdown().await;
    Ok(())
}
