//! From an address to a client of the SDK that is logged in.
//!
//! The SDK's own connection strings are not used: they cannot carry an `@` in a
//! password. The bare transport clients are used rather than `IggyClient`, which
//! adds a task that pings every 5 s for ever.

use std::num::TryFromIntError;
use std::sync::Arc;

use iggy::prelude::{
    AutoLogin, Client, ClientWrapper, HttpClient, HttpClientConfig, IggyDuration, IggyError,
    NonZeroIggyDuration, PersonalAccessTokenClient, QuicClient, QuicClientConfig,
    QuicClientReconnectionConfig, TcpClient, TcpClientConfig, TcpClientReconnectionConfig,
    UserClient, WebSocketClient, WebSocketClientConfig, WebSocketClientReconnectionConfig,
};
use iggy_common::BinaryTransport;

use super::errors::words;
use crate::connect::{ConnectionOptions, Credentials, RemoteAddress, Transport};

/// Why there is no session, as far as the SDK says.
#[derive(Debug)]
pub(crate) enum LoginFailure {
    /// A CA file that cannot be read, a domain that is none, a number that does
    /// not fit.
    Configuration { reason: String },
    /// No connection, for reasons that the SDK only logs.
    CannotConnect,
    /// There was a connection, and it was lost without an answer to the login.
    NoAnswer,
    /// The server speaks another version; packed as the wire packs it.
    IncompatibleProtocol { client: u32, min: u32, max: u32 },
    /// The server does not let this user in.
    CredentialsRefused { code: u32 },
    /// Something else.
    Refused { code: u32, reason: String },
}

impl LoginFailure {
    fn new(error: &IggyError) -> Self {
        match error {
            IggyError::InvalidServerAddress
            | IggyError::InvalidClientAddress
            | IggyError::InvalidIpAddress(..)
            | IggyError::InvalidTlsDomain
            | IggyError::InvalidTlsCertificatePath
            | IggyError::InvalidTlsCertificate
            | IggyError::FailedToAddCertificate
            | IggyError::InvalidConfiguration
            | IggyError::CannotCreateEndpoint => Self::Configuration {
                reason: words(error),
            },
            IggyError::CannotEstablishConnection
            | IggyError::NotConnected
            | IggyError::QuicError
            | IggyError::InvalidHttpRequest
            | IggyError::WebSocketConnectionError => Self::CannotConnect,
            IggyError::IncompatibleProtocolVersion(client, min, max) => {
                Self::IncompatibleProtocol {
                    client: *client,
                    min: *min,
                    max: *max,
                }
            }
            // 43 and 44: a name or password of impossible length, refused by the
            // SDK before sending. 40 is how the SDK reports an inactive user.
            IggyError::InvalidCredentials
            | IggyError::InvalidUsername
            | IggyError::InvalidPassword
            | IggyError::InvalidPersonalAccessToken
            | IggyError::PersonalAccessTokenExpired(..)
            | IggyError::UserInactive
            | IggyError::Unauthenticated
            | IggyError::HttpResponseError(401 | 403, _) => Self::CredentialsRefused {
                code: error.as_code(),
            },
            IggyError::Disconnected
            | IggyError::EmptyResponse
            | IggyError::StaleClient
            | IggyError::TcpError
            | IggyError::ConnectionClosed
            | IggyError::InvalidBytesResponse
            | IggyError::WebSocketError
            | IggyError::WebSocketCloseError
            | IggyError::WebSocketReceiveError
            | IggyError::WebSocketSendError => Self::NoAnswer,
            other => Self::Refused {
                code: other.as_code(),
                reason: words(other),
            },
        }
    }
}

impl From<TryFromIntError> for LoginFailure {
    fn from(error: TryFromIntError) -> Self {
        Self::Configuration {
            reason: error.to_string(),
        }
    }
}

/// Connects and logs in. Has no deadline of its own; the caller has.
pub(crate) async fn log_in(
    address: &RemoteAddress,
    credentials: &Credentials,
) -> Result<ClientWrapper, LoginFailure> {
    let client = build(address)?;
    client
        .connect()
        .await
        .map_err(|error| LoginFailure::new(&error))?;
    let login = match credentials {
        Credentials::Password { username, password } => {
            client.login_user(username, password.expose()).await
        }
        Credentials::Token(token) => {
            client
                .login_with_personal_access_token(token.expose())
                .await
        }
    };
    login.map_err(|error| LoginFailure::new(&error))?;
    Ok(client)
}

/// Reconnection: one pass, so that the SDK never retries for ever. It stays
/// enabled because with it switched off the SDK turns every code of a lost
/// session, also "inactive user", into "disconnected".
const PASSES_AFTER_THE_FIRST: u32 = 0;

