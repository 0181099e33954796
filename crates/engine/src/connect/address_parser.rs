//! Reads an address. The official parser splits on literal separators and
//! decodes nothing, so a password with `@` or `:` cannot be written there, and
//! an IPv6 address neither. Here every part may be percent-encoded, and what the
//! official one accepts means the same.

use std::net::Ipv6Addr;
use std::path::PathBuf;

use iggyctl_core::secret::Secret;
use percent_encoding::percent_decode_str;

use super::address::{Credentials, RemoteAddress, ServerAddress, Transport};
use super::options::{ConnectionOptions, OptionError};

/// Why a text is not an address. Shows no part that may hold a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressParseError {
    /// No scheme that is known.
    #[error(
        "a server address starts with iggy://, iggy+tcp://, iggy+quic://, iggy+http:// or iggy+ws://, or is `embedded` or `embedded:DIR`"
    )]
    UnknownScheme,
    /// `embedded:` without a folder after it.
    #[error("`embedded:` needs a folder after the colon")]
    NoDirectory,
    /// More than one `@` before the options.
    #[error("more than one `@`: write an `@` inside a user, password or token as %40")]
    ManyAts,
    /// The part before `@` has nothing in it, or nothing before the colon.
    #[error("expected `user:password@` or `token@` before the host")]
    BadCredentials,
    /// No host, or one that cannot be.
    #[error("expected a host name, an IPv4 address or an IPv6 address in brackets after the `@`")]
    BadHost,
    /// Not a port.
    #[error("expected a port (1 to 65535) after the host and a colon")]
    BadPort,
    /// Something after the port.
    #[error("nothing may follow the port except `?` and options")]
    Path,
    /// A `%` without two hexadecimal digits after it.
    #[error(
        "a `%` that is not followed by two hexadecimal digits: expected percent-encoding such as %40 for `@`, and %25 for `%` itself"
    )]
    BadEncoding,
    /// Percent-encoding that is not UTF-8.
    #[error("percent-encoded bytes that are not UTF-8")]
    NotUtf8,
    /// An option that does not fit.
    #[error(transparent)]
    Option(#[from] OptionError),
}

pub(super) fn parse(text: &str) -> Result<ServerAddress, AddressParseError> {
    let text = text.trim();
    if text == "embedded" {
        return Ok(ServerAddress::Embedded { directory: None });
    }
    if let Some(directory) = text.strip_prefix("embedded:") {
        if directory.is_empty() {
            return Err(AddressParseError::NoDirectory);
        }
        return Ok(ServerAddress::Embedded {
            directory: Some(PathBuf::from(directory)),
        });
    }
    let (scheme, rest) = text
        .split_once("://")
        .ok_or(AddressParseError::UnknownScheme)?;
    // Schemes are the same in any case (RFC 3986, 3.1).
    let transport = match scheme.to_ascii_lowercase().as_str() {
        "iggy" | "iggy+tcp" => Transport::Tcp,
        "iggy+quic" => Transport::Quic,
        "iggy+http" => Transport::Http,
        "iggy+ws" => Transport::WebSocket,
        _ => return Err(AddressParseError::UnknownScheme),
    };

    // Like the official parser, the first `@` ends the credentials, so that a
    // token with `/` and `?` in it needs no encoding. A value of an option may
    // hold an `@` then, but not when there are no credentials.
    let (credentials, rest) = match rest.split_once('@') {
        Some((credentials, rest)) => (Some(parse_credentials(credentials)?), rest),
        None => (None, rest),
    };
    let (authority, query) = match rest.split_once('?') {
        Some((authority, query)) => (authority, Some(query)),
        None => (rest, None),
    };
    if authority.contains('@') {
        return Err(AddressParseError::ManyAts);
    }
    let (host, port) = parse_authority(authority)?;
    let pairs = query.map(parse_pairs).transpose()?.unwrap_or_default();
    Ok(ServerAddress::Remote(RemoteAddress {
        transport,
        host,
        port: port.unwrap_or_else(|| transport.default_port()),
        credentials,
        options: ConnectionOptions::from_pairs(transport, pairs)?,
    }))
}

