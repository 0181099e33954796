use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin as Path, Renderer, Snippet};

use super::{Diagnostic, Diagnostics, Place, Severity, SourceFile};
use crate::wording::counted;

/// Beyond this many, more messages help nobody; the rest is counted.
const SHOWN: usize = 100;

/// A line longer than this is data, not something to look at.
const LONGEST_LINE: usize = 2_000;

/// A longer underline hides the line instead of pointing at it.
const LONGEST_UNDERLINE: usize = 60;

/// Lines of the output are cut around the caret beyond this width.
const WIDTH: usize = 140;

/// The diagnostics as text for a person, one block each, in the order of the
/// files and lines, each with its line and a caret. Control characters of the
/// files and of names are shown as symbols, so nothing can steer the terminal.
///
/// `sources` are the files the diagnostics speak of; a place in a file that is
/// not among them is shown without its line.
#[must_use]
pub fn render_text(diagnostics: &Diagnostics, sources: &[SourceFile], colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
    .term_width(WIDTH);
    let lines = Lines::of(sources, diagnostics);
    let mut text = String::new();
    for diagnostic in diagnostics.iter().take(SHOWN) {
        text.push_str(&renderer.render(&[group(diagnostic, &lines)]));
        text.push_str("\n\n");
    }
    let hidden = diagnostics.len().saturating_sub(SHOWN);
    if hidden > 0 {
        text.push_str(&format!("… and {hidden} more\n\n"));
    }
    text.push_str(&summary(diagnostics));
    text.push('\n');
    text
}

fn summary(diagnostics: &Diagnostics) -> String {
    let count = |severity| {
        diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    };
    let words = |number: usize, word: &str| (number > 0).then(|| counted(number, word));
    [
        words(count(Severity::Error), "error"),
        words(count(Severity::Warning), "warning"),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(", ")
}

fn group<'a>(diagnostic: &'a Diagnostic, lines: &Lines<'a>) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(
        level
            .primary_title(visible(&diagnostic.message))
            .id(diagnostic.code.as_str()),
    );
    if let Some(place) = &diagnostic.place {
        group = show(group, place, None, true, lines);
    }
    for related in &diagnostic.related {
        group = show(group, &related.place, Some(&related.message), false, lines);
    }
    if let Some(expected) = &diagnostic.expected {
        group = group.element(Level::NOTE.message(format!("expected {}", visible(expected))));
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.message(visible(hint)));
    }
    group
}

fn show<'a>(
    group: Group<'a>,
    place: &Place,
    label: Option<&str>,
    primary: bool,
    lines: &Lines<'a>,
) -> Group<'a> {
    let kind = if primary {
        AnnotationKind::Primary
    } else {
        AnnotationKind::Context
    };
    let file = visible(&place.origin.file);
    let Some(line) = lines.line(&place.origin.file, place.origin.line) else {
        return group.element(
            Path::path(file)
                .line(place.origin.line as usize)
                .char_column(place.origin.column as usize),
        );
    };
    let line = visible(&line);
    let span = underline(&line, place);
    let annotation = kind.span(span);
    let annotation = match label {
        Some(label) => annotation.label(visible(label)),
        None => annotation,
    };
    group.element(
        Snippet::source(line)
            .line_start(place.origin.line as usize)
            .path(file)
            .annotation(annotation),
    )
}

/// The bytes of the line that the caret is under.
fn underline(line: &str, place: &Place) -> Range<usize> {
    let skip = (place.origin.column as usize).saturating_sub(1);
    let mut starts = line
        .char_indices()
        .map(|(index, _)| index)
        .chain(std::iter::once(line.len()));
    let start = starts.nth(skip).unwrap_or(line.len());
    let end = match (place.width as usize).min(LONGEST_UNDERLINE).checked_sub(1) {
        Some(more) => starts.nth(more).unwrap_or(line.len()),
        None => start,
    };
    start..end
}

/// Control characters, and those that reorder or hide text, as visible symbols
/// of the same width; a tab stays.
pub(super) fn visible(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\t' => '\t',
            '\u{0}'..='\u{1f}' => {
                char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}')
            }
            '\u{7f}' => '\u{2421}',
            '\u{80}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => '\u{fffd}',
            _ => character,
        })
        .collect()
}

