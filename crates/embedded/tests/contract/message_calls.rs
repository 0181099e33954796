//! The calls about messages and consumer offsets, each one line of the transcript.

use bytes::BytesMut;
use iggy_binary_protocol::batch::{BatchHeader, decode_batch_slice};
use iggy_binary_protocol::codec::{WireDecode, WireEncode};
use iggy_binary_protocol::codes::*;
use iggy_binary_protocol::primitives::ack_level::AckLevel;
use iggy_binary_protocol::primitives::consumer::{KIND_CONSUMER_GROUP, WireConsumer};
use iggy_binary_protocol::primitives::polling_strategy::WirePollingStrategy;
use iggy_binary_protocol::requests::consumer_offsets::*;
use iggy_binary_protocol::requests::messages::*;
use iggy_binary_protocol::requests::segments::DeleteSegmentsRequest;
use iggy_binary_protocol::responses::consumer_offsets::ConsumerOffsetResponse;
use iggy_binary_protocol::responses::messages::{PollMessagesResponseHeader, SendMessagesResponse};
use iggy_binary_protocol::responses::topics::GetTopicResponse;
use iggy_binary_protocol::{WireIdentifier, WirePartitioning};

use crate::calls::{Encoded, identifier, named};
use crate::session::Session;
use crate::transcript::{name, time};

/// What a scenario sends.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) id: u128,
    /// Microseconds since the epoch.
    pub(crate) origin: u64,
    pub(crate) payload: Vec<u8>,
    pub(crate) headers: Vec<u8>,
}

/// Messages with these payloads, numbered from `first_id`.
pub(crate) fn messages(first_id: u128, payloads: &[&str]) -> Vec<Message> {
    (first_id..)
        .zip(payloads)
        .map(|(id, payload)| Message {
            id,
            origin: 1_000_000 + u64::try_from(id).expect("small"),
            payload: payload.as_bytes().to_vec(),
            headers: Vec::new(),
        })
        .collect()
}

/// A message of many equal bytes.
pub(crate) fn large(id: u128, bytes: usize) -> Vec<Message> {
    vec![Message {
        id,
        origin: 1_000_000,
        payload: vec![b'x'; bytes],
        headers: Vec::new(),
    }]
}

/// A consumer by name.
pub(crate) fn consumer(name: &str) -> WireConsumer {
    WireConsumer::consumer(named(name))
}

/// A group by name.
pub(crate) fn group(name: &str) -> WireConsumer {
    WireConsumer::consumer_group(named(name))
}

/// The topic that scenarios use: `s/t`.
pub(crate) fn topic() -> (WireIdentifier, WireIdentifier) {
    (named("s"), named("t"))
}

/// A poll of `s/t`, to be changed where needed.
pub(crate) fn poll(strategy: WirePollingStrategy, count: u32) -> PollMessagesRequest {
    let (stream_id, topic_id) = topic();
    PollMessagesRequest {
        consumer: consumer("c"),
        stream_id,
        topic_id,
        partition_id: Some(0),
        strategy,
        count,
        auto_commit: false,
    }
}

/// The body of a send.
pub(crate) fn send_body(
    stream: &WireIdentifier,
    topic: &WireIdentifier,
    partitioning: &WirePartitioning,
    messages: &[Message],
) -> BytesMut {
    let raw: Vec<RawMessage<'_>> = messages
        .iter()
        .map(|message| RawMessage {
            id: message.id,
            origin_timestamp: message.origin,
            headers: (!message.headers.is_empty()).then_some(&message.headers[..]),
            payload: &message.payload,
        })
        .collect();
    let mut body = BytesMut::new();
    SendMessagesEncoder::encode(&mut body, stream, topic, partitioning, &raw)
        .expect("scenarios send what can be encoded");
    body
}

/// Messages.
impl Session {
    pub(crate) async fn send(&self, partition: u32, messages: &[Message]) {
        let (stream, topic) = topic();
        self.send_to(
            &stream,
            &topic,
            &WirePartitioning::PartitionId(partition),
            messages,
        )
        .await;
    }

    pub(crate) async fn send_to(
        &self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        partitioning: &WirePartitioning,
        messages: &[Message],
    ) {
        let to = match partitioning {
            WirePartitioning::Balanced => "balanced".to_owned(),
            WirePartitioning::PartitionId(partition) => format!("partition {partition}"),
            WirePartitioning::MessagesKey(key) => {
                format!("key {}", name(&String::from_utf8_lossy(key)))
            }
        };
        self.query(
            &format!(
                "send({}, {}, {to}, {} messages)",
                identifier(stream),
                identifier(topic),
                messages.len()
            ),
            SEND_MESSAGES_CODE,
            &Encoded(send_body(stream, topic, partitioning, messages).freeze()),
            |reply: &SendMessagesResponse| {
                reply
                    .confirmations
                    .iter()
                    .map(|at| {
                        format!(
                            "stream={} topic={} partition={} base={}",
                            at.stream_id, at.topic_id, at.partition_id, at.base_offset
                        )
                    })
                    .collect()
            },
        )
        .await;
    }

