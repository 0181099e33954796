//! A client of the Rust SDK that looks at what the programs left.

use std::net::SocketAddr;
use std::path::Path;

use iggy::prelude::*;
use libtest_mimic::Failed;

/// A connection of the root user.
pub(crate) struct Observer {
    pub(crate) client: IggyClient,
}

impl Observer {
    pub(crate) async fn connect(
        address: SocketAddr,
        authority: Option<&Path>,
    ) -> Result<Self, Failed> {
        let mut uri = format!("iggy://iggy:iggy@{address}?reconnection_retries=0");
        if let Some(authority) = authority {
            uri += &format!(
                "&tls=true&tls_domain=localhost&tls_ca_file={}",
                authority.display()
            );
        }
        let client = IggyClient::from_connection_string(&uri)?;
        client.connect().await?;
        Ok(Self { client })
    }

    /// The messages of a partition, in the order of their offsets, which are checked.
    pub(crate) async fn messages(
        &self,
        stream: &str,
        topic: &str,
        partition: u32,
    ) -> Result<Vec<IggyMessage>, Failed> {
        let (stream, topic) = (Identifier::named(stream)?, Identifier::named(topic)?);
        // An id that no example uses; nothing is committed for it.
        let consumer = Consumer::new(Identifier::named("observer")?);
        let mut messages: Vec<IggyMessage> = Vec::new();
        loop {
            let next = PollingStrategy::offset(messages.len() as u64);
            let polled = self
                .client
                .poll_messages(
                    &stream,
                    &topic,
                    Some(partition),
                    &consumer,
                    &next,
                    1000,
                    false,
                )
                .await?;
            if polled.messages.is_empty() {
                break;
            }
            messages.extend(polled.messages);
        }
        for (offset, message) in (0..).zip(&messages) {
            assert_eq!(message.header.offset, offset);
        }
        Ok(messages)
    }

    /// The payloads of a partition, which are text.
    pub(crate) async fn texts(
        &self,
        stream: &str,
        topic: &str,
        partition: u32,
    ) -> Result<Vec<String>, Failed> {
        let mut texts = Vec::new();
        for message in self.messages(stream, topic, partition).await? {
            texts.push(String::from_utf8(message.payload.to_vec())?);
        }
        Ok(texts)
    }

    /// The offset that a consumer stored for a partition.
    pub(crate) async fn stored(
        &self,
        consumer: &Consumer,
        stream: &str,
        topic: &str,
        partition: u32,
    ) -> Result<Option<u64>, Failed> {
        let (stream, topic) = (Identifier::named(stream)?, Identifier::named(topic)?);
        let stored = self
            .client
            .get_consumer_offset(consumer, &stream, &topic, Some(partition))
            .await?;
        Ok(stored.map(|it| it.stored_offset))
    }

    pub(crate) async fn topic(&self, stream: &str, topic: &str) -> Result<TopicDetails, Failed> {
        let (stream, topic) = (Identifier::named(stream)?, Identifier::named(topic)?);
        let details = self.client.get_topic(&stream, &topic).await?;
        Ok(details.ok_or_else(|| format!("no topic {topic} in {stream}"))?)
    }
}
