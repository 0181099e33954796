//! A parsed document as a flat list of values that know where they stand.
//!
//! ```text
//!  entries:  map(7)  "a" "1"  "b" seq(3) "x" "y"        map and seq say how many
//!            └────────────────────────────────┘         entries they span
//! ```
//!
//! 16 bytes a value and no allocation per value: scalars point into the file,
//! or, when they had escapes or variables, into one side buffer.

mod build;
mod deserialize;
mod growing;
mod merge;
mod scalar;

pub(super) use build::{Limits, Outcome, Reader};
pub(super) use deserialize::Mismatch;
pub(super) use scalar::Scalar;

use std::sync::Arc;

use crate::diagnostic::{Origin, Place};

/// What an entry is; the lower bits of [`Entry::column_and_flags`].
const PLAIN: u32 = 0;
const QUOTED: u32 = 1;
const MAPPING: u32 = 2;
const SEQUENCE: u32 = 3;
const KIND: u32 = 3;
/// The text is in the side buffer.
const OWNED: u32 = 4;
/// A variable was replaced in it, so it takes the type that its field wants.
const SUBSTITUTED: u32 = 8;
/// Something is wrong with it that was already reported.
const POISONED: u32 = 16;
const FLAG_BITS: u32 = 8;
const MAX_COLUMN: u32 = (1 << (32 - FLAG_BITS)) - 1;

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Scalars: where the text begins.
    offset: u32,
    /// Scalars: bytes of text. Mappings and sequences: entries they span, themselves included.
    length: u32,
    /// From 1.
    line: u32,
    /// Column from 0 above the flags.
    column_and_flags: u32,
}

impl Entry {
    fn kind(&self) -> u32 {
        self.column_and_flags & KIND
    }

    fn has(&self, flag: u32) -> bool {
        self.column_and_flags & flag != 0
    }

    /// How many entries it spans, itself included.
    fn span(&self) -> usize {
        if self.kind() >= MAPPING {
            self.length as usize
        } else {
            1
        }
    }
}

/// One document.
#[derive(Debug)]
pub(super) struct Tree<'s> {
    file: Arc<str>,
    source: &'s str,
    owned: String,
    entries: Vec<Entry>,
    /// A sequence that reads as an empty one, see [`Tree::set_aside`].
    aside: Option<usize>,
}

impl Tree<'_> {
    /// The outermost value; `None` for an empty document.
    pub(super) fn root(&self) -> Option<Node<'_>> {
        (!self.entries.is_empty()).then_some(Node {
            tree: self,
            index: 0,
        })
    }
}

impl Tree<'_> {
    /// From now on this sequence reads into types as an empty one: its values
    /// are read one by one. [`Node::items`] still sees them.
    pub(super) fn set_aside(&mut self, sequence: Option<usize>) {
        self.aside = sequence;
    }

    /// Where the values of the sequence that was set aside are, in order.
    pub(super) fn take_aside(&mut self) -> Vec<usize> {
        let Some(index) = self.aside.take() else {
            return Vec::new();
        };
        self.node(index).items().map(|item| item.index).collect()
    }

    pub(super) fn node(&self, index: usize) -> Node<'_> {
        Node { tree: self, index }
    }

    /// Forgets this value and all after it.
    pub(super) fn truncate(&mut self, index: usize) {
        self.entries.truncate(index);
        if self.entries.len() < self.entries.capacity() / 2 {
            self.entries.shrink_to_fit();
        }
    }
}

/// A value of a [`Tree`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'t> {
    tree: &'t Tree<'t>,
    index: usize,
}

/// What kind of value a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Scalar,
    Mapping,
    Sequence,
}

impl<'t> Node<'t> {
    fn entry(&self) -> Entry {
        const NOTHING: Entry = Entry {
            offset: 0,
            length: 0,
            line: 1,
            column_and_flags: PLAIN,
        };
        self.tree
            .entries
            .get(self.index)
            .copied()
            .unwrap_or(NOTHING)
    }

