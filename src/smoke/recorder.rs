//! What a scenario did: messages, bytes, and how long its requests took.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// Shared by all clients of a scenario.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder(Rc<RefCell<Recorded>>);

/// What was recorded.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// Sent and read.
    pub(crate) messages: u64,
    /// Of payload.
    pub(crate) bytes: u64,
    /// Of requests that send or read messages.
    pub(crate) latencies: Vec<Duration>,
}

impl Recorder {
    /// A request that sent or read these messages.
    pub(crate) fn request(&self, took: Duration, payloads: impl Iterator<Item = usize>) {
        let mut recorded = self.0.borrow_mut();
        recorded.latencies.push(took);
        for bytes in payloads {
            recorded.messages += 1;
            recorded.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
        }
    }

    /// Messages that were sent or read by a producer or a consumer, which measure by
    /// themselves.
    pub(crate) fn messages(&self, count: usize) {
        self.0.borrow_mut().messages += u64::try_from(count).unwrap_or(u64::MAX);
    }

    /// All until now; begins anew.
    pub(crate) fn take(&self) -> Recorded {
        std::mem::take(&mut self.0.borrow_mut())
    }
}
