//! How replies are written into a transcript.

use iggy_binary_protocol::primitives::options::WireOptions;
use iggy_binary_protocol::responses::consumer_groups::{
    ConsumerGroupDetailsResponse, ConsumerGroupResponse,
};
use iggy_binary_protocol::responses::streams::{GetStreamResponse, StreamResponse, TopicHeader};
use iggy_binary_protocol::responses::topics::{GetTopicResponse, PartitionResponse};
use iggy_common::HeaderKind;

use crate::transcript::{Transcript, name, time};

/// The fields of a stream.
pub(crate) fn stream(stream: &StreamResponse) -> String {
    let StreamResponse {
        id,
        created_at,
        topics_count,
        size_bytes,
        messages_count,
        name: stream_name,
        options: stream_options,
    } = stream;
    format!(
        "id={id} name={} created={} topics={topics_count} size={size_bytes} messages={messages_count} options={}",
        name(stream_name),
        time(*created_at),
        options(stream_options),
    )
}

/// A stream with the headers of its topics.
pub(crate) fn stream_details(details: &GetStreamResponse) -> Vec<String> {
    let mut lines = vec![stream(&details.stream)];
    lines.extend(details.topics.iter().flat_map(topic));
    lines
}

/// The header of a topic: its fields, then what was sent and what was derived.
pub(crate) fn topic(topic: &TopicHeader) -> Vec<String> {
    let TopicHeader {
        id,
        created_at,
        partitions_count,
        message_expiry,
        compression_algorithm,
        max_topic_size,
        size_bytes,
        messages_count,
        name: topic_name,
        options: explicit,
        derived_options,
    } = topic;
    vec![
        format!(
            "id={id} name={} created={} partitions={partitions_count} expiry={} compression={compression_algorithm} max_size={} size={size_bytes} messages={messages_count}",
            name(topic_name),
            time(*created_at),
            number(*message_expiry),
            number(*max_topic_size),
        ),
        format!("  explicit {}", options(explicit)),
        format!("  derived {}", options(derived_options)),
    ]
}

/// A topic with its partitions.
pub(crate) fn topic_details(details: &GetTopicResponse) -> Vec<String> {
    let mut lines = topic(&details.topic);
    lines.extend(partitions(&details.partitions));
    lines
}

/// Partitions one a line while they are few, otherwise their ids and what they share.
fn partitions(partitions: &[PartitionResponse]) -> Vec<String> {
    const FEW: usize = 8;
    if partitions.len() <= FEW {
        return partitions
            .iter()
            .map(|partition| {
                format!(
                    "  partition {} {}",
                    partition.id,
                    partition_fields(partition)
                )
            })
            .collect();
    }
    let dense = partitions
        .iter()
        .zip(0..)
        .all(|(partition, index)| partition.id == index);
    let mut fields: Vec<String> = partitions.iter().map(partition_fields).collect();
    fields.dedup();
    let mut lines = vec![format!(
        "  {} partitions, ids {}",
        partitions.len(),
        if dense { "dense from 0" } else { "not dense" }
    )];
    lines.extend(fields.into_iter().map(|fields| format!("  each {fields}")));
    lines
}

fn partition_fields(partition: &PartitionResponse) -> String {
    let PartitionResponse {
        id: _,
        created_at,
        segments_count,
        current_offset,
        size_bytes,
        messages_count,
    } = partition;
    format!(
        "created={} segments={segments_count} offset={current_offset} size={size_bytes} messages={messages_count}",
        time(*created_at)
    )
}

/// The fields of a consumer group.
pub(crate) fn group(group: &ConsumerGroupResponse) -> String {
    let ConsumerGroupResponse {
        id,
        partitions_count,
        members_count,
        name: group_name,
    } = group;
    format!(
        "id={id} name={} partitions={partitions_count} members={members_count}",
        name(group_name)
    )
}

/// A consumer group with its members.
pub(crate) fn group_details(
    details: &ConsumerGroupDetailsResponse,
    transcript: &Transcript,
) -> Vec<String> {
    let mut lines = vec![group(&details.group)];
    let mut members: Vec<String> = details
        .members
        .iter()
        .map(|member| {
            format!(
                "  member {} partitions={} {:?}",
                transcript.client(member.id),
                member.partitions_count,
                member.partitions
            )
        })
        .collect();
    // Client ids are random, and so is an order by them.
    members.sort();
    lines.extend(members);
    lines
}

/// An options block as `{key=value …}`, in the order of the wire.
pub(crate) fn options(options: &WireOptions) -> String {
    let entries: Vec<String> = options
        .iter()
        .map(|entry| {
            format!(
                "{}={}",
                String::from_utf8_lossy(entry.key),
                value(entry.value_kind.0, entry.value)
            )
        })
        .collect();
    format!("{{{}}}", entries.join(" "))
}

/// A typed value: its kind, and what it says.
pub(crate) fn value(kind: u8, bytes: &[u8]) -> String {
    let text = match (HeaderKind::from_code(kind), bytes) {
        (Ok(HeaderKind::String), _) => format!("{:?}", String::from_utf8_lossy(bytes)),
        (Ok(HeaderKind::Bool), [flag]) => (*flag != 0).to_string(),
        (Ok(HeaderKind::Uint32), _) if bytes.len() == 4 => {
            u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]).to_string()
        }
        (Ok(HeaderKind::Uint64), _) if bytes.len() == 8 => {
            let mut word = [0; 8];
            word.copy_from_slice(bytes);
            number(u64::from_le_bytes(word))
        }
        _ => format!("{bytes:?}"),
    };
    match HeaderKind::from_code(kind) {
        Ok(known) => format!("{known}:{text}"),
        Err(_) => format!("kind{kind}:{text}"),
    }
}

/// A number, with the sentinel for "no limit" by name.
fn number(value: u64) -> String {
    if value == u64::MAX {
        "max".to_owned()
    } else {
        value.to_string()
    }
}
