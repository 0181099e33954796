//! A file from which a command that was killed goes on.

use std::io::Write as _;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::command_error::CommandError;

/// What is in such a file, in JSON.
pub(super) trait State: Serialize + DeserializeOwned {
    /// Of the shape that this program writes.
    const VERSION: u32;

    /// Of the shape that it was written in.
    fn version(&self) -> u32;
}

/// What a written state is safe from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Survives {
    /// The end of the process. Takes no time.
    Kill,
    /// That of the machine, too. Waits for the disk.
    PowerLoss,
}

/// The file of `--state`.
#[derive(Debug, Clone)]
pub(super) struct StateFile<S> {
    path: PathBuf,
    state: PhantomData<S>,
}

impl<S: State> StateFile<S> {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            state: PhantomData,
        }
    }

    /// Another job must not be lost.
    pub(super) fn must_be_new(&self) -> Result<(), CommandError> {
        match self.path.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.failed("cannot be looked for", &error.to_string())),
            Ok(_) => Err(CommandError::usage(format!(
                "--state {}: there is such a file already",
                self.path.display()
            ))
            .hint("go on with it with --resume, or name another file")),
        }
    }

    pub(super) fn read(&self) -> Result<S, CommandError> {
        let wrong = |reason: String| {
            CommandError::invalid_input(format!("--state {}: {reason}", self.path.display()))
        };
        let text = std::fs::read_to_string(&self.path).map_err(|error| wrong(error.to_string()))?;
        let state: S = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if state.version() != S::VERSION {
            return Err(wrong(format!(
                "it is of version {}, and this program knows {}",
                state.version(),
                S::VERSION
            )));
        }
        Ok(state)
    }

    /// All of it or nothing, also when the process is killed meanwhile.
    pub(super) fn write(&self, state: &S, survives: Survives) -> Result<(), CommandError> {
        let write = || -> std::io::Result<()> {
            let parent = self.path.parent().filter(|it| !it.as_os_str().is_empty());
            let mut file = tempfile::NamedTempFile::new_in(parent.unwrap_or(Path::new(".")))?;
            serde_json::to_writer_pretty(&mut file, state)?;
            file.write_all(b"\n")?;
            if survives == Survives::PowerLoss {
                file.as_file().sync_all()?;
            }
            file.persist(&self.path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| self.failed("cannot be written", &error.to_string()))
    }

    fn failed(&self, what: &str, reason: &str) -> CommandError {
        CommandError::other(format!("--state {}: {what}: {reason}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::replay_state::ReplayState;
    use super::*;

    #[test]
    fn a_state_comes_back_and_no_other_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::<ReplayState>::new(folder.path().join("state.json"));
        assert!(file.must_be_new().is_ok());
        assert!(file.read().is_err());
        let mut state = ReplayState::new("a/b".into(), "a/c".into(), true, vec!["x=1".into()]);
        for sent in 0..3 {
            state.progress.sent = sent;
            file.write(&state, Survives::PowerLoss).unwrap();
            assert_eq!(file.read().unwrap(), state);
        }
        assert!(file.must_be_new().is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        std::fs::write(&file.path, "{\"version\": 2}").unwrap();
        assert!(file.read().is_err());
        let newer = serde_json::to_string(&state)
            .unwrap()
            .replace("\"version\":1", "\"version\":2");
        std::fs::write(&file.path, newer).unwrap();
        assert!(file.read().unwrap_err().message.contains("version 2"));
    }
}
