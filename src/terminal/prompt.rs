//! The question before an apply.

use std::io::{self, BufRead, Write};

/// What a person answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Exactly `yes`.
    Yes,
    /// Anything else, or the end of the input.
    No,
}

/// Asks for a number on standard error; `None` when the answer is none.
pub(crate) fn ask_number(question: &str) -> io::Result<Option<u32>> {
    let line = answer(&format!("{question}\n  The number: "))?;
    Ok(line.trim().parse().ok())
}

/// Asks on standard error and reads a line of standard input. Only the word
/// `yes` counts, as with terraform: a stray key must not change a server.
pub(crate) fn confirm(question: &str) -> io::Result<Answer> {
    let line = answer(&format!("{question}\n  Only `yes` is accepted: "))?;
    Ok(if line.trim() == "yes" {
        Answer::Yes
    } else {
        Answer::No
    })
}

/// The line that a person writes. Others may write messages until then.
fn answer(question: &str) -> io::Result<String> {
    let mut messages = io::stderr().lock();
    write!(messages, "{question}")?;
    messages.flush()?;
    drop(messages);
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}
