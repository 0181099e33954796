use std::future::Future;
use std::time::Duration;

use iggy::prelude::{
    Client, ClientWrapper, ConsumerGroupClient, Identifier, IggyError, PartitionClient,
    StreamClient, StreamUpdateOptions, SystemClient, TopicClient,
};
use iggy_binary_protocol::codec::WireEncode;
use iggy_binary_protocol::codes::CREATE_TOPIC_CODE;
use iggy_binary_protocol::requests::topics::CreateTopicRequest;
use iggy_binary_protocol::{WireIdentifier, WireName};
use iggy_common::OptionsProvenance;
use iggy_common::wire_conversions::resource_options_to_wire;
use iggyctl_core::address::Address;
use iggyctl_core::name::ResourceName;
use iggyctl_core::state::desired::TopicSettings;
use iggyctl_core::state::observed::{ObservedConsumerGroup, ObservedStream, ObservedTopic};

use super::client::send_raw;
use super::{errors, settings};
use crate::broker::{
    BrokerError, BrokerErrorKind, BrokerRead, BrokerWrite, ConsumerGroups, Operation,
    ServerProcess, ServerStats, SessionInfo, StreamSummary,
};
use crate::connect::RequestCount;

/// One connection to a server, logged in.
///
/// The SDK sends one request at a time on it and the server answers one at a
/// time, so more at once needs more connections.
pub struct SdkBroker {
    pub(super) client: ClientWrapper,
    /// How long one request may take; the SDK's own limit is 30 s.
    request_timeout: Duration,
    requests: RequestCount,
}

impl std::fmt::Debug for SdkBroker {
    /// Without the client, which remembers the credentials.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SdkBroker")
            .field("request_timeout", &self.request_timeout)
            .finish_non_exhaustive()
    }
}

impl SdkBroker {
    pub(crate) fn new(client: ClientWrapper, request_timeout: Duration) -> Self {
        Self {
            client,
            request_timeout,
            requests: RequestCount::default(),
        }
    }

    pub(crate) fn counting(mut self, requests: RequestCount) -> Self {
        self.requests = requests;
        self
    }

    /// Closes the connection in order, with which its session ends; what goes
    /// wrong is of no interest.
    pub async fn close(self) {
        let _ = tokio::time::timeout(self.request_timeout, self.client.shutdown()).await;
    }

    pub(super) async fn call<T>(
        &self,
        operation: Operation,
        address: Option<Address>,
        call: impl Future<Output = Result<T, IggyError>> + Send,
    ) -> Result<T, BrokerError> {
        self.requests.add_one();
        match tokio::time::timeout(self.request_timeout, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(errors::broker_error(&error, operation, address)),
            Err(_) => Err(BrokerError {
                kind: BrokerErrorKind::OutcomeUnknown {
                    reason: format!("no reply within {:?}", self.request_timeout),
                },
                code: None,
                operation,
                address,
            }),
        }
    }
}

/// Always a *named* identifier: the SDK's parser takes a text such as `123` for
/// a numeric id, and would address another resource.
pub(super) fn named(name: &ResourceName) -> Result<Identifier, IggyError> {
    Identifier::named(name.as_str())
}

pub(super) fn none_when_missing<T>(
    found: Result<Option<T>, BrokerError>,
) -> Result<Option<T>, BrokerError> {
    match found {
        Err(error) if error.kind == BrokerErrorKind::NotFound => Ok(None),
        other => other,
    }
}

fn stream_address(stream: &ResourceName) -> Option<Address> {
    Some(Address::Stream(stream.clone()))
}

fn topic_address(stream: &ResourceName, topic: &ResourceName) -> Option<Address> {
    Some(Address::Topic(stream.clone(), topic.clone()))
}

/// A name from the server; the wire carries no other than 1 to 255 bytes.
pub(super) fn name(text: &str) -> Result<ResourceName, IggyError> {
    text.parse().map_err(|_| IggyError::InvalidBytesResponse)
}

impl BrokerRead for SdkBroker {
    async fn ping(&self) -> Result<(), BrokerError> {
        self.call(Operation::Ping, None, self.client.ping()).await
    }

    async fn me(&self) -> Result<SessionInfo, BrokerError> {
        let me = self.call(Operation::Me, None, self.client.get_me()).await?;
        Ok(SessionInfo {
            client_id: me.client_id,
            user_id: me.user_id,
            transport: me.transport,
            address: me.address,
        })
    }

