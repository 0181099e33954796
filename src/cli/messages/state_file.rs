//! A file from which a command that was killed goes on.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::command_error::CommandError;

/// What is in such a file, in JSON, beside its `version`.
pub(super) trait State: Serialize + DeserializeOwned {
    /// Of the shape that this program writes.
    const VERSION: u32;
}

/// What a written state is safe from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Survives {
    /// The end of the process. Takes no time.
    Kill,
    /// That of the machine, too. Waits for the disk.
    PowerLoss,
}

/// The file of `--state`, which no other process has.
#[derive(Debug)]
pub(super) struct StateFile<S> {
    place: StatePlace<S>,
    /// Of a file beside it, since the file itself is another one after each write.
    _lock: File,
}

/// Where a state is, or is to be.
#[derive(Debug)]
pub(super) struct StatePlace<S> {
    path: PathBuf,
    state: PhantomData<S>,
}

/// What is added to the name of the file for that which is locked.
const LOCK: &str = ".lock";

impl<S: State> StatePlace<S> {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            state: PhantomData,
        }
    }

    pub(super) fn is_there(&self) -> Result<bool, CommandError> {
        match self.path.symlink_metadata() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.failed("cannot be looked for", &error.to_string())),
        }
    }

    /// There is a file with another job, which must not be lost.
    pub(super) fn taken(&self) -> CommandError {
        CommandError::usage(format!(
            "--state {}: there is such a file already",
            self.path.display()
        ))
        .hint("go on with it with --resume, or name another file")
    }

    /// Another job must not be lost.
    pub(super) fn must_be_new(&self) -> Result<(), CommandError> {
        match self.is_there()? {
            true => Err(self.taken()),
            false => Ok(()),
        }
    }

    pub(super) fn read(&self) -> Result<S, CommandError> {
        let wrong = |error: &dyn std::fmt::Display| self.wrong(&error.to_string());
        let text = std::fs::read_to_string(&self.path).map_err(|error| wrong(&error))?;
        let state: Value = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
        match state.get("version").and_then(Value::as_u64) {
            Some(version) if version == u64::from(S::VERSION) => {}
            Some(version) => {
                return Err(self.wrong(&format!(
                    "it is of version {version}, and this program knows {}",
                    S::VERSION
                )));
            }
            None => return Err(self.wrong("it is not the state of a command")),
        }
        S::deserialize(state).map_err(|error| wrong(&error))
    }

    /// Keeps other processes away, and tells what `look` finds there meanwhile. It is
    /// done before, too: a name that was mistyped is no place for a file to lock.
    pub(super) fn lock<T>(
        self,
        look: impl Fn(&Self) -> Result<T, CommandError>,
    ) -> Result<(StateFile<S>, T), CommandError> {
        look(&self)?;
        let mut path = self.path.clone().into_os_string();
        path.push(LOCK);
        let failed = |error: std::io::Error| self.failed("cannot be locked", &error.to_string());
        let lock = File::options()
            .create(true)
            .append(true)
            .open(path)
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(CommandError::other(format!(
                    "--state {}: another process is at it",
                    self.path.display()
                ))
                .hint("two that send the same send everything twice: wait until it has ended"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let found = look(&self)?;
        let file = StateFile {
            place: self,
            _lock: lock,
        };
        Ok((file, found))
    }

    /// What is in the file, or the file, is not what is needed.
    pub(super) fn wrong(&self, reason: &str) -> CommandError {
        CommandError::invalid_input(format!("--state {}: {reason}", self.path.display()))
    }

    fn failed(&self, what: &str, reason: &str) -> CommandError {
        CommandError::other(format!("--state {}: {what}: {reason}", self.path.display()))
    }
}

impl<S: State> StateFile<S> {
    /// All of it or nothing, also when the process is killed meanwhile.
    pub(super) fn write(&self, state: &S, survives: Survives) -> Result<(), CommandError> {
        let path = &self.place.path;
        let write = || -> std::io::Result<()> {
            let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
            let mut file = tempfile::NamedTempFile::new_in(parent.unwrap_or(Path::new(".")))?;
            serde_json::to_writer_pretty(&mut file, state)?;
            file.write_all(b"\n")?;
            if survives == Survives::PowerLoss {
                file.as_file().sync_all()?;
            }
            file.persist(path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| self.place.failed("cannot be written", &error.to_string()))
    }

    /// What is in the file is not what is needed.
    pub(super) fn wrong(&self, reason: &str) -> CommandError {
        self.place.wrong(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::super::replay_state::ReplayState;
    use super::*;

    fn place(folder: &tempfile::TempDir) -> StatePlace<ReplayState> {
        StatePlace::new(folder.path().join("state.json"))
    }

    #[test]
    fn a_state_comes_back_and_no_other_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        assert!(place(&folder).must_be_new().is_ok());
        assert!(place(&folder).read().is_err());
        let (file, ()) = place(&folder).lock(StatePlace::must_be_new).unwrap();
        let mut state = ReplayState::new("a/b".into(), "a/c".into(), true, vec!["x=1".into()]);
        for sent in 0..3 {
            state.progress.sent = sent;
            file.write(&state, Survives::PowerLoss).unwrap();
            assert_eq!(file.place.read().unwrap(), state);
        }
        assert!(file.place.must_be_new().is_err());
        let files = std::fs::read_dir(folder.path()).unwrap();
        assert_eq!(files.count(), 2, "it, and what is locked");
        for (wrong, said) in [
            ("{}", "not the state of a command"),
            ("{\"version\": 77}", "version 77"),
            ("{\"version\": 2}", "missing field"),
        ] {
            std::fs::write(&file.place.path, wrong).unwrap();
            let error = file.place.read().unwrap_err();
            assert!(error.message.contains(said), "{}", error.message);
        }
    }

    #[test]
    fn a_state_is_of_one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        assert!(place(&folder).lock(StatePlace::read).is_err());
        let files = std::fs::read_dir(folder.path()).unwrap();
        assert_eq!(files.count(), 0, "nothing is made for what is not there");
        let first = place(&folder).lock(StatePlace::must_be_new).unwrap();
        let error = place(&folder).lock(StatePlace::must_be_new).unwrap_err();
        assert!(
            error.message.contains("another process"),
            "{}",
            error.message
        );
        drop(first);
        assert!(place(&folder).lock(StatePlace::must_be_new).is_ok());
    }
}
