//! The checked-in observations of real servers, and the justified differences from them.

use serde::Deserialize;
use similar::TextDiff;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// One place where the embedded server must differ from a recorded one, exactly so.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    /// The scenarios it applies to; `*` for all.
    scenarios: Vec<String>,
    /// Why the embedded server is right to differ.
    reason: String,
    /// The recorded text. It must occur in each named scenario, or in at least one for `*`.
    recorded: String,
    /// What the embedded server says in its place.
    embedded: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DifferencesFile {
    #[serde(default)]
    difference: Vec<Difference>,
}

/// The record of one server version.
pub(crate) struct Record {
    /// The version, as the server names itself; also the folder's name.
    pub(crate) version: String,
    differences: Vec<Difference>,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/contract/records")
}

impl Record {
    /// The records that are checked in, by version.
    pub(crate) fn all() -> Result<Vec<Self>, String> {
        let mut versions = Vec::new();
        let entries =
            fs::read_dir(root()).map_err(|error| format!("{}: {error}", root().display()))?;
        for entry in entries {
            let entry = entry.map_err(|error| error.to_string())?;
            if entry.path().is_dir() {
                versions.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        versions.sort();
        versions.iter().map(|version| Self::open(version)).collect()
    }

    /// The record of one version; empty when there is none yet.
    pub(crate) fn open(version: &str) -> Result<Self, String> {
        let path = root().join(version).join("differences.toml");
        let file: DifferencesFile = match fs::read_to_string(&path) {
            Ok(text) => {
                toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                DifferencesFile::default()
            }
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        Ok(Self {
            version: version.to_owned(),
            differences: file.difference,
        })
    }

    fn path(&self, scenario: &str) -> PathBuf {
        root().join(&self.version).join(format!("{scenario}.txt"))
    }

    fn read(&self, scenario: &str) -> Result<String, String> {
        let path = self.path(scenario);
        fs::read_to_string(&path).map_err(|error| {
            format!(
                "{}: {error}; run against a server of this version with IGGYCTL_RECORD=1 to write it",
                path.display()
            )
        })
    }

    /// Writes what a real server did.
    pub(crate) fn write(&self, scenario: &str, transcript: &str) -> Result<(), String> {
        let path = self.path(scenario);
        let folder = path.parent().ok_or("a record has a folder")?;
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        fs::write(&path, transcript).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Fails unless a real server of this version did what it did when recorded.
    pub(crate) fn compare_real(&self, scenario: &str, transcript: &str) -> Result<(), String> {
        compare("record", &self.read(scenario)?, "server", transcript)
    }

    /// Fails unless the embedded server does what was recorded, apart from the differences.
    pub(crate) fn compare_embedded(&self, scenario: &str, transcript: &str) -> Result<(), String> {
        let mut expected = self.read(scenario)?;
        for difference in &self.differences {
            let named = difference.scenarios.iter().any(|name| name == scenario);
            let everywhere = difference.scenarios.iter().any(|name| name == "*");
            if !named && !everywhere {
                continue;
            }
            if expected.contains(&difference.recorded) {
                expected = expected.replace(&difference.recorded, &difference.embedded);
            } else if named {
                return Err(format!(
                    "a difference no longer applies to {scenario}, remove it: {}",
                    difference.reason
                ));
            }
        }
        compare("record", &expected, "embedded", transcript)
    }

    /// Fails when a difference applies to no record: then it is stale.
    pub(crate) fn check_differences(&self, scenarios: &[&str]) -> Result<(), String> {
        for difference in &self.differences {
            let applies = scenarios.iter().any(|scenario| {
                self.read(scenario)
                    .is_ok_and(|text| text.contains(&difference.recorded))
            });
            if !applies {
                return Err(format!("applies nowhere, remove it: {}", difference.reason));
            }
        }
        Ok(())
    }

    /// The differences, for the reader of the output.
    pub(crate) fn differences(&self) -> String {
        let mut text = String::new();
        for difference in &self.differences {
            let _ = writeln!(
                text,
                "differs from {} on purpose in {}: {}",
                self.version,
                difference.scenarios.join(", "),
                difference.reason
            );
        }
        text
    }
}

fn compare(left: &str, expected: &str, right: &str, found: &str) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    Err(TextDiff::from_lines(expected, found)
        .unified_diff()
        .context_radius(2)
        .header(left, right)
        .to_string())
}
