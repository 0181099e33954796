use std::borrow::Cow;
use std::fmt::Write as _;

/// Makes visible what could move the cursor, colour the terminal or reorder
/// the text around it: control characters, line separators and the format
/// characters of Unicode (bidirectional controls, zero-width, tags).
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_deceiving) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_deceiving(character) {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "\\u{{{:x}}}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// Whether a character could make a text look like another one: controls and
/// the ranges of the Unicode category `Cf`, with the two separators.
#[must_use]
pub fn is_deceiving(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_that_deceives_is_left() {
        assert_eq!(escape("plain – ünï 日本"), "plain – ünï 日本");
        assert_eq!(escape("a\u{1b}[31mred"), "a\\u{1b}[31mred");
        assert_eq!(escape("pay\u{202e}exe\n"), "pay\\u{202e}exe\\u{a}");
        assert_eq!(
            escape("zero\u{200b}width\u{9b}"),
            "zero\\u{200b}width\\u{9b}"
        );
    }
}
