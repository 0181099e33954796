//! The thread that has a lease: what the rest of the program computes, prints or asks a
//! person does not keep it from saying that it lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use iggyctl_core::ledger::{LEASES, STREAM};
use iggyctl_core::name::ResourceName;
use iggyctl_engine::connect::{ConnectionPool, ServerConnector};
use iggyctl_engine::lease::{
    Acquired, Busy, Holder, Kept, LeaseError, LeaseRun, LeaseTopic, Released,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use uuid::Uuid;

use super::words::loss_words;
use crate::cli::runtime::block_on;

/// What is to be had, and how.
pub(super) struct Wanted {
    pub(super) connector: ServerConnector,
    pub(super) group: ResourceName,
    pub(super) holder: Holder,
    /// How long others are waited for.
    pub(super) timeout: Duration,
}

/// What the thread says until it has the lease or gives up.
pub(super) enum Said {
    /// It waits.
    Waits(Busy),
    /// It has it.
    Has,
    /// It waited for long enough.
    Busy(Busy),
    /// It cannot find out.
    Failed(LeaseError),
}

/// Is told when the lease is there; of one that is lost, nothing.
type Check = oneshot::Sender<Result<(), LeaseError>>;

/// The thread.
pub(super) struct Keeper {
    pub(super) said: mpsc::UnboundedReceiver<Said>,
    /// Why the lease was lost, once it was.
    lost: watch::Receiver<Option<String>>,
    /// Asks whether it is still there.
    checks: mpsc::UnboundedSender<Check>,
    /// Dropping it ends the thread, too.
    stop: oneshot::Sender<()>,
    ends_in_order: Arc<AtomicBool>,
    thread: JoinHandle<Released>,
}

/// What a shell says of a process that a signal ended: 128 and its number.
const INTERRUPTED: i32 = 130;
const TERMINATED: i32 = 143;

impl Keeper {
    pub(super) fn start(wanted: Wanted) -> std::io::Result<Self> {
        let (say, said) = mpsc::unbounded_channel();
        let (lose, lost) = watch::channel(None);
        let (checks, asked) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let ends_in_order = Arc::new(AtomicBool::new(false));
        let in_order = Arc::clone(&ends_in_order);
        let thread = std::thread::Builder::new()
            .name("lease".to_owned())
            .spawn(move || {
                let work = keep(wanted, &say, &lose, asked, stopped, &in_order);
                block_on(work).unwrap_or(Released::Unknown)
            })?;
        Ok(Self {
            said,
            lost,
            checks,
            stop,
            ends_in_order,
            thread,
        })
    }

    /// From here on the command hears signals by itself, and ends in order.
    pub(super) fn command_hears_signals(&self) {
        self.ends_in_order.store(true, Ordering::Release);
    }

    /// Comes back when the lease is lost, with the reason.
    pub(super) async fn lost(&self) -> String {
        let mut lost = self.lost.clone();
        if let Ok(reason) = lost.wait_for(Option::is_some).await
            && let Some(reason) = reason.clone()
        {
            return reason;
        }
        // It has been given back.
        std::future::pending().await
    }

    /// Renews the lease now, instead of when that is due; does not come back where it is
    /// lost, which [`Keeper::lost`] says.
    pub(super) async fn check(&self) -> Result<(), LeaseError> {
        let (answer, answered) = oneshot::channel();
        if self.checks.send(answer).is_ok()
            && let Ok(checked) = answered.await
        {
            return checked;
        }
        std::future::pending().await
    }

    /// Gives the lease back.
    pub(super) async fn release(self) -> Released {
        let _ = self.stop.send(());
        let thread = self.thread;
        let joined = tokio::task::spawn_blocking(move || thread.join());
        match joined.await {
            Ok(Ok(released)) => released,
            Ok(Err(_)) | Err(_) => Released::Unknown,
        }
    }
}

/// How long giving back may take: the lease ends by itself anyway.
const LONGEST_RELEASE: Duration = Duration::from_secs(5);

async fn keep(
    wanted: Wanted,
    say: &mpsc::UnboundedSender<Said>,
    lose: &watch::Sender<Option<String>>,
    mut checks: mpsc::UnboundedReceiver<Check>,
    stopped: oneshot::Receiver<()>,
    ends_in_order: &AtomicBool,
) -> Released {
    let Wanted {
        connector,
        group,
        holder,
        timeout,
    } = wanted;
    let duration = holder.duration();
    let signal = signalled(ends_in_order);
    tokio::pin!(signal);
    let pool = ConnectionPool::with_limit(connector, 1);
    let topic = LeaseTopic::new(&pool, STREAM.clone(), LEASES.clone());
    let mut run = LeaseRun::new(topic, group, holder, Uuid::now_v7().as_u128() << 16);
    let ends = Instant::now() + timeout;
    let mut is_first = true;
    let acquired = {
        let on_busy = |busy: &Busy| {
            if std::mem::take(&mut is_first) && !timeout.is_zero() {
                let _ = say.send(Said::Waits(busy.clone()));
            }
        };
        run.acquire_until(ends, on_busy).await
    };
    let held = match acquired {
        Ok(Ok(held)) => held,
        Ok(Err(busy)) => {
            let _ = say.send(Said::Busy(busy));
            return Released::WasGone;
        }
        Err(error) => {
            let _ = say.send(Said::Failed(error));
            return Released::WasGone;
        }
    };
    let _ = say.send(Said::Has);
    let mut code = None;
    let stop = async {
        tokio::select! {
            _ = stopped => {}
            signal = &mut signal => code = Some(signal),
        }
    };
    let (held, reason) = {
        tokio::pin!(stop);
        let mut held = held;
        loop {
            let mut asked = None;
            let pause = async {
                tokio::select! {
                    biased;
                    () = &mut stop => {}
                    Some(check) = checks.recv() => asked = Some(check),
                }
            };
            held = match run.keep(held, pause).await {
                Kept::Stopped(held) => held,
                Kept::Lost(held, loss) => break (held, Some(loss_words(&loss))),
                Kept::Expired(held, error) => break (held, Some(expired_words(error.as_ref()))),
            };
            let Some(check) = asked else {
                break (held, None);
            };
            // After that time what was held before is over, too.
            match tokio::time::timeout(duration, run.renew(&held)).await {
                Ok(Ok(Ok(renewed))) => {
                    held = renewed;
                    let _ = check.send(Ok(()));
                }
                Ok(Ok(Err(loss))) => break (held, Some(loss_words(&loss))),
                Ok(Err(error)) => {
                    let _ = check.send(Err(error));
                }
                Err(_) => {
                    pool.forget_idle();
                    break (held, Some(expired_words(None)));
                }
            }
        }
    };
    if let Some(reason) = reason {
        let _ = lose.send(Some(reason));
    }
    let released = release(&mut run, held).await;
    pool.close().await;
    if let Some(code) = code {
        // As the signal would have ended the program without the lease.
        std::process::exit(code);
    }
    released
}

async fn release(run: &mut LeaseRun<'_, ServerConnector>, held: Acquired) -> Released {
    let released = tokio::time::timeout(LONGEST_RELEASE, run.release(held)).await;
    released.unwrap_or(Released::Unknown)
}

fn expired_words(error: Option<&LeaseError>) -> String {
    match error {
        Some(error) => format!("the lease could not be renewed in time: {error}"),
        None => "the lease could not be renewed in time: the server does not answer".to_owned(),
    }
}

/// Comes back when a signal asks the program to end while it does not hear that itself,
/// with its exit code then.
async fn signalled(ends_in_order: &AtomicBool) -> i32 {
    loop {
        let code = signal().await;
        if !ends_in_order.load(Ordering::Acquire) {
            return code;
        }
    }
}

#[cfg(unix)]
async fn signal() -> i32 {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => INTERRUPTED,
        _ = terminate.recv() => TERMINATED,
    }
}

#[cfg(not(unix))]
async fn signal() -> i32 {
    match tokio::signal::ctrl_c().await {
        Ok(()) => INTERRUPTED,
        Err(_) => std::future::pending().await,
    }
}
