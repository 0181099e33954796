//! Small things that every message needs, so that all say them alike.

mod count;
mod nearest;
mod time;

pub use count::{counted, noun};
pub use nearest::nearest;
pub use time::time_of_server;
