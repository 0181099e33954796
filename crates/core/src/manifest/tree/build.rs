use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use granit_parser::{
    ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput, Tag,
};

use super::growing::Document;
use super::{MAPPING, OWNED, PLAIN, POISONED, QUOTED, SEQUENCE, SUBSTITUTED, Tree};
use crate::diagnostic::{Code, Diagnostic, Origin, Place};
use crate::manifest::variables::{SubstitutionError, Variables, substitute};

/// What one file may cost.
#[derive(Debug, Clone, Copy)]
pub(in crate::manifest) struct Limits {
    /// Nested values.
    pub(in crate::manifest) depth: usize,
    /// Values that aliases may repeat.
    pub(in crate::manifest) repeated_values: usize,
    /// Bytes of text that aliases may repeat and variables may insert.
    pub(in crate::manifest) repeated_bytes: usize,
}

impl Limits {
    /// A manifest has less than ten levels, and the largest server takes a
    /// million streams; both limits leave room and bound the memory.
    pub(in crate::manifest) const DEFAULT: Self = Self {
        depth: 64,
        repeated_values: 1_000_000,
        repeated_bytes: 64 << 20,
    };
}

/// What the next document of a file turned out to be.
#[derive(Debug)]
pub(in crate::manifest) enum Outcome<'s> {
    /// It was read; mistakes inside it may have been reported.
    Document(Tree<'s>),
    /// It is no YAML, which was reported; later documents may be fine.
    Broken,
}

/// The documents of one file, one after the other.
pub(in crate::manifest) struct Reader<'s, 'v> {
    file: Arc<str>,
    source: &'s str,
    parser: Parser<'s, StrInput<'s>>,
    variables: &'v Variables,
    /// Every variable that was met.
    named: BTreeSet<String>,
    limits: Limits,
    repeated_values: usize,
    repeated_bytes: usize,
    done: bool,
}

impl<'s, 'v> Reader<'s, 'v> {
    pub(in crate::manifest) fn new(
        file: Arc<str>,
        source: &'s str,
        variables: &'v Variables,
        limits: Limits,
    ) -> Self {
        let mut options = Options::default();
        options.flow_nesting_limit = limits.depth;
        options.block_nesting_limit = limits.depth;
        options.set_emit_comments(false);
        Self {
            file,
            source,
            parser: Parser::new_from_str_with_options(source, options),
            variables,
            named: BTreeSet::new(),
            limits,
            repeated_values: 0,
            repeated_bytes: 0,
            done: false,
        }
    }

    /// The variables that were met so far.
    pub(in crate::manifest) fn into_named(self) -> BTreeSet<String> {
        self.named
    }

    /// The next document, or `None` at the end of the file. What is wrong with
    /// it is added to `diagnostics`.
    pub(in crate::manifest) fn next_document(
        &mut self,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Outcome<'s>> {
        if self.done {
            return None;
        }
        let mut document = Document::new(Arc::clone(&self.file), self.source);
        loop {
            let result = match self.parser.next_event() {
                None | Some(Ok((Event::StreamEnd, _))) => {
                    self.done = true;
                    return None;
                }
                Some(Ok((Event::DocumentEnd, _))) => return Some(Outcome::Document(document.tree)),
                Some(Ok((event, span))) => self.take(&mut document, event, span, diagnostics),
                Some(Err(error)) => Err(Box::new(self.syntax(&error))),
            };
            if let Err(diagnostic) = result {
                diagnostics.push(*diagnostic);
                self.done = !matches!(self.parser.proceed_next_document(), Ok(true));
                return Some(Outcome::Broken);
            }
        }
    }

