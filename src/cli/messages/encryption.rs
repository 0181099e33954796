//! The key of messages that the server cannot read.

use std::path::{Path, PathBuf};

use iggyctl_core::secret::Secret;
use iggyctl_messaging::Encryption;

use crate::command_error::CommandError;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct EncryptionArguments {
    /// The key of AES-256-GCM that payloads and headers are encrypted with: a file with 32 bytes in base64
    #[arg(long, value_name = "PATH", help_heading = "Message options")]
    encryption_key_file: Option<PathBuf>,
}

impl EncryptionArguments {
    /// None without a key.
    pub(in crate::cli) fn read(&self) -> Result<Option<Encryption>, CommandError> {
        self.encryption_key_file
            .as_deref()
            .map(read_key)
            .transpose()
    }
}

fn read_key(path: &Path) -> Result<Encryption, CommandError> {
    let wrong = |reason: String| {
        CommandError::invalid_input(format!(
            "--encryption-key-file {}: {reason}",
            path.display()
        ))
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    Encryption::aes_256_gcm_base64(&Secret::new(text.trim())).map_err(|_| {
        wrong("expected 32 bytes in base64, as `openssl rand -base64 32` makes them".to_owned())
    })
}
