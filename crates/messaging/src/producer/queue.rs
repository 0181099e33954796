//! What a producer holds until it is sent, bounded by bytes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

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

/// The end of one message, to wait for, or not: it is sent in any case.
#[derive(Debug)]
pub struct Delivery(oneshot::Receiver<Result<Confirmation, MessagingError>>);

impl Future for Delivery {
    type Output = Result<Confirmation, MessagingError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            // The worker ended with the runtime.
            .map(|ended| ended.unwrap_or(Err(MessagingError::Closed)))
    }
}

/// A message that waits to be sent.
pub(super) struct Queued {
    pub(super) message: Prepared,
    pub(super) route: Route,
    pub(super) since: Instant,
    end: oneshot::Sender<Result<Confirmation, MessagingError>>,
    /// Its bytes of the buffer, given back at its end.
    _room: OwnedSemaphorePermit,
}

impl Queued {
    /// Says how it ended. Nobody may be interested.
    pub(super) fn end(self, how: Result<Confirmation, MessagingError>) {
        let _ = self.end.send(how);
    }
}

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
        let mut deliveries = Vec::with_capacity(messages.len());
        let mut messages = messages.into_iter().peekable();
        while messages.peek().is_some() {
            let mut part = Vec::new();
            let mut total: u32 = 0;
            while let Some((message, _)) = messages.peek() {
                // A message that is bigger than the buffer goes alone.
                let size = u32::try_from(message.size()).unwrap_or(u32::MAX);
                let size = size.min(self.bytes);
                match total.checked_add(size) {
                    Some(sum) if sum <= self.bytes => total = sum,
                    _ => break,
                }
                let Some((message, route)) = messages.next() else {
                    break;
                };
                part.push((message, route, size));
            }
            let room = Arc::clone(&self.room).acquire_many_owned(total).await;
            let mut room = room.map_err(|_| MessagingError::Closed)?;
            let since = Instant::now();
            let mut queued = Vec::with_capacity(part.len());
            for (message, route, size) in part {
                let Some(room) = room.split(size as usize) else {
                    return Err(MessagingError::Closed);
                };
                let (end, delivery) = oneshot::channel();
                deliveries.push(Delivery(delivery));
                queued.push(Queued {
                    message,
                    route,
                    since,
                    end,
                    _room: room,
                });
            }
            self.orders
                .send(Order::Send(queued))
                .map_err(|_| MessagingError::Closed)?;
        }
        Ok(deliveries)
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
