use std::fmt;
use std::str::FromStr;

use globset::{Glob, GlobBuilder, GlobMatcher};

use super::resource_name::MAX_NAME_BYTES;

/// A pattern of names: `*` is any text, `?` any character, and nothing else is
/// special.
#[derive(Debug, Clone)]
pub struct NamePattern {
    text: Box<str>,
    matcher: GlobMatcher,
}

/// Why a text is no pattern; completes the sentence "it cannot be used: …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It matches nothing.
    #[error("it is empty")]
    Empty,
    /// It could not be seen or typed.
    #[error("it holds a control character")]
    ControlCharacter,
    /// No name is that long, and compiling it could take what memory there is.
    #[error("it has {0} bytes, and no name has more than {MAX_NAME_BYTES}")]
    TooLong(usize),
    /// It is too complicated to compile.
    #[error("{0}")]
    Other(String),
}

impl NamePattern {
    /// Whether the text is a pattern rather than a name.
    #[must_use]
    pub fn is_pattern(text: &str) -> bool {
        text.contains(['*', '?'])
    }

    /// Whether a text can be a pattern or a name, without compiling it.
    ///
    /// # Errors
    /// It is empty, longer than any name, or holds a control character.
    pub fn check_text(text: &str) -> Result<(), PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > MAX_NAME_BYTES {
            return Err(PatternError::TooLong(text.len()));
        }
        if text.chars().any(char::is_control) {
            return Err(PatternError::ControlCharacter);
        }
        Ok(())
    }

    /// Whether a name matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.matcher.is_match(name)
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for NamePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for NamePattern {}

impl fmt::Display for NamePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for NamePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Ok(Self {
            text: text.into(),
            matcher: glob(text)?.compile_matcher(),
        })
    }
}

/// The pattern as the library writes it, where more characters are special.
pub(super) fn glob(text: &str) -> Result<Glob, PatternError> {
    NamePattern::check_text(text)?;
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '[' | ']' | '{' | '}' => escaped.extend(['[', character, ']']),
            '\\' => escaped.push_str("\\\\"),
            _ => escaped.push(character),
        }
    }
    GlobBuilder::new(&escaped)
        .backslash_escape(true)
        .build()
        .map_err(|error| PatternError::Other(error.kind().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_characters_are_special() {
        let matches = |pattern: &str, name| pattern.parse::<NamePattern>().unwrap().matches(name);
        assert!(matches("billing-*", "billing-invoices"));
        assert!(matches("billing-*", "billing-"));
        assert!(matches("*", "a/b"));
        assert!(matches("a?c", "abc"));
        assert!(!matches("a?c", "ac"));
        assert!(matches("[a]{b}\\", "[a]{b}\\"));
        assert!(!matches("[a]", "a"));
        assert!("".parse::<NamePattern>().is_err());
        assert!("a\u{7}*".parse::<NamePattern>().is_err());
        assert!("?".repeat(255).parse::<NamePattern>().is_ok());
        assert_eq!(
            "?".repeat(256).parse::<NamePattern>(),
            Err(PatternError::TooLong(256))
        );
    }
}
