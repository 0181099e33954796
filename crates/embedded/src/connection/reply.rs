//! Building reply and eviction frames.

use bytes::{BufMut, Bytes, BytesMut};
use iggy_binary_protocol::{
    Command, EvictionHeader, EvictionReason, HEADER_SIZE, IGGY_PROTOCOL_VERSION,
    IGGY_PROTOCOL_VERSION_MIN, Operation, ReplyHeader, RequestHeader,
};

use super::wipe;
use crate::rules::{Refused, Rejection};

/// What the header of every reply repeats: of the request, and of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReplyContext {
    pub(crate) request: RequestHeader,
    /// The session of the connection, 0 before login.
    pub(crate) session: u64,
    /// Position of the log.
    pub(crate) commit: u64,
}

impl ReplyContext {
    /// The answer to a request: its payload, or why there is none.
    pub(crate) fn answer(&self, outcome: Result<Bytes, Refused>) -> Bytes {
        let framed = result_framed(self.request.operation);
        match outcome {
            Ok(payload) => {
                let section: &[u8] = if framed { &0_u32.to_le_bytes() } else { &[] };
                let frame = self.frame(0, &[section, &payload]);
                wipe(payload);
                frame
            }
            Err(Refused::Committed(rejection)) if framed => self.frame(
                0,
                &[
                    &1_u32.to_le_bytes(),
                    &0_u32.to_le_bytes(),
                    &rejection.code().to_le_bytes(),
                ],
            ),
            Err(Refused::Early(rejection) | Refused::Committed(rejection)) => {
                self.frame(rejection.code(), &[])
            }
        }
    }

    /// A refusal in the status of the header.
    pub(crate) fn deny(&self, rejection: Rejection) -> Bytes {
        self.answer(Err(Refused::Early(rejection)))
    }

    fn frame(&self, status: u32, body: &[&[u8]]) -> Bytes {
        let total = HEADER_SIZE + body.iter().map(|part| part.len()).sum::<usize>();
        let header = ReplyHeader {
            cluster: self.request.cluster,
            // Replies stay far below 4 GiB: names and options are bounded.
            size: u32::try_from(total).unwrap_or(u32::MAX),
            view: self.request.view,
            release: self.request.release,
            command: Command::Reply,
            replica: self.request.replica,
            request_checksum: self.request.request_checksum,
            client: self.request.client,
            op: self.session,
            commit: self.commit,
            timestamp: self.request.timestamp,
            request: self.request.request,
            operation: reply_operation(self.request.operation),
            status,
            ..Default::default()
        };
        let mut frame = BytesMut::with_capacity(total);
        frame.put_slice(bytemuck::bytes_of(&header));
        for part in body {
            frame.put_slice(part);
        }
        frame.freeze()
    }
}

/// Tells a client that its session is over or never began.
pub(crate) fn eviction(client: u128, reason: EvictionReason) -> Bytes {
    let header = match reason {
        EvictionReason::IncompatibleProtocol => EvictionHeader::incompatible_protocol(
            0,
            0,
            0,
            client,
            IGGY_PROTOCOL_VERSION,
            IGGY_PROTOCOL_VERSION_MIN,
        ),
        other => EvictionHeader::new(0, 0, 0, client, other),
    };
    Bytes::copy_from_slice(bytemuck::bytes_of(&header))
}

/// Deleting segments is logged as a truncation, and answered as one.
fn reply_operation(operation: Operation) -> Operation {
    match operation {
        Operation::DeleteSegments => Operation::TruncatePartition,
        other => other,
    }
}

/// Whether the body of the reply begins with a result section.
fn result_framed(operation: Operation) -> bool {
    reply_operation(operation).is_result_framed() || operation == Operation::Register
}
