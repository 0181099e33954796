//! Names and sentences in GitHub's markdown, so that they are only read: no markup, no
//! mention, no link, no reference to an issue, no command of a workflow.
//!
//! A backslash is not enough for that. GitHub looks for mentions, references and links in
//! the text that is left after the markdown was read, where the backslash is gone; what it
//! leaves alone is code. So every word that could be more than a word becomes code.

use super::escape;
use crate::address::Address;

/// What may stand before a word and belongs to the sentence.
const LEAD: [char; 2] = ['(', '"'];
/// The same behind it.
const TRAIL: [char; 7] = [',', '.', ';', ':', ')', '"', '?'];

/// An address as code. What would end the code, or the cell of a table, is percent-encoded
/// as in any address, so it can be copied.
pub(super) fn address_code(address: &Address) -> String {
    let text = address
        .to_string()
        .replace('|', "%7C")
        .replace('`', "%60")
        .replace("##[", "#%23[");
    code(&text)
}

/// A text as code.
pub(crate) fn code(text: &str) -> String {
    let text = escape(text)
        .replace('|', "\\u{7c}")
        .replace('`', "\\u{60}")
        .replace("##[", "#\\u{23}[");
    match text.trim() {
        "" => "(empty)".to_owned(),
        _ => format!("`{text}`"),
    }
}

/// A sentence: plain words stay words, everything else becomes code.
pub(super) fn prose(text: &str) -> String {
    let all: Vec<&str> = text.split_whitespace().collect();
    let mut rest = all.as_slice();
    let mut words = Vec::new();
    while let Some(first) = rest.first() {
        let (taken, text) = span(rest).unwrap_or_else(|| (1, word(first)));
        words.push(text);
        rest = &rest[taken..];
    }
    // A flag and its value are copied together.
    let mut prose = String::new();
    for word in words {
        if is_flag(prose.rsplit(' ').next().unwrap_or_default()) && word.starts_with('`') {
            prose.pop();
            prose.push(' ');
            prose.push_str(&word[1..]);
        } else {
            if !prose.is_empty() {
                prose.push(' ');
            }
            prose.push_str(&word);
        }
    }
    prose
}

fn is_flag(word: &str) -> bool {
    let flag = word.strip_prefix("`--");
    flag.is_some_and(|flag| flag.starts_with(|it: char| it.is_ascii_alphabetic())) && is_code(word)
}

fn is_code(word: &str) -> bool {
    word.len() > 2 && word.starts_with('`') && word.ends_with('`')
}

/// Several words between one pair of backticks, as messages write a command: how many words,
/// and the code.
fn span(words: &[&str]) -> Option<(usize, String)> {
    let (first, rest) = words.split_first()?;
    let start = first.trim_start_matches(LEAD);
    let lead = &first[..first.len() - start.len()];
    let opened = start.strip_prefix('`').filter(|it| !it.is_empty())?;
    if opened.contains('`') {
        return None;
    }
    let mut inner = vec![opened];
    for word in rest {
        let core = word.trim_end_matches(TRAIL);
        let trail = &word[core.len()..];
        let closed = core.strip_suffix('`');
        let part = closed.unwrap_or(word);
        if part.is_empty() || part.contains('`') {
            return None;
        }
        inner.push(part);
        if closed.is_some() {
            let text = format!("{lead}{}{trail}", code(&inner.join(" ")));
            return Some((inner.len(), text));
        }
    }
    None
}

fn word(word: &str) -> String {
    let start = word.trim_start_matches(LEAD);
    let lead = &word[..word.len() - start.len()];
    let core = start.trim_end_matches(TRAIL);
    let trail = &start[core.len()..];
    if core.is_empty() || is_plain(core) {
        return word.to_owned();
    }
    // Messages write what is to be read literally between backticks.
    let inner = core
        .strip_prefix('`')
        .and_then(|core| core.strip_suffix('`'))
        .filter(|inner| !inner.is_empty() && !inner.contains('`'));
    format!("{lead}{}{trail}", code(inner.unwrap_or(core)))
}

fn is_plain(word: &str) -> bool {
    let is_word = word.starts_with(char::is_alphabetic)
        && word
            .chars()
            .all(|character| character.is_alphabetic() || "-'’".contains(character));
    let is_number = word.len() < 7 && word.chars().all(|character| character.is_ascii_digit());
    is_word || is_number || matches!(word, "→" | "–" | "…")
}

/// At most this many characters, and how many more there were.
pub(super) fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => {
            let more = text[end..].chars().count();
            format!("{} … and {more} more characters", &text[..end])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words_and_the_rest_is_code() {
        for (text, markdown) in [
            ("the topic holds 17 messages", "the topic holds 17 messages"),
            (
                "expires after 7d, not never.",
                "expires after `7d`, not never.",
            ),
            ("ask @team/core (or #12)", "ask `@team/core` (or `#12`)"),
            ("see https://evil.example", "see `https://evil.example`"),
            (
                "www.evil.example GH-12 deadbee1",
                "`www.evil.example` `GH-12` `deadbee1`",
            ),
            ("`field` of *all*", "`field` of `*all*`"),
            (
                "use --allow-destroy topic/a/b, or",
                "use `--allow-destroy topic/a/b`, or",
            ),
            (
                "of a `kind: IggyTopology` document (no `apply --ledger`), `a",
                "of a `kind: IggyTopology` document (no `apply --ledger`), `\\u{60}a`",
            ),
            ("`a `b c`", "`\\u{60}a` `b c`"),
            ("`@a |b` c", "`@a \\u{7c}b` c"),
            ("a|b ` c", "`a\\u{7c}b` `\\u{60}` c"),
            (
                "<script> --> &amp; :tada: \u{1b}[31m",
                "`<script>` `-->` `&amp`; `:tada`: `\\u{1b}[31m`",
            ),
        ] {
            assert_eq!(prose(text), markdown);
        }
        assert_eq!(code(" "), "(empty)");
    }

    #[test]
    fn what_is_cut_off_is_counted() {
        assert_eq!(clipped("abc", 3), "abc");
        assert_eq!(clipped("äöüß", 3), "äöü … and 1 more characters");
    }
}
