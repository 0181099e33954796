//! Formats of data on standard output.

use serde::Serialize;

use crate::command_error::CommandError;

/// How to print data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

impl Format {
    /// Renders `data`; `text` makes the form for people.
    pub(super) fn render(
        self,
        data: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<String, CommandError> {
        match self {
            Self::Text => Ok(text()),
            Self::Json => serde_json::to_string_pretty(data)
                .map(|json| json + "\n")
                .map_err(json_failed),
            Self::Yaml => serde_saphyr::to_string(data)
                .map_err(|error| CommandError::other(format!("cannot write YAML: {error}"))),
        }
    }
}

/// A line for programs: an object without line breaks in it.
pub(super) fn json_line(data: &impl Serialize) -> Result<String, CommandError> {
    let json = serde_json::to_string(data).map_err(json_failed)?;
    Ok(json + "\n")
}

/// Data that cannot be written as JSON.
pub(super) fn json_failed(error: serde_json::Error) -> CommandError {
    CommandError::other(format!("cannot write JSON: {error}"))
}
