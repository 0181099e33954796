//! What a server does wrong without saying so, for tests of what notices it: requests
//! are answered as if all was well, and something else is done.
//!
//! ```text
//!  request ──tamper──▶ another request ──▶ dispatch ──▶ the answer to that one
//! ```

use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use iggy_binary_protocol::batch::decode_batch_slice;
use iggy_binary_protocol::requests::consumer_offsets::StoreConsumerOffsetRequest;
use iggy_binary_protocol::requests::messages::{
    PollMessagesRequest, RawMessage, SendMessagesEncoder, SendMessagesHeader,
};
use iggy_binary_protocol::{WireDecode, WireEncode, WireIdentifier, WirePartitioning, codes};

/// Something that a server does wrong without saying so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misbehavior {
    /// The first byte of each payload becomes another one before it is kept.
    CorruptPayloads,
    /// Headers of messages are not kept.
    DropHeaders,
    /// The messages of each send are kept in the opposite order.
    ReverseMessages,
    /// The first message of each send is kept twice.
    DuplicateMessages,
    /// The last message of each send is not kept, unless it is the only one.
    LoseMessages,
    /// All messages are kept in the first partition.
    IgnorePartitions,
    /// Offsets of consumers and groups are never moved.
    ForgetOffsets,
    /// Everybody who is logged in may do what root may.
    PermitEverything,
}

/// One thing that is done wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misdeed {
    pub(crate) misbehavior: Misbehavior,
    /// Only streams whose names contain this.
    pub(crate) streams: String,
}

/// What is done wrong just now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Misdeeds(Arc<Mutex<Vec<Misdeed>>>);

impl Misdeeds {
    /// Replaces all.
    pub(crate) fn set(&self, misdeeds: Vec<Misdeed>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = misdeeds;
    }

    fn all(&self) -> Vec<Misdeed> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether permissions are not looked at.
    pub(crate) fn permits_everything(&self) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .any(|misdeed| misdeed.misbehavior == Misbehavior::PermitEverything)
    }

    /// The body of the request that is executed instead; none where it stays as it is.
    /// `name_of` gives the name of a stream by its id.
    pub(crate) fn tamper(
        &self,
        code: u32,
        body: &[u8],
        name_of: impl Fn(u32) -> Option<String>,
    ) -> Option<Bytes> {
        let all = self.all();
        if all.is_empty() {
            return None;
        }
        let concerned = |stream: &WireIdentifier| -> Vec<Misbehavior> {
            let name = match stream {
                WireIdentifier::String(name) => Some(name.as_str().to_owned()),
                WireIdentifier::Numeric(id) => name_of(*id),
            };
            let name = name.unwrap_or_default();
            all.iter()
                .filter(|misdeed| name.contains(&misdeed.streams))
                .map(|misdeed| misdeed.misbehavior)
                .collect()
        };
        match code {
            codes::SEND_MESSAGES_CODE => send(body, concerned),
            codes::POLL_MESSAGES_CODE => {
                let mut request = PollMessagesRequest::decode_from(body).ok()?;
                let forgets = concerned(&request.stream_id).contains(&Misbehavior::ForgetOffsets);
                request.auto_commit &= !forgets;
                forgets.then(|| request.to_bytes())
            }
            codes::STORE_CONSUMER_OFFSET_CODE => {
                let mut request = StoreConsumerOffsetRequest::decode_from(body).ok()?;
                let forgets = concerned(&request.stream_id).contains(&Misbehavior::ForgetOffsets);
                request.offset = 0;
                forgets.then(|| request.to_bytes())
            }
            _ => None,
        }
    }
}

fn send(body: &[u8], concerned: impl Fn(&WireIdentifier) -> Vec<Misbehavior>) -> Option<Bytes> {
    let (length, rest) = body.split_first_chunk()?;
    let (metadata, record) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let header = SendMessagesHeader::decode_from(metadata).ok()?;
    let misdeeds = concerned(&header.stream_id);
    if misdeeds.is_empty() {
        return None;
    }
    let batch = decode_batch_slice(record).ok()?;
    let mut messages: Vec<Kept> = batch
        .iter()
        .map(|message| Kept {
            id: message.header.id,
            origin_timestamp: batch.header.origin_timestamp
                + u64::from(message.header.timestamp_delta),
            headers: message.user_headers.to_vec(),
            payload: message.payload.to_vec(),
        })
        .collect();
    let mut partitioning = header.partitioning;
    for misdeed in misdeeds {
        match misdeed {
            Misbehavior::CorruptPayloads => {
                for message in &mut messages {
                    if let Some(byte) = message.payload.first_mut() {
                        *byte ^= 0x20;
                    }
                }
            }
            Misbehavior::DropHeaders => {
                for message in &mut messages {
                    message.headers.clear();
                }
            }
            Misbehavior::ReverseMessages => messages.reverse(),
            Misbehavior::DuplicateMessages => messages.insert(1, messages.first()?.clone()),
            Misbehavior::LoseMessages => {
                if messages.len() > 1 {
                    messages.pop();
                }
            }
            Misbehavior::IgnorePartitions => partitioning = WirePartitioning::PartitionId(0),
            Misbehavior::ForgetOffsets | Misbehavior::PermitEverything => {}
        }
    }
    let raw: Vec<RawMessage<'_>> = messages.iter().map(Kept::raw).collect();
    let mut changed = BytesMut::new();
    let (stream, topic) = (&header.stream_id, &header.topic_id);
    SendMessagesEncoder::encode(&mut changed, stream, topic, &partitioning, &raw).ok()?;
    Some(changed.freeze())
}

