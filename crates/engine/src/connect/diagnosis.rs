//! What is wrong with a server that does not let us in, found out with raw
//! sockets: the SDK reports one code for most of it, or waits.
//!
//! Three probes run side by side on connections of their own. One sends the
//! protocol's `ping` in plain, which any server of our generation answers
//! without a login; one the `ping` of the generation before, and one tries a TLS
//! handshake. What comes back tells what is there; that nothing comes back tells nothing, since a server that is slow
//! is as silent as one that does not understand.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::address::{RemoteAddress, Transport};
use super::error::ConnectError;

/// What was found out.
#[derive(Debug)]
pub(super) enum Finding {
    /// No login will ever succeed there.
    Certain(ConnectError),
    /// The reason if no login succeeds; one that is on its way still may.
    Likely(ConnectError),
    /// What is there could be what we want.
    Unexplained {
        /// A TLS handshake succeeded there, so TLS is not what is wrong.
        speaks_tls: bool,
    },
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
    /// Says something else.
    Other,
    /// Closes, or says nothing.
    Nothing,
}

/// What a port does with a TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tls {
    /// Completes it.
    Trusted,
    /// Shows a certificate that does not convince.
    NotTrusted(String),
    /// Answers in something that is not TLS.
    OtherProtocol,
    /// Closes the connection: it may not understand, or be overloaded.
    Closed,
    /// Says nothing.
    Nothing,
}

/// Probes the port; ends as soon as the answer is certain, and at `until` anyway.
pub(super) async fn find_out(address: &RemoteAddress, until: Instant) -> Finding {
    let shown = address.to_string();
    let not_resolved = |reason: String| {
        Finding::Likely(ConnectError::NameNotResolved {
            host: address.host.clone(),
            reason,
        })
    };
    let resolving = async { Ok(lookup_host(address.authority()).await?.next()) };
    match timeout_at(until, resolving).await {
        Ok(Ok(Some(_))) => {}
        Ok(Ok(None)) => return not_resolved("it has no address".to_owned()),
        Ok(Err(error)) => return not_resolved(io::Error::to_string(&error)),
        Err(_) => return not_resolved("no answer from the resolver".to_owned()),
    }
    if address.transport == Transport::Quic {
        return Finding::Likely(ConnectError::NothingAnswersQuic { address: shown });
    }
    let reason = match timeout_at(until, TcpStream::connect(address.authority())).await {
        // The probes ask in the binary protocol.
        Ok(Ok(_)) if address.transport == Transport::Http => {
            return Finding::Unexplained { speaks_tls: false };
        }
        Ok(Ok(_)) => return find_out_by_probes(address, until).await,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            return Finding::Likely(ConnectError::NothingListens { address: shown });
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer from the host".to_owned(),
    };
    Finding::Likely(ConnectError::NotReachable {
        address: shown,
        reason,
    })
}

async fn find_out_by_probes(address: &RemoteAddress, until: Instant) -> Finding {
    let plain_probe = probe_plain(address, until);
    let tls_probe = probe_tls(address, until);
    let former_probe = probe_former(address, until);
    tokio::pin!(plain_probe, tls_probe, former_probe);
    let mut plain = None;
    let mut tls = None;
    let mut former = None;
    loop {
        tokio::select! {
            found = &mut plain_probe, if plain.is_none() => plain = Some(found),
            found = &mut tls_probe, if tls.is_none() => tls = Some(found),
            found = &mut former_probe, if former.is_none() => former = Some(found),
            else => return Finding::Unexplained { speaks_tls: false },
        }
        tracing::debug!(?plain, ?tls, ?former, "probed {address}");
        if former == Some(true) {
            return Finding::Certain(ConnectError::FormerGeneration {
                address: address.to_string(),
            });
        }
        match verdict(address, plain, tls.as_ref()) {
            // A server of the former generation says something else, too.
            Some(Finding::Certain(ConnectError::NotIggy { .. })) if former.is_none() => {}
            // What explains nothing waits for the last probe, unless it is Iggy.
            Some(Finding::Unexplained { .. }) if former.is_none() && plain != Some(Plain::Iggy) => {
            }
            Some(finding) => return finding,
            None => {}
        }
    }
}

