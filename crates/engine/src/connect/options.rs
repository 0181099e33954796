use std::path::PathBuf;

use super::address::Transport;

/// What an address says after the question mark.
///
/// Options of the official clients that steer their heartbeat and their endless
/// reconnection (`heartbeat_interval`, `reconnection_*`, `reestablish_after`)
/// are accepted and have no effect: iggyctl bounds both itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// TLS, when it is asked for. Always on for QUIC, where only
    /// [`TlsOptions::validate_certificate`] counts.
    pub tls: Option<TlsOptions>,
    /// Switch Nagle's algorithm off (TCP).
    pub nodelay: bool,
    /// Numbers for QUIC and WebSocket, by the name of the option.
    pub(crate) numbers: Vec<(&'static str, u64)>,
    /// Whether to accept unmasked frames (WebSocket).
    pub(crate) accept_unmasked_frames: Option<bool>,
}

/// How to check who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsOptions {
    /// The name that the certificate must be for; the host of the address when
    /// there is none.
    pub domain: Option<String>,
    /// A file with the certificates (PEM) of the authorities to trust; the usual
    /// public ones when there is none.
    pub ca_file: Option<PathBuf>,
    /// Whether the certificate is checked at all.
    pub validate_certificate: bool,
}

/// Why an option was refused. Never carries the value, which may be a secret
/// that a mistake put there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// Not an option of this transport.
    #[error("`{name}` is not an option of this transport; known are {}", known.join(", "))]
    Unknown {
        /// As written.
        name: String,
        /// The options there are.
        known: Vec<&'static str>,
    },
    /// Not `name=value`.
    #[error("an option is written `name=value`")]
    Malformed,
    /// The value does not fit.
    #[error("the option `{name}` needs {expected}")]
    Value {
        /// The option.
        name: &'static str,
        /// What would have been right.
        expected: &'static str,
    },
}

#[derive(Clone, Copy)]
enum Kind {
    Tls,
    TlsDomain,
    TlsCaFile,
    TlsValidate,
    NoDelay,
    Number { max: u64 },
    AcceptUnmasked,
    WithoutEffect,
}

const SIZE: Kind = Kind::Number { max: u64::MAX };

/// The options of the official connection strings (`iggy_common` 0.11.0,
/// `*_connection_string_options.rs`), plus `tls_validate_certificate` for TCP,
/// which the official builder has and the official string lacks.
const TCP: &[(&str, Kind)] = &[
    ("tls", Kind::Tls),
    ("tls_domain", Kind::TlsDomain),
    ("tls_ca_file", Kind::TlsCaFile),
    ("tls_validate_certificate", Kind::TlsValidate),
    ("nodelay", Kind::NoDelay),
    ("reconnection_retries", Kind::WithoutEffect),
    ("reconnection_interval", Kind::WithoutEffect),
    ("reestablish_after", Kind::WithoutEffect),
    ("heartbeat_interval", Kind::WithoutEffect),
];
const QUIC: &[(&str, Kind)] = &[
    ("validate_certificate", Kind::TlsValidate),
    ("response_buffer_size", SIZE),
    ("max_concurrent_bidi_streams", SIZE),
    ("datagram_send_buffer_size", SIZE),
    ("initial_mtu", Kind::Number { max: 65_535 }),
    ("send_window", SIZE),
    ("receive_window", SIZE),
    ("keep_alive_interval", SIZE),
    ("max_idle_timeout", SIZE),
    ("reconnection_max_retries", Kind::WithoutEffect),
    ("reconnection_interval", Kind::WithoutEffect),
    ("reconnection_reestablish_after", Kind::WithoutEffect),
    ("heartbeat_interval", Kind::WithoutEffect),
];
const HTTP: &[(&str, Kind)] = &[
    ("retries", Kind::WithoutEffect),
    ("heartbeat_interval", Kind::WithoutEffect),
];
const WEB_SOCKET: &[(&str, Kind)] = &[
    ("tls", Kind::Tls),
    ("tls_domain", Kind::TlsDomain),
    ("tls_ca_file", Kind::TlsCaFile),
    ("tls_validate_certificate", Kind::TlsValidate),
    ("read_buffer_size", SIZE),
    ("write_buffer_size", SIZE),
    ("max_write_buffer_size", SIZE),
    ("max_message_size", SIZE),
    ("max_frame_size", SIZE),
    ("accept_unmasked_frames", Kind::AcceptUnmasked),
    ("reconnection_retries", Kind::WithoutEffect),
    ("reconnection_interval", Kind::WithoutEffect),
    ("reestablish_after", Kind::WithoutEffect),
    ("heartbeat_interval", Kind::WithoutEffect),
];

impl ConnectionOptions {
    /// Reads decoded `name`, `value` pairs.
    pub(super) fn from_pairs(
        transport: Transport,
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, OptionError> {
        let known = match transport {
            Transport::Tcp => TCP,
            Transport::Quic => QUIC,
            Transport::Http => HTTP,
            Transport::WebSocket => WEB_SOCKET,
        };
        let mut options = Self::default();
        let mut tls_enabled = transport == Transport::Quic;
        let mut tls = TlsOptions {
            domain: None,
            ca_file: None,
            // The official default for QUIC, whose servers sign for themselves.
            validate_certificate: transport != Transport::Quic,
        };
        for (name, value) in pairs {
            let Some(&(name, kind)) = known.iter().find(|(known, _)| *known == name) else {
                return Err(OptionError::Unknown {
                    name,
                    known: known.iter().map(|(name, _)| *name).collect(),
                });
            };
            match kind {
                Kind::Tls => tls_enabled = boolean(name, &value)?,
                Kind::TlsDomain => tls.domain = Some(value).filter(|value| !value.is_empty()),
                Kind::TlsCaFile => tls.ca_file = Some(PathBuf::from(value)),
                Kind::TlsValidate => tls.validate_certificate = boolean(name, &value)?,
                Kind::NoDelay => options.nodelay = boolean(name, &value)?,
                Kind::AcceptUnmasked => {
                    options.accept_unmasked_frames = Some(boolean(name, &value)?);
                }
                Kind::Number { max } => {
                    let number = value.parse().ok().filter(|number| *number <= max);
                    let number = number.ok_or(OptionError::Value {
                        name,
                        expected: "a number that fits",
                    })?;
                    options.numbers.push((name, number));
                }
                Kind::WithoutEffect => {}
            }
        }
        options.tls = tls_enabled.then_some(tls);
        Ok(options)
    }
}

fn boolean(name: &'static str, value: &str) -> Result<bool, OptionError> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(OptionError::Value {
            name,
            expected: "`true` or `false`",
        }),
    }
}
