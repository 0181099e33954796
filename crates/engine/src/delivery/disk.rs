//! Files that are there wholly or not at all, also after a crash, and that only
//! their owner can read.

use std::fs::{DirBuilder, File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use secrecy::zeroize::Zeroizing;
use tempfile::NamedTempFile;

use super::SinkError;

/// Far above any token or note.
const MOST_BYTES: u64 = 64 * 1024;

/// How many characters of a temporary file's name are random.
const RANDOM_CHARACTERS: usize = 12;

/// One call of the system that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    CreateFolder,
    SyncFolder,
    CreateTemporary,
    Write,
    SyncFile,
    Rename,
    RemoveLeftover,
}

/// Is asked before each call. Outside tests it says yes.
type Before = Box<dyn Fn(Call) -> io::Result<()> + Send + Sync>;

/// Does the writing.
pub(super) struct Disk {
    before: Before,
}

/// Which content a file has, as far as that can be told without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) bytes: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    inode: (u64, u64),
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            inode: {
                use std::os::unix::fs::MetadataExt as _;
                (metadata.dev(), metadata.ino())
            },
        }
    }
}

/// A file that does not have its name yet. Goes away when it is dropped.
#[derive(Debug)]
pub(super) struct Staged {
    temporary: NamedTempFile,
    target: PathBuf,
}

/// What to do with a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    Replace,
    Keep,
}

impl Disk {
    pub(super) fn new() -> Self {
        Self::watched(Box::new(|_| Ok(())))
    }

    pub(super) fn watched(before: Before) -> Self {
        Self { before }
    }

    /// An empty file beside where it will be, for nobody but the owner to read
    /// (`tempfile` creates it so, and only where no file has its name). Folders
    /// that are missing are created for nobody but the owner, too.
    pub(super) fn stage(&self, target: &Path) -> Result<Staged, SinkError> {
        let folder = folder_of(target);
        self.create_folders(folder)?;
        (self.before)(Call::CreateTemporary).map_err(failed("write", target))?;
        let temporary = tempfile::Builder::new()
            .prefix(&temporary_prefix(target)?)
            .rand_bytes(RANDOM_CHARACTERS)
            .tempfile_in(folder)
            .map_err(|error| failed("create a file in", folder)(without_path(error)))?;
        Ok(Staged {
            temporary,
            target: target.to_owned(),
        })
    }

    /// Fills it, and waits until the disk has it. Says how to know it again.
    pub(super) fn fill(&self, staged: &mut Staged, bytes: &[u8]) -> Result<Identity, SinkError> {
        let file = staged.temporary.as_file_mut();
        (self.before)(Call::Write)
            .and_then(|()| file.write_all(bytes))
            .and_then(|()| (self.before)(Call::SyncFile))
            .and_then(|()| file.sync_all())
            .and_then(|()| file.metadata())
            .map(|metadata| Identity::of(&metadata))
            .map_err(failed("write", &staged.target))
    }

