//! Keeping metadata, messages and offsets in a folder.
//!
//! ```text
//! DIR/iggyctl.redb   the tables, one row per stream, topic, group, user, token, batch of
//!                    messages and consumer offset
//! DIR/address        where the process that holds the folder listens
//! ```
//!
//! A write is acknowledged to its client after its row is committed and flushed,
//! so whatever was acknowledged survives the death of the process. One process at
//! a time: the lock is the database's own. A read may show a change that is still
//! on its way to the disk; messages are given out only when they are there.

mod message_tables;
mod private;
mod reader;
mod resident;
mod row;
mod tables;
mod user_tables;
mod writer;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError};
use thiserror::Error;

use crate::credentials::Credentials;
use crate::state::Metadata;

pub(crate) use reader::Snapshot;
pub(crate) use row::Row;
pub(crate) use writer::{Committed, StoreWriter};

const DATABASE_FILE: &str = "iggyctl.redb";
const ADDRESS_FILE: &str = "address";
/// The database's own default is a gigabyte, which messages would fill.
const CACHE_BYTES: usize = 32 * 1024 * 1024;

/// Why a data folder cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process holds the folder.
    #[error("{} is in use by another server{}", directory.display(), at_address(.address))]
    InUse {
        /// The folder.
        directory: PathBuf,
        /// Where the other server listens, when it has said so.
        address: Option<SocketAddr>,
    },
    /// The folder was written by another version of this program.
    #[error("{} has format version {found}, this program reads {supported}", directory.display())]
    Version {
        /// The folder.
        directory: PathBuf,
        /// The version in the folder.
        found: u64,
        /// The version this program reads and writes.
        supported: u64,
    },
    /// A user in the folder has the name that root is started with.
    #[error("a user in {} is called {username}, the name that root is to have", directory.display())]
    RootNameTaken {
        /// The folder.
        directory: PathBuf,
        /// The name.
        username: String,
    },
    /// A row does not decode.
    #[error("{} holds {what} that is damaged", directory.display())]
    Damaged {
        /// The folder.
        directory: PathBuf,
        /// What the row is about.
        what: String,
    },
    /// The folder or a file in it cannot be read or written.
    #[error("cannot use {}", directory.display())]
    Io {
        /// The folder.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database failed.
    #[error("the database in {} failed", directory.display())]
    Database {
        /// The folder.
        directory: PathBuf,
        /// What the database said.
        source: Box<redb::Error>,
    },
}

fn at_address(address: &Option<SocketAddr>) -> String {
    address.map_or_else(String::new, |address| {
        format!(", which listens on {address}")
    })
}

/// An opened data folder.
pub(crate) struct DataFolder {
    directory: PathBuf,
    database: Database,
}

impl DataFolder {
    /// Opens a folder, made if need be, and locks it.
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        let io_error = |source| StoreError::Io {
            directory: directory.to_owned(),
            source,
        };
        private::make_folder(directory).map_err(io_error)?;
        private::make_file(&directory.join(DATABASE_FILE)).map_err(io_error)?;
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        let database = match builder.create(directory.join(DATABASE_FILE)) {
            Ok(database) => database,
            Err(DatabaseError::DatabaseAlreadyOpen) => {
                return Err(StoreError::InUse {
                    directory: directory.to_owned(),
                    address: std::fs::read_to_string(directory.join(ADDRESS_FILE))
                        .ok()
                        .and_then(|text| text.trim().parse().ok()),
                });
            }
            Err(error) => {
                return Err(StoreError::Database {
                    directory: directory.to_owned(),
                    source: Box::new(error.into()),
                });
            }
        };
        // A file left by a process that died would send people to a dead address.
        match std::fs::remove_file(directory.join(ADDRESS_FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(error)),
            _ => {}
        }
        Ok(Self {
            directory: directory.to_owned(),
            database,
        })
    }

    /// Reads everything the folder holds.
    pub(crate) fn load(&self, root: &Credentials) -> Result<Metadata, StoreError> {
        tables::load(&self.database, &self.directory, root)
    }

    /// Tells others where the server listens.
    pub(crate) fn publish_address(&self, address: SocketAddr) -> Result<(), StoreError> {
        std::fs::write(self.directory.join(ADDRESS_FILE), format!("{address}\n")).map_err(
            |source| StoreError::Io {
                directory: self.directory.clone(),
                source,
            },
        )
    }

    /// Starts the thread that writes.
    pub(crate) fn into_writer(self) -> Result<StoreWriter, StoreError> {
        let directory = self.directory.clone();
        StoreWriter::start(self.database, self.directory.join(ADDRESS_FILE))
            .map_err(|source| StoreError::Io { directory, source })
    }
}
