//! A live server written down as a manifest: minimal (what the server would
//! choose by itself is left out), ordered, with comments, and planning it
//! against the same server is empty.

mod left_out;
mod live;
mod manifest;
mod scalar;
mod users;

pub use left_out::{LeftOut, NotExported};
pub use live::{ExportError, export};
pub use manifest::Export;
