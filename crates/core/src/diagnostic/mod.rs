//! What is wrong with an input, where, and how to repair it.
//!
//! ```text
//!  Code (closed table: title, explanation) ─┐
//!  Place (file, line, column, width) ───────┼─▶ Diagnostic ─▶ Diagnostics ─▶ text, JSON
//!  expected, hint, related places ──────────┘
//! ```

mod code;
mod render;
mod source;

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use code::{Code, UnknownCode};
pub use render::render_text;
pub use source::SourceFile;

/// A place in an input: file, line and column, both from 1.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Origin {
    /// The file as the user named it, `-` for standard input.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    #[schemars(with = "String")]
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Origin {
    /// No place: for what was read from a form that does not say where it was declared.
    pub(crate) fn unknown() -> Self {
        Self {
            file: Arc::from(""),
            line: 0,
            column: 0,
        }
    }

    /// Where a path that the file names leads: a relative one begins at its
    /// folder, and in standard input at the current one.
    #[must_use]
    pub fn path(&self, named: &str) -> PathBuf {
        // Also that of `-` is the current one.
        let folder = Path::new(&*self.file).parent();
        folder.unwrap_or(Path::new("")).join(named)
    }
}

/// `a/./b/../c` as `a/c`, to compare paths without a look at the disk. Where
/// `b` is a link, that is another place.
pub(crate) fn without_detours(path: &Path) -> PathBuf {
    let mut direct = PathBuf::new();
    for part in path.components() {
        match (part, direct.components().next_back()) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                direct.pop();
            }
            _ => direct.push(part),
        }
    }
    direct
}

fn as_text<S: serde::Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

fn from_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    String::deserialize(deserializer).map(Arc::from)
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A place and how much of its line is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// Where it begins.
    #[serde(flatten)]
    pub origin: Origin,
    /// Characters, at least one, for the underline.
    pub width: u32,
}

impl From<Origin> for Place {
    fn from(origin: Origin) -> Self {
        Self { origin, width: 1 }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The input is refused.
    Error,
    /// It is taken, but probably not what was meant.
    Warning,
}

/// Another place that a diagnostic speaks of, such as the first declaration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Related {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What is there.
    pub message: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Diagnostic {
    /// Where; `None` when it is about no place in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Stable code.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, one line, without the place.
    pub message: String,
    /// What would have been right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// How to repair it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Other places it speaks of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
    /// Whether its line may hold a secret, so that no message shows it.
    #[serde(skip)]
    pub hides_line: bool,
}

impl Diagnostic {
    /// An error without a place, expectation or hint; add them with the
    /// methods below.
    #[must_use]
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            place: None,
            code,
            severity: Severity::Error,
            message: message.into(),
            expected: None,
            hint: None,
            related: Vec::new(),
            hides_line: false,
        }
    }

    /// A warning.
    #[must_use]
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    /// At this place.
    #[must_use]
    pub fn at(mut self, place: impl Into<Place>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// What would have been right; completes the sentence "expected …".
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// How to repair it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Its line may hold a secret: neither this nor any other message shows it.
    #[must_use]
    pub fn hiding_line(mut self) -> Self {
        self.hides_line = true;
        self
    }

    /// Another place, and what is there.
    #[must_use]
    pub fn related(mut self, place: impl Into<Place>, message: impl Into<String>) -> Self {
        self.related.push(Related {
            place: place.into(),
            message: message.into(),
        });
        self
    }
}

/// Everything that is wrong with an input, in the order of files and lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
#[error("{}", .0.first().map_or("no diagnostics", |first| &first.message))]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Whether one of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Self {
        let mut diagnostics: Vec<Diagnostic> = diagnostics.into_iter().collect();
        diagnostics.sort();
        // What stands in one place and is used in several, such as behind an
        // anchor, is wrong once.
        diagnostics.dedup();
        Self(diagnostics)
    }
}

/// The version of what [`to_json`] gives.
const JSON_VERSION: u32 = 1;

/// The diagnostics as `{"formatVersion": 1, "diagnostics": [...]}`.
#[must_use]
pub fn to_json(diagnostics: &Diagnostics) -> serde_json::Value {
    serde_json::json!({ "formatVersion": JSON_VERSION, "diagnostics": diagnostics })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_from_standard_input_begins_at_the_current_folder() {
        for (file, path) in [
            ("-", "key"),
            ("users.yaml", "key"),
            ("a/users.yaml", "a/key"),
        ] {
            let origin = Origin {
                file: file.into(),
                line: 1,
                column: 1,
            };
            assert_eq!(origin.path("key"), Path::new(path));
            assert_eq!(origin.path("/run/key"), Path::new("/run/key"));
        }
    }
}
