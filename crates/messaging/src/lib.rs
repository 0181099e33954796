//! Messages.

pub mod codec;
pub mod compression;
pub mod connection;
pub mod encryption;
mod error;
mod headers;

pub use compression::Compression;
pub use connection::Connection;
pub use encryption::Encryption;
pub use error::{MessagingError, Reaction, classify, words};
pub use headers::{CONTENT_TYPE, Headers};