    /// Takes one event into the document. An error ends the document; what
    /// does not is added to `diagnostics`.
    fn take(
        &mut self,
        document: &mut Document<'s>,
        event: Event<'s>,
        span: Span,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Result<(), Box<Diagnostic>> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tagged = self.tag(tag.as_deref(), &span, diagnostics);
                let plain = style == ScalarStyle::Plain && !tagged;
                self.scalar(document, text, plain, &span, diagnostics)?;
                let index = document.tree.entries.len() - 1;
                document.remember(anchor, index..index + 1);
                document.completed(diagnostics);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), &span, diagnostics);
                self.open(document, SEQUENCE, anchor, &span)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), &span, diagnostics);
                self.open(document, MAPPING, anchor, &span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = document.open.pop() else {
                    return Ok(());
                };
                document.close(&open, diagnostics);
                document.remember(open.anchor, open.index..document.tree.entries.len());
                document.completed(diagnostics);
            }
            Event::Alias(anchor) => {
                self.alias(document, anchor, &span)?;
                document.completed(diagnostics);
            }
            _ => {}
        }
        Ok(())
    }

    fn open(
        &self,
        document: &mut Document<'s>,
        kind: u32,
        anchor: usize,
        span: &Span,
    ) -> Result<(), Box<Diagnostic>> {
        if document.open.len() >= self.limits.depth {
            return Err(Box::new(self.too_deep(place(&self.file, span, 1))));
        }
        document.begin(kind, anchor, span);
        Ok(())
    }

    fn scalar(
        &mut self,
        document: &mut Document<'s>,
        text: Cow<'s, str>,
        plain: bool,
        span: &Span,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Result<(), Box<Diagnostic>> {
        let kind = if plain { PLAIN } else { QUOTED };
        let is_key = document.expects_key();
        let (text, flags) = if !is_key && text.contains("${") {
            match substitute(&text, self.variables, &mut self.named) {
                Ok(text) => (Cow::Owned(text), SUBSTITUTED),
                Err(error) => {
                    let width = width(&text, span);
                    let place = place(&self.file, span, width);
                    diagnostics.push(substitution_error(&error).at(place));
                    (text, POISONED)
                }
            }
        } else {
            (text, 0)
        };
        let borrowed = match &text {
            Cow::Borrowed(text) => offset_in(self.source, text),
            Cow::Owned(_) => None,
        };
        let too_large = || Box::new(self.too_many(place(&self.file, span, 1)));
        let length = u32::try_from(text.len()).map_err(|_| too_large())?;
        let (offset, owned) = match borrowed {
            Some(offset) => (offset, 0),
            None => {
                let offset = document.tree.owned.len();
                if offset + text.len() > self.source.len() + self.limits.repeated_bytes {
                    return Err(too_large());
                }
                document.tree.owned.push_str(&text);
                (offset, OWNED)
            }
        };
        let offset = u32::try_from(offset).map_err(|_| too_large())?;
        document.push(offset, length, kind | flags | owned, span);
        Ok(())
    }

    /// Repeats what an anchor names, within the limits.
    fn alias(
        &mut self,
        document: &mut Document<'s>,
        anchor: usize,
        span: &Span,
    ) -> Result<(), Box<Diagnostic>> {
        let here = || place(&self.file, span, 1);
        let Some(range) = document.anchors.get(&anchor).cloned() else {
            let diagnostic = Diagnostic::error(
                Code::UnsupportedYaml,
                "an alias cannot stand inside the value that it repeats",
            );
            return Err(Box::new(diagnostic.at(here())));
        };
        self.repeated_values += range.len();
        if self.repeated_values > self.limits.repeated_values {
            return Err(Box::new(self.too_many(here())));
        }
        let first = document.tree.entries.len();
        if let Some(open) = document.open.last_mut() {
            open.last_child = first;
        }
        let mut ends: Vec<usize> = Vec::new();
        for index in range {
            let Some(entry) = document.tree.entries.get(index).copied() else {
                break;
            };
            while ends.last().is_some_and(|end| *end <= index) {
                ends.pop();
            }
            if entry.kind() >= MAPPING {
                ends.push(index + entry.span());
                if document.open.len() + ends.len() > self.limits.depth {
                    return Err(Box::new(self.too_deep(here())));
                }
            } else {
                self.repeated_bytes += entry.length as usize;
            }
            document.tree.entries.push(entry);
        }
        if self.repeated_bytes > self.limits.repeated_bytes {
            return Err(Box::new(self.too_many(here())));
        }
        Ok(())
    }

    /// Whether a tag makes a text of the scalar; a tag of somebody's own is refused.
    fn tag(&self, tag: Option<&Tag>, span: &Span, diagnostics: &mut Vec<Diagnostic>) -> bool {
        let Some(tag) = tag else { return false };
        if tag.is_yaml_core_schema() && tag.core_suffix().is_some() {
            return tag.is_yaml_core_schema_tag("str");
        }
        let place = place(&self.file, span, 1);
        let tag = tag.original();
        if tag == "!" {
            return true;
        }
        diagnostics.push(
            // Not repeated: it may be a password that begins with `!`.
            Diagnostic::error(Code::UnsupportedYaml, "this tag means nothing here")
                .at(place)
                .hint("remove the tag, or quote a text that begins with `!`"),
        );
        false
    }

    fn too_deep(&self, place: Place) -> Diagnostic {
        let message = format!("more than {} levels of nesting", self.limits.depth);
        Diagnostic::error(Code::TooDeep, message).at(place)
    }

    fn too_many(&self, place: Place) -> Diagnostic {
        let message = format!(
            "aliases and variables repeat more than {} values or {} MiB",
            self.limits.repeated_values,
            self.limits.repeated_bytes >> 20
        );
        Diagnostic::error(Code::TooManyValues, message)
            .at(place)
            .hint("write the values out, or use fewer aliases of aliases")
    }

    fn syntax(&self, error: &ScanError) -> Diagnostic {
        let marker = error.marker();
        let place = Place {
            origin: origin(&self.file, marker.line(), marker.col()),
            width: 1,
        };
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => self.too_deep(place),
            ErrorKind::UnknownAnchor => Diagnostic::error(
                Code::Syntax,
                "the alias names no anchor that stands before it",
            )
            .at(place)
            .hint("quote a text that begins with `*`"),
            kind => {
                let message = kind.to_string();
                // The parser has one kind of error for each context of a tab.
                let is_tab = message.contains("tab");
                let diagnostic = Diagnostic::error(Code::Syntax, message).at(place);
                if is_tab {
                    diagnostic.hint("indent with spaces: YAML takes no tab there")
                } else {
                    diagnostic
                }
            }
        }
    }
}

