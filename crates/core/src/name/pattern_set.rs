use globset::GlobSet;

use super::pattern::{PatternError, glob};

/// Several patterns of names, asked at once.
#[derive(Debug, Clone, Default)]
pub struct NamePatternSet(GlobSet);

impl NamePatternSet {
    /// The patterns in their order.
    ///
    /// # Errors
    /// The first one that is no pattern, or that they are too complicated together.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, PatternError> {
        let globs = patterns
            .into_iter()
            .map(glob)
            .collect::<Result<Vec<_>, _>>()?;
        GlobSet::new(globs)
            .map(Self)
            .map_err(|error| PatternError::Other(error.kind().to_string()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The position of the first pattern that a name matches.
    #[must_use]
    pub fn first_match(&self, name: &str) -> Option<usize> {
        self.0.matches(name).into_iter().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pattern_counts() {
        let set = NamePatternSet::new(["x*", "a?c", "a*", "[b]*"]).unwrap();
        assert_eq!(set.first_match("abc"), Some(1));
        assert_eq!(set.first_match("abd"), Some(2));
        assert_eq!(set.first_match("[b]"), Some(3));
        assert_eq!(set.first_match("b"), None);
        assert!(NamePatternSet::new(["a", ""]).is_err());
        assert_eq!(NamePatternSet::default().first_match(""), None);
    }
}
