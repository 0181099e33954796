//! Lists in a message for a person, which must not become longer than somebody reads.

/// Most things that a message names.
const NAMED: usize = 5;

/// The first ones, and how many more.
pub(crate) fn listed(all: &[impl ToString], separator: &str) -> String {
    let first: Vec<String> = all.iter().take(NAMED).map(ToString::to_string).collect();
    let first = first.join(separator);
    match all.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_counted() {
        assert_eq!(listed(&[1, 2, 3, 4, 5], ", "), "1, 2, 3, 4, 5");
        assert_eq!(
            listed(&[1, 2, 3, 4, 5, 6, 7], "; "),
            "1; 2; 3; 4; 5 and 2 more"
        );
    }
}
