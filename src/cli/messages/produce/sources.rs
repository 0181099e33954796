//! Where the messages of a run come from.

use std::path::PathBuf;

use iggyctl_messaging::producer::MAX_PAYLOAD_BYTES;

use super::ProduceArguments;
use super::input::Source;
use crate::command_error::CommandError;
use crate::sources::STANDARD_INPUT;

pub(super) fn sources(arguments: &ProduceArguments) -> Result<Vec<Source>, CommandError> {
    let mut sources: Vec<Source> = arguments
        .message
        .iter()
        .cloned()
        .map(Source::Text)
        .collect();
    sources.extend(arguments.file.iter().cloned().map(|path| {
        if arguments.lines {
            Source::Lines(path)
        } else {
            Source::Whole(path)
        }
    }));
    if let Some(size) = arguments.generate {
        let bytes = usize::try_from(size.bytes()).unwrap_or(usize::MAX);
        if bytes > MAX_PAYLOAD_BYTES {
            return Err(CommandError::usage(format!(
                "--generate {size}: a message has {MAX_PAYLOAD_BYTES} bytes at most"
            )));
        }
        let count = arguments.count;
        sources.push(Source::Generated { bytes, count });
    }
    if sources.is_empty() {
        sources.push(Source::Lines(PathBuf::from(STANDARD_INPUT)));
    }
    if arguments.key_separator.is_some()
        && !sources
            .iter()
            .all(|source| matches!(source, Source::Lines(_)))
    {
        return Err(CommandError::usage(
            "--key-separator is for lines: of standard input, or of files with --lines",
        ));
    }
    for source in &sources {
        source.check()?;
    }
    Ok(sources)
}

/// Whether lines come from where a person may type them.
pub(super) fn sources_are_typed(arguments: &ProduceArguments) -> bool {
    arguments.message.is_empty() && arguments.file.is_empty() && arguments.generate.is_none()
}
