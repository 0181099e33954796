//! Domain events of many tenants, for several services that know nothing of each other.

pub mod event;
pub mod format;
pub mod health;
pub mod publish;
pub mod redrive;
pub mod service;

use iggyctl_messaging::{Connection, MessagingError};

/// The stream of `topology.yaml`.
pub const STREAM: &str = "shop";
/// What happened, for all services.
pub const EVENTS: &str = "events";

/// What a service could not handle.
#[must_use]
pub fn dead_letters_of(group: &str) -> String {
    format!("dead-{group}")
}

/// A connection to where `IGGY_CONNECTION_STRING` says: a server, or `embedded` for one
/// in this process. Nothing else differs between the two.
///
/// # Errors
/// A text that is not an address.
pub fn connect() -> Result<Connection, MessagingError> {
    let server = std::env::var("IGGY_CONNECTION_STRING");
    Connection::open(
        server
            .as_deref()
            .unwrap_or("iggy://iggy:iggy@127.0.0.1:8090"),
    )
}
