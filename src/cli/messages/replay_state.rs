//! What a replay keeps in a file, to go on after whatever ended it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use iggyctl_messaging::replay::Progress;
use serde::{Deserialize, Serialize};

use crate::command_error::CommandError;

/// A job, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ReplayState {
    /// Of this shape of the file.
    version: u32,
    /// As `STREAM/TOPIC`.
    pub(super) from: String,
    /// As `STREAM/TOPIC`.
    pub(super) to: String,
    /// Whether batches go to all partitions in turn.
    pub(super) balanced: bool,
    /// The filter, as arguments.
    pub(super) headers: Vec<String>,
    pub(super) progress: Progress,
}

const VERSION: u32 = 1;

impl ReplayState {
    pub(super) fn new(from: String, to: String, balanced: bool, headers: Vec<String>) -> Self {
        Self {
            version: VERSION,
            from,
            to,
            balanced,
            headers,
            progress: Progress::default(),
        }
    }
}

/// The file.
#[derive(Debug, Clone)]
pub(super) struct StateFile(PathBuf);

impl StateFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Another job must not be lost.
    pub(super) fn must_be_new(&self) -> Result<(), CommandError> {
        match self.0.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.failed("cannot be looked for", &error.to_string())),
            Ok(_) => Err(CommandError::usage(format!(
                "--state {}: there is such a file already",
                self.0.display()
            ))
            .hint("go on with its replay with --resume, or name another file")),
        }
    }

    pub(super) fn read(&self) -> Result<ReplayState, CommandError> {
        let wrong = |reason: String| {
            CommandError::invalid_input(format!("--state {}: {reason}", self.0.display()))
        };
        let text = std::fs::read_to_string(&self.0).map_err(|error| wrong(error.to_string()))?;
        let state: ReplayState =
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if state.version != VERSION {
            return Err(wrong(format!(
                "it is of version {}, and this program knows {VERSION}",
                state.version
            )));
        }
        Ok(state)
    }

    /// All of it or nothing, also when the process is killed meanwhile.
    pub(super) fn write(&self, state: &ReplayState) -> Result<(), CommandError> {
        let write = || -> std::io::Result<()> {
            let parent = self.0.parent().filter(|it| !it.as_os_str().is_empty());
            let mut file = tempfile::NamedTempFile::new_in(parent.unwrap_or(Path::new(".")))?;
            serde_json::to_writer_pretty(&mut file, state)?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(&self.0).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| self.failed("cannot be written", &error.to_string()))
    }

    fn failed(&self, what: &str, reason: &str) -> CommandError {
        CommandError::other(format!("--state {}: {what}: {reason}", self.0.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_and_no_other_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::new(folder.path().join("state.json"));
        assert!(file.must_be_new().is_ok());
        assert!(file.read().is_err());
        let mut state = ReplayState::new("a/b".into(), "a/c".into(), true, vec!["x=1".into()]);
        for sent in 0..3 {
            state.progress.sent = sent;
            file.write(&state).unwrap();
            assert_eq!(file.read().unwrap(), state);
        }
        assert!(file.must_be_new().is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        std::fs::write(&file.0, "{\"version\": 2}").unwrap();
        assert!(file.read().is_err());
        let newer = serde_json::to_string(&state)
            .unwrap()
            .replace("\"version\":1", "\"version\":2");
        std::fs::write(&file.0, newer).unwrap();
        assert!(file.read().unwrap_err().message.contains("version 2"));
    }
}
