//! Names are data: a control character in one must not reach the terminal.

use std::borrow::Cow;

/// Escapes every control character but the line feed.
pub(super) fn keep_lines(text: &str) -> Cow<'_, str> {
    let dangerous = |character: char| character.is_control() && character != '\n';
    if !text.contains(dangerous) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.chars()
            .map(|character| {
                if dangerous(character) {
                    character.escape_default().to_string()
                } else {
                    character.to_string()
                }
            })
            .collect(),
    )
}