/// Nothing while a probe that is still running can change it.
fn verdict(address: &RemoteAddress, plain: Option<Plain>, tls: Option<&Tls>) -> Option<Finding> {
    let shown = address.to_string();
    let is_web_socket = address.transport == Transport::WebSocket;
    let wanted = address.options.tls.as_ref();
    match (wanted, tls) {
        (Some(wanted), Some(Tls::NotTrusted(reason))) if wanted.validate_certificate => {
            return Some(Finding::Certain(ConnectError::CertificateNotTrusted {
                address: shown,
                reason: reason.clone(),
            }));
        }
        (Some(_), Some(Tls::Trusted | Tls::NotTrusted(_))) => {
            return Some(Finding::Unexplained { speaks_tls: true });
        }
        (None, Some(Tls::Trusted | Tls::NotTrusted(_))) => {
            return Some(Finding::Certain(ConnectError::TlsPort { address: shown }));
        }
        (_, Some(Tls::OtherProtocol | Tls::Closed | Tls::Nothing) | None) => {}
    }
    match (plain?, wanted) {
        // To a WebSocket port anything is an unreadable HTTP request.
        (Plain::Http, _) if !is_web_socket => {
            Some(Finding::Certain(ConnectError::HttpPort { address: shown }))
        }
        (Plain::Tls, None) => Some(Finding::Certain(ConnectError::TlsPort { address: shown })),
        (Plain::Iggy, _) if is_web_socket => {
            Some(Finding::Certain(ConnectError::TcpPort { address: shown }))
        }
        // It waits for the rest of what it takes for a frame.
        (Plain::Iggy, Some(_)) => {
            Some(Finding::Certain(ConnectError::PlainPort { address: shown }))
        }
        // As it should be: perhaps its logins are slow.
        (Plain::Iggy, None) => Some(Finding::Unexplained { speaks_tls: false }),
        (Plain::Tls | Plain::Http | Plain::Other | Plain::Nothing, Some(_)) => Some(match tls? {
            Tls::OtherProtocol => Finding::Certain(ConnectError::PlainPort { address: shown }),
            Tls::Closed => Finding::Likely(ConnectError::PlainPort { address: shown }),
            Tls::Trusted | Tls::NotTrusted(_) | Tls::Nothing => {
                Finding::Unexplained { speaks_tls: false }
            }
        }),
        (Plain::Other, None) => tls.map(|_| {
            Finding::Certain(ConnectError::NotIggy {
                address: shown,
                answer: "answers, but not in Iggy's protocol",
            })
        }),
        (Plain::Http | Plain::Nothing, None) => {
            tls.map(|_| Finding::Unexplained { speaks_tls: false })
        }
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

/// Between the first bytes of an answer and the last of its header.
const FOR_THE_REST: Duration = Duration::from_millis(500);

async fn probe_plain(address: &RemoteAddress, until: Instant) -> Plain {
    let mut ping = [0; HEADER_BYTES];
    ping[SIZE_OFFSET..SIZE_OFFSET + 4].copy_from_slice(&256_u32.to_le_bytes());
    ping[COMMAND_OFFSET] = COMMAND_REQUEST;
    // Any client but 0, which is reserved.
    ping[CLIENT_OFFSET] = 1;
    ping[OPERATION_OFFSET] = OPERATION_NON_REPLICATED;
    ping[CODE_OFFSET] = CODE_PING;

    let mut answer = Vec::with_capacity(HEADER_BYTES);
    // Whatever was read before the limit or an error counts.
    let _ = timeout_at(until, async {
        let mut stream = TcpStream::connect(address.authority()).await?;
        stream.write_all(&ping).await?;
        if stream.read_buf(&mut answer).await? == 0 {
            return Ok(());
        }
        // A header is sent at once, and a greeting of something else ends here.
        let rest = async {
            while answer.len() < HEADER_BYTES && stream.read_buf(&mut answer).await? > 0 {}
            io::Result::Ok(())
        };
        timeout(FOR_THE_REST, rest).await.unwrap_or(Ok(()))
    })
    .await;
    classify(&answer)
}

/// Whether a server of the generation before ours (0.8 and older) answers its
/// `ping`. A request was `[length: 4][code: 4]` and a reply
/// `[status: 4][length: 4]`, little-endian (`iggy_binary_protocol` 0.10,
/// frame.rs). A server of ours waits for the rest of its header of 256 bytes.
async fn probe_former(address: &RemoteAddress, until: Instant) -> bool {
    const PING: [u8; 8] = [4, 0, 0, 0, CODE_PING, 0, 0, 0];
    /// More than a reply has, to tell it from the beginning of something else.
    const MORE: usize = 16;
    let mut answer = Vec::with_capacity(MORE);
    let _ = timeout_at(until, async {
        let mut stream = TcpStream::connect(address.authority()).await?;
        stream.write_all(&PING).await?;
        // Both numbers are sent at once, so one read brings the whole reply.
        stream.read_buf(&mut answer).await
    })
    .await;
    is_former(&answer)
}

fn is_former(answer: &[u8]) -> bool {
    // Done, or 40: log in first.
    matches!(answer, [0 | 40, 0, 0, 0, 0, 0, 0, 0])
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
        [] => Plain::Nothing,
        _ => Plain::Other,
    }
}

async fn probe_tls(address: &RemoteAddress, until: Instant) -> Tls {
    let Some((config, name)) = tls_client(address) else {
        return Tls::Nothing;
    };
    let handshake = timeout_at(until, async {
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
                Some(_) => Tls::OtherProtocol,
                None => Tls::Closed,
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
        assert_eq!(classify(&frame), Plain::Other);
        assert_eq!(classify(&[b'A'; 4096]), Plain::Other);
        assert_eq!(classify(b"SSH-2.0-OpenSSH_9.6\r\n"), Plain::Other);
        assert_eq!(classify(&[0x15, 0x03, 0x03, 0, 2, 2, 10]), Plain::Tls);
        assert_eq!(classify(b"HTTP/1.1 400 Bad Request\r\n"), Plain::Http);
        assert_eq!(classify(b""), Plain::Nothing);
        assert!(is_former(&[0; 8]));
        assert!(is_former(&[40, 0, 0, 0, 0, 0, 0, 0]));
        for other in [&[0; 4][..], &[0; 9], &frame, b"HTTP/1.1", b""] {
            assert!(!is_former(other), "{other:?}");
        }
    }
}
