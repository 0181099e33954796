use std::future::Future;
use std::time::Duration;

use iggyctl_core::name::ResourceName;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::acquire::{Acquire, Acquired, Busy};
use super::breaking::{Break, Broken};
use super::note::{Holder, NoteId};
use super::release::{Release, Released};
use super::renew::{Loss, Renew, Renewed};
use super::topic::LeaseTopic;
use super::{Epoch, Reply, Request, Step};
use crate::broker::MessageProbe;
use crate::connect::Connect;
use crate::observe::ReadError;

/// Why it could not be found out whose a lease is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// The server did not do what was asked.
    #[error(transparent)]
    Server(#[from] ReadError),
    /// What was written is not there, although the server said that it is stored.
    #[error("what was noted about the lease is not found where it was noted")]
    NotesAreLost,
}

/// One run that wants the lease of a project.
#[expect(
    missing_debug_implementations,
    reason = "what a connection is need not have one"
)]
pub struct LeaseRun<'pool, C: Connect> {
    topic: LeaseTopic<'pool, C>,
    group: ResourceName,
    holder: Holder,
    next_id: NoteId,
    /// What the own clock is counted from.
    started: Instant,
}

/// How keeping a lease ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// As it was asked to; it is still ours.
    Stopped(Acquired),
    /// Somebody else ended it.
    Lost(Acquired, Loss),
    /// It could not be renewed for as long as it lasts, so somebody else may have it.
    Expired(Acquired, Option<LeaseError>),
}

/// How many renewals there are for one duration: two may fail.
const RENEWALS: u32 = 3;