    /// Its number in the tree, for [`Tree::node`].
    pub(super) fn index(&self) -> usize {
        self.index
    }

    pub(super) fn shape(&self) -> Shape {
        match self.entry().kind() {
            MAPPING => Shape::Mapping,
            SEQUENCE => Shape::Sequence,
            _ => Shape::Scalar,
        }
    }

    /// The text of a scalar, empty for anything else.
    pub(super) fn text(&self) -> &'t str {
        let entry = self.entry();
        if entry.kind() >= MAPPING {
            return "";
        }
        let buffer: &'t str = if entry.has(OWNED) {
            &self.tree.owned
        } else {
            self.tree.source
        };
        let start = entry.offset as usize;
        buffer
            .get(start..start + entry.length as usize)
            .unwrap_or_default()
    }

    /// What YAML takes a scalar for; text for anything else.
    pub(super) fn scalar(&self) -> Scalar<'t> {
        let entry = self.entry();
        if entry.kind() == PLAIN && !entry.has(SUBSTITUTED) {
            Scalar::resolve(self.text())
        } else {
            Scalar::Text(self.text())
        }
    }

    /// What a scalar is where a number or a boolean is wanted: a variable
    /// takes the type of its field, however it is quoted.
    pub(super) fn loose_scalar(&self) -> Scalar<'t> {
        if self.entry().has(SUBSTITUTED) {
            Scalar::resolve(self.text())
        } else {
            self.scalar()
        }
    }

    /// Whether something is wrong with it that was already reported.
    pub(super) fn is_poisoned(&self) -> bool {
        self.entry().has(POISONED)
    }

    /// Where it stands.
    pub(super) fn origin(&self) -> Origin {
        let entry = self.entry();
        Origin {
            file: Arc::clone(&self.tree.file),
            line: entry.line,
            column: (entry.column_and_flags >> FLAG_BITS) + 1,
        }
    }

    /// Where it stands, and how much to underline.
    pub(super) fn place(&self) -> Place {
        let entry = self.entry();
        let width = match entry.kind() {
            MAPPING | SEQUENCE => 1,
            // What was written is not what is there any more.
            _ if entry.has(SUBSTITUTED) || entry.has(POISONED) => 1,
            kind => self.text().chars().count() + if kind == QUOTED { 2 } else { 0 },
        };
        Place {
            origin: self.origin(),
            width: u32::try_from(width).unwrap_or(u32::MAX).max(1),
        }
    }

    /// The keys and values of a mapping; nothing for anything else.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (Node<'t>, Node<'t>)> + use<'t> {
        let mut children = self.children(MAPPING);
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The values of a sequence; nothing for anything else.
    pub(super) fn items(&self) -> impl Iterator<Item = Node<'t>> + use<'t> {
        self.children(SEQUENCE)
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<Node<'t>> {
        self.pairs()
            .find(|(name, _)| name.text() == key)
            .map(|(_, value)| value)
    }

    /// The key itself, for messages about it.
    pub(super) fn key(&self, key: &str) -> Option<Node<'t>> {
        self.pairs()
            .find(|(name, _)| name.text() == key)
            .map(|(name, _)| name)
    }

    fn children(&self, kind: u32) -> Children<'t> {
        let entry = self.entry();
        let next = self.index + 1;
        Children {
            tree: self.tree,
            next,
            end: if entry.kind() == kind {
                self.index + entry.span()
            } else {
                next
            },
        }
    }
}

/// The entries directly below one.
#[derive(Debug, Clone)]
struct Children<'t> {
    tree: &'t Tree<'t>,
    next: usize,
    end: usize,
}

impl<'t> Iterator for Children<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        (self.next < self.end).then(|| {
            let node = Node {
                tree: self.tree,
                index: self.next,
            };
            self.next += node.entry().span();
            node
        })
    }
}
