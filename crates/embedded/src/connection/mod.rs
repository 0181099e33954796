//! One client connection: frames in, replies out, one at a time.

mod clients;
pub(crate) mod frame;
mod handler;
pub(crate) mod login;
mod reply;
mod session;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use iggy_binary_protocol::RequestHeader;
use secrecy::zeroize::Zeroize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::shared::Shared;
use frame::{FrameProgress, read_frame};
use handler::{Connection, Reaction};

pub(crate) use clients::{Clients, ConnectedClient};
pub(crate) use reply::ReplyContext;

/// First reads are small: most requests fit.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// A request taken out of the buffer.
struct Request {
    header: RequestHeader,
    /// `None` for a login.
    code: Option<u32>,
    body: BytesMut,
}

/// Bodies hold passwords and tokens: none of them stays in memory.
impl Drop for Request {
    fn drop(&mut self) {
        self.body.as_mut().zeroize();
    }
}

/// Wipes bytes that nobody else holds.
pub(crate) fn wipe(bytes: Bytes) {
    if let Ok(mut bytes) = bytes.try_into_mut() {
        bytes.as_mut().zeroize();
    }
}

/// The two ends of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    /// The client's address.
    pub(crate) peer: SocketAddr,
    /// The address that the client reached, with the port for TCP.
    pub(crate) reached: SocketAddr,
    /// How it got there.
    pub(crate) transport: Transport,
}

impl Ends {
    /// Of a client that reached a listener of ours at this address, where it is known.
    pub(crate) fn new(
        peer: SocketAddr,
        reached: Option<SocketAddr>,
        transport: Transport,
        shared: &Shared,
    ) -> Self {
        Self {
            peer,
            reached: reached.map_or(shared.address, |it| shared.reached_over_tcp(it)),
            transport,
        }
    }
}

/// How frames travel; the numbers are those of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Transport {
    Tcp = 1,
    Quic = 2,
    WebSocket = 4,
}

/// Serves a client until it leaves or sends what is no request.
pub(crate) async fn serve<Stream>(mut stream: Stream, ends: Ends, shared: Arc<Shared>)
where
    Stream: AsyncRead + AsyncWrite + Unpin,
{
    let peer = ends.peer;
    let mut connection = Connection::new(shared, ends);
    let mut buffer = BytesMut::with_capacity(READ_BUFFER_BYTES);
    let evicted = connection.evicted();
    loop {
        let request = tokio::select! {
            request = next_request(&mut stream, &mut buffer, peer) => request,
            () = evicted.notified() => {
                if let Some(frame) = connection.evict()
                    && stream.write_all(&frame).await.is_err()
                {
                    return;
                }
                continue;
            }
        };
        let Some(request) = request else {
            return;
        };
        match connection.react(request).await {
            Reaction::Reply(reply) => {
                let written = stream.write_all(&reply).await;
                // It may hold a token.
                wipe(reply);
                if written.is_err() {
                    return;
                }
            }
            Reaction::Silence => {}
            Reaction::Close => return,
        }
    }
}

/// Serves a client that opens a stream for each request, one after the other, until it
/// leaves or sends what is no request.
pub(crate) async fn serve_streams(client: quinn::Connection, ends: Ends, shared: Arc<Shared>) {
    let mut connection = Connection::new(shared, ends);
    let evicted = connection.evicted();
    // An answer that never comes is not one that is empty.
    let mut unanswered = Vec::new();
    loop {
        let accepted = tokio::select! {
            accepted = client.accept_bi() => accepted,
            () = evicted.notified() => {
                // There is no stream to say it on: the next request is told.
                let _ = connection.evict();
                continue;
            }
        };
        let Ok((mut answers, mut requests)) = accepted else {
            return;
        };
        let mut buffer = BytesMut::with_capacity(READ_BUFFER_BYTES);
        let Some(request) = next_request(&mut requests, &mut buffer, ends.peer).await else {
            return;
        };
        match connection.react(request).await {
            Reaction::Reply(reply) => {
                let written = answers.write_all(&reply).await;
                // It may hold a token.
                wipe(reply);
                if written.is_err() {
                    return;
                }
                // Closed already: then nobody waits for it.
                let _ = answers.finish();
            }
            Reaction::Silence => unanswered.push(answers),
            Reaction::Close => return,
        }
    }
}

/// Reads until a whole request is there. `None` ends the connection.
async fn next_request(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    peer: SocketAddr,
) -> Option<Request> {
    loop {
        let length = match read_frame(buffer) {
            Ok(FrameProgress::Complete { frame, length }) => {
                let (header, code) = (*frame.header(), frame.code());
                let mut bytes = buffer.split_to(length);
                bytes.advance(iggy_binary_protocol::HEADER_SIZE);
                return Some(Request {
                    header,
                    code,
                    body: bytes,
                });
            }
            Ok(FrameProgress::Ignored { reason, length }) => {
                tracing::debug!(%peer, %reason, "ignoring a frame that is no request");
                buffer.advance(length);
                continue;
            }
            // The buffer grows with what arrives, not with what a header claims; but it
            // may double, so that a large batch takes few reads.
            Ok(FrameProgress::Incomplete { missing }) => {
                missing.min(buffer.len().max(READ_BUFFER_BYTES))
            }
            Err(error) => {
                tracing::debug!(%peer, %error, "closing a connection that sent no request");
                return None;
            }
        };
        buffer.reserve(length);
        match stream.read_buf(buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}
