//! Writing to the terminal: standard output is data, standard error is for
//! people.

mod counter;
mod escape;
mod progress;
mod prompt;

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};

pub(crate) use counter::Counter;
pub(crate) use progress::Progress;
pub(crate) use prompt::{Answer, ask_number, confirm};

/// Whether to colour, as `--color` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Color {
    /// When it goes to a terminal and `NO_COLOR` is not set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The two streams of the process and what they can show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    color: Color,
}

impl Terminal {
    pub(crate) fn new(color: Color) -> Self {
        Self { color }
    }

    /// Whether what goes to standard output may hold colours.
    pub(crate) fn colors_output(self) -> bool {
        self.colors(AutoStream::choice(&io::stdout()))
    }

    /// Whether what goes to standard error may hold colours.
    pub(crate) fn colors_messages(self) -> bool {
        self.colors(AutoStream::choice(&io::stderr()))
    }

    fn colors(self, automatic: ColorChoice) -> bool {
        match self.color {
            Color::Auto => automatic != ColorChoice::Never,
            Color::Always => true,
            Color::Never => false,
        }
    }

    /// Whether a person can answer a question.
    pub(crate) fn is_interactive(self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether data goes to a terminal.
    pub(crate) fn shows_output(self) -> bool {
        io::stdout().is_terminal()
    }

    /// Whether a progress bar can be drawn.
    pub(crate) fn draws_progress(self) -> bool {
        io::stderr().is_terminal()
    }

    /// Writes data. A reader that has gone away (`| head`) is not an error.
    pub(crate) fn output(self, text: &str) -> io::Result<()> {
        ignore_broken_pipe(io::stdout().lock().write_all(text.as_bytes()))
    }

    /// Writes data that would be lost if nobody read it.
    pub(crate) fn output_or_fail(self, text: &str) -> io::Result<()> {
        let mut output = io::stdout().lock();
        output.write_all(text.as_bytes())?;
        output.flush()
    }

    /// Writes a line for a person.
    pub(crate) fn message(self, text: &str) {
        // Nothing is left to tell when standard error itself is gone.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Writes an error the way every command does.
    pub(crate) fn error(self, message: &str, hint: Option<&str>) {
        let (red, cyan, reset) = if self.colors_messages() {
            ("\u{1b}[1;31m", "\u{1b}[1;36m", "\u{1b}[0m")
        } else {
            ("", "", "")
        };
        if !message.is_empty() {
            self.message(&format!(
                "{red}error:{reset} {}",
                escape::keep_lines(message)
            ));
        }
        if let Some(hint) = hint {
            self.message(&format!("{cyan}hint:{reset} {}", escape::keep_lines(hint)));
        }
    }

    /// Writes a warning the way every command does.
    pub(crate) fn warning(self, message: &str) {
        let (yellow, reset) = if self.colors_messages() {
            ("\u{1b}[1;33m", "\u{1b}[0m")
        } else {
            ("", "")
        };
        self.message(&format!(
            "{yellow}warning:{reset} {}",
            escape::keep_lines(message)
        ));
    }
}

fn ignore_broken_pipe(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
