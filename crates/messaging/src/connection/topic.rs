use iggy::prelude::{Identifier, IggyError, TopicClient as _};
use tokio::time::{sleep, timeout};

use super::{Connection, Loss};
use crate::error::{MessagingError, Reaction, classify, words};
use crate::producer::RetryPolicy;

const READ: &str = "read the topic";

impl Connection {
    /// How many partitions a topic has. Needs the right to read the topic.
    ///
    /// # Errors
    /// [`MessagingError::NoTopic`]; a server that refuses, or that does not answer
    /// within the retries of the default [`RetryPolicy`].
    pub async fn partitions(&self, stream: &str, topic: &str) -> Result<u32, MessagingError> {
        let named = |name: &str, setting| {
            Identifier::named(name).map_err(|_| MessagingError::Setting {
                setting,
                expected: "needs a name of 1 to 255 bytes",
            })
        };
        let (stream_id, topic_id) = (named(stream, "the stream")?, named(topic, "the topic")?);
        let no_topic = || MessagingError::NoTopic {
            stream: stream.to_owned(),
            topic: topic.to_owned(),
        };
        let mut pauses = RetryPolicy::default().pauses();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let session = self.session().await?;
            let asked = session.client().get_topic(&stream_id, &topic_id);
            let last = match timeout(self.request_timeout(), asked).await {
                Ok(Ok(Some(details))) => return Ok(details.partitions_count),
                Ok(Ok(None)) => return Err(no_topic()),
                Err(_) => {
                    self.lost(&session, Loss::NoAnswer);
                    Loss::NoAnswer.to_string()
                }
                Ok(Err(error)) => {
                    let code = error.as_code();
                    match classify(&error) {
                        _ if is_not_there(&error) => return Err(no_topic()),
                        Reaction::Reconnect => self.lost(&session, error),
                        Reaction::Retry | Reaction::Accept => {}
                        Reaction::DeadLetter | Reaction::Stop => {
                            return Err(MessagingError::Refused {
                                operation: READ,
                                code,
                            });
                        }
                    }
                    words(code)
                }
            };
            let Some(pause) = pauses.next() else {
                return Err(MessagingError::GaveUp {
                    operation: READ,
                    attempts,
                    last,
                });
            };
            sleep(pause).await;
        }
    }
}

/// Streams and topics that are not there, by their names in `iggy_common` 0.11.0,
/// `error/iggy_error.rs`; 20 is what servers of the 0.9 line say for most.
fn is_not_there(error: &IggyError) -> bool {
    matches!(error.as_code(), 20 | 1009 | 1010 | 2010 | 2011)
}
