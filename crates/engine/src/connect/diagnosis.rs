//! What is wrong with a server that did not let us in, found out with raw
//! sockets after the SDK failed: the SDK reports one code for most of it.
//!
//! Two probes run side by side on connections of their own. One sends the
//! protocol's `ping` in plain, which any server of our generation answers
//! without a login; the other tries a TLS handshake. What comes back tells what
//! is there.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::address::{RemoteAddress, Transport};
use super::error::ConnectError;

/// What the SDK did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symptom {
    /// It reported that there is no connection, or that it was lost.
    Refused,
    /// It was still waiting.
    NoAnswer,
}

/// What a port does with a plain `ping`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plain {
    /// Answers it in our protocol.
    Iggy,
    /// Answers with a TLS alert.
    Tls,
    /// Answers in HTTP.
    Http,
    /// Closes, says something else, or says nothing.
    Nothing,
}

/// What a port does with a TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tls {
    /// Completes it.
    Trusted,
    /// Shows a certificate that does not convince.
    NotTrusted(String),
    /// Answers in something that is not TLS, or closes.
    OtherProtocol,
    /// Says nothing.
    Nothing,
}

/// Never takes longer than `remaining`.
pub(super) async fn diagnose(
    address: &RemoteAddress,
    symptom: Symptom,
    waited: Duration,
    remaining: Duration,
) -> ConnectError {
    let no_answer = || ConnectError::NoAnswer {
        address: address.to_string(),
        waited,
    };
    timeout(remaining, find_out(address, symptom, waited, remaining))
        .await
        .unwrap_or_else(|_| no_answer())
}

async fn find_out(
    address: &RemoteAddress,
    symptom: Symptom,
    waited: Duration,
    remaining: Duration,
) -> ConnectError {
    let shown = address.to_string();
    let resolved = match lookup_host(address.authority()).await {
        Ok(mut addresses) => addresses.next().ok_or("it has no address".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(reason) = resolved {
        return ConnectError::NameNotResolved {
            host: address.host.clone(),
            reason,
        };
    }
    if address.transport == Transport::Quic {
        return ConnectError::NothingAnswersQuic { address: shown };
    }
    // Half for the connection: a host that drops packets must still be named.
    match timeout(remaining / 2, TcpStream::connect(address.authority())).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            return ConnectError::NothingListens { address: shown };
        }
        Ok(Err(error)) => {
            return ConnectError::NotReachable {
                address: shown,
                reason: error.to_string(),
            };
        }
        Err(_) => {
            return ConnectError::NotReachable {
                address: shown,
                reason: "no answer from the host".to_owned(),
            };
        }
    }
    let for_probe = remaining * 2 / 5;
    let (plain, tls) = futures::future::join(
        probe_plain(address, for_probe),
        probe_tls(address, for_probe),
    )
    .await;
    tracing::debug!(?plain, ?tls, "probed {shown}");
    verdict(address, symptom, waited, plain, tls)
}

fn verdict(
    address: &RemoteAddress,
    symptom: Symptom,
    waited: Duration,
    plain: Plain,
    tls: Tls,
) -> ConnectError {
    let shown = address.to_string();
    let is_web_socket = address.transport == Transport::WebSocket;
    let unexplained = |address| match symptom {
        Symptom::Refused => ConnectError::NotIggy { address },
        Symptom::NoAnswer => ConnectError::NoAnswer { address, waited },
    };
    match (&address.options.tls, tls) {
        (Some(wanted), Tls::NotTrusted(reason)) if wanted.validate_certificate => {
            return ConnectError::CertificateNotTrusted {
                address: shown,
                reason,
            };
        }
        (Some(_), Tls::Trusted | Tls::NotTrusted(_)) => return unexplained(shown),
        (None, Tls::Trusted | Tls::NotTrusted(_)) => {
            return ConnectError::TlsPort { address: shown };
        }
        // To a WebSocket port anything is an unreadable HTTP request.
        (_, _) if plain == Plain::Http && !is_web_socket => {
            return ConnectError::HttpPort { address: shown };
        }
        (Some(_), Tls::OtherProtocol) => return ConnectError::PlainPort { address: shown },
        (Some(_) | None, Tls::OtherProtocol | Tls::Nothing) => {}
    }
    match plain {
        Plain::Tls => ConnectError::TlsPort { address: shown },
        Plain::Iggy if is_web_socket => ConnectError::TcpPort { address: shown },
        // It waits for the rest of what it takes for a frame.
        Plain::Iggy if address.options.tls.is_some() => ConnectError::PlainPort { address: shown },
        Plain::Iggy | Plain::Http | Plain::Nothing => unexplained(shown),
    }
}