fn decode(text: &str) -> Result<String, AddressParseError> {
    // The library leaves a `%` alone that encodes nothing, and a password that
    // means something else than it says is refused by the server at best.
    let mut parts = text.split('%');
    parts.next();
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    if !parts.all(|part| is_digit(part.as_bytes().first()) && is_digit(part.as_bytes().get(1))) {
        return Err(AddressParseError::BadEncoding);
    }
    percent_decode_str(text)
        .decode_utf8()
        .map(|decoded| decoded.into_owned())
        .map_err(|_| AddressParseError::NotUtf8)
}

fn parse_credentials(text: &str) -> Result<Credentials, AddressParseError> {
    let credentials = match text.split_once(':') {
        Some((username, password)) if !username.is_empty() => Credentials::Password {
            username: decode(username)?,
            password: Secret::new(decode(password)?),
        },
        None if !text.is_empty() => Credentials::Token(Secret::new(decode(text)?)),
        _ => return Err(AddressParseError::BadCredentials),
    };
    Ok(credentials)
}

fn parse_authority(text: &str) -> Result<(String, Option<u16>), AddressParseError> {
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.contains('/') {
        return Err(AddressParseError::Path);
    }
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or(AddressParseError::BadHost)?;
        host.parse::<Ipv6Addr>()
            .map_err(|_| AddressParseError::BadHost)?;
        match port.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if port.is_empty() => (host, None),
            None => return Err(AddressParseError::BadHost),
        }
    } else {
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        let legal =
            |character: char| character.is_alphanumeric() || matches!(character, '-' | '.' | '_');
        // Two colons are an IPv6 address without brackets.
        if host.is_empty()
            || !host.chars().all(legal)
            || port.is_some_and(|port| port.contains(':'))
        {
            return Err(AddressParseError::BadHost);
        }
        (host, port)
    };
    let port = port
        .map(|port| {
            port.parse::<u16>()
                .ok()
                .filter(|number| *number != 0)
                .ok_or(AddressParseError::BadPort)
        })
        .transpose()?;
    Ok((host.to_owned(), port))
}

