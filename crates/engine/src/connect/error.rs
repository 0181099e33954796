use std::time::Duration;

/// Why there is no session, each with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Administration over HTTP was asked for. The SDK's HTTP client keeps three
    /// error codes and drops the others, and puts names into paths without
    /// encoding them.
    #[error(
        "HTTP cannot be used to administer a server: the client loses error codes and does not encode names. Use iggy:// (TCP, port 8090), iggy+quic:// or iggy+ws://"
    )]
    HttpIsForMessages,
    /// Neither the address nor anything else says as whom.
    #[error("no credentials for {address}: write them into the address or give them separately")]
    NoCredentials {
        /// The address, without credentials.
        address: String,
    },
    /// An option of the address cannot be used, for example a CA file that
    /// cannot be read.
    #[error("the options of {address} cannot be used: {reason}")]
    Configuration {
        /// The address, without credentials.
        address: String,
        /// Why.
        reason: String,
    },
    /// The host name means no address.
    #[error("the host name `{host}` cannot be resolved: {reason}")]
    NameNotResolved {
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// The host refuses the connection.
    #[error("nothing listens on {address}: is the server running, and is this its port?")]
    NothingListens {
        /// The address, without credentials.
        address: String,
    },
    /// The host does not answer at all.
    #[error("{address} cannot be reached: {reason}")]
    NotReachable {
        /// The address, without credentials.
        address: String,
        /// What the operating system said.
        reason: String,
    },
    /// The server says which versions it accepts, and ours is not one.
    #[error(
        "{address} speaks another protocol version: it accepts {min} to {max}, iggyctl speaks {client}"
    )]
    IncompatibleProtocol {
        /// The address, without credentials.
        address: String,
        /// Our version.
        client: String,
        /// The oldest that it accepts.
        min: String,
        /// The newest that it accepts.
        max: String,
    },
    /// It answers in the framing of the generation before ours.
    #[error(
        "{address} is a server of an earlier generation (0.8 or older): iggyctl speaks the protocol of server 0.9, and client and server upgrade together"
    )]
    FormerGeneration {
        /// The address, without credentials.
        address: String,
    },
    /// Nothing answers over UDP, which does not tell why.
    #[error(
        "nothing answers on {address}: is QUIC enabled on the server, and is this its UDP port (8080 unless configured otherwise)?"
    )]
    NothingAnswersQuic {
        /// The address, without credentials.
        address: String,
    },
    /// It closes the connection when it gets a login, or says something that is
    /// not Iggy's protocol.
    #[error(
        "{address} {answer}: probably it is the port of another service or transport (TCP is 8090, WebSocket 8092 unless configured otherwise)"
    )]
    NotIggy {
        /// The address, without credentials.
        address: String,
        /// What it does, as the words after the address.
        answer: &'static str,
    },
    /// The port speaks Iggy over plain TCP, and another transport was asked for.
    #[error(
        "{address} speaks Iggy over TCP: write iggy:// instead of the scheme of another transport"
    )]
    TcpPort {
        /// The address, without credentials.
        address: String,
    },
    /// It accepts connections and says nothing, as a server that is overloaded
    /// or of a generation that we do not know.
    #[error(
        "{address} accepts connections but does not answer a login (waited {waited:.1?}): probably {instead}it is a server of another generation (iggyctl speaks the protocol of server 0.9), or it is overloaded"
    )]
    NoAnswer {
        /// The address, without credentials.
        address: String,
        /// How long the login had.
        waited: Duration,
        /// What else it may be, because of how it was asked; words that go on.
        instead: &'static str,
    },
    /// The server does not let this user in.
    #[error("{address} refuses the login of {login} (code {code}): {hint}")]
    CredentialsRefused {
        /// The address, without credentials.
        address: String,
        /// ``user `name` `` or `the access token`.
        login: String,
        /// The server's code.
        code: u32,
        /// What it may mean.
        hint: &'static str,
    },
    /// TLS was asked for and the port speaks none.
    #[error("{address} does not speak TLS: leave out `tls=true`, or use the port that has TLS")]
    PlainPort {
        /// The address, without credentials.
        address: String,
    },
    /// No TLS was asked for and the port wants it.
    #[error(
        "{address} wants TLS: add `?tls=true` to the address (and `tls_ca_file=…` if its certificate is not from a public authority)"
    )]
    TlsPort {
        /// The address, without credentials.
        address: String,
    },
    /// TLS works and the certificate does not convince.
    #[error(
        "the certificate of {address} is not trusted: {reason}; name its authority with `tls_ca_file=…` and its name with `tls_domain=…`"
    )]
    CertificateNotTrusted {
        /// The address, without credentials.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The port speaks HTTP.
    #[error(
        "{address} speaks HTTP: administration uses the TCP port (8090 unless configured otherwise)"
    )]
    HttpPort {
        /// The address, without credentials.
        address: String,
    },
    /// The server refused for another reason.
    #[error("{address} refuses the login: {reason} (code {code})")]
    Refused {
        /// The address, without credentials.
        address: String,
        /// The code.
        code: u32,
        /// The code in words.
        reason: String,
    },
}

impl ConnectError {
    /// Whether the same attempt may succeed a moment later, as with a server
    /// that is being restarted.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NameNotResolved { .. }
            | Self::NothingListens { .. }
            | Self::NotReachable { .. }
            | Self::NothingAnswersQuic { .. }
            | Self::NotIggy { .. }
            | Self::NoAnswer { .. }
            | Self::Refused { .. } => true,
            Self::HttpIsForMessages
            | Self::NoCredentials { .. }
            | Self::Configuration { .. }
            | Self::IncompatibleProtocol { .. }
            | Self::FormerGeneration { .. }
            | Self::TcpPort { .. }
            | Self::CredentialsRefused { .. }
            | Self::PlainPort { .. }
            | Self::TlsPort { .. }
            | Self::CertificateNotTrusted { .. }
            | Self::HttpPort { .. } => false,
        }
    }
}
