//! What YAML says about the keys of one mapping: no key twice, and `<<`
//! brings in the keys of other mappings that are not given here.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Entry, MAPPING, Node, SEQUENCE, Shape, Tree};
use crate::diagnostic::{Code, Diagnostic};

/// Above this, comparing every key with every other costs more than a map.
const FEW_KEYS: usize = 12;

pub(super) fn refuse_duplicate_keys(
    tree: &Tree<'_>,
    index: usize,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mapping = Node { tree, index };
    if mapping.shape() != Shape::Mapping {
        return;
    }
    let count = mapping.pairs().count();
    if count <= FEW_KEYS {
        for (position, (key, _)) in mapping.pairs().enumerate() {
            let first = mapping
                .pairs()
                .take(position)
                .find(|(other, _)| other.text() == key.text());
            if let Some((first, _)) = first {
                diagnostics.push(duplicate(first, key));
            }
        }
        return;
    }
    let mut seen: BTreeMap<&str, Node<'_>> = BTreeMap::new();
    for (key, _) in mapping.pairs() {
        if let Some(first) = seen.get(key.text()) {
            diagnostics.push(duplicate(*first, key));
        } else {
            seen.insert(key.text(), key);
        }
    }
}

fn duplicate(first: Node<'_>, second: Node<'_>) -> Diagnostic {
    Diagnostic::error(
        Code::DuplicateKey,
        format!("the field `{}` is given twice", second.text()),
    )
    .at(second.place())
    .related(first.place(), "first given here")
}

/// Where the values of a mapping went when its keys were merged.
pub(super) struct Moved(Vec<(Range<usize>, usize)>);

impl Moved {
    /// Where the values of `range` are now; those before the mapping `index` did not move.
    pub(super) fn find(&self, index: usize, range: &Range<usize>) -> Option<Range<usize>> {
        if range.start < index {
            return Some(range.clone());
        }
        self.0
            .iter()
            .find(|(old, _)| old.start <= range.start && range.end <= old.end)
            .map(|(old, new)| {
                let start = new + (range.start - old.start);
                start..start + range.len()
            })
    }
}

/// Replaces `<<` of the mapping at `index`, the last value of the tree, by the
/// keys that it brings. The first mapping that has a key wins.
pub(super) fn merge_keys(
    tree: &mut Tree<'_>,
    index: usize,
    diagnostics: &mut Vec<Diagnostic>,
) -> Moved {
    let end = tree.entries.len();
    if let Some(entry) = tree.entries.get_mut(index) {
        entry.length = u32::try_from(end - index).unwrap_or(u32::MAX);
    }
    let mut merged: Vec<Entry> = Vec::new();
    let mut moved = Moved(Vec::new());
    {
        let mapping = Node { tree, index };
        let (brought, own): (Vec<_>, Vec<_>) = mapping
            .pairs()
            .partition(|(key, _)| key.text() == "<<" && key.shape() == Shape::Scalar);
        let mut names: Vec<&str> = Vec::new();
        let mut keep = |key: Node<'_>, value: Node<'_>| {
            for node in [key, value] {
                let range = node.index..node.index + node.entry().span();
                let entries = tree.entries.get(range.clone()).unwrap_or_default();
                moved.0.push((range, index + 1 + merged.len()));
                merged.extend_from_slice(entries);
            }
        };
        for (key, value) in own {
            names.push(key.text());
            keep(key, value);
        }
        for (_, value) in brought {
            let sources: Vec<Node<'_>> = match value.entry().kind() {
                MAPPING => vec![value],
                SEQUENCE => value.items().collect(),
                _ => vec![value],
            };
            for source in sources {
                if source.shape() != Shape::Mapping {
                    diagnostics.push(
                        Diagnostic::error(Code::UnsupportedYaml, "`<<` merges mappings only")
                            .at(source.place())
                            .expected("an alias of a mapping, such as `<<: *defaults`"),
                    );
                    continue;
                }
                for (key, value) in source.pairs() {
                    if !names.contains(&key.text()) {
                        names.push(key.text());
                        keep(key, value);
                    }
                }
            }
        }
    }
    tree.entries.truncate(index + 1);
    tree.entries.append(&mut merged);
    moved
}