/// Where each line of each file begins, so that a message costs no scan.
struct Lines<'a> {
    files: BTreeMap<&'a str, (&'a [u8], Vec<usize>)>,
    /// Lines that may hold a secret: no message shows them.
    hidden: BTreeSet<(&'a str, u32)>,
}

impl<'a> Lines<'a> {
    fn of(sources: &'a [SourceFile], diagnostics: &'a Diagnostics) -> Self {
        let index = |source: &'a SourceFile| {
            let starts = source
                .bytes
                .iter()
                .enumerate()
                .filter(|(_, byte)| **byte == b'\n')
                .map(|(position, _)| position + 1);
            let starts = std::iter::once(0).chain(starts).collect();
            (&*source.name, (source.bytes.as_slice(), starts))
        };
        let literal = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.hides_line);
        let origins = literal.flat_map(|diagnostic| {
            let related = diagnostic.related.iter().map(|related| &related.place);
            let places = diagnostic.place.iter().chain(related);
            places.map(|place| &place.origin)
        });
        Self {
            files: sources.iter().map(index).collect(),
            hidden: origins.map(|origin| (&*origin.file, origin.line)).collect(),
        }
    }

    /// A line by its number from 1, without its end.
    fn line(&self, file: &str, number: u32) -> Option<String> {
        if self.hidden.contains(&(file, number)) {
            return None;
        }
        let text = self.text(file, number)?;
        let before = number
            .checked_sub(1)
            .and_then(|before| self.text(file, before));
        (!seems_to_hold_secret(&text, before.as_deref())).then_some(text)
    }

    fn text(&self, file: &str, number: u32) -> Option<String> {
        let (bytes, starts) = self.files.get(file)?;
        let index = (number as usize).checked_sub(1)?;
        let start = *starts.get(index)?;
        let end = starts.get(index + 1).map_or(bytes.len(), |next| next - 1);
        let line = bytes.get(start..end)?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        (line.len() <= LONGEST_LINE).then(|| {
            let text = String::from_utf8_lossy(line);
            text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()
        })
    }
}

/// What the names of fields hold whose value is a secret.
const NAMES_OF_SECRETS: [&str; 6] = ["pass", "pwd", "secret", "credential", "token", "pasw"];

/// Whether the line gives a field a text of its own that is named like a secret,
/// or is one below the name of such a field: a mistake of any kind in it, also
/// one of the syntax, must not show it. A mapping, `password: { env: NAME }`,
/// names a place.
fn seems_to_hold_secret(line: &str, before: Option<&str>) -> bool {
    let names_place = |value: &str| value.starts_with(['{', '[', '&', '*', '#']);
    let is_block = |value: &str| value.is_empty() || value.starts_with(['|', '>']);
    let is_below = !line.contains(": ") && !line.trim_end().ends_with(':');
    secret_fields(line).any(|value| !names_place(&value) && !is_block(&value))
        || is_below
            && before.is_some_and(|before| secret_fields(before).any(|value| is_block(&value)))
}

/// The values of the fields of a line that are named like secrets.
fn secret_fields(line: &str) -> impl Iterator<Item = String> {
    let line = line.to_ascii_lowercase();
    let values: Vec<String> = line
        .match_indices(':')
        .filter_map(|(colon, _)| {
            let (before, after) = line.split_at(colon);
            let name = before
                .trim_end_matches(['"', '\'', ' '])
                .rsplit([' ', ',', '{', '"', '\'', '?', '-'])
                .next()?;
            let is_secret = NAMES_OF_SECRETS.iter().any(|part| name.contains(part));
            is_secret.then(|| after.trim_start_matches(':').trim().to_owned())
        })
        .collect();
    values.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_gives_a_secret_is_not_shown() {
        for (line, hidden) in [
            ("  password: hunter2", true),
            ("  - { name: a, Pasword: 'hunter2", true),
            ("\"previousPassword\" : \"hunter2\",", true),
            ("  token:hunter2", true),
            ("  password: { env: NAME }", false),
            ("  tokens: [{ name: a, expiry: 1d }]", false),
            ("  tokens:", false),
            ("  name: secret", false),
            ("  partitions: many", false),
        ] {
            assert_eq!(seems_to_hold_secret(line, None), hidden, "{line}");
        }
        let below = |before| seems_to_hold_secret("    hunter2", Some(before));
        assert!(below("  password:") && below("- password: |"));
        assert!(!below("  name:"));
        assert!(!seems_to_hold_secret("  - name: ci", Some("  tokens:")));
    }
}
