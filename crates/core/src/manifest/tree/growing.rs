//! A document while the parser's events come in.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use granit_parser::Span;

use super::{Entry, FLAG_BITS, MAPPING, MAX_COLUMN, Node, OWNED, PLAIN, Tree, merge};
use crate::diagnostic::{Code, Diagnostic};

/// A mapping or sequence whose end was not seen yet.
pub(super) struct Open {
    pub(super) index: usize,
    pub(super) anchor: usize,
    children: usize,
    /// Where the last complete child begins.
    pub(super) last_child: usize,
    /// Whether a key was `<<`.
    merges: bool,
}

/// One document while its events come.
pub(super) struct Document<'s> {
    pub(super) tree: Tree<'s>,
    pub(super) open: Vec<Open>,
    pub(super) anchors: BTreeMap<usize, Range<usize>>,
}

impl<'s> Document<'s> {
    pub(super) fn new(file: Arc<str>, source: &'s str) -> Self {
        Self {
            tree: Tree {
                file,
                source,
                owned: String::new(),
                entries: Vec::new(),
                aside: None,
            },
            open: Vec::new(),
            anchors: BTreeMap::new(),
        }
    }

    /// A mapping or sequence begins.
    pub(super) fn begin(&mut self, kind: u32, anchor: usize, span: &Span) {
        let index = self.push(0, 0, kind, span);
        self.open.push(Open {
            index,
            anchor,
            children: 0,
            last_child: index,
            merges: false,
        });
    }

    pub(super) fn push(&mut self, offset: u32, length: u32, flags: u32, span: &Span) -> usize {
        let column = u32::try_from(span.start.col())
            .unwrap_or(MAX_COLUMN)
            .min(MAX_COLUMN);
        let index = self.tree.entries.len();
        if let Some(open) = self.open.last_mut() {
            open.last_child = index;
        }
        self.tree.entries.push(Entry {
            offset,
            length,
            line: u32::try_from(span.start.line()).unwrap_or(u32::MAX),
            column_and_flags: column << FLAG_BITS | flags,
        });
        index
    }

    pub(super) fn expects_key(&self) -> bool {
        self.open.last().is_some_and(|open| {
            open.children.is_multiple_of(2)
                && self
                    .tree
                    .entries
                    .get(open.index)
                    .is_some_and(|entry| entry.kind() == MAPPING)
        })
    }

    pub(super) fn remember(&mut self, anchor: usize, range: Range<usize>) {
        if anchor != 0 {
            self.anchors.insert(anchor, range);
        }
    }

    /// A value inside the innermost open one is complete.
    pub(super) fn completed(&mut self, diagnostics: &mut Vec<Diagnostic>) {
        let is_key = self.expects_key();
        let Some(open) = self.open.last_mut() else {
            return;
        };
        open.children += 1;
        if !is_key {
            return;
        }
        let index = open.last_child;
        let Some(key) = self.tree.entries.get(index) else {
            return;
        };
        if key.kind() >= MAPPING {
            diagnostics.push(
                Diagnostic::error(Code::UnsupportedYaml, "a key cannot be a list or a mapping")
                    .at(Node {
                        tree: &self.tree,
                        index,
                    }
                    .place())
                    .hint("quote a value that begins with `{`, `[` or `?`"),
            );
        } else if key.kind() == PLAIN && key.length == 2 {
            let start = key.offset as usize;
            open.merges |= !key.has(OWNED) && self.tree.source.get(start..start + 2) == Some("<<");
        }
    }

    pub(super) fn close(&mut self, open: &Open, diagnostics: &mut Vec<Diagnostic>) {
        if open.merges {
            let moved = merge::merge_keys(&mut self.tree, open.index, diagnostics);
            self.anchors
                .retain(|_, range| match moved.find(open.index, range) {
                    Some(place) => {
                        *range = place;
                        true
                    }
                    None => false,
                });
        }
        let end = self.tree.entries.len();
        if let Some(entry) = self.tree.entries.get_mut(open.index) {
            entry.length = u32::try_from(end - open.index).unwrap_or(u32::MAX);
        }
        if let Some(parent) = self.open.last_mut() {
            parent.last_child = open.index;
        }
        merge::refuse_duplicate_keys(&self.tree, open.index, diagnostics);
    }
}
