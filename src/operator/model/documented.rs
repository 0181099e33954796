//! What docs/operator.md says of words that programs rely on.

/// The first column of the table with this head.
pub(super) fn documented(head: &str) -> Vec<&'static str> {
    let text = include_str!("../../../docs/operator.md");
    let rows = text.lines().skip_while(|line| *line != head).skip(2);
    rows.map_while(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(word, _)| word)
        .collect()
}
