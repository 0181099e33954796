//! Reading the bytes of a secret, and wiping what they passed through.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use iggyctl_core::secret::Secret;
use secrecy::zeroize::Zeroizing;

use super::SecretError;

/// Far above any password, token or key; a path that leads to something else,
/// such as a device that never ends, is noticed before memory is.
const MOST_BYTES: u64 = 64 * 1024;

/// The content of a file without one line break at its end, as editors leave it.
pub(crate) fn read_file(path: &Path) -> Result<Secret, SecretError> {
    let not_read = |error: std::io::Error| SecretError::NotRead {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let file = File::open(path).map_err(not_read)?;
    if file.metadata().map_err(not_read)?.is_dir() {
        return Err(SecretError::Folder(path.to_owned()));
    }
    // With all the room from the start, so that nothing is moved and left behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_BYTES as usize + 1));
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(not_read)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(SecretError::TooLarge(path.to_owned()));
    }
    without_line_break(&bytes, || path.display().to_string())
}

/// What a program printed, without one line break at its end.
pub(crate) fn printed(bytes: Vec<u8>, program: &str) -> Result<Secret, SecretError> {
    let bytes = Zeroizing::new(bytes);
    without_line_break(&bytes, || format!("what {program} prints"))
}

fn without_line_break(bytes: &[u8], what: impl Fn() -> String) -> Result<Secret, SecretError> {
    // The error of the conversion is dropped: it would lead to the bytes.
    let text = std::str::from_utf8(bytes).map_err(|_| SecretError::NotText(what()))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(SecretError::Empty(what()));
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: impl AsRef<[u8]>) -> Result<String, SecretError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, content).unwrap();
        read_file(&path).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn one_line_break_at_the_end_does_not_count() {
        for (content, secret) in [
            ("hunter2", "hunter2"),
            ("hunter2\n", "hunter2"),
            ("hunter2\r\n", "hunter2"),
            ("hunter2\n\n", "hunter2\n"),
            (" hun%ter\"2\n ", " hun%ter\"2\n "),
        ] {
            assert_eq!(read(content).unwrap(), secret);
        }
        for empty in ["", "\n", "\r\n"] {
            assert!(matches!(read(empty), Err(SecretError::Empty(_))));
        }
    }

    #[test]
    fn what_is_no_secret_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let is_folder = read_file(folder.path());
        assert!(
            matches!(is_folder, Err(SecretError::Folder(_))),
            "{is_folder:?}"
        );
        let missing = read_file(&folder.path().join("missing"));
        assert!(
            matches!(missing, Err(SecretError::NotRead { .. })),
            "{missing:?}"
        );
        let most = "a".repeat(64 * 1024);
        assert_eq!(read(&most).unwrap(), most);
        let above = read(most + "b");
        assert!(matches!(above, Err(SecretError::TooLarge(_))), "{above:?}");
    }

    #[test]
    fn an_error_names_the_file_and_not_its_content() {
        let error = read(b"hunter2\xff").unwrap_err();
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(text.contains("password"), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
            assert!(!text.contains("104, 117"), "{text}");
        }
    }
}