    /// Polls; the times of appending of what came, in order.
    pub(crate) async fn poll(&self, request: &PollMessagesRequest) -> Vec<u64> {
        self.poll_shown(&poll_text(request), request).await
    }

    pub(crate) async fn poll_shown(&self, call: &str, request: &impl WireEncode) -> Vec<u64> {
        let result = self.raw(POLL_MESSAGES_CODE, request.to_bytes()).await;
        let mut times = Vec::new();
        self.record(call, result, |body| shown(body, &mut times));
        times
    }

    pub(crate) async fn flush(&self, partition: u32, fsync: bool) {
        let (stream_id, topic_id) = topic();
        self.command(
            &format!("flush(partition {partition}, fsync {fsync})"),
            FLUSH_UNSAVED_BUFFER_CODE,
            &FlushUnsavedBufferRequest {
                stream_id,
                topic_id,
                partition_id: partition,
                fsync,
            },
        )
        .await;
    }

    pub(crate) async fn delete_segments(
        &self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        partition: u32,
        count: u32,
    ) {
        self.command(
            &format!(
                "delete_segments({}, {}, partition {partition}, {count})",
                identifier(stream),
                identifier(topic)
            ),
            DELETE_SEGMENTS_CODE,
            &DeleteSegmentsRequest {
                stream_id: stream.clone(),
                topic_id: topic.clone(),
                partition_id: partition,
                segments_count: count,
            },
        )
        .await;
    }

