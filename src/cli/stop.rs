//! Being asked to end: Ctrl-C and SIGTERM.

use std::future::Future;

use tokio::sync::watch;

/// Ends when the process is asked to end, by Ctrl-C or SIGTERM, after this call;
/// also when that happens before the result is waited for.
pub(super) fn stop_requested() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let signals = {
        use tokio::signal::unix::{SignalKind, signal};
        (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        )
    };
    async move {
        #[cfg(unix)]
        if let (Ok(mut interrupt), Ok(mut terminate)) = signals {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// How often the process was asked to end since this was made: for commands that
/// end in order at the first time, and at once at the second.
#[derive(Debug, Clone)]
pub(super) struct Stop(watch::Receiver<u32>);

impl Stop {
    /// From here on a signal ends nothing by itself. Needs a tokio runtime.
    pub(super) fn listen() -> Self {
        let (sender, receiver) = watch::channel(0);
        let mut requested = Box::pin(stop_requested());
        tokio::spawn(async move {
            loop {
                requested.await;
                // Before the next one is missed.
                requested = Box::pin(stop_requested());
                sender.send_modify(|times| *times += 1);
            }
        });
        Self(receiver)
    }

    /// Comes back when it was asked to end, at once after that.
    pub(super) async fn requested(&self) {
        self.more_than(0).await;
    }

    /// Whether it was asked to end.
    pub(super) fn is_requested(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Comes back when it was asked to end twice.
    pub(super) async fn insisted(&self) {
        self.more_than(1).await;
    }

    /// Comes back when it is asked to end once more after this call.
    pub(super) async fn requested_again(&self) {
        let times = *self.0.borrow();
        self.more_than(times).await;
    }

    async fn more_than(&self, times: u32) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|now| *now > times).await.is_err() {
            // The runtime ends, and nobody asks any more.
            std::future::pending::<()>().await;
        }
    }
}
