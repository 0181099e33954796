//! Names as the SDK wants them.

use iggy::prelude::Identifier;

use crate::error::MessagingError;

/// The name of something, never its number, even where it consists of digits.
///
/// # Errors
/// A name that the server does not take; `what` says of what.
pub(crate) fn named(name: &str, what: &'static str) -> Result<Identifier, MessagingError> {
    Identifier::named(name).map_err(|_| MessagingError::Setting {
        setting: what,
        expected: "needs a name of 1 to 255 bytes",
    })
}
