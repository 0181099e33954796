//! A connection without the SDK, for what the SDK cannot be made to send.

use iggy_binary_protocol::consensus::{Command, HEADER_SIZE, Operation, RequestHeader};
use iggy_common::IggyError;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::session::error_text;

/// Bound on waiting for an answer that has to come, generous for a debug build on a
/// loaded machine: reaching it fails the scenario.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);

/// What came back for a frame.
pub(crate) enum Answer {
    /// A reply: its status, operation and body.
    Reply {
        status: u32,
        operation: u8,
        request: u64,
        body: Vec<u8>,
    },
    /// An eviction: its reason and the versions of the window it reports.
    Eviction {
        reason: u8,
        version: u32,
        version_min: u32,
    },
    /// A frame of another kind.
    Other(u8),
    /// The server closed the connection.
    Closed,
}

impl Answer {
    /// How a transcript shows it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Reply {
                status: 0,
                operation,
                request,
                body,
            } => format!(
                "reply operation={operation} request={request} {}",
                body_text(*operation, body)
            ),
            Self::Reply {
                status,
                operation,
                request,
                body,
            } => format!(
                "reply operation={operation} request={request} status {} body={} bytes",
                error_text(&IggyError::from_code(*status)),
                body.len()
            ),
            Self::Eviction {
                reason,
                version,
                version_min,
            } => format!(
                "eviction reason={reason} window={}..={}",
                version_text(*version_min),
                version_text(*version)
            ),
            Self::Other(command) => format!("frame of command {command}"),
            Self::Closed => "closed".to_owned(),
        }
    }
}

/// A replicated operation's body starts with its result; of others the length says enough.
fn body_text(operation: u8, body: &[u8]) -> String {
    use iggy_binary_protocol::consensus::result_code;
    if operation == Operation::NonReplicated as u8 {
        return format!("body={} bytes", body.len());
    }
    match result_code(body) {
        Some(0) => "result=ok".to_owned(),
        Some(code) => format!("result={}", error_text(&IggyError::from_code(code))),
        None => format!("body={} bytes, no result", body.len()),
    }
}

/// A packed protocol version as `major.minor.patch`.
pub(crate) fn version_text(packed: u32) -> String {
    format!(
        "{}.{}.{}",
        packed >> 20,
        (packed >> 10) & 0x3ff,
        packed & 0x3ff
    )
}

/// Stands for the client id of the connection that a frame is sent on.
pub(crate) const OWN_CLIENT: u128 = u128::MAX;

/// A bare connection, with a client id of its own: the server would take a second connection
/// of one client for its reconnect, and its first requests for replays.
pub(crate) struct Wire {
    stream: TcpStream,
    client: u128,
}

impl Wire {
    /// Connects; nothing is sent yet.
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| format!("connect to {address}: {error}"))?;
        static NEXT_CLIENT: AtomicU64 = AtomicU64::new(1000);
        let client = u128::from(NEXT_CLIENT.fetch_add(1, Ordering::Relaxed));
        Ok(Self { stream, client })
    }

    /// Sends raw bytes; an error means that the server has already closed.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Tells the server that nothing more will come.
    pub(crate) async fn finish(&mut self) -> std::io::Result<()> {
        self.stream.shutdown().await
    }

    /// Sends a frame, with the size filled in, and reads the answer.
    pub(crate) async fn exchange(
        &mut self,
        header: RequestHeader,
        body: &[u8],
    ) -> Result<Answer, String> {
        let bytes = self.frame(header, body);
        if self.send_bytes(&bytes).await.is_err() {
            return Ok(Answer::Closed);
        }
        self.answer().await
    }

    /// The bytes of a frame, with its size.
    pub(crate) fn frame(&self, mut header: RequestHeader, body: &[u8]) -> Vec<u8> {
        header.size = u32::try_from(HEADER_SIZE + body.len()).expect("a test's frame is small");
        if header.client == OWN_CLIENT {
            header.client = self.client;
        }
        let mut bytes = bytemuck::bytes_of(&header).to_vec();
        bytes.extend_from_slice(body);
        bytes
    }

    /// Reads one frame.
    pub(crate) async fn answer(&mut self) -> Result<Answer, String> {
        match timeout(ANSWER_DEADLINE, self.read_frame()).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {ANSWER_DEADLINE:?}")),
        }
    }

    async fn read_frame(&mut self) -> Result<Answer, String> {
        let mut header = [0_u8; HEADER_SIZE];
        // A reset is a close for our purpose: which of the two a client sees depends on
        // whether unread bytes were left in the server's buffer.
        if self.stream.read_exact(&mut header).await.is_err() {
            return Ok(Answer::Closed);
        }
        let word = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let size = word(48) as usize;
        if size < HEADER_SIZE {
            return Err(format!("a frame of {size} bytes"));
        }
        let mut body = vec![0_u8; size - HEADER_SIZE];
        self.stream
            .read_exact(&mut body)
            .await
            .map_err(|error| format!("reading a body of {} bytes: {error}", body.len()))?;
        Ok(match header[60] {
            command if command == Command::Reply as u8 => Answer::Reply {
                status: word(216),
                operation: header[208],
                request: u64::from(word(200)),
                body,
            },
            command if command == Command::Eviction as u8 => Answer::Eviction {
                reason: header[255],
                version: word(144),
                version_min: word(148),
            },
            command => Answer::Other(command),
        })
    }
}

/// The header of a request of `operation`.
pub(crate) fn request(operation: Operation) -> RequestHeader {
    RequestHeader {
        command: Command::Request,
        operation,
        client: OWN_CLIENT,
        ..RequestHeader::default()
    }
}

/// The header of a non-replicated request with this command code.
pub(crate) fn non_replicated(code: u32) -> RequestHeader {
    let mut header = request(Operation::NonReplicated);
    header.reserved[..4].copy_from_slice(&code.to_le_bytes());
    header
}
