//! What a project says that it owns.

use std::collections::BTreeMap;

use super::tree::Node;
use crate::api::v1alpha1::{Owns, StreamName};
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::name::{NamePattern, NamePatternSet, RESERVED_STREAM_PREFIX};

/// Most entries with `*` or `?`: each name is held against all of them.
const MAX_PATTERNS: usize = 256;

/// The names and patterns of `owns`, in time linear in their number.
pub(super) fn rules(owns: &Owns, node: Node<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let nodes = |field| node.get(field).into_iter().flat_map(|list| list.items());
    let mut limit = PatternLimit::default();
    let mut streams = OwnedStreams::default();
    for (text, node) in owns.streams.iter().zip(nodes("streams")) {
        if !limit.takes(text, node, diagnostics) {
            continue;
        }
        if let Err(reason) = check_stream(text) {
            diagnostics.push(bad_pattern(text, &reason, node));
            continue;
        }
        if let Some(first) = streams.add(text, node.place()) {
            diagnostics.push(overlap(text, node.place(), first));
        }
    }
    let patterns = match NamePatternSet::new(streams.patterns.iter().map(|(text, _)| *text)) {
        Ok(patterns) => patterns,
        Err(reason) => {
            // Each of them is a pattern; together they are too much.
            diagnostics.push(bad_pattern("streams", &reason.to_string(), node));
            return;
        }
    };
    let mut topics: BTreeMap<&str, Place> = BTreeMap::new();
    for (text, node) in owns.topics.iter().zip(nodes("topics")) {
        let Some((stream, topic)) = text.split_once('/') else {
            diagnostics.push(bad_pattern(text, "it has no `/`", node));
            continue;
        };
        if !limit.takes(text, node, diagnostics) {
            continue;
        }
        if let Err(reason) = check_stream(stream).and_then(|()| check(topic)) {
            diagnostics.push(bad_pattern(text, &reason, node));
            continue;
        }
        if let Some(first) = streams.owner(stream, &patterns) {
            diagnostics.push(overlap(text, node.place(), first));
        } else if let Some(first) = topics.get(text.as_str()) {
            diagnostics.push(overlap(text, node.place(), first));
        }
        topics.insert(text, node.place());
    }
    users(owns, node, &mut limit, diagnostics);
}

fn users(owns: &Owns, node: Node<'_>, limit: &mut PatternLimit, diagnostics: &mut Vec<Diagnostic>) {
    let nodes = node.get("users").into_iter().flat_map(|list| list.items());
    let mut patterns = Vec::new();
    for (text, node) in owns.users.iter().zip(nodes) {
        if !limit.takes(text, node, diagnostics) {
            continue;
        }
        if let Err(reason) = check(text) {
            diagnostics.push(bad_pattern(text, &reason, node));
        } else if NamePattern::is_pattern(text) {
            patterns.push(text.as_str());
        }
    }
    if let Err(reason) = NamePatternSet::new(patterns) {
        diagnostics.push(bad_pattern("users", &reason.to_string(), node));
    }
}

/// Names and patterns of streams, in their order.
#[derive(Default)]
struct OwnedStreams<'o> {
    places: Vec<Place>,
    positions: BTreeMap<&'o str, usize>,
    patterns: Vec<(&'o str, usize)>,
}

impl<'o> OwnedStreams<'o> {
    /// Adds an entry; the place of the first one that says the same.
    fn add(&mut self, text: &'o str, place: Place) -> Option<&Place> {
        if let Some(first) = self.positions.get(text) {
            return self.places.get(*first);
        }
        self.positions.insert(text, self.places.len());
        if NamePattern::is_pattern(text) {
            self.patterns.push((text, self.places.len()));
        }
        self.places.push(place);
        None
    }

    /// The first entry that owns a stream, or every stream of a pattern.
    fn owner(&self, stream: &str, patterns: &NamePatternSet) -> Option<&Place> {
        let named = self.positions.get(stream).copied();
        let matching = patterns
            .first_match(stream)
            .and_then(|position| self.patterns.get(position))
            .map(|(_, position)| *position);
        let first = match (named, matching) {
            (Some(named), Some(matching)) => named.min(matching),
            (first, None) | (None, first) => first?,
        };
        self.places.get(first)
    }
}

/// Counts entries that are patterns.
#[derive(Default)]
struct PatternLimit {
    count: usize,
}

impl PatternLimit {
    /// Whether the entry is within the limit; the first one that is not is said.
    fn takes(&mut self, text: &str, node: Node<'_>, diagnostics: &mut Vec<Diagnostic>) -> bool {
        if !NamePattern::is_pattern(text) {
            return true;
        }
        self.count += 1;
        if self.count == MAX_PATTERNS + 1 {
            diagnostics.push(
                Diagnostic::error(
                    Code::TooManyPatterns,
                    format!("`owns` has more than {MAX_PATTERNS} patterns"),
                )
                .at(node.place())
                .expected(format!("at most {MAX_PATTERNS}, and any number of names"))
                .hint("use wider patterns, or names; this is the first pattern too many"),
            );
        }
        self.count <= MAX_PATTERNS
    }
}

fn check_stream(text: &str) -> Result<(), String> {
    if text.starts_with(RESERVED_STREAM_PREFIX) {
        return Err(format!(
            "streams that begin with `{RESERVED_STREAM_PREFIX}` are the tool's own"
        ));
    }
    if NamePattern::is_pattern(text) {
        return check(text);
    }
    text.parse::<StreamName>()
        .map(|_| ())
        .map_err(|error| error.to_string())
}

/// A name needs no pattern compiled, and there may be many of them.
fn check(text: &str) -> Result<(), String> {
    if NamePattern::is_pattern(text) {
        text.parse::<NamePattern>()
            .map(|_| ())
            .map_err(|error| error.to_string())
    } else {
        NamePattern::check_text(text).map_err(|error| error.to_string())
    }
}

fn bad_pattern(pattern: &str, reason: &str, node: Node<'_>) -> Diagnostic {
    Diagnostic::error(
        Code::OwnsPattern,
        format!("the pattern `{pattern}` cannot be used: {reason}"),
    )
    .at(node.place())
    .expected("a name or a pattern with `*` and `?`, for topics `stream/topic`")
}

fn overlap(pattern: &str, place: Place, first: &Place) -> Diagnostic {
    Diagnostic::warning(Code::OwnsOverlap, format!("`{pattern}` is owned already"))
        .at(place)
        .related(first.clone(), "by this")
}
