//! The environment of the process, read once and handed on as a value.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::command_error::CommandError;

/// Variables of the process, with those of `--env-file` for the ones it lacks.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
    /// Those that are set to something that is not UTF-8.
    not_text: BTreeSet<String>,
}

impl Environment {
    /// Reads the variables of the process. Of one that is not UTF-8 only the
    /// name is kept: none of ours can be that.
    pub(crate) fn of_process() -> Self {
        let mut environment = Self::default();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                // Shells and CI systems cannot always unset, so empty is absent.
                Ok(value) if value.is_empty() => {}
                Ok(value) => {
                    environment.variables.insert(name, value);
                }
                Err(_) => {
                    environment.not_text.insert(name);
                }
            }
        }
        environment
    }

    /// Whether a variable of the process is set to something that is not UTF-8.
    pub(crate) fn is_not_text(&self, name: &str) -> bool {
        self.not_text.contains(name)
    }

    /// Adds the `NAME=value` lines of a file, without replacing what is set:
    /// what the caller of the process says wins over a file, as with dotenv.
    pub(crate) fn add_file(&mut self, path: &Path) -> Result<(), CommandError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            CommandError::invalid_input(format!(
                "cannot read the environment file {}: {error}",
                path.display()
            ))
        })?;
        for line in dotenvy::from_read_iter(text.as_bytes()) {
            // The line itself may hold a secret, so only its number is shown.
            let (name, value) = line.map_err(|error| {
                let number = match &error {
                    dotenvy::Error::LineParse(line, _) => text.find(line.as_str()),
                    _ => None,
                }
                .map_or_else(String::new, |start| {
                    let before = text.bytes().take(start);
                    format!(":{}", before.filter(|byte| *byte == b'\n').count() + 1)
                });
                CommandError::invalid_input(format!(
                    "{}{number}: expected only `NAME=value` lines, comments and empty lines",
                    path.display()
                ))
            })?;
            self.variables.entry(name).or_insert(value);
        }
        Ok(())
    }

    /// These variables, for tests.
    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        Self {
            variables: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            not_text: BTreeSet::new(),
        }
    }

    /// The value of a variable; an empty one counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// All variables whose name starts with `prefix`, without it.
    pub(crate) fn with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.variables
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// The home folder.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_adds_only_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("env");
        std::fs::write(&path, "# comment\nA=file\nexport B='b b'\n\nC=\"c=d\"\n").unwrap();
        let mut environment = Environment {
            variables: [("A".to_owned(), "process".to_owned())].into(),
            not_text: BTreeSet::new(),
        };
        environment.add_file(&path).unwrap();
        assert_eq!(environment.get("A"), Some("process"));
        assert_eq!(environment.get("B"), Some("b b"));
        assert_eq!(environment.get("C"), Some("c=d"));
    }

    #[test]
    fn a_dollar_is_literal_only_in_single_quotes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("env");
        let lines = "FIRST=one\nQUOTED='pa$FIRST$$word'\nPLAIN=pa$FIRST\nDOUBLE=\"pa${FIRST}\"\nLOST=pa${NO_SUCH_VARIABLE}\nSHORT=$FIRST_two\n";
        std::fs::write(&path, lines).unwrap();
        let mut environment = Environment::default();
        environment.add_file(&path).unwrap();
        assert_eq!(environment.get("QUOTED"), Some("pa$FIRST$$word"));
        assert_eq!(environment.get("PLAIN"), Some("paone"));
        assert_eq!(environment.get("DOUBLE"), Some("paone"));
        assert_eq!(environment.get("LOST"), Some("pa"));
        // Without braces a name ends at the first `_`.
        assert_eq!(environment.get("SHORT"), Some("one_two"));
    }

    #[test]
    fn a_bad_line_is_named_but_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("env");
        std::fs::write(&path, "A=1\nhunter2 is no line\n").unwrap();
        let error = Environment::default().add_file(&path).unwrap_err();
        assert!(
            error.message.contains("env:2: expected"),
            "{}",
            error.message
        );
        assert!(!error.message.contains("hunter2"));
    }
}
