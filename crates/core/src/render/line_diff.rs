use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use super::escape;

/// The lines that differ between two texts, each with `- ` or `+ ` before it
/// and up to three equal lines around it; empty when nothing differs.
#[must_use]
pub fn line_diff(old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    let mut text = String::new();
    for (index, group) in diff.grouped_ops(3).iter().enumerate() {
        if index > 0 {
            text.push_str("  …\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let line = change.value().trim_end_matches(['\r', '\n']);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{sign} {}", escape(line));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::line_diff;

    #[test]
    fn only_what_differs_and_its_surroundings() {
        assert_eq!(line_diff("a\nb\n", "a\nb\n"), "");
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n";
        insta::assert_snapshot!(line_diff(old, new), @r"
          2
          3
          4
        - 5
        + five
          6
          7
          8
        ");
    }
}
