use globset::{GlobBuilder, GlobMatcher};

use super::Address;

/// An address, or a pattern of addresses: `*` is any text within one name, `**`
/// any text, `?` any character.
#[derive(Debug, Clone)]
pub struct AddressPattern {
    text: String,
    matcher: Option<GlobMatcher>,
}

/// Why a text is no pattern of addresses; completes "cannot be used: …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressPatternError {
    /// It begins with no kind.
    #[error(
        "it begins with none of `stream/`, `topic/`, `group/`, `user/`, `token/` and `*`, so it matches nothing"
    )]
    NoKind,
    /// It is an address without a pattern, and cannot be one.
    #[error("{0}")]
    NoAddress(String),
    /// It is too complicated to compile.
    #[error("{0}")]
    Other(String),
}

impl AddressPattern {
    /// Compiles one.
    ///
    /// # Errors
    /// It can match no address, or is too complicated.
    pub fn new(text: &str) -> Result<Self, AddressPatternError> {
        if !text.contains(['*', '?']) {
            let address: Address = text
                .parse()
                .map_err(|error| AddressPatternError::NoAddress(format!("{error}")))?;
            return Ok(Self {
                text: address.to_string(),
                matcher: None,
            });
        }
        const KINDS: [&str; 5] = ["stream/", "topic/", "group/", "user/", "token/"];
        let begins = KINDS.iter().any(|kind| text.starts_with(kind)) || text.starts_with('*');
        if !begins || text.len() > 1024 {
            return Err(AddressPatternError::NoKind);
        }
        // Nothing but the wildcards is special, as in patterns of names.
        let mut escaped = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '[' | ']' | '{' | '}' | '\\' => {
                    escaped.push('\\');
                    escaped.push(character);
                }
                _ => escaped.push(character),
            }
        }
        let glob = GlobBuilder::new(&escaped)
            .literal_separator(true)
            .backslash_escape(true)
            .build()
            .map_err(|error| AddressPatternError::Other(error.kind().to_string()))?;
        Ok(Self {
            text: text.to_owned(),
            matcher: Some(glob.compile_matcher()),
        })
    }

    /// Whether an address, as it is printed, matches.
    #[must_use]
    pub fn matches(&self, address: &str) -> bool {
        match &self.matcher {
            None => self.text == address,
            Some(matcher) => matcher.is_match(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AddressPattern;

    #[test]
    fn a_star_stays_within_a_name_and_two_do_not() {
        for (pattern, address, matches) in [
            ("topic/orders/events", "topic/orders/events", true),
            ("topic/orders/events", "topic/orders/event", false),
            ("topic/orders/*", "topic/orders/events", true),
            ("topic/*", "topic/orders/events", false),
            ("topic/**", "topic/orders/events", true),
            ("**", "user/alice", true),
            ("*/orders/**", "group/orders/events/audit", true),
            ("topic/orders/event?", "topic/orders/events", true),
            ("topic/orders/[a]*", "topic/orders/a", false),
            ("topic/orders/[a]*", "topic/orders/[a]b", true),
            ("topic/orders/{a,b}*", "topic/orders/a", false),
        ] {
            let compiled = AddressPattern::new(pattern).unwrap();
            assert_eq!(compiled.matches(address), matches, "{pattern} {address}");
        }
    }

    #[test]
    fn what_can_match_nothing_is_refused() {
        for pattern in ["orders/*", "topics/*", "topic/orders", "", "orders"] {
            assert!(AddressPattern::new(pattern).is_err(), "{pattern}");
        }
    }
}
