//! Market data by symbol: a replayer, followers that check what they get, and a load
//! run.

pub mod book;
pub mod follow;
pub mod generate;
pub mod percentiles;
pub mod replay;
pub mod update;

use iggyctl_messaging::{Connection, MessagingError};

/// The stream of `topology.yaml`; its topics are [`update::Topic`].
pub const STREAM: &str = "market";

/// A connection to `IGGY_CONNECTION_STRING`, as for `iggyctl`.
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
