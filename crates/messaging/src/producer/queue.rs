//! What a producer holds until it is sent, bounded by bytes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::delivery::{Delivery, Teller, deliveries};
use super::partitioning::Route;
use super::prepare::Prepared;
use crate::error::MessagingError;

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmation {
    /// Its id, the same through all retries.
    pub id: u128,
    /// The partition it is in.
    pub partition: u32,
    /// Its offset there; none when the server did not say, which it may leave out.
    /// After a retry on a server that removes repetitions it may be too high.
    pub offset: Option<u64>,
    /// From the moment it got into the buffer until the server had confirmed it, all
    /// retries included.
    pub latency: Duration,
}

/// A message that waits to be sent.
pub(super) struct Queued {
    pub(super) message: Prepared,
    pub(super) route: Route,
    pub(super) since: Instant,
    end: Teller,
    /// Its bytes of the buffer, given back at its end, or at that of its last neighbour.
    _room: Arc<OwnedSemaphorePermit>,
}

impl Queued {
    /// Says how it ended. Nobody may be interested.
    pub(super) fn end(self, how: Result<Confirmation, MessagingError>) {
        self.end.tell(how);
    }
}

/// How many messages of one call give their room back together, and how many bytes: to
/// do that for each of them costs more than to wait for a few.
const NEIGHBOURS: usize = 64;
const NEIGHBOUR_BYTES: u32 = 64 * 1024;

/// For the worker.
pub(super) enum Order {
    /// To send, in this order.
    Send(Vec<Queued>),
    /// To say when all before it has ended.
    Flush(oneshot::Sender<()>),
}

/// The buffer's way in. Whoever finds it full waits.
pub(super) struct Intake {
    orders: mpsc::UnboundedSender<Order>,
    room: Arc<Semaphore>,
    bytes: u32,
}

impl Intake {
    /// For at most `bytes` at once.
    pub(super) fn new(bytes: u32) -> (Self, mpsc::UnboundedReceiver<Order>) {
        // Every message takes at least the bytes of its header, so the buffer bounds
        // the queue, too.
        let (orders, receiver) = mpsc::unbounded_channel();
        let bytes = bytes.max(1);
        let room = Arc::new(Semaphore::new(bytes as usize));
        let intake = Self {
            orders,
            room,
            bytes,
        };
        (intake, receiver)
    }

    /// Takes messages in, as soon as there is room for all of them; more than the
    /// whole buffer holds go in parts. Their order is kept.
    pub(super) async fn take(
        &self,
        messages: Vec<(Prepared, Route)>,
    ) -> Result<Vec<Delivery>, MessagingError> {
        let (tellers, ends): (Vec<Teller>, Vec<Delivery>) = deliveries(messages.len()).unzip();
        let mut tellers = tellers.into_iter();
        let mut left = messages.into_iter();
        while !left.as_slice().is_empty() {
            let (count, total) = self.fitting(left.as_slice(), self.bytes);
            let room = Arc::clone(&self.room).acquire_many_owned(total).await;
            let mut room = room.map_err(|_| MessagingError::Closed)?;
            let since = Instant::now();
            let mut queued = Vec::with_capacity(count);
            while queued.len() < count {
                let some = left.as_slice().len().min(count - queued.len());
                let next = left.as_slice().get(..some.min(NEIGHBOURS));
                let (some, bytes) = self.fitting(next.unwrap_or_default(), NEIGHBOUR_BYTES);
                let its = room.split(bytes as usize).ok_or(MessagingError::Closed)?;
                let its = Arc::new(its);
                for ((message, route), end) in left.by_ref().take(some).zip(&mut tellers) {
                    queued.push(Queued {
                        message,
                        route,
                        since,
                        end,
                        _room: Arc::clone(&its),
                    });
                }
            }
            self.orders
                .send(Order::Send(queued))
                .map_err(|_| MessagingError::Closed)?;
        }
        Ok(ends)
    }

    /// How many of the first messages have at most so many bytes, and how many they have:
    /// at least one, which counts as much as the whole buffer at most.
    fn fitting(&self, messages: &[(Prepared, Route)], most: u32) -> (usize, u32) {
        let (mut count, mut total) = (0, 0_u32);
        for (message, _) in messages {
            let size = u32::try_from(message.size()).unwrap_or(u32::MAX);
            let size = size.min(self.bytes);
            match total.checked_add(size) {
                Some(sum) if sum <= most || count == 0 => total = sum,
                _ => break,
            }
            count += 1;
        }
        (count, total)
    }

    /// Comes back when everything that was taken in before has ended.
    pub(super) async fn flush(&self) {
        let (done, waiting) = oneshot::channel();
        if self.orders.send(Order::Flush(done)).is_ok() {
            // An error means that the worker has ended, and with it everything.
            let _ = waiting.await;
        }
    }

    /// Takes nothing in any more; what waits for room is refused.
    pub(super) fn close(&self) {
        self.room.close();
    }

    /// Bytes that wait or are on their way.
    pub(super) fn held(&self) -> usize {
        (self.bytes as usize).saturating_sub(self.room.available_permits())
    }
}
