//! The tables of messages and consumer offsets.
//!
//! Next to each batch stands a short row of what it is, so that a start reads no messages.

use std::collections::BTreeMap;

use redb::{
    Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition,
    WriteTransaction,
};

use super::tables::{LoadError, remove_range};
use crate::log::{
    ConsumerKey, ConsumerOffsets, FlushPolicy, PartitionKey, PartitionLog, StoredBatch,
};

/// Stream, topic and partition id, base offset → the batch.
const BATCHES: TableDefinition<'_, BatchKey, &[u8]> = TableDefinition::new("batches");
/// The same key → time of appending, number of messages, bytes.
const BATCH_FACTS: TableDefinition<'_, BatchKey, (u64, u32, u64)> =
    TableDefinition::new("batch_facts");
/// Stream, topic and partition id → the next offset, where retention removed batches.
const NEXT_OFFSETS: TableDefinition<'_, (u32, u32, u32), u64> =
    TableDefinition::new("next_offsets");
/// Stream and topic id, kind and id of a consumer, partition id → offset.
const OFFSETS: TableDefinition<'_, OffsetKey, u64> = TableDefinition::new("consumer_offsets");

type BatchKey = (u32, u32, u32, u64);
type OffsetKey = (u32, u32, u8, u32, u32);

/// All tables exist from the beginning, so that readers need not ask.
pub(super) fn create(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(BATCHES)?;
    transaction.open_table(BATCH_FACTS)?;
    transaction.open_table(NEXT_OFFSETS)?;
    transaction.open_table(OFFSETS)?;
    Ok(())
}

pub(super) fn put_batch(
    transaction: &WriteTransaction,
    partition: PartitionKey,
    batch: &StoredBatch,
) -> Result<(), redb::Error> {
    let Some(record) = batch.cell.record() else {
        return Ok(());
    };
    let key = batch_key(partition, batch.base_offset);
    transaction
        .open_table(BATCHES)?
        .insert(key, record.as_ref())?;
    transaction
        .open_table(BATCH_FACTS)?
        .insert(key, (batch.timestamp, batch.count, batch.size))?;
    Ok(())
}

pub(super) fn trim(
    transaction: &WriteTransaction,
    partition: PartitionKey,
    first_offset: u64,
    next_offset: u64,
) -> Result<(), redb::Error> {
    if let Some(last) = first_offset.checked_sub(1) {
        let gone = batch_key(partition, 0)..=batch_key(partition, last);
        remove_range(&mut transaction.open_table(BATCHES)?, gone.clone())?;
        remove_range(&mut transaction.open_table(BATCH_FACTS)?, gone)?;
    }
    let PartitionKey {
        stream,
        topic,
        partition,
    } = partition;
    transaction
        .open_table(NEXT_OFFSETS)?
        .insert((stream, topic, partition), next_offset)?;
    Ok(())
}

/// Removes everything of a topic, or of all topics of a stream.
pub(super) fn purge(
    transaction: &WriteTransaction,
    stream: u32,
    topic: Option<u32>,
) -> Result<(), redb::Error> {
    let (first, last) = topic.map_or((0, u32::MAX), |topic| (topic, topic));
    let batches = (stream, first, 0, 0)..=(stream, last, u32::MAX, u64::MAX);
    remove_range(&mut transaction.open_table(BATCHES)?, batches.clone())?;
    remove_range(&mut transaction.open_table(BATCH_FACTS)?, batches)?;
    let partitions = (stream, first, 0)..=(stream, last, u32::MAX);
    remove_range(&mut transaction.open_table(NEXT_OFFSETS)?, partitions)?;
    let offsets = (stream, first, 0, 0, 0)..=(stream, last, u8::MAX, u32::MAX, u32::MAX);
    remove_range(&mut transaction.open_table(OFFSETS)?, offsets)?;
    Ok(())
}

/// Removes everything of the partitions from `kept` on.
pub(super) fn remove_partitions(
    transaction: &WriteTransaction,
    stream: u32,
    topic: u32,
    kept: u32,
) -> Result<(), redb::Error> {
    let batches = (stream, topic, kept, 0)..=(stream, topic, u32::MAX, u64::MAX);
    remove_range(&mut transaction.open_table(BATCHES)?, batches.clone())?;
    remove_range(&mut transaction.open_table(BATCH_FACTS)?, batches)?;
    let partitions = (stream, topic, kept)..=(stream, topic, u32::MAX);
    remove_range(&mut transaction.open_table(NEXT_OFFSETS)?, partitions)?;
    let of_topic = (stream, topic, 0, 0, 0)..=(stream, topic, u8::MAX, u32::MAX, u32::MAX);
    transaction
        .open_table(OFFSETS)?
        .retain_in(of_topic, |(_, _, _, _, partition), _| partition < kept)?;
    Ok(())
}

