//! The calls of the scenarios, each one line of the transcript.

use bytes::{BufMut, Bytes, BytesMut};
use iggy_binary_protocol::codec::{WireDecode, WireEncode};
use iggy_binary_protocol::codes::*;
use iggy_binary_protocol::primitives::options::WireOptions;
use iggy_binary_protocol::primitives::user_headers::encode_user_headers;
use iggy_binary_protocol::requests::consumer_groups::*;
use iggy_binary_protocol::requests::partitions::*;
use iggy_binary_protocol::requests::streams::*;
use iggy_binary_protocol::requests::topics::*;
use iggy_binary_protocol::responses::consumer_groups::*;
use iggy_binary_protocol::responses::streams::{GetStreamResponse, GetStreamsResponse};
use iggy_binary_protocol::responses::topics::{GetTopicResponse, GetTopicsResponse};
use iggy_binary_protocol::{WireIdentifier, WireName};
use iggy_common::HeaderKind;

use crate::session::Session;
use crate::show;
use crate::transcript::name;

/// An identifier by name.
pub(crate) fn named(name: &str) -> WireIdentifier {
    WireIdentifier::named(name).expect("scenarios use names of 1 to 255 bytes")
}

/// An identifier by number.
pub(crate) fn id(id: u32) -> WireIdentifier {
    WireIdentifier::numeric(id)
}

/// An identifier as a transcript shows it: `#3` for a number.
pub(crate) fn identifier(identifier: &WireIdentifier) -> String {
    match identifier {
        WireIdentifier::Numeric(id) => format!("#{id}"),
        WireIdentifier::String(text) => name(text),
    }
}

/// A name of 1 to 255 bytes.
pub(crate) fn wire_name(name: &str) -> WireName {
    WireName::new(name).expect("scenarios use names of 1 to 255 bytes")
}

/// An option to send: its key, kind and bytes.
#[derive(Clone)]
pub(crate) struct Setting(
    pub(crate) &'static str,
    pub(crate) HeaderKind,
    pub(crate) Vec<u8>,
);

/// A number of 64 bits.
pub(crate) fn u64_value(key: &'static str, value: u64) -> Setting {
    Setting(key, HeaderKind::Uint64, value.to_le_bytes().to_vec())
}

/// A number of 32 bits.
pub(crate) fn u32_value(key: &'static str, value: u32) -> Setting {
    Setting(key, HeaderKind::Uint32, value.to_le_bytes().to_vec())
}

/// A text.
pub(crate) fn text(key: &'static str, value: &str) -> Setting {
    Setting(key, HeaderKind::String, value.as_bytes().to_vec())
}

/// A truth value.
pub(crate) fn flag(key: &'static str, value: bool) -> Setting {
    Setting(key, HeaderKind::Bool, vec![u8::from(value)])
}

/// The options block of these settings.
pub(crate) fn options(settings: &[Setting]) -> WireOptions {
    let entries: Vec<(u8, &[u8], u8, &[u8])> = settings
        .iter()
        .map(|Setting(key, kind, value)| {
            (
                HeaderKind::String.as_code(),
                key.as_bytes(),
                kind.as_code(),
                value.as_slice(),
            )
        })
        .collect();
    let mut buffer = BytesMut::new();
    encode_user_headers(&entries, &mut buffer);
    WireOptions::from_bytes(buffer.freeze()).expect("scenarios send well-formed options")
}

fn settings_text(settings: &[Setting]) -> String {
    if settings.is_empty() {
        return String::new();
    }
    format!(", {}", show::options(&options(settings)))
}

/// A request that is already encoded, to send what the request types cannot express.
pub(crate) struct Encoded(pub(crate) Bytes);

impl Encoded {
    /// From parts.
    pub(crate) fn new(parts: &[&[u8]]) -> Self {
        let mut buffer = BytesMut::new();
        for part in parts {
            buffer.put_slice(part);
        }
        Self(buffer.freeze())
    }
}

impl WireEncode for Encoded {
    fn encode(&self, buf: &mut BytesMut) {
        buf.put_slice(&self.0);
    }

    fn encoded_size(&self) -> usize {
        self.0.len()
    }
}

/// Streams.
impl Session {
    pub(crate) async fn create_stream(&self, stream: &str) -> Option<GetStreamResponse> {
        self.create_stream_with(stream, &[]).await
    }

    pub(crate) async fn create_stream_with(
        &self,
        stream: &str,
        settings: &[Setting],
    ) -> Option<GetStreamResponse> {
        self.query(
            &format!("create_stream({}{})", name(stream), settings_text(settings)),
            CREATE_STREAM_CODE,
            &CreateStreamRequest {
                name: wire_name(stream),
                options: options(settings),
            },
            show::stream_details,
        )
        .await
    }

    pub(crate) async fn get_stream(&self, stream: &WireIdentifier) -> Option<GetStreamResponse> {
        self.query(
            &format!("get_stream({})", identifier(stream)),
            GET_STREAM_CODE,
            &GetStreamRequest {
                stream_id: stream.clone(),
            },
            show::stream_details,
        )
        .await
    }

