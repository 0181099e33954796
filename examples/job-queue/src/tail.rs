//! Following one job.

use std::fmt::Display;

use iggyctl_messaging::codec::Protobuf;
use iggyctl_messaging::{Commit, Connection, Consumer, MessagingError, Start};

use crate::{OfJob, STREAM};

/// Shows what a topic has about a job, and what comes, up to its last message. Looks
/// on: nothing is stored, and nobody else misses anything.
///
/// # Errors
/// What a person has to see to.
pub async fn follow<T>(
    connection: &Connection,
    topic: &str,
    job_id: &str,
    is_last: impl Fn(&T) -> bool,
) -> Result<(), MessagingError>
where
    T: OfJob + Display + prost::Message + Default + 'static,
{
    let mut consumer = Consumer::<T>::plain(connection, "tail", STREAM, topic)
        .start(Start::First)
        .commit(Commit::Never)
        .build(Protobuf)?;
    while let Some(message) = consumer.next().await {
        let it = message?.payload;
        if it.job_id() != job_id {
            continue;
        }
        println!("{it}");
        if is_last(&it) {
            break;
        }
    }
    Ok(())
}
