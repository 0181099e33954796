//! How messages end: told by the worker, waited for by who sent them.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::queue::Confirmation;
use crate::error::MessagingError;

type Ending = Result<Confirmation, MessagingError>;

/// The end of one message, to wait for, or not: it is sent in any case.
#[derive(Debug)]
pub struct Delivery {
    call: Arc<Call>,
    index: usize,
}

/// Tells the end of one message. Who drops it, such as a worker that ended with the
/// runtime, says that it was shut down.
#[derive(Debug)]
pub(super) struct Teller {
    call: Arc<Call>,
    index: usize,
    has_told: bool,
}

/// The messages of one call: one piece of memory for the ends of all of them.
#[derive(Debug)]
struct Call(Mutex<Vec<State>>);

#[derive(Debug)]
enum State {
    Open(Option<Waker>),
    Ended(Ending),
    /// Who waited for it has it.
    Gone,
}

/// For the messages of one call, in their order.
pub(super) fn deliveries(messages: usize) -> impl Iterator<Item = (Teller, Delivery)> {
    let open = (0..messages).map(|_| State::Open(None)).collect();
    let call = Arc::new(Call(Mutex::new(open)));
    (0..messages).map(move |index| {
        let teller = Teller {
            call: Arc::clone(&call),
            index,
            has_told: false,
        };
        let delivery = Delivery {
            call: Arc::clone(&call),
            index,
        };
        (teller, delivery)
    })
}

impl Call {
    fn states(&self) -> MutexGuard<'_, Vec<State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, index: usize, how: Ending) {
        let former = match self.states().get_mut(index) {
            Some(state @ State::Open(_)) => std::mem::replace(state, State::Ended(how)),
            Some(State::Ended(_) | State::Gone) | None => return,
        };
        // Without the lock: who wakes up takes it.
        if let State::Open(Some(waker)) = former {
            waker.wake();
        }
    }
}

impl Teller {
    pub(super) fn tell(mut self, how: Ending) {
        self.has_told = true;
        self.call.end(self.index, how);
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if !self.has_told {
            self.call.end(self.index, Err(MessagingError::Closed));
        }
    }
}

impl Future for Delivery {
    type Output = Ending;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ending> {
        let mut states = self.call.states();
        let Some(state) = states.get_mut(self.index) else {
            return Poll::Ready(Err(MessagingError::Closed));
        };
        match std::mem::replace(state, State::Gone) {
            State::Ended(how) => Poll::Ready(how),
            State::Open(waker) => {
                let waker = waker.filter(|it| it.will_wake(context.waker()));
                let waker = waker.unwrap_or_else(|| context.waker().clone());
                *state = State::Open(Some(waker));
                Poll::Pending
            }
            State::Gone => Poll::Ready(Err(MessagingError::Closed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn confirmation(id: u128) -> Confirmation {
        Confirmation {
            id,
            partition: 0,
            offset: None,
            latency: Duration::ZERO,
        }
    }

    #[tokio::test]
    async fn each_gets_its_own_end_whenever_it_looks() {
        let (mut tellers, mut deliveries): (Vec<_>, Vec<_>) = deliveries(3).unzip();
        let waits = tokio::spawn(deliveries.remove(0));
        tokio::task::yield_now().await;
        tellers.remove(0).tell(Ok(confirmation(7)));
        assert_eq!(waits.await.unwrap().unwrap().id, 7);
        tellers.remove(0).tell(Ok(confirmation(8)));
        assert_eq!(deliveries.remove(0).await.unwrap().id, 8);
        drop(tellers);
        assert!(matches!(
            deliveries.remove(0).await,
            Err(MessagingError::Closed)
        ));
    }

    #[test]
    fn who_does_not_wait_is_not_told() {
        let (mut tellers, deliveries): (Vec<_>, Vec<_>) = deliveries(2).unzip();
        drop(deliveries);
        tellers.remove(0).tell(Ok(confirmation(7)));
    }
}