fn substitution_error(error: &SubstitutionError) -> Diagnostic {
    match error {
        SubstitutionError::Unknown { name, nearest } => {
            let diagnostic = Diagnostic::error(
                Code::UnknownVariable,
                format!("the variable `{name}` has no value"),
            );
            match nearest {
                Some(nearest) => diagnostic.hint(format!(
                    "did you mean `${{{nearest}}}`? Otherwise give it a value with `--set {name}=…`"
                )),
                None => diagnostic.hint(format!(
                    "give it a value with `--set {name}=…`, `--values FILE` or `IGGYCTL_VAR_{name}`, \
                     or a default with `${{{name}:-…}}`"
                )),
            }
        }
        SubstitutionError::Syntax { found } => {
            Diagnostic::error(Code::VariableSyntax, format!("`{found}` is not a variable"))
                .expected("`${name}` or `${name:-default}`")
                .hint("write `$${` for a literal `${`")
        }
    }
}

/// Where a text that was borrowed from the source begins in it.
fn offset_in(source: &str, text: &str) -> Option<usize> {
    let offset = (text.as_ptr() as usize).checked_sub(source.as_ptr() as usize)?;
    (source.get(offset..offset + text.len())? == text).then_some(offset)
}

fn origin(file: &Arc<str>, line: usize, column_from_zero: usize) -> Origin {
    Origin {
        file: Arc::clone(file),
        line: u32::try_from(line).unwrap_or(u32::MAX).max(1),
        column: u32::try_from(column_from_zero)
            .unwrap_or(u32::MAX - 1)
            .saturating_add(1),
    }
}

fn place(file: &Arc<str>, span: &Span, width: usize) -> Place {
    Place {
        origin: origin(file, span.start.line(), span.start.col()),
        width: u32::try_from(width).unwrap_or(u32::MAX).max(1),
    }
}

fn width(text: &str, span: &Span) -> usize {
    if span.start.line() == span.end.line() {
        span.end.col().saturating_sub(span.start.col())
    } else {
        text.chars().count()
    }
}