    pub(crate) async fn get_streams(&self) {
        self.query(
            "get_streams()",
            GET_STREAMS_CODE,
            &GetStreamsRequest,
            |reply: &GetStreamsResponse| {
                listed(
                    "streams",
                    reply.streams.iter().map(|s| vec![show::stream(s)]),
                )
            },
        )
        .await;
    }

    pub(crate) async fn update_stream(&self, stream: &WireIdentifier, to: &str) {
        self.update_stream_with(stream, to, &[]).await;
    }

    pub(crate) async fn update_stream_with(
        &self,
        stream: &WireIdentifier,
        to: &str,
        settings: &[Setting],
    ) {
        self.command(
            &format!(
                "update_stream({}, {}{})",
                identifier(stream),
                name(to),
                settings_text(settings)
            ),
            UPDATE_STREAM_CODE,
            &UpdateStreamRequest {
                stream_id: stream.clone(),
                name: wire_name(to),
                options: options(settings),
            },
        )
        .await;
    }

    pub(crate) async fn delete_stream(&self, stream: &WireIdentifier) {
        self.command(
            &format!("delete_stream({})", identifier(stream)),
            DELETE_STREAM_CODE,
            &DeleteStreamRequest {
                stream_id: stream.clone(),
            },
        )
        .await;
    }

    pub(crate) async fn purge_stream(&self, stream: &WireIdentifier) {
        self.command(
            &format!("purge_stream({})", identifier(stream)),
            PURGE_STREAM_CODE,
            &PurgeStreamRequest {
                stream_id: stream.clone(),
            },
        )
        .await;
    }
}

/// Topics.
impl Session {
    pub(crate) async fn create_topic(
        &self,
        stream: &WireIdentifier,
        topic: &str,
        partitions: u32,
        settings: &[Setting],
    ) -> Option<GetTopicResponse> {
        self.query(
            &format!(
                "create_topic({}, {}, {partitions}{})",
                identifier(stream),
                name(topic),
                settings_text(settings)
            ),
            CREATE_TOPIC_CODE,
            &CreateTopicRequest {
                stream_id: stream.clone(),
                partitions_count: partitions,
                name: wire_name(topic),
                options: options(settings),
            },
            show::topic_details,
        )
        .await
    }

    pub(crate) async fn get_topic(&self, stream: &WireIdentifier, topic: &WireIdentifier) {
        self.query(
            &format!("get_topic({}, {})", identifier(stream), identifier(topic)),
            GET_TOPIC_CODE,
            &GetTopicRequest {
                stream_id: stream.clone(),
                topic_id: topic.clone(),
            },
            show::topic_details,
        )
        .await;
    }

    pub(crate) async fn get_topics(&self, stream: &WireIdentifier) {
        self.query(
            &format!("get_topics({})", identifier(stream)),
            GET_TOPICS_CODE,
            &GetTopicsRequest {
                stream_id: stream.clone(),
            },
            |reply: &GetTopicsResponse| listed("topics", reply.topics.iter().map(show::topic)),
        )
        .await;
    }

    pub(crate) async fn update_topic(
        &self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        to: &str,
        settings: &[Setting],
    ) {
        self.command(
            &format!(
                "update_topic({}, {}, {}{})",
                identifier(stream),
                identifier(topic),
                name(to),
                settings_text(settings)
            ),
            UPDATE_TOPIC_CODE,
            &UpdateTopicRequest {
                stream_id: stream.clone(),
                topic_id: topic.clone(),
                name: wire_name(to),
                options: options(settings),
            },
        )
        .await;
    }

    pub(crate) async fn delete_topic(&self, stream: &WireIdentifier, topic: &WireIdentifier) {
        self.command(
            &format!(
                "delete_topic({}, {})",
                identifier(stream),
                identifier(topic)
            ),
            DELETE_TOPIC_CODE,
            &DeleteTopicRequest {
                stream_id: stream.clone(),
                topic_id: topic.clone(),
            },
        )
        .await;
    }

    pub(crate) async fn purge_topic(&self, stream: &WireIdentifier, topic: &WireIdentifier) {
        self.command(
            &format!("purge_topic({}, {})", identifier(stream), identifier(topic)),
            PURGE_TOPIC_CODE,
            &PurgeTopicRequest {
                stream_id: stream.clone(),
                topic_id: topic.clone(),
            },
        )
        .await;
    }

    pub(crate) async fn create_partitions(
        &self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        count: u32,
    ) {
        self.command(
            &format!(
                "create_partitions({}, {}, {count})",
                identifier(stream),
                identifier(topic)
            ),
            CREATE_PARTITIONS_CODE,
            &CreatePartitionsRequest {
                stream_id: stream.clone(),
                topic_id: topic.clone(),
                partitions_count: count,
            },
        )
        .await;
    }

