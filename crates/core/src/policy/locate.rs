//! From a character of a text to the place in the file where it is written.

use crate::diagnostic::Origin;
use crate::manifest::WrittenText;

/// Where the character `index` of a text is written.
///
/// YAML has five ways to write a text, with quotes, escapes, indentation and line
/// breaks that mean nothing. What they have in common is that everything but
/// blanks is written in the order in which it is meant; so the two are walked
/// side by side by what is no blank. Where that fails, such as after `\u0041`,
/// it is the beginning of the text.
pub(super) fn locate(written: &WrittenText, index: usize) -> Origin {
    // The end of a text is said to be at its last character.
    let characters = written.text.chars().enumerate();
    let last = characters.filter(|(_, character)| !character.is_whitespace());
    let index = last.last().map_or(index, |(last, _)| index.min(last));
    find(written, index).unwrap_or_else(|| written.origin.clone())
}

fn find(written: &WrittenText, index: usize) -> Option<Origin> {
    let WrittenText {
        text,
        origin,
        written,
    } = written;
    let mut cursor = Cursor {
        rest: written,
        line: origin.line,
        column: 1,
    };
    for _ in 1..origin.column {
        cursor.next()?;
    }
    let quote = match cursor.peek()? {
        '|' | '>' => {
            // The rest of the line are indicators.
            while cursor.next()? != '\n' {}
            None
        }
        quote @ ('"' | '\'') => {
            cursor.next()?;
            Some(quote)
        }
        _ => None,
    };
    let mut meant = text.chars().enumerate().peekable();
    loop {
        while meant.next_if(|(_, meant)| meant.is_whitespace()).is_some() {}
        while cursor.peek()?.is_whitespace() {
            cursor.next()?;
        }
        let (at, character) = meant.next()?;
        let is_escape = match quote {
            Some('"') => cursor.peek()? == '\\',
            Some('\'') => cursor.peek()? == '\'',
            _ => false,
        };
        if is_escape {
            cursor.next()?;
        }
        // A blank that is asked for is said to be where the next character is.
        if at >= index {
            return Some(Origin {
                file: origin.file.clone(),
                line: cursor.line,
                column: cursor.column,
            });
        }
        if cursor.next()? != character {
            return None;
        }
    }
}

struct Cursor<'t> {
    rest: &'t str,
    line: u32,
    column: u32,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.rest = self.rest.get(character.len_utf8()..)?;
        if character == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(character)
    }
}
