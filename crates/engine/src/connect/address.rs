use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use iggyctl_core::secret::Secret;

use super::address_parser::{self, AddressParseError};
use super::options::ConnectionOptions;

/// Where the server is. `Debug` and `Display` show no credential.
///
/// ```text
/// iggy://user:password@host:8090?tls=true&tls_ca_file=ca.pem
/// iggy+ws://TOKEN@[::1]:8092
/// embedded
/// embedded:DIR
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerAddress {
    /// A server to connect to.
    Remote(RemoteAddress),
    /// A server in this process; whoever holds the address starts it.
    Embedded {
        /// Where it keeps its state; in memory without one.
        directory: Option<PathBuf>,
    },
}

/// A server to connect to, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteAddress {
    /// How to talk to it.
    pub transport: Transport,
    /// A host name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// As whom; none when the address does not say.
    pub credentials: Option<Credentials>,
    /// What the address says after the question mark.
    pub options: ConnectionOptions,
}

/// How to talk to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP, with or without TLS.
    Tcp,
    /// QUIC.
    Quic,
    /// HTTP: for messages only, see
    /// [`ConnectError::HttpIsForMessages`](super::ConnectError::HttpIsForMessages).
    Http,
    /// WebSocket, with or without TLS.
    WebSocket,
}

/// As whom to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user and a password.
    Password {
        /// The user's name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A personal access token.
    Token(Secret),
}

impl Transport {
    /// The port that a server uses unless it is told otherwise.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Tcp => 8090,
            Self::Quic => 8080,
            Self::Http => 3000,
            Self::WebSocket => 8092,
        }
    }

    fn scheme(self) -> &'static str {
        match self {
            Self::Tcp => "iggy",
            Self::Quic => "iggy+quic",
            Self::Http => "iggy+http",
            Self::WebSocket => "iggy+ws",
        }
    }
}

impl RemoteAddress {
    /// `host:port`, with brackets around an IPv6 address.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for ServerAddress {
    type Err = AddressParseError;

    fn from_str(text: &str) -> Result<Self, AddressParseError> {
        address_parser::parse(text)
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote(remote) => write!(formatter, "{remote}"),
            Self::Embedded { directory: None } => formatter.write_str("embedded"),
            Self::Embedded {
                directory: Some(directory),
            } => write!(formatter, "embedded:{}", directory.display()),
        }
    }
}

impl fmt::Display for RemoteAddress {
    /// Without user, password, token and options: `iggy://host:8090`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}://{}",
            self.transport.scheme(),
            self.authority()
        )
    }
}