    pub(crate) async fn delete_partitions(
        &self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        count: u32,
    ) {
        self.command(
            &format!(
                "delete_partitions({}, {}, {count})",
                identifier(stream),
                identifier(topic)
            ),
            DELETE_PARTITIONS_CODE,
            &DeletePartitionsRequest {
                stream_id: stream.clone(),
                topic_id: topic.clone(),
                partitions_count: count,
            },
        )
        .await;
    }
}

/// Consumer groups.
impl Session {
    pub(crate) async fn create_group(
        &self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        group: &str,
    ) {
        self.query(
            &format!(
                "create_group({}, {}, {})",
                identifier(stream),
                identifier(topic),
                name(group)
            ),
            CREATE_CONSUMER_GROUP_CODE,
            &CreateConsumerGroupRequest {
                stream_id: stream.clone(),
                topic_id: topic.clone(),
                name: wire_name(group),
            },
            |reply: &ConsumerGroupDetailsResponse| show::group_details(reply, &self.transcript),
        )
        .await;
    }

    pub(crate) async fn get_group(
        &self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        group: &WireIdentifier,
    ) {
        self.query(
            &self.group_call("get_group", stream, topic, group),
            GET_CONSUMER_GROUP_CODE,
            &GetConsumerGroupRequest {
                stream_id: stream.clone(),
                topic_id: topic.clone(),
                group_id: group.clone(),
            },
            |reply: &ConsumerGroupDetailsResponse| show::group_details(reply, &self.transcript),
        )
        .await;
    }

    pub(crate) async fn get_groups(&self, stream: &WireIdentifier, topic: &WireIdentifier) {
        self.query(
            &format!("get_groups({}, {})", identifier(stream), identifier(topic)),
            GET_CONSUMER_GROUPS_CODE,
            &GetConsumerGroupsRequest {
                stream_id: stream.clone(),
                topic_id: topic.clone(),
            },
            |reply: &GetConsumerGroupsResponse| {
                // A real server lists them in an order that changes from run to run.
                let mut groups: Vec<_> = reply.groups.iter().collect();
                groups.sort_by_key(|group| group.id);
                listed("groups", groups.into_iter().map(|g| vec![show::group(g)]))
            },
        )
        .await;
    }

    pub(crate) async fn delete_group(
        &self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        group: &WireIdentifier,
    ) {
        self.command(
            &self.group_call("delete_group", stream, topic, group),
            DELETE_CONSUMER_GROUP_CODE,
            &DeleteConsumerGroupRequest {
                stream_id: stream.clone(),
                topic_id: topic.clone(),
                group_id: group.clone(),
            },
        )
        .await;
    }

    pub(crate) async fn join_group(
        &self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        group: &WireIdentifier,
    ) {
        self.command(
            &self.group_call("join_group", stream, topic, group),
            JOIN_CONSUMER_GROUP_CODE,
            &JoinConsumerGroupRequest {
                stream_id: stream.clone(),
                topic_id: topic.clone(),
                group_id: group.clone(),
            },
        )
        .await;
    }

    pub(crate) async fn leave_group(
        &self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        group: &WireIdentifier,
    ) {
        self.command(
            &self.group_call("leave_group", stream, topic, group),
            LEAVE_CONSUMER_GROUP_CODE,
            &LeaveConsumerGroupRequest {
                stream_id: stream.clone(),
                topic_id: topic.clone(),
                group_id: group.clone(),
            },
        )
        .await;
    }

    pub(crate) async fn sync_group(
        &self,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        group: &WireIdentifier,
    ) {
        self.query(
            &self.group_call("sync_group", stream, topic, group),
            SYNC_CONSUMER_GROUP_CODE,
            &SyncConsumerGroupRequest {
                stream_id: stream.clone(),
                topic_id: topic.clone(),
                group_id: group.clone(),
            },
            |reply: &SyncConsumerGroupResponse| {
                vec![format!(
                    "generation={} partitions={:?}",
                    reply.generation, reply.partitions
                )]
            },
        )
        .await;
    }

    fn group_call(
        &self,
        call: &str,
        stream: &WireIdentifier,
        topic: &WireIdentifier,
        group: &WireIdentifier,
    ) -> String {
        format!(
            "{call}({}, {}, {})",
            identifier(stream),
            identifier(topic),
            identifier(group)
        )
    }
}

/// System calls whose replies are shown by the scenario itself.
impl Session {
    /// A query of any kind with a described request.
    pub(crate) async fn ask<Reply: WireDecode>(
        &self,
        call: &str,
        code: u32,
        request: &impl WireEncode,
        show: impl FnOnce(&Reply) -> Vec<String>,
    ) {
        self.query(call, code, request, show).await;
    }
}

fn listed(what: &str, items: impl ExactSizeIterator<Item = Vec<String>>) -> Vec<String> {
    let mut lines = vec![format!("{} {what}", items.len())];
    lines.extend(items.flatten());
    lines
}
