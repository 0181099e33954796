use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use iggyctl_engine::connect::{AddressParseError, RemoteAddress, ServerAddress, TlsOptions};

/// Where a server is: the same words as on the command line.
///
/// ```
/// use iggyctl_messaging::connection::Endpoint;
///
/// let endpoint: Endpoint = "iggy://user:p%40ss@broker.example:8090?tls=true".parse()?;
/// assert!(!endpoint.to_string().contains("p%40ss"));
/// assert!("embedded:/var/lib/iggy".parse::<Endpoint>().is_ok());
/// # Ok::<(), iggyctl_messaging::MessagingError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A server in this process, started with the first message, stopped by
    /// [`Connection::shutdown`](super::Connection::shutdown).
    Embedded {
        /// Where it keeps its data; in memory without one.
        directory: Option<PathBuf>,
    },
    /// A server to connect to.
    Remote(RemoteAddress),
}

impl From<ServerAddress> for Endpoint {
    fn from(address: ServerAddress) -> Self {
        match address {
            ServerAddress::Remote(remote) => Self::Remote(remote),
            ServerAddress::Embedded { directory } => Self::Embedded { directory },
        }
    }
}

impl From<RemoteAddress> for Endpoint {
    fn from(remote: RemoteAddress) -> Self {
        Self::Remote(remote)
    }
}

impl FromStr for Endpoint {
    type Err = crate::MessagingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address: Result<ServerAddress, AddressParseError> = text.parse();
        Ok(address?.into())
    }
}

impl fmt::Display for Endpoint {
    /// Without credentials.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded { directory } => ServerAddress::Embedded {
                directory: directory.clone(),
            }
            .fmt(formatter),
            Self::Remote(remote) => remote.fmt(formatter),
        }
    }
}

/// Whom to trust. What an address says about TLS wins over this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings(TlsOptions);

impl TlsSettings {
    /// The public authorities.
    #[must_use]
    pub fn public_authorities() -> Self {
        Self(TlsOptions {
            domain: None,
            ca_file: None,
            validate_certificate: true,
        })
    }

    /// The authorities in a file of certificates (PEM), and no others.
    #[must_use]
    pub fn authorities_of(ca_file: impl Into<PathBuf>) -> Self {
        let mut settings = Self::public_authorities();
        settings.0.ca_file = Some(ca_file.into());
        settings
    }

    /// The name that the certificate must be for, when it is not the host's.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.0.domain = Some(domain.into());
        self
    }

    /// Anybody who answers: encrypted, and open to whoever stands in between. For
    /// tests, and nothing else.
    #[must_use]
    pub fn dangerously_trust_anybody() -> Self {
        let mut settings = Self::public_authorities();
        settings.0.validate_certificate = false;
        settings
    }

    pub(super) fn apply_to(&self, remote: &mut RemoteAddress) {
        if remote.options.tls.is_none() {
            remote.options.tls = Some(self.0.clone());
        }
    }
}
