//! What one connection knows of its client.

use std::collections::VecDeque;

use bytes::Bytes;
use iggy_binary_protocol::RequestHeader;

/// Replies kept for replays: the real server keeps the last five of a session.
const REMEMBERED_REPLIES: usize = 5;

/// A login on a connection.
#[derive(Debug)]
pub(crate) struct Session {
    /// The id the client chose for itself.
    pub(crate) client: u128,
    /// The position of the login in the log.
    pub(crate) epoch: u64,
    pub(crate) user_id: u32,
    /// Whether the client ever joined a consumer group.
    pub(crate) joined: bool,
    replies: VecDeque<Remembered>,
}

#[derive(Debug)]
struct Remembered {
    request: u64,
    checksum: u128,
    reply: Bytes,
}

/// Whether a write was seen before in this session.
pub(crate) enum Replay {
    /// A new request.
    New,
    /// The same request again: the same reply again.
    Known(Bytes),
    /// The number was used for something else, whose reply is still known.
    Conflicting,
    /// The number was passed over, or its reply is forgotten.
    Spent,
}

impl Session {
    pub(crate) fn new(client: u128, epoch: u64, user_id: u32) -> Self {
        Self {
            client,
            epoch,
            user_id,
            joined: false,
            replies: VecDeque::with_capacity(REMEMBERED_REPLIES),
        }
    }

    /// Looks a write up by its number and checksum.
    pub(crate) fn replay_of(&self, header: &RequestHeader) -> Replay {
        let Some(newest) = self.replies.back() else {
            return Replay::New;
        };
        if header.request > newest.request {
            return Replay::New;
        }
        self.replies
            .iter()
            .find(|known| known.request == header.request)
            .map_or(Replay::Spent, |known| {
                if known.checksum == header.request_checksum {
                    Replay::Known(known.reply.clone())
                } else {
                    Replay::Conflicting
                }
            })
    }

    /// Remembers the reply to a write that was logged.
    pub(crate) fn remember(&mut self, header: &RequestHeader, reply: Bytes) {
        if self.replies.len() == REMEMBERED_REPLIES {
            self.replies.pop_front();
        }
        self.replies.push_back(Remembered {
            request: header.request,
            checksum: header.request_checksum,
            reply,
        });
    }
}
