//! Names are data: nothing in one may move the cursor or reorder the text.

use iggyctl_core::render::escape;

/// Escapes a message of several lines.
pub(super) fn keep_lines(text: &str) -> String {
    text.split('\n').map(escape).collect::<Vec<_>>().join("\n")
}