/// Between two tries to renew, at most; of short leases less.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl<'pool, C: Connect> LeaseRun<'pool, C>
where
    C::Broker: MessageProbe,
{
    /// Nothing is sent yet. `first_id` and some after it are the ids of its notes: random,
    /// so that no other run has them.
    #[must_use]
    pub fn new(
        topic: LeaseTopic<'pool, C>,
        group: ResourceName,
        holder: Holder,
        first_id: NoteId,
    ) -> Self {
        Self {
            topic,
            group,
            holder,
            next_id: first_id,
            started: Instant::now(),
        }
    }

    /// Gets the lease, or says who has it. Waits for nobody.
    ///
    /// # Errors
    /// When neither can be found out.
    pub async fn acquire(&mut self) -> Result<Result<Acquired, Busy>, LeaseError> {
        let mut acquire = Acquire::new(self.holder.clone(), self.next_id);
        let mut last = None;
        loop {
            let (reply, sent) = self.send(&acquire.request(), &mut last).await;
            let step = acquire.reply(reply, sent);
            self.next_id = acquire.next_id();
            match step {
                Step::Next => {}
                Step::Done(end) => return Ok(end),
                Step::Failed => return Err(last.unwrap_or(LeaseError::NotesAreLost)),
            }
        }
    }

    /// Renews the lease once, and finds out whether it is still ours.
    ///
    /// # Errors
    /// When that cannot be found out: it is ours until its duration has passed.
    pub async fn renew(&mut self, held: &Acquired) -> Result<Renewed, LeaseError> {
        let id = self.take_id();
        let mut renew = Renew::new(held.clone(), self.holder.clone(), id);
        let mut last = None;
        loop {
            let (reply, sent) = self.send(&renew.request(), &mut last).await;
            match renew.reply(reply, sent) {
                Step::Next => {}
                Step::Done(end) => return Ok(end),
                Step::Failed => return Err(last.unwrap_or(LeaseError::NotesAreLost)),
            }
        }
    }

    /// Renews the lease again and again, until `stop` or until it is ours no more.
    pub async fn keep(&mut self, held: Acquired, stop: impl Future<Output = ()>) -> Kept {
        tokio::pin!(stop);
        let duration = self.holder.duration();
        let pause = LONGEST_PAUSE.min(duration / 10);
        let mut held = held;
        let mut failed = None;
        let mut next = self.started + held.sent + duration / RENEWALS;
        loop {
            let ends = self.started + held.sent + duration;
            tokio::select! {
                biased;
                () = &mut stop => return Kept::Stopped(held),
                () = sleep_until(next.min(ends)) => {}
            }
            let renewed = tokio::select! {
                biased;
                () = &mut stop => {
                    self.topic.forget_replies();
                    return Kept::Stopped(held);
                }
                renewed = timeout_at(ends, self.renew(&held)) => renewed,
            };
            match renewed {
                Ok(Ok(Ok(renewed))) => {
                    next = self.started + renewed.sent + duration / RENEWALS;
                    held = renewed;
                    failed = None;
                }
                Ok(Ok(Err(loss))) => return Kept::Lost(held, loss),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "the lease is not renewed");
                    failed = Some(error);
                    next = Instant::now() + pause;
                }
                Err(_) => self.topic.forget_replies(),
            }
            if Instant::now() >= self.started + held.sent + duration {
                return Kept::Expired(held, failed);
            }
        }
    }

    /// Gives the lease back, so that the next one need not wait until it is over.
    pub async fn release(&mut self, held: Acquired) -> Released {
        let id = self.take_id();
        let mut release = Release::new(held, &self.holder, id);
        loop {
            let (reply, _) = self.send(&release.request(), &mut None).await;
            match release.reply(&reply) {
                Step::Next => {}
                Step::Done(end) => return end,
                Step::Failed => return Released::Unknown,
            }
        }
    }

    /// Gets the lease, waiting for whoever has it until `ends`. `on_busy` is told whenever
    /// it is somebody's, before the wait.
    ///
    /// # Errors
    /// When it cannot be found out whose it is.
    pub async fn acquire_until(
        &mut self,
        ends: Instant,
        mut on_busy: impl FnMut(&Busy),
    ) -> Result<Result<Acquired, Busy>, LeaseError> {
        loop {
            let busy = match self.acquire().await? {
                Ok(acquired) => return Ok(Ok(acquired)),
                Err(busy) => busy,
            };
            on_busy(&busy);
            let left = ends.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Err(busy));
            }
            sleep(left.min(pause_for(&busy))).await;
        }
    }

    fn take_id(&mut self) -> NoteId {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        id
    }

    /// The reply, and when the request was sent by the own clock.
    async fn send(&self, request: &Request, last: &mut Option<LeaseError>) -> (Reply, Duration) {
        let sent = self.started.elapsed();
        let reply = match self.topic.carry_out(&self.group, request).await {
            Ok(reply) => reply,
            Err((reply, error)) => {
                *last = Some(error.into());
                reply
            }
        };
        (reply, sent)
    }
}

/// Until the lease would be over, and not longer than somebody would wait who could have
/// had it: it may be released at any time.
fn pause_for(busy: &Busy) -> Duration {
    let left = Duration::from_micros(busy.until_micros.saturating_sub(busy.now_micros));
    // Over is what is later than its end.
    (left + Duration::from_millis(1)).min(LONGEST_PAUSE)
}

/// Ends somebody's lease, since a person says so.
///
/// # Errors
/// When that cannot be noted.
pub async fn break_lease<C: Connect>(
    topic: &LeaseTopic<'_, C>,
    group: &ResourceName,
    epoch: Epoch,
    by: String,
    id: NoteId,
) -> Result<Broken, LeaseError>
where
    C::Broker: MessageProbe,
{
    let mut breaking = Break::new(epoch, by, id);
    let mut last = None;
    loop {
        let reply = match topic.carry_out(group, &breaking.request()).await {
            Ok(reply) => reply,
            Err((reply, error)) => {
                last = Some(error);
                reply
            }
        };
        match breaking.reply(reply) {
            Step::Next => {}
            Step::Done(end) => return Ok(end),
            Step::Failed => {
                return Err(last.map_or(LeaseError::NotesAreLost, LeaseError::Server));
            }
        }
    }
}
