//! Texts as YAML scalars.

use iggyctl_core::render::is_deceiving;
use std::fmt::Write;

/// A name: plain where nobody could read it as something else, else quoted.
/// `${` is doubled, since manifests have variables.
pub(super) fn name(text: &str) -> String {
    let text = text.replace("${", "$${");
    if is_plain_word(&text) {
        text
    } else {
        quoted(&text)
    }
}

/// A quantity such as `7d` or `unlimited`.
pub(super) fn quantity(text: &str) -> String {
    let unit = text.trim_start_matches(|character: char| character.is_ascii_digit());
    let is_number_with_unit = unit.len() < text.len()
        && unit.chars().all(|character| character.is_ascii_alphabetic())
        // `7e` is no number, but close enough to one to be quoted.
        && !unit.is_empty()
        && !unit.starts_with(['e', 'E', 'x', 'o', 'b', '_']);
    if is_number_with_unit || is_plain_word(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

fn is_plain_word(text: &str) -> bool {
    /// What some version of YAML takes for something else than a text.
    const NOT_TEXTS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "-_.".contains(character))
        && !NOT_TEXTS
            .iter()
            .any(|reserved| text.eq_ignore_ascii_case(reserved))
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            // Marks that an editor may hide, break at, or reorder the text by.
            '\u{fffe}' | '\u{ffff}' => escape(&mut out, character),
            character if is_deceiving(character) => escape(&mut out, character),
            character => out.push(character),
        }
    }
    out.push('"');
    out
}

fn escape(out: &mut String, character: char) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\\U{:08x}", u32::from(character));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_yaml_could_misread_is_quoted() {
        for (text, written) in [
            ("orders", "orders"),
            ("dead-letters.v2", "dead-letters.v2"),
            ("1a", "\"1a\""),
            ("true", "\"true\""),
            ("No", "\"No\""),
            ("a: b", "\"a: b\""),
            ("- a", "\"- a\""),
            (" a", "\" a\""),
            ("a#b", "\"a#b\""),
            ("\"\\", "\"\\\"\\\\\""),
            ("é", "\"é\""),
            ("a\u{2028}b", "\"a\\U00002028b\""),
            ("${x}", "\"$${x}\""),
        ] {
            assert_eq!(name(text), written);
        }
        for text in ["7d", "50GiB", "never", "unlimited"] {
            assert_eq!(quantity(text), text);
        }
        for text in ["512", "1h 30m", "1e5", "0x1", "1EiB"] {
            assert_eq!(quantity(text), format!("\"{text}\""));
        }
    }
}
