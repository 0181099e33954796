//! Values of access tokens in files.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use iggyctl_core::secret::{Secret, TokenSink};
use iggyctl_core::state::desired_token::TokenDestination;
use iggyctl_core::state::observed_token::SinkContent;

use super::disk::{Disk, Existing, Staged, look};
use super::record::NewToken;
use super::value_file::{DeliveredValue, OwnValues, ValueFile};
use super::{Beginning, Delivery, SinkError, TokenSinks};
use crate::places::mounted_path;

/// Files on this machine, each with a note beside it, `FILE.iggyctl.json`.
///
/// Each is written as a whole: to a temporary file in the same folder, which then
/// gets the name; the value first. Only the owner can read them (0600), and the folders that are
/// created for them (0700).
#[derive(Clone)]
pub struct FileSinks {
    secrets_folder: Option<PathBuf>,
    shared: Arc<Shared>,
}

struct Shared {
    disk: Disk,
    /// By destination, from `begin` on.
    own: Mutex<BTreeMap<ValueFile, OwnValues>>,
}

impl FileSinks {
    /// A key of a Kubernetes Secret is the file `FOLDER/NAME/KEY` of this
    /// folder, where there is one; else there is no such sink.
    #[must_use]
    pub fn new(secrets_folder: Option<PathBuf>) -> Self {
        Self::on(Disk::new(), secrets_folder)
    }

    pub(super) fn on(disk: Disk, secrets_folder: Option<PathBuf>) -> Self {
        Self {
            secrets_folder,
            shared: Arc::new(Shared {
                disk,
                own: Mutex::default(),
            }),
        }
    }

    /// The file that a destination means.
    ///
    /// # Errors
    /// When it means none.
    pub fn path(&self, destination: &TokenDestination) -> Result<PathBuf, SinkError> {
        let TokenDestination { sink, origin } = destination;
        match (sink, &self.secrets_folder) {
            (TokenSink::File(path), _) => Ok(origin.path(path)),
            (TokenSink::SecretKeyRef(key), Some(folder)) => {
                mounted_path(folder, key).map_err(|error| SinkError::Unavailable(error.to_string()))
            }
            (TokenSink::SecretKeyRef(_), None) => Err(SinkError::Unavailable(
                "a Kubernetes Secret is written by the operator, or on the command line below \
                 the folder that --secrets-dir names"
                    .to_owned(),
            )),
        }
    }

    /// Does something with a file where waiting for a disk holds nobody up.
    async fn blocking<T: Send + 'static>(
        &self,
        destination: &TokenDestination,
        work: impl FnOnce(&ValueFile, &Shared) -> Result<T, SinkError> + Send + 'static,
    ) -> Result<T, SinkError> {
        let path = self.path(destination)?;
        let shared = Arc::clone(&self.shared);
        let place = path.clone();
        tokio::task::spawn_blocking(move || work(&ValueFile::new(&path)?, &shared))
            .await
            .unwrap_or_else(|_| {
                Err(SinkError::Failed {
                    operation: "use",
                    place: place.display().to_string(),
                    reason: "the work on it was given up".to_owned(),
                })
            })
    }
}

impl Shared {
    fn own_of(&self, file: &ValueFile) -> Option<OwnValues> {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.get(file).cloned()
    }

    fn set_own(&self, file: &ValueFile, values: OwnValues) {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.insert(file.clone(), values);
    }
}

impl fmt::Debug for FileSinks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FileSinks")
            .field("secrets_folder", &self.secrets_folder)
            .finish_non_exhaustive()
    }
}

impl TokenSinks for FileSinks {
    async fn read(&self, destination: &TokenDestination) -> SinkContent {
        self.blocking(destination, |file, _| Ok(file.content()))
            .await
            .unwrap_or_else(|error| SinkContent::Unreadable {
                reason: error.to_string(),
            })
    }

    async fn value(&self, destination: &TokenDestination) -> Result<Option<Secret>, SinkError> {
        self.blocking(destination, |file, _| file.value()).await
    }

    async fn begin(
        &self,
        destination: &TokenDestination,
        beginning: &Beginning<'_>,
    ) -> Result<(), SinkError> {
        let new = NewToken::from(beginning);
        let takes_over = beginning.takes_over;
        self.blocking(destination, move |file, shared| {
            let own = file.begin(&shared.disk, &new, takes_over)?;
            shared.set_own(file, own);
            Ok(())
        })
        .await
    }

    async fn deliver(
        &self,
        destination: &TokenDestination,
        delivery: &Delivery<'_>,
    ) -> Result<(), SinkError> {
        let delivery = DeliveredValue {
            new: NewToken::from(delivery),
            expiry: delivery.expiry,
            value: delivery.value.clone(),
        };
        self.blocking(destination, move |file, shared| {
            let mut own = shared.own_of(file);
            let delivered = file.deliver(&shared.disk, &mut own, &delivery);
            if let Some(own) = own {
                shared.set_own(file, own);
            }
            delivered
        })
        .await
    }

    async fn finish(&self, destination: &TokenDestination) -> Result<(), SinkError> {
        self.blocking(destination, |file, shared| file.finish(&shared.disk))
            .await
    }
}

/// A file for one value, without a note: for a token that a person asks for.
///
/// Nothing is left of it when it is dropped before it has its value.
pub struct NewFile {
    disk: Disk,
    staged: Staged,
    path: PathBuf,
}

impl NewFile {
    /// Finds out whether a file can be written there, as far as that can be
    /// known. A relative path begins at the current folder; folders that are
    /// missing are created. Waits for the disk.
    ///
    /// # Errors
    /// When something is there already, or no file can be created.
    pub fn claim(path: &Path) -> Result<Self, SinkError> {
        Self::claim_on(Disk::new(), path)
    }

    pub(super) fn claim_on(disk: Disk, path: &Path) -> Result<Self, SinkError> {
        // Without a `/` at its end, which no file can have.
        let path = path
            .file_name()
            .map_or_else(|| path.to_owned(), |name| path.with_file_name(name));
        if look(&path)?.is_some() {
            return Err(SinkError::Foreign {
                place: path.display().to_string(),
            });
        }
        Ok(Self {
            staged: disk.stage(&path)?,
            disk,
            path,
        })
    }

    /// Writes the value, for nobody but the owner to read. Waits for the disk.
    ///
    /// # Errors
    /// When it is not known to be there; in particular when something else is
    /// there by now, which is not overwritten.
    pub fn write(self, value: &Secret) -> Result<(), SinkError> {
        let Self {
            disk,
            mut staged,
            path,
        } = self;
        let written = disk.fill(&mut staged, value.expose().as_bytes())?;
        disk.publish(staged, Existing::Keep).inspect_err(|_| {
            // It may have its name and only that not be certain.
            if look(&path) == Ok(Some(written)) {
                let _ = std::fs::remove_file(&path);
            }
        })
    }
}

impl fmt::Debug for NewFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("NewFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