    async fn stats(&self) -> Result<ServerStats, BrokerError> {
        let stats = self
            .call(Operation::Stats, None, self.client.get_stats())
            .await?;
        Ok(ServerStats {
            version: stats.iggy_server_version,
            hostname: stats.hostname,
            uptime_micros: stats.run_time.as_micros(),
            process: ServerProcess {
                id: stats.process_id,
                started_at_micros: stats.start_time.as_micros(),
            },
            streams: stats.streams_count,
            topics: stats.topics_count,
            partitions: stats.partitions_count,
            consumer_groups: stats.consumer_groups_count,
            messages: stats.messages_count,
            size_bytes: stats.messages_size_bytes.as_bytes_u64(),
            clients: stats.clients_count,
        })
    }

    async fn list_streams(&self) -> Result<Vec<StreamSummary>, BrokerError> {
        self.call(Operation::ListStreams, None, async {
            let mut streams = self
                .client
                .get_streams()
                .await?
                .into_iter()
                .map(|stream| {
                    Ok(StreamSummary {
                        name: name(&stream.name)?,
                        id: stream.id,
                        created_at_micros: stream.created_at.as_micros(),
                        topics: stream.topics_count,
                        size_bytes: stream.size.as_bytes_u64(),
                        messages: stream.messages_count,
                    })
                })
                .collect::<Result<Vec<_>, IggyError>>()?;
            streams.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(streams)
        })
        .await
    }

    async fn get_stream(
        &self,
        stream: &ResourceName,
    ) -> Result<Option<ObservedStream>, BrokerError> {
        let found = self
            .call(Operation::GetStream, stream_address(stream), async {
                let Some(stream) = self.client.get_stream(&named(stream)?).await? else {
                    return Ok(None);
                };
                let topics = stream
                    .topics
                    .iter()
                    .map(|topic| {
                        let header = settings::Header {
                            message_expiry: topic.message_expiry,
                            max_topic_size: topic.max_topic_size,
                            compression: topic.compression_algorithm,
                        };
                        let observed = ObservedTopic {
                            id: topic.id,
                            created_at_micros: topic.created_at.as_micros(),
                            partitions: topic.partitions_count,
                            settings: settings::read(&header, &topic.options),
                            size_bytes: topic.size.as_bytes_u64(),
                            messages: topic.messages_count,
                            groups: None,
                        };
                        Ok((name(&topic.name)?, observed))
                    })
                    .collect::<Result<_, IggyError>>()?;
                Ok(Some(ObservedStream {
                    id: stream.id,
                    created_at_micros: stream.created_at.as_micros(),
                    size_bytes: stream.size.as_bytes_u64(),
                    messages: stream.messages_count,
                    topics,
                }))
            })
            .await;
        none_when_missing(found)
    }

    async fn get_topic(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
    ) -> Result<Option<ObservedTopic>, BrokerError> {
        let found = self
            .call(Operation::GetTopic, topic_address(stream, topic), async {
                let details = self
                    .client
                    .get_topic(&named(stream)?, &named(topic)?)
                    .await?;
                Ok(details.map(|topic| {
                    let header = settings::Header {
                        message_expiry: topic.message_expiry,
                        max_topic_size: topic.max_topic_size,
                        compression: topic.compression_algorithm,
                    };
                    ObservedTopic {
                        id: topic.id,
                        created_at_micros: topic.created_at.as_micros(),
                        partitions: topic.partitions_count,
                        settings: settings::read(&header, &topic.options),
                        size_bytes: topic.size.as_bytes_u64(),
                        messages: topic.messages_count,
                        groups: None,
                    }
                }))
            })
            .await;
        none_when_missing(found)
    }

    async fn consumer_groups(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
    ) -> Result<ConsumerGroups, BrokerError> {
        self.call(
            Operation::ListConsumerGroups,
            topic_address(stream, topic),
            async {
                self.client
                    .get_consumer_groups(&named(stream)?, &named(topic)?)
                    .await?
                    .into_iter()
                    .map(|group| {
                        let observed = ObservedConsumerGroup {
                            id: group.id,
                            members: group.members_count,
                        };
                        Ok((name(&group.name)?, observed))
                    })
                    .collect()
            },
        )
        .await
    }
}

