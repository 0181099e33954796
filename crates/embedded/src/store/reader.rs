//! Reading messages that are not in memory.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use redb::Database;

use super::message_tables::StoredBatches;
use crate::log::{BatchSource, PlannedBatch};

/// The way to messages on disk.
#[derive(Debug)]
pub(super) struct Reader {
    /// `None` once it is closed.
    open: Mutex<Option<Open>>,
    /// Closed when nobody reads any more.
    readers: Mutex<Receiver<()>>,
}

#[derive(Debug)]
struct Open {
    database: Arc<Database>,
    reader: Sender<()>,
}

/// The messages at one moment: what is removed later is still in it.
pub(crate) struct Snapshot {
    batches: StoredBatches,
    /// Dropped last, when the database is free.
    _reader: Sender<()>,
}

impl Reader {
    pub(super) fn new(database: Arc<Database>) -> Self {
        let (reader, readers) = channel();
        Self {
            open: Mutex::new(Some(Open { database, reader })),
            readers: Mutex::new(readers),
        }
    }

    /// `None` when it is closed, or the database fails.
    pub(super) fn snapshot(&self) -> Option<Snapshot> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Open { database, reader } = open.as_ref()?;
        match StoredBatches::of(database) {
            Ok(batches) => Some(Snapshot {
                batches,
                _reader: reader.clone(),
            }),
            Err(error) => {
                tracing::error!(%error, "the data folder cannot be read");
                None
            }
        }
    }

    /// Lets go of the database, after everybody who reads.
    pub(super) fn close(&self) {
        drop(
            self.open
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        // Nothing is ever sent: it returns when all senders are gone.
        let _ = self
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
    }
}

impl BatchSource for Snapshot {
    fn record(&self, batch: &PlannedBatch) -> Option<Bytes> {
        match self.batches.record(batch.partition, batch.base_offset) {
            Ok(record) => record.map(Bytes::from),
            Err(error) => {
                tracing::error!(%error, "messages cannot be read from the data folder");
                None
            }
        }
    }
}
