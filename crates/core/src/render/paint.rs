use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// What a piece of text is, as far as its colour goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Role {
    Plain,
    Faint,
    Strong,
    Create,
    Update,
    Rename,
    Blocked,
    Warning,
    Loss,
}

impl Role {
    fn style(self) -> Style {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Self::Plain => Style::new(),
            Self::Faint => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
            Self::Create => color(AnsiColor::Green),
            Self::Update | Self::Warning => color(AnsiColor::Yellow),
            Self::Rename => color(AnsiColor::Cyan),
            Self::Blocked | Self::Loss => color(AnsiColor::Red).bold(),
        }
    }
}

/// Text with its colour, or without where none is wanted.
pub(super) fn paint(color: bool, role: Role, text: impl Display) -> String {
    let style = if color { role.style() } else { Style::new() };
    format!("{style}{text}{style:#}")
}