fn build(address: &RemoteAddress) -> Result<ClientWrapper, LoginFailure> {
    let failed = |error: IggyError| LoginFailure::new(&error);
    let interval = NonZeroIggyDuration::ONE_SECOND;
    let server_address = address.authority();
    Ok(match address.transport {
        Transport::Tcp => {
            let config = TcpClientConfig {
                server_address,
                tls_enabled: address.options.tls.is_some(),
                tls_domain: tls_domain(address),
                tls_ca_file: tls_ca_file(address),
                tls_validate_certificate: validate_certificate(address),
                auto_login: AutoLogin::Disabled,
                reconnection: TcpClientReconnectionConfig {
                    enabled: true,
                    max_retries: Some(PASSES_AFTER_THE_FIRST),
                    interval,
                    reestablish_after: IggyDuration::from(0),
                },
                nodelay: true,
                ..TcpClientConfig::default()
            };
            ClientWrapper::Tcp(TcpClient::create(Arc::new(config)).map_err(failed)?)
        }
        Transport::WebSocket => {
            let mut config = WebSocketClientConfig {
                server_address,
                tls_enabled: address.options.tls.is_some(),
                tls_domain: tls_domain(address),
                tls_ca_file: tls_ca_file(address),
                tls_validate_certificate: validate_certificate(address),
                auto_login: AutoLogin::Disabled,
                reconnection: WebSocketClientReconnectionConfig {
                    enabled: true,
                    max_retries: Some(PASSES_AFTER_THE_FIRST),
                    interval,
                    reestablish_after: IggyDuration::from(0),
                },
                ..WebSocketClientConfig::default()
            };
            web_socket_numbers(&mut config, &address.options)?;
            ClientWrapper::WebSocket(WebSocketClient::create(Arc::new(config)).map_err(failed)?)
        }
        Transport::Quic => {
            let mut config = QuicClientConfig {
                // The SDK's default, 127.0.0.1, reaches this machine only.
                client_address: if address.host.contains(':') {
                    "[::]:0".to_owned()
                } else {
                    "0.0.0.0:0".to_owned()
                },
                server_address,
                auto_login: AutoLogin::Disabled,
                validate_certificate: validate_certificate(address),
                reconnection: QuicClientReconnectionConfig {
                    enabled: true,
                    max_retries: Some(PASSES_AFTER_THE_FIRST),
                    interval,
                    reestablish_after: IggyDuration::from(0),
                },
                ..QuicClientConfig::default()
            };
            if config.validate_certificate {
                config.server_name.clone_from(&address.host);
            }
            quic_numbers(&mut config, &address.options)?;
            ClientWrapper::Quic(QuicClient::create(Arc::new(config)).map_err(failed)?)
        }
        Transport::Http => {
            let config = HttpClientConfig {
                api_url: format!("http://{server_address}"),
                // It retries what may have been done, too; who uses the client
                // knows what may be done twice.
                retries: 0,
                ..HttpClientConfig::default()
            };
            ClientWrapper::Http(HttpClient::create(Arc::new(config)).map_err(failed)?)
        }
    })
}

fn tls_domain(address: &RemoteAddress) -> String {
    address
        .options
        .tls
        .as_ref()
        .and_then(|tls| tls.domain.clone())
        .unwrap_or_else(|| address.host.clone())
}

fn tls_ca_file(address: &RemoteAddress) -> Option<String> {
    let tls = address.options.tls.as_ref()?;
    let file = tls.ca_file.as_ref()?;
    Some(file.to_string_lossy().into_owned())
}

fn validate_certificate(address: &RemoteAddress) -> bool {
    address
        .options
        .tls
        .as_ref()
        .is_none_or(|tls| tls.validate_certificate)
}

fn quic_numbers(
    config: &mut QuicClientConfig,
    options: &ConnectionOptions,
) -> Result<(), LoginFailure> {
    for &(name, number) in &options.numbers {
        match name {
            "response_buffer_size" => config.response_buffer_size = number,
            "max_concurrent_bidi_streams" => config.max_concurrent_bidi_streams = number,
            "datagram_send_buffer_size" => config.datagram_send_buffer_size = number,
            "initial_mtu" => config.initial_mtu = u16::try_from(number)?,
            "send_window" => config.send_window = number,
            "receive_window" => config.receive_window = number,
            "keep_alive_interval" => config.keep_alive_interval = number,
            "max_idle_timeout" => config.max_idle_timeout = number,
            _ => {}
        }
    }
    Ok(())
}

fn web_socket_numbers(
    config: &mut WebSocketClientConfig,
    options: &ConnectionOptions,
) -> Result<(), LoginFailure> {
    let socket = &mut config.ws_config;
    if let Some(accept) = options.accept_unmasked_frames {
        socket.accept_unmasked_frames = accept;
    }
    for &(name, number) in &options.numbers {
        let number = Some(usize::try_from(number)?);
        match name {
            "read_buffer_size" => socket.read_buffer_size = number,
            "write_buffer_size" => socket.write_buffer_size = number,
            "max_write_buffer_size" => socket.max_write_buffer_size = number,
            "max_message_size" => socket.max_message_size = number,
            "max_frame_size" => socket.max_frame_size = number,
            _ => {}
        }
    }
    Ok(())
}

/// One request by its code, for what the SDK's typed calls cannot say.
pub(super) async fn send_raw(
    client: &ClientWrapper,
    code: u32,
    payload: bytes::Bytes,
) -> Result<bytes::Bytes, IggyError> {
    match client {
        ClientWrapper::Tcp(client) => client.send_raw_with_response(code, payload).await,
        ClientWrapper::Quic(client) => client.send_raw_with_response(code, payload).await,
        ClientWrapper::WebSocket(client) => client.send_raw_with_response(code, payload).await,
        ClientWrapper::Iggy(_) | ClientWrapper::Http(_) => Err(IggyError::FeatureUnavailable),
    }
}