/// A message as it will be kept.
#[derive(Clone)]
struct Kept {
    id: u128,
    origin_timestamp: u64,
    headers: Vec<u8>,
    payload: Vec<u8>,
}

impl Kept {
    fn raw(&self) -> RawMessage<'_> {
        let Self {
            id,
            origin_timestamp,
            headers,
            payload,
        } = self;
        RawMessage {
            id: *id,
            origin_timestamp: *origin_timestamp,
            headers: (!headers.is_empty()).then_some(headers),
            payload,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use iggy_binary_protocol::WireName;

    use super::*;

    fn body(stream: &WireIdentifier, partitioning: &WirePartitioning) -> Bytes {
        let messages: Vec<RawMessage<'_>> = [(&b"one"[..], &b"h"[..]), (b"two", b"")]
            .iter()
            .zip(1..)
            .map(|((payload, headers), id)| RawMessage {
                id,
                origin_timestamp: 1_000,
                headers: (!headers.is_empty()).then_some(headers),
                payload,
            })
            .collect();
        let mut body = BytesMut::new();
        let topic = WireIdentifier::Numeric(0);
        SendMessagesEncoder::encode(&mut body, stream, &topic, partitioning, &messages).unwrap();
        body.freeze()
    }

    /// Payloads, how many have headers, and where they go.
    fn seen(body: &[u8]) -> (Vec<String>, usize, WirePartitioning) {
        let (length, rest) = body.split_first_chunk().unwrap();
        let (metadata, record) = rest.split_at(u32::from_le_bytes(*length) as usize);
        let header = SendMessagesHeader::decode_from(metadata).unwrap();
        let batch = decode_batch_slice(record).unwrap();
        assert_eq!(header.messages_count, batch.message_count());
        let payloads = batch.iter().map(|message| {
            let payload = message.payload.to_vec();
            String::from_utf8(payload).unwrap()
        });
        let with_headers = batch
            .iter()
            .filter(|message| !message.user_headers.is_empty());
        (
            payloads.collect(),
            with_headers.count(),
            header.partitioning,
        )
    }

    #[test]
    fn each_does_what_it_says_with_checksums_that_hold_and_only_where_it_is_ordered() {
        let there = WireIdentifier::String(WireName::new("orders-eu").unwrap());
        let elsewhere = WireIdentifier::String(WireName::new("orders-us").unwrap());
        let third = WirePartitioning::PartitionId(3);
        for (misbehavior, payloads, with_headers, partition) in [
            (Misbehavior::CorruptPayloads, &["One", "Two"][..], 1, 3),
            (Misbehavior::DropHeaders, &["one", "two"], 0, 3),
            (Misbehavior::ReverseMessages, &["two", "one"], 1, 3),
            (Misbehavior::DuplicateMessages, &["one", "one", "two"], 2, 3),
            (Misbehavior::LoseMessages, &["one"], 1, 3),
            (Misbehavior::IgnorePartitions, &["one", "two"], 1, 0),
        ] {
            let misdeeds = Misdeeds::default();
            misdeeds.set(vec![Misdeed {
                misbehavior,
                streams: "-eu".to_owned(),
            }]);
            let send = codes::SEND_MESSAGES_CODE;
            let kept = misdeeds
                .tamper(send, &body(&there, &third), |_| None)
                .unwrap();
            let (found, headers, partitioning) = seen(&kept);
            assert_eq!(
                (found, headers),
                (
                    payloads.iter().copied().map(str::to_owned).collect(),
                    with_headers
                )
            );
            assert_eq!(partitioning, WirePartitioning::PartitionId(partition));
            assert!(
                misdeeds
                    .tamper(send, &body(&elsewhere, &third), |_| None)
                    .is_none()
            );
            // By its number, which is the server's name for it.
            let numbered = body(&WireIdentifier::Numeric(7), &third);
            let name_of = |id| (id == 7).then(|| "orders-eu".to_owned());
            assert!(misdeeds.tamper(send, &numbered, name_of).is_some());
        }
    }
}
