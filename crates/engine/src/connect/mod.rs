//! How to reach a server: its address, the connection, and what is wrong when
//! there is none.
//!
//! ```text
//!  text ──parse──▶ ServerAddress ──connect──▶ SdkBroker ◀──lease── ConnectionPool ◀── Fleet
//!                                   └─ fails ─▶ diagnosis (raw sockets) ─▶ ConnectError
//! ```
//!
//! Everything ends within one deadline, whatever the SDK does: by default it
//! retries a dead address for ever, and waits 30 s for a server of another
//! protocol generation, which never answers.

mod address;
mod address_parser;
mod diagnosis;
mod error;
mod fleet;
mod options;
mod passwords;
mod pool;
mod provider;
mod reconnect;
mod requests;
mod server;

pub use address::{Credentials, RemoteAddress, ServerAddress, Transport};
pub use address_parser::AddressParseError;
pub use error::ConnectError;
pub(crate) use fleet::Fleet;
pub use options::{ConnectionOptions, OptionError, TlsOptions};
pub use passwords::{
    LoginCheck, PasswordAnswer, PasswordQuestion, check_password, check_passwords,
};
pub use pool::{Connect, ConnectionPool, Lease, LoginChange};
pub use provider::install_crypto_provider;
pub use requests::RequestCount;
pub use server::{ConnectSettings, ServerConnector, connect, open_client};
