//! What a server has: as far as the desired state needs it, or all of it.
//!
//! One read brings a stream with all its topics and their settings, so a stream
//! costs one request however many topics it has. Consumer groups cost one
//! request for each topic that declares some and exists. A stream that may be
//! renamed is looked up by both names.

mod facts;
mod owned;
mod reads;
mod state;
mod survey;
mod tokens;
mod touched;
mod users;

pub use facts::observe_facts;
pub use owned::Reach;
pub use reads::ReadError;
pub use state::{Checks, observe, observe_and_check, observe_reaching};
pub use survey::{Depth, Survey, survey, survey_everything};
pub use touched::observe_touched;
pub use users::survey_access;
