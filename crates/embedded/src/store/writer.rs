//! The one thread that writes, in the order of the changes.
//!
//! Changes that wait while a transaction is flushed go together into the next
//! one, so many clients cost few flushes.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use redb::Database;
use tokio::sync::oneshot;

use super::reader::{Reader, Snapshot};
use super::resident::Resident;
use super::{Row, tables};

/// Resolves when a row is on disk; an error when it never will be.
pub(crate) type Committed = oneshot::Receiver<()>;

/// The way to the writing thread.
#[derive(Debug)]
pub(crate) struct StoreWriter {
    queue: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    reader: Reader,
}

#[derive(Debug)]
struct Job {
    row: Row,
    done: oneshot::Sender<()>,
}

impl StoreWriter {
    /// Starts the thread, which owns the database and so the lock on the folder.
    pub(super) fn start(database: Database, address_file: PathBuf) -> io::Result<Self> {
        let (queue, jobs) = channel();
        let database = Arc::new(database);
        let written = Arc::clone(&database);
        let thread = std::thread::Builder::new()
            .name("iggyctl-store".to_owned())
            .spawn(move || {
                run(&written, &jobs);
                drop(written);
                // Best effort: a stale file is removed by the next to open.
                let _ = std::fs::remove_file(address_file);
            })?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
            reader: Reader::new(database),
        })
    }

    /// Queues a row. Called while the state is locked, so that rows are written in
    /// the order of the changes.
    pub(crate) fn write(&self, row: Row) -> Committed {
        let (done, committed) = oneshot::channel();
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queue.as_ref() {
            // A failed send drops `done`, which is how the waiter learns of it.
            let _ = queue.send(Job { row, done });
        }
        committed
    }

    /// Writes what is queued, ends the thread and frees the folder.
    pub(crate) fn close(&self) {
        drop(
            self.queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
        self.reader.close();
    }

    /// The messages on disk as they are now. `None` when they cannot be read any more.
    pub(crate) fn snapshot(&self) -> Option<Snapshot> {
        self.reader.snapshot()
    }
}

fn run(database: &Database, jobs: &Receiver<Job>) {
    let mut resident = Resident::default();
    while let Ok(first) = jobs.recv() {
        let batch: Vec<Job> = std::iter::once(first).chain(jobs.try_iter()).collect();
        if let Err(error) = tables::write(database, batch.iter().map(|job| &job.row)) {
            // The state in memory is ahead of the disk now. Nothing may be
            // acknowledged any more: dropping the queue makes every writer fail.
            tracing::error!(%error, "the data folder cannot be written; no write is accepted any more");
            return;
        }
        for job in batch {
            job.row.settle();
            if let Row::Batch { batch, .. } = &job.row {
                resident.committed(batch);
            }
            let _ = job.done.send(());
        }
    }
}