/// Removes the offsets of a group.
pub(super) fn remove_group(
    transaction: &WriteTransaction,
    stream: u32,
    topic: u32,
    group: u32,
) -> Result<(), redb::Error> {
    let (kind, id) = ConsumerKey::Group(group).parts();
    let offsets = (stream, topic, kind, id, 0)..=(stream, topic, kind, id, u32::MAX);
    remove_range(&mut transaction.open_table(OFFSETS)?, offsets)
}

pub(super) fn put_offset(
    transaction: &WriteTransaction,
    partition: PartitionKey,
    consumer: ConsumerKey,
    offset: Option<u64>,
) -> Result<(), redb::Error> {
    let PartitionKey {
        stream,
        topic,
        partition,
    } = partition;
    let (kind, id) = consumer.parts();
    let key = (stream, topic, kind, id, partition);
    let mut offsets = transaction.open_table(OFFSETS)?;
    match offset {
        Some(offset) => offsets.insert(key, offset)?,
        None => offsets.remove(key)?,
    };
    Ok(())
}

/// All batches, at one moment.
pub(super) struct StoredBatches(ReadOnlyTable<BatchKey, &'static [u8]>);

impl StoredBatches {
    pub(super) fn of(database: &Database) -> Result<Self, redb::Error> {
        Ok(Self(database.begin_read()?.open_table(BATCHES)?))
    }

    /// One batch; `None` when it is not there.
    pub(super) fn record(
        &self,
        partition: PartitionKey,
        base_offset: u64,
    ) -> Result<Option<Vec<u8>>, redb::Error> {
        let found = self.0.get(batch_key(partition, base_offset))?;
        Ok(found.map(|record| record.value().to_vec()))
    }
}

/// What the folder holds of partitions, to be taken out one by one.
pub(super) struct StoredLogs(BTreeMap<PartitionKey, StoredLog>);

#[derive(Default)]
struct StoredLog {
    batches: Vec<StoredBatch>,
    next_offset: u64,
    offsets: ConsumerOffsets,
}

impl StoredLogs {
    pub(super) fn read(transaction: &ReadTransaction) -> Result<Self, LoadError> {
        let mut logs: BTreeMap<PartitionKey, StoredLog> = BTreeMap::new();
        for entry in transaction.open_table(BATCH_FACTS)?.iter()? {
            let (key, facts) = entry?;
            let (stream, topic, partition, base_offset) = key.value();
            let (timestamp, count, size) = facts.value();
            let key = PartitionKey {
                stream,
                topic,
                partition,
            };
            let log = logs.entry(key).or_default();
            let expected = log.batches.last().map(|last| last.last_offset() + 1);
            if count == 0 || expected.is_some_and(|expected| expected != base_offset) {
                return Err(LoadError::Damaged(format!(
                    "the batch at {base_offset} of partition {partition} of topic {topic} of \
                     stream {stream}"
                )));
            }
            log.batches
                .push(PartitionLog::found(base_offset, timestamp, count, size));
        }
        for entry in transaction.open_table(NEXT_OFFSETS)?.iter()? {
            let (key, next_offset) = entry?;
            let (stream, topic, partition) = key.value();
            let key = PartitionKey {
                stream,
                topic,
                partition,
            };
            logs.entry(key).or_default().next_offset = next_offset.value();
        }
        for entry in transaction.open_table(OFFSETS)?.iter()? {
            let (key, offset) = entry?;
            let (stream, topic, kind, id, partition) = key.value();
            let consumer = ConsumerKey::from_parts(kind, id).ok_or_else(|| {
                LoadError::Damaged(format!("the offset of consumer {id} of kind {kind}"))
            })?;
            let key = PartitionKey {
                stream,
                topic,
                partition,
            };
            let log = logs.entry(key).or_default();
            log.offsets.store(consumer, offset.value());
        }
        Ok(Self(logs))
    }

    pub(super) fn take(
        &mut self,
        partition: PartitionKey,
        policy: FlushPolicy,
    ) -> Option<PartitionLog> {
        let StoredLog {
            batches,
            next_offset,
            offsets,
        } = self.0.remove(&partition)?;
        Some(PartitionLog::restore(batches, next_offset, offsets, policy))
    }
}

fn batch_key(partition: PartitionKey, base_offset: u64) -> BatchKey {
    let PartitionKey {
        stream,
        topic,
        partition,
    } = partition;
    (stream, topic, partition, base_offset)
}
