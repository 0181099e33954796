//! What messages and readers there are, over the SDK.

use iggy::prelude::{
    Consumer, ConsumerOffsetClient as _, Identifier, IggyTimestamp, MessageClient as _,
    PollingStrategy,
};
use iggyctl_core::address::Address;
use iggyctl_core::name::ResourceName;

use super::SdkBroker;
use super::broker::{named, none_when_missing};
use crate::broker::{BrokerError, MessageFacts, MessagePlace, Operation, PartitionRef, Which};

/// Whoever reads needs a name; nothing is stored under it.
const READER: &str = "iggyctl-facts";

impl MessageFacts for SdkBroker {
    async fn find_message(
        &self,
        of: PartitionRef<'_>,
        which: Which,
    ) -> Result<Option<MessagePlace>, BrokerError> {
        let strategy = match which {
            Which::First => PollingStrategy::first(),
            Which::Last => PollingStrategy::last(),
            Which::Since(micros) => PollingStrategy::timestamp(IggyTimestamp::from(micros)),
        };
        let address = Address::Topic(of.stream.clone(), of.topic.clone());
        self.call(Operation::PollMessages, Some(address), async {
            let reader = Consumer::new(Identifier::named(READER)?);
            let polled = self
                .client
                .poll_messages(
                    &named(of.stream)?,
                    &named(of.topic)?,
                    Some(of.partition),
                    &reader,
                    &strategy,
                    1,
                    false,
                )
                .await?;
            Ok(polled.messages.first().map(|message| MessagePlace {
                offset: message.header.offset,
                timestamp_micros: message.header.timestamp,
            }))
        })
        .await
    }

    async fn stored_offset(
        &self,
        of: PartitionRef<'_>,
        group: &ResourceName,
    ) -> Result<Option<u64>, BrokerError> {
        let (stream, topic) = (of.stream.clone(), of.topic.clone());
        let address = Address::ConsumerGroup(stream, topic, group.clone());
        let found = self
            .call(Operation::ReadOffset, Some(address), async {
                self.client
                    .get_consumer_offset(
                        &Consumer::group(named(group)?),
                        &named(of.stream)?,
                        &named(of.topic)?,
                        Some(of.partition),
                    )
                    .await
            })
            .await;
        Ok(none_when_missing(found)?.map(|info| info.stored_offset))
    }
}
