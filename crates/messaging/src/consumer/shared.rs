//! Between the caller, its messages, and the task that talks to the server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use futures::future::BoxFuture;
use futures::task::AtomicWaker;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot, watch};

use super::board::{Answer, Board, Handed, Ticket};
use crate::connection::Participant;
use crate::error::MessagingError;
use crate::observe::consume::Observer;

pub(crate) struct Shared {
    state: Mutex<State>,
    caller: AtomicWaker,
    /// Rings when the worker has something to do.
    pub(super) bell: Notify,
    stage: watch::Sender<Stage>,
    pub(super) observer: Observer,
    runtime: Handle,
}

struct State {
    board: Board,
    /// The last one that the caller has not seen.
    error: Option<MessagingError>,
    /// Who waits for everything to be stored.
    flushes: Vec<oneshot::Sender<()>>,
    /// As the stage says, for those who have the lock.
    is_closing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Open,
    Closing,
    Ended,
}

/// What the caller gets.
pub(super) enum Next {
    Message(Handed),
    Error(MessagingError),
    Nothing,
    End,
}

impl Shared {
    pub(super) fn new(board: Board, observer: Observer, runtime: Handle) -> Self {
        Self {
            state: Mutex::new(State {
                board,
                error: None,
                flushes: Vec::new(),
                is_closing: false,
            }),
            caller: AtomicWaker::new(),
            bell: Notify::new(),
            stage: watch::Sender::new(Stage::Open),
            observer,
            runtime,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what is here, or changes it. Never across an await.
    pub(super) fn board<R>(&self, look: impl FnOnce(&mut Board) -> R) -> R {
        look(&mut self.state().board)
    }

    /// As [`board`](Self::board), after which there may be something for the caller.
    pub(super) fn serve<R>(&self, change: impl FnOnce(&mut Board) -> R) -> R {
        let changed = self.board(change);
        self.caller.wake();
        changed
    }

    /// What is next; with nothing, this waker hears of it.
    pub(super) fn next(&self, waker: &Waker) -> Next {
        let mut state = self.state();
        let mut wakes_worker = state.board.ask(Instant::now).wakes_worker;
        let next = if state.is_closing {
            wakes_worker = true;
            Next::End
        } else if let Some(error) = state.error.take() {
            Next::Error(error)
        } else if let Some(handed) = state.board.take(Instant::now) {
            wakes_worker |= state.board.needs_worker(handed.ticket);
            Next::Message(handed)
        } else {
            // With the lock held, so that nothing comes in between.
            self.caller.register(waker);
            Next::Nothing
        };
        drop(state);
        if wakes_worker {
            self.bell.notify_one();
        }
        next
    }

    /// A message that could not be opened.
    pub(super) fn reject(&self, handed: Handed, error: String) {
        self.board(|board| board.reject(handed, error));
        self.bell.notify_one();
    }

    /// A delivery ended.
    pub(crate) fn answer(self: &Arc<Self>, ticket: Ticket, answer: Answer) {
        let (consequence, is_closing) = {
            let mut state = self.state();
            let consequence = state.board.answer(ticket, answer, Instant::now);
            (consequence, state.is_closing)
        };
        if consequence.wakes_worker || is_closing {
            self.bell.notify_one();
        }
        if consequence.wakes_caller {
            self.caller.wake();
        }
        if let Some(again) = consequence.again {
            self.observer.redelivers(ticket, &again);
            let shared = Arc::downgrade(self);
            self.runtime.spawn(async move {
                tokio::time::sleep(again.pause).await;
                if let Some(shared) = shared.upgrade() {
                    shared.caller.wake();
                }
            });
        }
    }

    /// Something that the caller has to know; the last one counts.
    pub(super) fn report(&self, error: MessagingError) {
        self.state().error = Some(error);
        self.caller.wake();
    }

    /// Comes back when everything that is acknowledged now is stored.
    pub(super) async fn flush(&self) -> Result<(), MessagingError> {
        let (done, stored) = oneshot::channel();
        {
            let mut state = self.state();
            if *self.stage.borrow() == Stage::Ended {
                return Err(MessagingError::Closed);
            }
            state.flushes.push(done);
        }
        self.bell.notify_one();
        stored.await.map_err(|_| MessagingError::Closed)
    }

    pub(super) fn take_flushes(&self) -> Vec<oneshot::Sender<()>> {
        std::mem::take(&mut self.state().flushes)
    }

    pub(super) fn put_back_flushes(&self, flushes: Vec<oneshot::Sender<()>>) {
        self.state().flushes.extend(flushes);
    }

    pub(super) fn is_closing(&self) -> bool {
        *self.stage.borrow() > Stage::Open
    }

    /// Begins to end: nothing more is handed over.
    pub(super) fn close(&self) {
        {
            let mut state = self.state();
            if !std::mem::replace(&mut state.is_closing, true) {
                state.board.put_back();
            }
        }
        // After that, so that the worker finds all there is in hand.
        self.stage.send_if_modified(|stage| {
            let begins = *stage == Stage::Open;
            if begins {
                *stage = Stage::Closing;
            }
            begins
        });
        self.caller.wake();
        self.bell.notify_one();
    }

    /// Comes back when it begins to end.
    pub(super) async fn closing(&self) {
        // An error would mean that we are gone.
        let _ = self
            .stage
            .subscribe()
            .wait_for(|stage| *stage > Stage::Open)
            .await;
    }

    /// The worker is gone.
    pub(super) fn ended(&self) {
        self.stage.send_replace(Stage::Ended);
        // Nobody answers them any more.
        self.state().flushes.clear();
        self.caller.wake();
    }

    /// Comes back when everything that can be stored is.
    pub(super) async fn end(&self) {
        let _ = self
            .stage
            .subscribe()
            .wait_for(|stage| *stage == Stage::Ended)
            .await;
    }
}

impl Participant for Shared {
    fn finish(&self) -> BoxFuture<'_, ()> {
        self.close();
        Box::pin(self.end())
    }
}
