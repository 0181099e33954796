//! Sends a message each second, until Ctrl-C.

use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use getting_started::{Event, STREAM, TOPIC, server};
use iggyctl_messaging::codec::Json;
use iggyctl_messaging::{Connection, Producer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let connection = Connection::open(&server())?;
    let producer = Producer::<Event>::builder(&connection, STREAM, TOPIC).build(Json)?;

    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    let mut stop = pin!(tokio::signal::ctrl_c());
    for id in 1.. {
        tokio::select! {
            _ = &mut stop => break,
            _ = seconds.tick() => {}
        }
        let event = Event {
            id,
            text: format!("message {id}"),
            ts: jiff::Timestamp::now().to_string(),
        };
        // Comes back when the server has it.
        let there = producer.send(event).await?;
        let offset = there.offset.unwrap_or_default();
        println!("sent {id}: partition {}, offset {offset}", there.partition);
    }
    connection.shutdown().await;
    Ok(())
}