impl BrokerWrite for SdkBroker {
    async fn create_stream(&self, stream: &ResourceName) -> Result<(), BrokerError> {
        self.call(Operation::CreateStream, stream_address(stream), async {
            self.client.create_stream(stream.as_str()).await.map(drop)
        })
        .await
    }

    async fn rename_stream(
        &self,
        from: &ResourceName,
        to: &ResourceName,
    ) -> Result<(), BrokerError> {
        self.call(Operation::RenameStream, stream_address(from), async {
            self.client
                .update_stream(&named(from)?, to.as_str(), &StreamUpdateOptions::default())
                .await
        })
        .await
    }

    async fn create_topic(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        partitions: u32,
        settings: &TopicSettings,
    ) -> Result<(), BrokerError> {
        self.call(
            Operation::CreateTopic,
            topic_address(stream, topic),
            async {
                let format = |_| IggyError::InvalidFormat;
                let options = settings::create_options(settings)?;
                let request = CreateTopicRequest {
                    stream_id: WireIdentifier::named(stream.as_str()).map_err(format)?,
                    partitions_count: partitions,
                    name: WireName::new(topic.as_str()).map_err(format)?,
                    options: resource_options_to_wire(&options, OptionsProvenance::All)?,
                };
                send_raw(&self.client, CREATE_TOPIC_CODE, request.to_bytes())
                    .await
                    .map(drop)
            },
        )
        .await
    }

    async fn update_topic(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        rename_to: Option<&ResourceName>,
        settings: &TopicSettings,
    ) -> Result<(), BrokerError> {
        let address = topic_address(stream, topic);
        let options = settings::update_options(settings).map_err(|field| BrokerError {
            kind: BrokerErrorKind::Refused {
                reason: format!("{field} can only be set at creation"),
            },
            code: None,
            operation: Operation::UpdateTopic,
            address: address.clone(),
        })?;
        self.call(Operation::UpdateTopic, address, async {
            // The name is always sent; its own name renames nothing.
            let new_name = rename_to.unwrap_or(topic).as_str();
            self.client
                .update_topic(&named(stream)?, &named(topic)?, new_name, &options)
                .await
        })
        .await
    }

    async fn create_partitions(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        count: u32,
    ) -> Result<(), BrokerError> {
        self.call(
            Operation::CreatePartitions,
            topic_address(stream, topic),
            async {
                self.client
                    .create_partitions(&named(stream)?, &named(topic)?, count)
                    .await
            },
        )
        .await
    }

    async fn delete_partitions(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        count: u32,
    ) -> Result<(), BrokerError> {
        self.call(
            Operation::DeletePartitions,
            topic_address(stream, topic),
            async {
                self.client
                    .delete_partitions(&named(stream)?, &named(topic)?, count)
                    .await
            },
        )
        .await
    }

    async fn create_consumer_group(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        group: &ResourceName,
    ) -> Result<u32, BrokerError> {
        let address = Address::ConsumerGroup(stream.clone(), topic.clone(), group.clone());
        self.call(Operation::CreateConsumerGroup, Some(address), async {
            self.client
                .create_consumer_group(&named(stream)?, &named(topic)?, group.as_str())
                .await
                .map(|created| created.id)
        })
        .await
    }

    async fn delete_stream(&self, stream: &ResourceName) -> Result<(), BrokerError> {
        self.call(Operation::DeleteStream, stream_address(stream), async {
            self.client.delete_stream(&named(stream)?).await
        })
        .await
    }

    async fn delete_topic(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
    ) -> Result<(), BrokerError> {
        let address = topic_address(stream, topic);
        self.call(Operation::DeleteTopic, address, async {
            let (stream, topic) = (named(stream)?, named(topic)?);
            self.client.delete_topic(&stream, &topic).await
        })
        .await
    }

    async fn delete_consumer_group(
        &self,
        stream: &ResourceName,
        topic: &ResourceName,
        id: u32,
    ) -> Result<(), BrokerError> {
        let address = topic_address(stream, topic);
        self.call(Operation::DeleteConsumerGroup, address, async {
            let group = Identifier::numeric(id)?;
            self.client
                .delete_consumer_group(&named(stream)?, &named(topic)?, &group)
                .await
        })
        .await
    }
}
