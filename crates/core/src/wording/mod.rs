//! Small things that every message needs, so that all say them alike.

mod count;
mod nearest;

pub use count::{counted, noun};
pub use nearest::nearest;
