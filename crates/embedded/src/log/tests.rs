//! The log against a list of messages.

use bytes::BytesMut;
use iggy_binary_protocol::batch::{BatchIntegrity, decode_batch_slice_with};
use iggy_binary_protocol::requests::messages::{RawMessage, SendMessagesEncoder};
use iggy_binary_protocol::responses::messages::PollMessagesResponse;
use iggy_binary_protocol::{WireIdentifier, WirePartitioning};
use proptest::prelude::*;

use super::{
    AdmittedBatch, ConsumerKey, ConsumerOffsets, FlushPolicy, PartitionKey, PartitionLog, PollPlan,
    PollStart,
};

const KEY: PartitionKey = PartitionKey {
    stream: 0,
    topic: 0,
    partition: 3,
};
const POLICY: FlushPolicy = FlushPolicy {
    segment_size: 1000,
    messages: 5,
    bytes: 2000,
};

/// A batch of messages whose ids count on from `first`.
fn batch(first: u64, count: u32) -> AdmittedBatch {
    let messages: Vec<RawMessage<'_>> = (first..first + u64::from(count))
        .map(|id| RawMessage {
            id: id.into(),
            origin_timestamp: id,
            headers: None,
            payload: b"payload",
        })
        .collect();
    let mut body = BytesMut::new();
    let somewhere = WireIdentifier::numeric(0);
    SendMessagesEncoder::encode(
        &mut body,
        &somewhere,
        &somewhere,
        &WirePartitioning::Balanced,
        &messages,
    )
    .unwrap();
    let metadata = u32::from_le_bytes(body[..4].try_into().unwrap()) as usize;
    AdmittedBatch::admit(&body[4 + metadata..], count).unwrap()
}

/// Messages as (offset, id, time), after checking every checksum.
fn read(plan: &PollPlan) -> Vec<(u64, u64, u64)> {
    let body = plan.read(&()).unwrap();
    let mut at = 16;
    while at < body.len() {
        let batch = decode_batch_slice_with(&body[at..], BatchIntegrity::Verify).unwrap();
        assert_eq!(batch.header.partition_id, 3);
        at += batch.header.total_size();
    }
    let reply = PollMessagesResponse::decode(&body).unwrap();
    let messages: Vec<_> = reply
        .messages
        .map(|message| {
            let message = message.unwrap();
            (
                message.offset,
                u64::try_from(message.id).unwrap(),
                message.timestamp,
            )
        })
        .collect();
    assert_eq!(reply.header.messages_count as usize, messages.len());
    messages
}

#[derive(Debug, Clone)]
enum Step {
    Append(u32),
    PollOffset(u64, u32),
    PollTime(u64, u32),
    PollLast(u32),
    Remove(u32),
    Store(u64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u32..9).prop_map(Step::Append),
        2 => (0_u64..60, 0_u32..12).prop_map(|(offset, count)| Step::PollOffset(offset, count)),
        1 => (0_u64..30, 0_u32..12).prop_map(|(time, count)| Step::PollTime(time, count)),
        1 => (0_u32..12).prop_map(Step::PollLast),
        1 => (0_u32..3).prop_map(Step::Remove),
        1 => (0_u64..40).prop_map(Step::Store),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #[test]
    fn polls_find_what_was_sent(steps in proptest::collection::vec(step(), 1..40)) {
        let mut log = PartitionLog::default();
        // All messages there are, as (offset, id, time).
        let mut model: Vec<(u64, u64, u64)> = Vec::new();
        let mut next = 0;
        let mut read_to = None;
        for (now, step) in (1..).zip(steps) {
            let poll = |log: &PartitionLog, start, count| read(&PollPlan::new(log, KEY, start, count));
            match step {
                Step::Append(count) => {
                    prop_assert_eq!(log.append(batch(next, count), 3, now, POLICY), next);
                    log.newest().unwrap().cell.publish();
                    model.extend((next..next + u64::from(count)).map(|at| (at, at, now)));
                    next += u64::from(count);
                }
                Step::PollOffset(offset, count) => {
                    let expected: Vec<_> = model
                        .iter()
                        .filter(|message| message.0 >= offset)
                        .take(count as usize)
                        .copied()
                        .collect();
                    prop_assert_eq!(poll(&log, PollStart::Offset(offset), count), expected);
                }
                Step::PollTime(time, count) => {
                    let expected: Vec<_> = model
                        .iter()
                        .filter(|message| message.2 >= time)
                        .take(count as usize)
                        .copied()
                        .collect();
                    prop_assert_eq!(poll(&log, PollStart::Timestamp(time), count), expected);
                }
                Step::PollLast(count) => {
                    let first = next.saturating_sub(count.into());
                    let expected: Vec<_> = model
                        .iter()
                        .filter(|message| message.0 >= first)
                        .take(count as usize)
                        .copied()
                        .collect();
                    prop_assert_eq!(poll(&log, PollStart::Last, count), expected);
                }
                Step::Remove(count) => {
                    if let Some(end) = log.end_of_oldest(count) {
                        let last = end.min(read_to.unwrap_or(u64::MAX));
                        let removed = log.remove_up_to(end);
                        // Whole segments only, none that is unread, and no more than asked for.
                        let first = log.first_offset();
                        prop_assert!(!removed || first <= last + 1);
                        model.retain(|message| message.0 >= first);
                    }
                }
                Step::Store(offset) => {
                    log.offsets.store(ConsumerKey::Consumer(1), offset);
                    read_to = Some(offset);
                }
                Step::Restart => {
                    let mut offsets = ConsumerOffsets::default();
                    if let Some(offset) = read_to {
                        offsets.store(ConsumerKey::Consumer(1), offset);
                    }
                    log = PartitionLog::restore(log.batches, next, offsets, POLICY);
                }
            }
            prop_assert_eq!(log.messages(), model.len() as u64);
            prop_assert_eq!(log.next_offset(), next);
            prop_assert_eq!(log.first_offset(), model.first().map_or(next, |first| first.0));
        }
    }
}

#[test]
fn what_is_not_kept_yet_cannot_be_polled() {
    let mut log = PartitionLog::default();
    for (first, count) in [(0, 2), (2, 3), (5, 1)] {
        log.append(batch(first, count), 3, first + 1, POLICY);
    }
    let poll = |log: &PartitionLog, start| {
        let plan = PollPlan::new(log, KEY, start, 10);
        (plan.current_offset, read(&plan).len())
    };
    assert_eq!(poll(&log, PollStart::Offset(0)), (0, 0));
    let cells: Vec<_> = log.batches.iter().map(|b| b.cell.clone()).collect();
    cells[0].publish();
    assert_eq!(poll(&log, PollStart::Offset(0)), (1, 2));
    assert_eq!(poll(&log, PollStart::Timestamp(0)), (1, 2));
    assert_eq!(poll(&log, PollStart::Last), (1, 2));
    cells[1].publish();
    cells[2].publish();
    assert_eq!(poll(&log, PollStart::Last), (5, 6));
}
