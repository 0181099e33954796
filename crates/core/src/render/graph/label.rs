//! Names as they are drawn.

use crate::name::ResourceName;
use crate::render::escape;

/// A name may have 255 bytes; the whole one is where the mouse is.
const LONGEST: usize = 32;

/// A name in the picture.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub(super) name: ResourceName,
    /// What is drawn: the middle of a long name is left out, since names of one
    /// topology begin alike.
    pub(super) text: String,
}

impl Label {
    pub(super) fn of(name: &ResourceName) -> Self {
        let whole = escape(name.as_str());
        let count = whole.chars().count();
        let text = if count <= LONGEST {
            whole.into_owned()
        } else {
            let half = LONGEST / 2;
            let start: String = whole.chars().take(half).collect();
            let end: String = whole.chars().skip(count - half + 1).collect();
            format!("{start}…{end}")
        };
        Self {
            name: name.clone(),
            text,
        }
    }

    pub(super) fn width(&self) -> f32 {
        text_width(&self.text)
    }
}

/// Roughly, in the font of the picture: there is no font to measure with.
pub(super) fn text_width(text: &str) -> f32 {
    text.chars()
        .map(|character| if character.is_ascii() { 7.3 } else { 13.0 })
        .sum()
}