/// Length of a frame without a body, offsets and values of the header fields
/// that a `ping` needs (`iggy_binary_protocol` 0.11.0, consensus/header.rs).
const HEADER_BYTES: usize = 256;
const SIZE_OFFSET: usize = 48;
const COMMAND_OFFSET: usize = 60;
const COMMAND_REQUEST: u8 = 5;
const COMMAND_REPLY: u8 = 8;
const COMMAND_EVICTION: u8 = 13;
const CLIENT_OFFSET: usize = 128;
const OPERATION_OFFSET: usize = 176;
const OPERATION_NON_REPLICATED: u8 = 2;
const CODE_OFFSET: usize = 196;
const CODE_PING: u8 = 1;

async fn probe_plain(address: &RemoteAddress, limit: Duration) -> Plain {
    let mut ping = [0; HEADER_BYTES];
    ping[SIZE_OFFSET..SIZE_OFFSET + 4].copy_from_slice(&256_u32.to_le_bytes());
    ping[COMMAND_OFFSET] = COMMAND_REQUEST;
    // Any client but 0, which is reserved.
    ping[CLIENT_OFFSET] = 1;
    ping[OPERATION_OFFSET] = OPERATION_NON_REPLICATED;
    ping[CODE_OFFSET] = CODE_PING;

    let mut answer = Vec::with_capacity(HEADER_BYTES);
    // Whatever was read before the limit or an error counts.
    let _ = timeout(limit, async {
        let mut stream = TcpStream::connect(address.authority()).await?;
        stream.write_all(&ping).await?;
        while answer.len() < HEADER_BYTES && stream.read_buf(&mut answer).await? > 0 {}
        io::Result::Ok(())
    })
    .await;
    classify(&answer)
}

fn classify(answer: &[u8]) -> Plain {
    /// First byte of a TLS record that is an alert (RFC 8446, 5.1), and the
    /// major version after it.
    const TLS_ALERT: [u8; 2] = [0x15, 0x03];
    match answer {
        answer if answer.starts_with(&TLS_ALERT) => Plain::Tls,
        answer if answer.starts_with(b"HTTP/") => Plain::Http,
        answer
            if answer.len() >= HEADER_BYTES
                && [COMMAND_REPLY, COMMAND_EVICTION].contains(&answer[COMMAND_OFFSET]) =>
        {
            Plain::Iggy
        }
        _ => Plain::Nothing,
    }
}

async fn probe_tls(address: &RemoteAddress, limit: Duration) -> Tls {
    let Some((config, name)) = tls_client(address) else {
        return Tls::Nothing;
    };
    let handshake = timeout(limit, async {
        let stream = TcpStream::connect(address.authority()).await?;
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    });
    match handshake.await {
        Ok(Ok(_)) => Tls::Trusted,
        Ok(Err(error)) => {
            let inner = error
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<rustls::Error>());
            match inner {
                Some(rustls::Error::InvalidCertificate(reason)) => {
                    Tls::NotTrusted(reason.to_string())
                }
                // It answers in TLS, and that is what counts here.
                Some(rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_)) => {
                    Tls::NotTrusted(error.to_string())
                }
                _ => Tls::OtherProtocol,
            }
        }
        Err(_) => Tls::Nothing,
    }
}

/// Checks the certificate as the SDK does.
fn tls_client(address: &RemoteAddress) -> Option<(ClientConfig, ServerName<'static>)> {
    let tls = address.options.tls.as_ref();
    let mut roots = RootCertStore::empty();
    match tls.and_then(|tls| tls.ca_file.as_ref()) {
        Some(file) => {
            let certificates = CertificateDer::pem_file_iter(file).ok()?;
            roots.add_parsable_certificates(certificates.flatten());
        }
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let domain = tls
        .and_then(|tls| tls.domain.clone())
        .unwrap_or_else(|| address.host.clone());
    Some((config, ServerName::try_from(domain).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_is_recognised_by_its_first_bytes() {
        let mut frame = [0; HEADER_BYTES];
        frame[COMMAND_OFFSET] = COMMAND_REPLY;
        assert_eq!(classify(&frame), Plain::Iggy);
        frame[COMMAND_OFFSET] = 99;
        assert_eq!(classify(&frame), Plain::Nothing);
        assert_eq!(classify(&[0x15, 0x03, 0x03, 0, 2, 2, 10]), Plain::Tls);
        assert_eq!(classify(b"HTTP/1.1 400 Bad Request\r\n"), Plain::Http);
        assert_eq!(classify(b""), Plain::Nothing);
    }
}
