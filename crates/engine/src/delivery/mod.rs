//! Where the values of access tokens go.
//!
//! A server shows the value of a token once, in the reply that creates it. So
//! that none is ever lost unnoticed, a sink is told before the token is created,
//! and again with the value:
//!
//! ```text
//!  begin ──▶ (created on the server) ──▶ deliver ──▶ (predecessor revoked) ──▶ finish
//! ```
//!
//! Whatever happens in between, [`TokenSinks::read`] then tells what was begun
//! and not delivered.

mod disk;
mod error;
mod file;
mod no_sinks;
mod record;
#[cfg(test)]
mod tests;
mod value_file;

pub use error::SinkError;
pub use file::{FileSinks, NewFile};
pub use no_sinks::NoSinks;
pub use record::{NOTE_SUFFIX, NewToken, Note, NoteError, NoteRefusal};

use std::future::Future;

use iggyctl_core::access::TokenSlot;
use iggyctl_core::address::Address;
use iggyctl_core::quantity::MessageExpiry;
use iggyctl_core::secret::Secret;
use iggyctl_core::state::desired_token::TokenDestination;
use iggyctl_core::state::observed_token::SinkContent;

/// The sinks of one run: files, or Secrets of a Kubernetes cluster.
pub trait TokenSinks: Send + Sync {
    /// What is there, without the value. Changes nothing. What cannot be read
    /// is an answer, too.
    fn read(&self, destination: &TokenDestination) -> impl Future<Output = SinkContent> + Send;

    /// The value that is there, if there is one that iggyctl wrote.
    ///
    /// # Errors
    /// When it cannot be read.
    fn value(
        &self,
        destination: &TokenDestination,
    ) -> impl Future<Output = Result<Option<Secret>, SinkError>> + Send;

    /// Notes that a token is about to be created. Once this returns, the note
    /// outlives a crash of this machine. What was delivered before stays.
    ///
    /// # Errors
    /// When the note is not known to be there; then nothing may be created.
    fn begin(
        &self,
        destination: &TokenDestination,
        beginning: &Beginning<'_>,
    ) -> impl Future<Output = Result<(), SinkError>> + Send;

    /// Writes a value in place of the one before, for nobody but the owner to
    /// read, and then notes that this one is delivered and nothing is pending.
    ///
    /// # Errors
    /// When the value is not known to be there; then what was begun stays
    /// noted.
    fn deliver(
        &self,
        destination: &TokenDestination,
        delivery: &Delivery<'_>,
    ) -> impl Future<Output = Result<(), SinkError>> + Send;

    /// Notes that the predecessor was revoked.
    ///
    /// # Errors
    /// When the note is not known to be there; revoking again is harmless.
    fn finish(
        &self,
        destination: &TokenDestination,
    ) -> impl Future<Output = Result<(), SinkError>> + Send;
}

/// The user of a token, in a way that a rename does not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenOwner<'a> {
    /// When the server created it, in microseconds since the Unix epoch.
    pub created_at_micros: u64,
    /// Which server, as iggyctl was told where to find it.
    pub server: Option<&'a str>,
}

/// A token that is about to be created.
#[derive(Debug, Clone, Copy)]
pub struct Beginning<'a> {
    /// The token as it is declared.
    pub token: &'a Address,
    /// Whose it is.
    pub owner: TokenOwner<'a>,
    /// Whether what is there was that of a user that is no more, and goes.
    pub takes_over: bool,
    /// Which of its names it will have.
    pub slot: TokenSlot,
    /// Its predecessor, when that is to be revoked as soon as this one is
    /// delivered.
    pub revokes: Option<TokenSlot>,
}

/// A token that was created.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The token as it is declared.
    pub token: &'a Address,
    /// Whose it is.
    pub owner: TokenOwner<'a>,
    /// Which of its names it has.
    pub slot: TokenSlot,
    /// How long it was declared to be valid.
    pub expiry: MessageExpiry,
    /// Its predecessor, when that is to be revoked now.
    pub revokes: Option<TokenSlot>,
    /// The value.
    pub value: &'a Secret,
}
