//! From bytes to text: what is refused before any parser sees it.

use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, Origin, SourceFile};

/// A manifest of 100,000 topics has about 10 MiB; more than this is a mistake.
pub const MAX_SOURCE_BYTES: u64 = 64 << 20;

/// The text of a file, if it can be a manifest at all.
pub(super) fn text_of(source: &SourceFile) -> Result<&str, Box<Diagnostic>> {
    let bytes = source.bytes.as_slice();
    if bytes.len() as u64 > MAX_SOURCE_BYTES {
        return Err(Box::new(
            Diagnostic::error(
                Code::TooLarge,
                format!("the file has {} MiB", bytes.len() >> 20),
            )
            .at(origin(source, 0))
            .expected(format!("at most {} MiB", MAX_SOURCE_BYTES >> 20))
            .hint("split it into several files"),
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let position = error.valid_up_to();
        let byte = bytes.get(position).copied().unwrap_or_default();
        Box::new(
            Diagnostic::error(
                Code::NotUtf8,
                format!("the file is not UTF-8: byte {byte:#04x} cannot stand here"),
            )
            .at(origin(source, position))
            .hint("save the file as UTF-8"),
        )
    })?;
    let control = |byte: &u8| matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127);
    if let Some(position) = bytes.iter().position(control) {
        let byte = bytes.get(position).copied().unwrap_or_default();
        let name = if byte == 0 {
            "a NUL byte".to_owned()
        } else {
            format!("the control character U+{byte:04X}")
        };
        return Err(Box::new(
            Diagnostic::error(Code::ControlCharacter, format!("the file holds {name}"))
                .at(origin(source, position))
                .hint("remove it, or write it as an escape in double quotes"),
        ));
    }
    Ok(text)
}

/// The place of a byte.
fn origin(source: &SourceFile, position: usize) -> Origin {
    let before = source.bytes.get(..position).unwrap_or_default();
    let lines = before.iter().filter(|byte| **byte == b'\n').count();
    let line = before
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let column = String::from_utf8_lossy(line).chars().count();
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX - 1) + 1;
    Origin {
        file: Arc::clone(&source.name),
        line: number(lines),
        column: number(column),
    }
}
