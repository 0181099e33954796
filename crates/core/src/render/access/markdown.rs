//! Tables of GitHub's markdown.

use super::overview::AccessSource;
use super::reason::{Reason, place};
use crate::access::Scope;
use crate::name::ResourceName;
use crate::render::scope_text::scope_text;

/// A table whose first column has names in it.
pub(super) struct Table {
    text: String,
    is_empty: bool,
}

impl Table {
    pub(super) fn new(columns: impl Iterator<Item = String>) -> Self {
        let columns: Vec<String> = columns.collect();
        Self {
            text: format!(
                "| {} |\n|{}\n",
                columns.join(" | "),
                "---|".repeat(columns.len())
            ),
            is_empty: true,
        }
    }

    /// A line; `cells` are markdown already.
    pub(super) fn row(&mut self, name: &str, cells: impl Iterator<Item = String>) {
        self.is_empty = false;
        self.text.push_str(&format!("| {} |", literal(name)));
        for cell in cells {
            self.text.push_str(&format!(" {cell} |"));
        }
        self.text.push('\n');
    }

    /// The whole document.
    pub(super) fn document(self, title: &str, source: AccessSource, notes: &[String]) -> String {
        let title = literal(title);
        let mut text = format!("## {title}\n\nWho may do what, {}.\n", source.text());
        if !self.is_empty {
            text.push_str(&format!("\n{}", self.text));
        }
        for note in notes {
            text.push_str(&format!("\n{}\n", literal(note)));
        }
        text
    }
}

/// The words that give a right, with where they are granted unless it is `here`.
pub(super) fn cell(because: &[Reason], here: &Scope<ResourceName>) -> String {
    let reasons: Vec<String> = because
        .iter()
        .map(|reason| {
            let Reason {
                on,
                words,
                preset,
                origin,
            } = reason;
            let mut text = words
                .iter()
                .map(|word| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(" or ");
            if on != here {
                text.push_str(&format!(" on {}", literal(&scope_text(on.as_ref()))));
            }
            if let Some(preset) = preset {
                text.push_str(&format!(" (preset {preset})"));
            }
            if let Some(origin) = origin {
                text.push_str(&format!(", {}", literal(&place(origin))));
            }
            text
        })
        .collect();
    reasons.join("<br>")
}

/// A text that no reader of markdown takes for markup.
pub(in crate::render) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if "\\`*_[]<>|#~&$!@".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