fn parse_pairs(query: &str) -> Result<Vec<(String, String)>, AddressParseError> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').ok_or(OptionError::Malformed)?;
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::options::TlsOptions;
    use super::*;

    fn remote(text: &str) -> RemoteAddress {
        match text.parse().unwrap() {
            ServerAddress::Remote(remote) => remote,
            ServerAddress::Embedded { .. } => panic!("embedded: {text}"),
        }
    }

    #[test]
    fn a_scheme_is_the_same_in_any_case() {
        for text in [
            "IGGY://u:p@host:1",
            "Iggy+Tcp://u:p@host:1",
            "iggy://u:p@host:1",
        ] {
            assert_eq!(remote(text).to_string(), "iggy://host:1", "{text}");
        }
        assert_eq!(remote("IGGY+WS://u:p@host").transport, Transport::WebSocket);
    }

    fn password(address: &RemoteAddress) -> (&str, &str) {
        match address.credentials.as_ref().unwrap() {
            Credentials::Password { username, password } => (username, password.expose()),
            Credentials::Token(_) => panic!("a token"),
        }
    }

    #[test]
    fn every_scheme_has_its_transport_and_port() {
        for (text, transport, port) in [
            ("iggy://h", Transport::Tcp, 8090),
            ("iggy+tcp://h", Transport::Tcp, 8090),
            ("iggy+quic://h", Transport::Quic, 8080),
            ("iggy+http://h/", Transport::Http, 3000),
            ("iggy+ws://h:1", Transport::WebSocket, 1),
        ] {
            let address = remote(text);
            assert_eq!(
                (address.transport, address.port),
                (transport, port),
                "{text}"
            );
            assert_eq!(address.credentials, None);
        }
    }

    #[test]
    fn credentials_are_percent_decoded() {
        let address = remote("iggy://us%3Aer:p%40ss%2Fw%25rd?@host:8090");
        assert_eq!(password(&address), ("us:er", "p@ss/w%rd?"));
        let token = remote("iggy://ab+c/d==@host:8090");
        assert_eq!(
            token.credentials,
            Some(Credentials::Token(Secret::new("ab+c/d==")))
        );
    }

    #[test]
    fn ipv6_is_read_and_written_with_brackets() {
        let address = remote("iggy://u:p@[::1]:9000");
        assert_eq!((address.host.as_str(), address.port), ("::1", 9000));
        assert_eq!(address.to_string(), "iggy://[::1]:9000");
        assert_eq!(remote("iggy://[fe80::1]").port, 8090);
    }

    #[test]
    fn the_official_options_are_known() {
        let address = remote(
            "iggy://u:p@h:1?tls=true&tls_domain=example.org&tls_ca_file=%2Ftmp%2Fa%20b.pem&tls_validate_certificate=false&reconnection_retries=unlimited&reconnection_interval=1s&reestablish_after=5s&heartbeat_interval=5s&nodelay=true",
        );
        assert_eq!(
            address.options.tls,
            Some(TlsOptions {
                domain: Some("example.org".to_owned()),
                ca_file: Some("/tmp/a b.pem".into()),
                validate_certificate: false,
            })
        );
        assert!(address.options.nodelay);
        let quic = remote("iggy+quic://u:p@h?initial_mtu=1300&validate_certificate=true");
        assert_eq!(quic.options.numbers, [("initial_mtu", 1300)]);
        assert!(quic.options.tls.unwrap().validate_certificate);
    }

    #[test]
    fn what_is_no_address_is_refused_without_showing_a_secret() {
        for text in [
            "",
            "localhost:8090",
            "http://u:hunter2@h",
            "iggy://u:hunter2@",
            "iggy://u:hunter2@h:0",
            "iggy://u:hunter2@h:65536",
            "iggy://u:hunter2@h:port",
            "iggy://u:hunter2",
            "iggy://u:hunter2@h:1/path",
            "iggy://:hunter2@h:1",
            "iggy://@h:1",
            "iggy://u:hun@ter2@h:1",
            "iggy://u:hunter2@::1:8090",
            "iggy://u:hunter2@[::1:8090",
            "iggy://u:hunter2@h:1?tls=yes",
            "iggy://u:hunter2@h:1?tls",
            "iggy://u:hunter2@h:1?unknown=1",
            "iggy://u:hunter2%ff@h:1",
            "iggy://u:hunter2%zz@h:1",
            "iggy://u:hunter2%4@h:1",
            "iggy://hunter2%@h:1",
            "iggy://u:hunter2@h:1?tls_domain=%zz",
            "iggy+quic://u:hunter2@h?initial_mtu=70000",
            "embedded:",
        ] {
            let error = text.parse::<ServerAddress>().unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{text}: {error}");
        }
        let error = "iggy://h?tsl=true".parse::<ServerAddress>().unwrap_err();
        assert!(error.to_string().contains("tls_ca_file"), "{error}");
    }

    #[test]
    fn neither_debug_nor_display_shows_a_credential() {
        for text in ["iggy://u:hunter2@h:1", "iggy://hunter2@h:1"] {
            let address: ServerAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), "iggy://h:1");
            assert!(!format!("{address:?}").contains("hunter2"));
        }
    }

    #[test]
    fn embedded_is_recognised() {
        assert_eq!(
            "embedded".parse(),
            Ok(ServerAddress::Embedded { directory: None })
        );
        assert_eq!(
            "embedded:data/dev".parse(),
            Ok(ServerAddress::Embedded {
                directory: Some("data/dev".into())
            })
        );
    }
}
