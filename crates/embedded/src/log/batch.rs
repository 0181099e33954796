//! One batch of messages: what is accepted, and where its bytes are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use iggy_binary_protocol::WireError;
use iggy_binary_protocol::batch::{BATCH_HEADER_SIZE, BatchHeader, BatchRef, decode_batch_slice};

use crate::rules::Rejection;

/// A batch whose checksums hold, not yet in a partition.
#[derive(Debug)]
pub(crate) struct AdmittedBatch {
    header: BatchHeader,
    record: BytesMut,
}

impl AdmittedBatch {
    /// Takes a copy of a batch as a producer sends it, after checking all of it.
    ///
    /// # Errors
    /// 4027 and 4039 for a checksum that does not hold; 3 when it is empty, has another
    /// number of messages than announced, does not fill the body, or numbers its messages
    /// other than 0, 1, 2.
    pub(crate) fn admit(record: &[u8], announced: u32) -> Result<Self, Rejection> {
        let batch = decode_batch_slice(record).map_err(|error| match error {
            WireError::InvalidBatchChecksum { .. } => Rejection::InvalidBatchChecksum,
            WireError::InvalidMessageChecksum { .. } => Rejection::InvalidMessageChecksum,
            _ => Rejection::InvalidCommand,
        })?;
        let count = batch.message_count();
        if count == 0 || count != announced || batch.header.total_size() != record.len() {
            return Err(Rejection::InvalidCommand);
        }
        let numbered = (0..)
            .zip(batch.iter())
            .all(|(index, message)| message.header.offset_delta == index);
        if !numbered {
            return Err(Rejection::InvalidCommand);
        }
        Ok(Self {
            header: batch.header,
            record: BytesMut::from(record),
        })
    }

    /// Fills in what belongs to the server.
    pub(super) fn stamp(mut self, partition: u32, base_offset: u64, now: u64) -> StoredBatch {
        let header = &mut self.header;
        header.partition_id = u64::from(partition);
        header.base_offset = base_offset;
        header.base_timestamp = now;
        let (head, blob) = self.record.split_at_mut(BATCH_HEADER_SIZE);
        header.batch_checksum = header.checksum_for_blob(blob);
        header.encode_into(head);
        StoredBatch {
            base_offset,
            timestamp: now,
            count: header.message_count,
            size: header.batch_length,
            cell: Arc::new(BatchCell::pending(self.record.freeze())),
        }
    }
}

/// A batch in a partition.
#[derive(Debug, Clone)]
pub(crate) struct StoredBatch {
    pub(crate) base_offset: u64,
    /// When it was appended, in microseconds since the Unix epoch.
    pub(crate) timestamp: u64,
    /// Number of messages, at least 1.
    pub(crate) count: u32,
    /// Bytes of the whole record.
    pub(crate) size: u64,
    pub(crate) cell: Arc<BatchCell>,
}

impl StoredBatch {
    pub(crate) fn last_offset(&self) -> u64 {
        self.base_offset + u64::from(self.count) - 1
    }
}

/// Where the bytes of a batch are.
#[derive(Debug)]
pub(crate) struct BatchCell(Mutex<Residence>);

#[derive(Debug)]
enum Residence {
    /// In memory, and not yet where it will be kept: nobody may see it.
    Pending(Bytes),
    /// In memory.
    Resident(Bytes),
    /// In the data folder only.
    Stored,
}

impl BatchCell {
    fn pending(record: Bytes) -> Self {
        Self(Mutex::new(Residence::Pending(record)))
    }

    /// A batch that was found in the data folder.
    pub(crate) fn stored() -> Self {
        Self(Mutex::new(Residence::Stored))
    }

    /// The bytes, as long as they are in memory.
    pub(crate) fn record(&self) -> Option<Bytes> {
        match &*self.lock() {
            Residence::Pending(record) | Residence::Resident(record) => Some(record.clone()),
            Residence::Stored => None,
        }
    }

    /// Whether it may be polled.
    pub(crate) fn is_visible(&self) -> bool {
        !matches!(&*self.lock(), Residence::Pending(_))
    }

    /// It is where it will be kept.
    pub(crate) fn publish(&self) {
        let mut residence = self.lock();
        if let Residence::Pending(record) = &*residence {
            *residence = Residence::Resident(record.clone());
        }
    }

    /// Gives up the memory; the data folder has it.
    pub(crate) fn evict(&self) {
        *self.lock() = Residence::Stored;
    }

    fn lock(&self) -> MutexGuard<'_, Residence> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts messages out of a stored record: `take` of them, after the first `skip`. `None`
/// when the record is damaged.
pub(super) fn cut(record: &[u8], skip: u32, take: u32, into: &mut BytesMut) -> Option<()> {
    let header = BatchHeader::decode(record).ok()?;
    let blob = record.get(BATCH_HEADER_SIZE..header.total_size())?;
    if skip == 0 && take == header.message_count {
        into.extend_from_slice(record.get(..header.total_size())?);
        return Some(());
    }
    let mut frames = BatchRef::new(header, blob)
        .iter_with_offsets()
        .skip(skip as usize)
        .take(take as usize);
    let first = frames.next()?;
    let end = frames.last().map_or(first.end, |last| last.end);
    let part = blob.get(first.start..end)?;
    let mut header = header;
    header.batch_length = (BATCH_HEADER_SIZE + part.len()) as u64;
    header.message_count = take;
    header.batch_checksum = header.checksum_for_blob(part);
    let mut head = [0; BATCH_HEADER_SIZE];
    header.encode_into(&mut head);
    into.extend_from_slice(&head);
    into.extend_from_slice(part);
    Some(())
}