    /// Gives it its name, and waits until the disk has that.
    pub(super) fn publish(&self, staged: Staged, existing: Existing) -> Result<(), SinkError> {
        let Staged { temporary, target } = staged;
        (self.before)(Call::Rename).map_err(failed("write", &target))?;
        let named = match existing {
            Existing::Replace => temporary.persist(&target),
            Existing::Keep => temporary.persist_noclobber(&target),
        };
        named.map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => SinkError::Foreign {
                place: target.display().to_string(),
            },
            _ => failed("write", &target)(error.error),
        })?;
        self.sync_folder(folder_of(&target))
    }

    /// Puts a content in place of what is there.
    pub(super) fn replace(&self, target: &Path, bytes: &[u8]) -> Result<(), SinkError> {
        let mut staged = self.stage(target)?;
        self.fill(&mut staged, bytes)?;
        self.publish(staged, Existing::Replace)
    }

    /// Removes what an iggyctl that was killed left of this file. Of no effect
    /// when it fails: nobody looks for it.
    pub(super) fn remove_leftovers(&self, target: &Path) {
        let (Ok(prefix), Ok(entries)) = (
            temporary_prefix(target),
            std::fs::read_dir(folder_of(target)),
        ) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let random = name
                .to_str()
                .and_then(|name| name.strip_prefix(prefix.as_str()));
            let is_ours = random.is_some_and(|random| {
                random.len() == RANDOM_CHARACTERS
                    && random
                        .chars()
                        .all(|character| character.is_ascii_alphanumeric())
            });
            if is_ours && (self.before)(Call::RemoveLeftover).is_ok() {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    fn create_folders(&self, folder: &Path) -> Result<(), SinkError> {
        let is_missing = |folder: &&Path| matches!(folder.try_exists(), Ok(false));
        let missing: Vec<&Path> = folder
            .ancestors()
            .filter(|folder| !folder.as_os_str().is_empty())
            .take_while(is_missing)
            .collect();
        for folder in missing.into_iter().rev() {
            let created =
                (self.before)(Call::CreateFolder).and_then(|()| private_folder().create(folder));
            match created {
                // Another delivery into it was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => created.map_err(failed("create the folder", folder))?,
            }
            self.sync_folder(folder_of(folder))?;
        }
        Ok(())
    }

    /// Without it a rename may be lost when the machine goes down. Only Unix
    /// has it, and not every file system there.
    fn sync_folder(&self, folder: &Path) -> Result<(), SinkError> {
        let synced = (self.before)(Call::SyncFolder).and_then(|()| {
            if cfg!(unix) {
                File::open(folder)?.sync_all()
            } else {
                Ok(())
            }
        });
        match synced {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
                ) =>
            {
                Ok(())
            }
            synced => synced.map_err(failed("write", folder)),
        }
    }
}

/// What is at a path, if there is something. Only a file is: a link might lead
/// anywhere, and what it leads to is somebody else's.
pub(super) fn look(path: &Path) -> Result<Option<Identity>, SinkError> {
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let kind = metadata.file_type();
    let reason = if kind.is_file() {
        return Ok(Some(Identity::of(&metadata)));
    } else if kind.is_symlink() {
        "it is a symbolic link, and tokens are written to files only"
    } else if kind.is_dir() {
        "it is a folder"
    } else {
        "it is not a file"
    };
    Err(SinkError::Failed {
        operation: "use",
        place: path.display().to_string(),
        reason: reason.to_owned(),
    })
}

/// Whether others than its owner have any right on a file.
pub(super) fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = std::fs::symlink_metadata(path);
        metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// The content of a file. Wiped when it is dropped.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, SinkError> {
    let file = File::open(path).map_err(failed("read", path))?;
    // A link that came in between would have been followed.
    let opened = file.metadata().map_err(failed("read", path))?;
    if look(path)? != Some(Identity::of(&opened)) {
        return Err(SinkError::Failed {
            operation: "read",
            place: path.display().to_string(),
            reason: "it was replaced meanwhile".to_owned(),
        });
    }
    // With all the room from the start, so that nothing is moved and left behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_BYTES as usize + 1));
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed("read", path))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(SinkError::Failed {
            operation: "read",
            place: path.display().to_string(),
            reason: "it has more than 64 KiB, so iggyctl did not write it".to_owned(),
        });
    }
    Ok(bytes)
}

pub(super) fn failed(operation: &'static str, path: &Path) -> impl Fn(io::Error) -> SinkError {
    let place = path.display().to_string();
    move |error| SinkError::Failed {
        operation,
        place: place.clone(),
        reason: error.to_string(),
    }
}

/// `tempfile` names the temporary file in its errors, of which nobody knows.
fn without_path(error: io::Error) -> io::Error {
    match error.to_string().rsplit_once(" at path ") {
        Some((reason, _)) => io::Error::new(error.kind(), reason),
        None => error,
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn temporary_prefix(target: &Path) -> Result<String, SinkError> {
    let name = target.file_name().and_then(|name| name.to_str());
    name.map(|name| format!(".{name}.iggyctl-"))
        .ok_or_else(|| failed("write", target)(io::Error::other("it is not the name of a file")))
}

fn private_folder() -> DirBuilder {
    #[cfg_attr(not(unix), allow(unused_mut, reason = "only Unix has modes"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}
