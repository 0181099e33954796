//! Single requests with messages over the SDK.

use std::collections::BTreeMap;

use bytes::Bytes;
use iggy::prelude::{
    Consumer, ConsumerGroupClient as _, HeaderKey, HeaderValue, IggyError, IggyMessage,
    MessageClient as _, Partitioning, PolledMessages, PollingStrategy,
    RESYNC_REQUIRED_PARTITION_SENTINEL,
};
use iggy_binary_protocol::codes::SYNC_CONSUMER_GROUP_CODE;
use iggy_binary_protocol::requests::consumer_groups::SyncConsumerGroupRequest;
use iggy_binary_protocol::responses::consumer_groups::SyncConsumerGroupResponse;
use iggy_binary_protocol::{WireDecode as _, WireEncode as _, WireIdentifier};
use iggyctl_core::address::Address;
use iggyctl_core::name::ResourceName;

use super::SdkBroker;
use super::broker::named;
use super::client::send_raw;
use crate::broker::{
    BrokerError, BrokerErrorKind, FoundMessage, MessageProbe, Operation, PartitionRef,
    ProbeMessage, ReadFrom,
};

/// Whoever reads needs a name; nothing is stored under it.
const READER: &str = "iggyctl-smoke";

/// How a server says that a partition is that of another member
/// (`iggy_common` 0.11.0, `error/iggy_error.rs`: 5006, 5009).
const NOT_OURS: [u32; 2] = [5006, 5009];

fn topic_address(of: PartitionRef<'_>) -> Option<Address> {
    Some(Address::Topic(of.stream.clone(), of.topic.clone()))
}

fn group_address(
    stream: &ResourceName,
    topic: &ResourceName,
    group: &ResourceName,
) -> Option<Address> {
    Some(Address::ConsumerGroup(
        stream.clone(),
        topic.clone(),
        group.clone(),
    ))
}

fn strategy(from: ReadFrom) -> PollingStrategy {
    match from {
        ReadFrom::First => PollingStrategy::first(),
        ReadFrom::Last => PollingStrategy::last(),
        ReadFrom::Offset(offset) => PollingStrategy::offset(offset),
    }
}

fn found(polled: PolledMessages) -> Vec<FoundMessage> {
    let messages = polled.messages.into_iter();
    messages
        .map(|message| FoundMessage {
            id: message.header.id,
            offset: message.header.offset,
            stored_at_micros: message.header.timestamp,
            payload: message.payload,
        })
        .collect()
}

fn to_sdk(message: &ProbeMessage) -> Result<IggyMessage, IggyError> {
    let ProbeMessage { id, payload, mark } = message;
    let builder = IggyMessage::builder().id(*id).payload(payload.clone());
    match mark {
        None => builder.build(),
        Some((key, text)) => {
            let key = HeaderKey::try_from(*key)?;
            let value = HeaderValue::try_from(text.as_str())?;
            builder.user_headers(BTreeMap::from([(key, value)])).build()
        }
    }
}

impl SdkBroker {
    async fn poll(
        &self,
        of: PartitionRef<'_>,
        consumer: Consumer,
        from: ReadFrom,
        count: u32,
    ) -> Result<PolledMessages, BrokerError> {
        self.call(Operation::PollMessages, topic_address(of), async {
            self.client
                .poll_messages(
                    &named(of.stream)?,
                    &named(of.topic)?,
                    Some(of.partition),
                    &consumer,
                    &strategy(from),
                    count,
                    false,
                )
                .await
        })
        .await
    }
}

impl MessageProbe for SdkBroker {
    async fn send_message(
        &self,
        to: PartitionRef<'_>,
        message: &ProbeMessage,
    ) -> Result<Option<u64>, BrokerError> {
        self.call(Operation::SendMessages, topic_address(to), async {
            let mut messages = [to_sdk(message)?];
            let sent = self
                .client
                .send_messages(
                    &named(to.stream)?,
                    &named(to.topic)?,
                    &Partitioning::partition_id(to.partition),
                    &mut messages,
                )
                .await;
            match sent {
                Ok(reply) => Ok(reply.confirmations.first().map(|it| it.base_offset)),
                // It was sent before and is there.
                Err(IggyError::RequestAlreadyApplied) => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn read_messages(
        &self,
        of: PartitionRef<'_>,
        from: ReadFrom,
        count: u32,
    ) -> Result<Vec<FoundMessage>, BrokerError> {
        let reader = named_reader(READER, of)?;
        self.poll(of, Consumer::new(reader), from, count)
            .await
            .map(found)
    }

    async fn read_as_member(
        &self,
        of: PartitionRef<'_>,
        group: &ResourceName,
        from: ReadFrom,
        count: u32,
    ) -> Result<Option<Vec<FoundMessage>>, BrokerError> {
        let group = named_reader(group.as_str(), of)?;
        match self.poll(of, Consumer::group(group), from, count).await {
            Ok(polled)
                if polled.messages.is_empty()
                    && polled.partition_id == RESYNC_REQUIRED_PARTITION_SENTINEL =>
            {
                Ok(None)
            }
            Ok(polled) => Ok(Some(found(polled))),
            Err(error) if error.code.is_some_and(|code| NOT_OURS.contains(&code)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn join_group(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        group: &ResourceName,
    ) -> Result<(), BrokerError> {
        let address = group_address(stream, topic, group);
        self.call(Operation::JoinGroup, address, async {
            self.client
                .join_consumer_group(&named(stream)?, &named(topic)?, &named(group)?)
                .await
        })
        .await
    }

    async fn assigned_partitions(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        group: &ResourceName,
    ) -> Result<Vec<u32>, BrokerError> {
        let address = group_address(stream, topic, group);
        self.call(Operation::ReadAssignment, address, async {
            let name = |name: &ResourceName| {
                WireIdentifier::named(name.as_str()).map_err(|_| IggyError::InvalidFormat)
            };
            let request = SyncConsumerGroupRequest {
                stream_id: name(stream)?,
                topic_id: name(topic)?,
                group_id: name(group)?,
            };
            let reply: Bytes =
                send_raw(&self.client, SYNC_CONSUMER_GROUP_CODE, request.to_bytes()).await?;
            // As the SDK's `sync_group_assignment` (`iggy_common` 0.11.0,
            // `traits/binary_impls/messages.rs`): an empty reply is for strangers.
            if reply.is_empty() {
                return Ok(Vec::new());
            }
            let (assignment, _) =
                SyncConsumerGroupResponse::decode(&reply).map_err(|_| IggyError::InvalidCommand)?;
            Ok(assignment.partitions)
        })
        .await
    }

    async fn leave_group(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        group: &ResourceName,
    ) -> Result<(), BrokerError> {
        let address = group_address(stream, topic, group);
        self.call(Operation::LeaveGroup, address, async {
            self.client
                .leave_consumer_group(&named(stream)?, &named(topic)?, &named(group)?)
                .await
        })
        .await
    }
}

fn named_reader(
    name: &str,
    of: PartitionRef<'_>,
) -> Result<iggy::prelude::Identifier, BrokerError> {
    iggy::prelude::Identifier::named(name).map_err(|error| BrokerError {
        kind: BrokerErrorKind::Refused {
            reason: super::errors::words(&error),
        },
        code: Some(error.as_code()),
        operation: Operation::PollMessages,
        address: topic_address(of),
    })
}