    /// Waits until `s/t` is as wanted: real servers remove messages after they have said so.
    pub(crate) async fn until(
        &self,
        wanted: impl Fn(&GetTopicResponse) -> bool,
    ) -> Result<(), String> {
        use iggy_binary_protocol::requests::topics::GetTopicRequest;
        let (stream_id, topic_id) = topic();
        let request = GetTopicRequest {
            stream_id,
            topic_id,
        };
        for _ in 0..1000 {
            let body = self
                .raw(GET_TOPIC_CODE, request.to_bytes())
                .await
                .map_err(|error| error.to_string())?;
            let reply = GetTopicResponse::decode_from(&body).map_err(|error| error.to_string())?;
            if wanted(&reply) {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        Err("the topic never gets as wanted".to_owned())
    }

    /// Waits until nothing is left in a partition of `s/t`.
    pub(crate) async fn until_empty(&self, partition: u32) -> Result<(), String> {
        let mut request = poll(WirePollingStrategy::first(), 1);
        request.partition_id = Some(partition);
        for _ in 0..1000 {
            let body = self
                .raw(POLL_MESSAGES_CODE, request.to_bytes())
                .await
                .map_err(|error| error.to_string())?;
            let (head, _) =
                PollMessagesResponseHeader::decode(&body).map_err(|error| error.to_string())?;
            if head.messages_count == 0 {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        Err("the partition never gets empty".to_owned())
    }
}

fn consumer_text(consumer: &WireConsumer) -> String {
    let kind = if consumer.kind == KIND_CONSUMER_GROUP {
        "group"
    } else {
        "consumer"
    };
    format!("{kind} {}", identifier(&consumer.id))
}

fn partition_text(partition: Option<u32>) -> String {
    partition.map_or_else(|| "no partition".to_owned(), |id| format!("partition {id}"))
}

fn poll_text(request: &PollMessagesRequest) -> String {
    let strategy = match request.strategy.kind {
        1 => format!("offset {}", request.strategy.value),
        2 => format!("timestamp {}", time(request.strategy.value)),
        3 => "first".to_owned(),
        4 => "last".to_owned(),
        5 => "next".to_owned(),
        other => format!("strategy {other}"),
    };
    format!(
        "poll({}, {}, {}, {}, {strategy}, {}{})",
        identifier(&request.stream_id),
        identifier(&request.topic_id),
        partition_text(request.partition_id),
        consumer_text(&request.consumer),
        request.count,
        if request.auto_commit { ", commit" } else { "" }
    )
}

/// The reply to a poll, with every batch verified.
fn shown(body: &[u8], times: &mut Vec<u64>) -> Vec<String> {
    let Ok((head, mut at)) = PollMessagesResponseHeader::decode(body) else {
        return vec![format!("{} bytes that are no reply", body.len())];
    };
    let partition = match head.partition_id {
        u32::MAX => "resync".to_owned(),
        id => id.to_string(),
    };
    let mut lines = vec![format!(
        "partition={partition} current={} count={}",
        head.current_offset, head.messages_count
    )];
    while at < body.len() {
        let batch = match decode_batch_slice(&body[at..]) {
            Ok(batch) => batch,
            Err(error) => {
                lines.push(format!("bad batch: {error}"));
                break;
            }
        };
        let BatchHeader {
            partition_id,
            base_offset,
            base_timestamp,
            origin_timestamp,
            batch_length,
            batch_checksum: _,
            message_count,
        } = batch.header;
        at += batch.header.total_size();
        lines.push(format!(
            "batch partition={partition_id} base={base_offset} time={} origin={origin_timestamp} \
             length={batch_length} count={message_count}",
            time(base_timestamp)
        ));
        for message in batch.iter() {
            times.push(base_timestamp);
            let offset = base_offset + u64::from(message.header.offset_delta);
            let id = if message.header.id > 1 << 64 {
                format!("{:x}", message.header.id)
            } else {
                message.header.id.to_string()
            };
            let headers = match message.user_headers.len() {
                0 => String::new(),
                length => format!(" headers of {length} bytes"),
            };
            lines.push(format!(
                "  {offset} id={id} origin=+{} {}{headers}",
                message.header.timestamp_delta,
                name(&String::from_utf8_lossy(message.payload)),
            ));
        }
    }
    lines
}

/// Consumer offsets of `s/t`.
impl Session {
    pub(crate) async fn store_offset(
        &self,
        consumer: &WireConsumer,
        partition: Option<u32>,
        offset: u64,
    ) {
        self.store_offset_with(consumer, partition, offset, AckLevel::Quorum)
            .await;
    }

    pub(crate) async fn store_offset_with(
        &self,
        consumer: &WireConsumer,
        partition: Option<u32>,
        offset: u64,
        ack: AckLevel,
    ) {
        let (stream_id, topic_id) = topic();
        self.command(
            &format!(
                "store_offset({}, {}, {offset}{})",
                partition_text(partition),
                consumer_text(consumer),
                ack_text(ack)
            ),
            STORE_CONSUMER_OFFSET_CODE,
            &StoreConsumerOffsetRequest {
                consumer: consumer.clone(),
                stream_id,
                topic_id,
                partition_id: partition,
                offset,
                ack,
            },
        )
        .await;
    }

    pub(crate) async fn get_offset(&self, consumer: &WireConsumer, partition: Option<u32>) {
        let (stream, topic) = topic();
        self.get_offset_of(&stream, &topic, consumer, partition)
            .await;
    }

    pub(crate) async fn get_offset_of(
        &self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        consumer: &WireConsumer,
        partition: Option<u32>,
    ) {
        self.query(
            &format!(
                "get_offset({}, {}, {}, {})",
                identifier(stream),
                identifier(topic),
                partition_text(partition),
                consumer_text(consumer)
            ),
            GET_CONSUMER_OFFSET_CODE,
            &GetConsumerOffsetRequest {
                consumer: consumer.clone(),
                stream_id: stream.clone(),
                topic_id: topic.clone(),
                partition_id: partition,
            },
            |reply: &ConsumerOffsetResponse| {
                vec![format!(
                    "partition={} current={} stored={}",
                    reply.partition_id, reply.current_offset, reply.stored_offset
                )]
            },
        )
        .await;
    }

    pub(crate) async fn delete_offset(&self, consumer: &WireConsumer, partition: Option<u32>) {
        self.delete_offset_with(consumer, partition, AckLevel::Quorum)
            .await;
    }

    pub(crate) async fn delete_offset_with(
        &self,
        consumer: &WireConsumer,
        partition: Option<u32>,
        ack: AckLevel,
    ) {
        let (stream_id, topic_id) = topic();
        self.command(
            &format!(
                "delete_offset({}, {}{})",
                partition_text(partition),
                consumer_text(consumer),
                ack_text(ack)
            ),
            DELETE_CONSUMER_OFFSET_CODE,
            &DeleteConsumerOffsetRequest {
                consumer: consumer.clone(),
                stream_id,
                topic_id,
                partition_id: partition,
                ack,
            },
        )
        .await;
    }
}

fn ack_text(ack: AckLevel) -> &'static str {
    match ack {
        AckLevel::NoAck => ", no ack",
        AckLevel::Quorum => "",
    }
}
