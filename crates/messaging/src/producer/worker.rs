//! Sends what the queue holds, one batch after another.
//!
//! ```text
//!  queue ──▶ batch (full, or old enough, or flushed)
//!              └─▶ by partition ──▶ send ──▶ confirmed
//!                                    │  ▲
//!                                    ▼  │ pause, or a new connection
//!                                   failed for now ──▶ failed for good
//! ```
//!
//! There is one batch on its way at a time: a later message of the same key never
//! overtakes an earlier one, also when that has to be repeated.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use iggy::prelude::IggyError;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::Instrument as _;

use super::partitions::{CountError, Partitions};
use super::queue::{Confirmation, Order, Queued};
use super::retry::RetryPolicy;
use super::sender::{Failure, SEND, Sender};
use crate::ensure::{Manifest, Unmade};
use crate::error::MessagingError;
use crate::observe::emit::Emitter;

/// What it sends to, and how.
pub(super) struct Worker {
    pub(super) sender: Sender,
    pub(super) batch_messages: usize,
    pub(super) batch_bytes: usize,
    pub(super) linger: Duration,
    pub(super) retry: RetryPolicy,
    /// What is to be there before the first message.
    pub(super) ensure: Option<Manifest>,
    pub(super) partitions: Partitions,
    pub(super) emitter: Emitter,
}

/// Why a batch for one partition was not sent.
enum Undelivered {
    /// Its messages belong to another partition now.
    Reroute {
        /// What the server said.
        code: u32,
    },
    /// For good.
    Failed(MessagingError),
}

/// When it is known that messages are there, and from which offset on.
struct Confirmed {
    base_offset: Option<u64>,
    now: std::time::Instant,
}

impl Worker {
    /// Works until nobody can send any more and everything has ended.
    pub(super) async fn run(mut self, mut orders: UnboundedReceiver<Order>) {
        let mut pending: VecDeque<Queued> = VecDeque::new();
        let mut bytes = 0;
        let mut flushed: Vec<oneshot::Sender<()>> = Vec::new();
        let mut is_open = true;
        while is_open || !pending.is_empty() {
            // Whatever is there already, up to a batch; then what comes while the
            // first one is not too old.
            while is_open && flushed.is_empty() && !self.is_full(&pending, bytes) {
                let order = match pending.front() {
                    None => orders.recv().await,
                    Some(first) => {
                        let until = Instant::from_std(first.since) + self.linger;
                        match orders.try_recv() {
                            Ok(order) => Some(order),
                            Err(_) => match timeout_at(until, orders.recv()).await {
                                Ok(order) => order,
                                Err(_) => break,
                            },
                        }
                    }
                };
                match order {
                    Some(Order::Send(messages)) => {
                        bytes += messages.iter().map(|it| it.message.size()).sum::<usize>();
                        pending.extend(messages);
                    }
                    Some(Order::Flush(done)) => flushed.push(done),
                    None => is_open = false,
                }
            }
            // One call may bring more than a batch.
            while !pending.is_empty() {
                let length = self.batch_length(&pending);
                let batch: Vec<Queued> = pending.drain(..length).collect();
                bytes -= batch.iter().map(|it| it.message.size()).sum::<usize>();
                self.send(batch).await;
                if is_open && flushed.is_empty() && !self.is_full(&pending, bytes) {
                    break;
                }
            }
            for done in flushed.drain(..) {
                let _ = done.send(());
            }
        }
    }

    fn is_full(&self, pending: &VecDeque<Queued>, bytes: usize) -> bool {
        pending.len() >= self.batch_messages || bytes >= self.batch_bytes
    }

    /// How many of the first ones make a batch: at least one.
    fn batch_length(&self, pending: &VecDeque<Queued>) -> usize {
        let mut bytes = 0;
        let fits = pending
            .iter()
            .take(self.batch_messages)
            .take_while(|queued| {
                bytes += queued.message.size();
                bytes <= self.batch_bytes
            })
            .count();
        fits.max(1)
    }

    /// Sends a batch and tells everybody how it ended.
    async fn send(&mut self, batch: Vec<Queued>) {
        let turn = self.partitions.next_turn();
        let mut batch = batch;
        // Partitions that are taken away while we send are rare, and twice in one
        // batch does not happen.
        for may_reroute in [true, false] {
            let count = match self.count_for(&batch).await {
                Ok(count) => count,
                Err(error) => return self.fail(batch, None, &error),
            };
            let mut by_partition: BTreeMap<u32, Vec<Queued>> = BTreeMap::new();
            let partition = |queued: &Queued| queued.route.partition(count, turn);
            match batch.first().map(partition) {
                Some(only) if batch.iter().all(|queued| partition(queued) == only) => {
                    by_partition.insert(only, batch);
                }
                _ => {
                    for queued in batch {
                        let partition = partition(&queued);
                        by_partition.entry(partition).or_default().push(queued);
                    }
                }
            }
            batch = Vec::new();
            for (partition, part) in by_partition {
                let (part, ended) = self.deliver(partition, part).await;
                match ended {
                    Ok(confirmed) => confirm(part, partition, confirmed),
                    Err(Undelivered::Failed(error)) => self.fail(part, Some(partition), &error),
                    Err(Undelivered::Reroute { code }) => {
                        let (movable, fixed): (Vec<_>, Vec<_>) = part
                            .into_iter()
                            .partition(|queued| may_reroute && queued.route.needs_count());
                        batch.extend(movable);
                        let error = MessagingError::Refused {
                            operation: SEND,
                            code,
                        };
                        self.fail(fixed, Some(partition), &error);
                    }
                }
            }
            if batch.is_empty() {
                return;
            }
            self.partitions.forget();
        }
    }

    /// The number of partitions, if any of the messages needs it.
    async fn count_for(&mut self, batch: &[Queued]) -> Result<u32, MessagingError> {
        let needs_count = batch.iter().any(|queued| queued.route.needs_count());
        if !needs_count && self.ensure.is_none() {
            return Ok(1);
        }
        let mut pauses = self.retry.pauses();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let last = match self.try_count(needs_count).await {
                Ok(count) => return Ok(count),
                Err(CountError::Final(error)) => return Err(error),
                Err(CountError::MayPass(last)) => last,
            };
            let Some(pause) = pauses.next() else {
                return Err(MessagingError::GaveUp {
                    operation: "read the topic",
                    attempts,
                    last,
                });
            };
            sleep(pause).await;
        }
    }

    async fn try_count(&mut self, needs_count: bool) -> Result<u32, CountError> {
        let session = self
            .sender
            .connection
            .session()
            .await
            .map_err(CountError::Final)?;
        if let Some(manifest) = self.ensure.clone() {
            match crate::ensure::on(session.clone(), manifest).await {
                Ok(_) => self.ensure = None,
                Err(Unmade::MayPass(reason)) => {
                    let loss = IggyError::Disconnected;
                    self.sender.connection.lost(&session, loss);
                    return Err(CountError::MayPass(reason));
                }
                Err(unmade) => return Err(CountError::Final(unmade.into())),
            }
        }
        if !needs_count {
            return Ok(1);
        }
        self.partitions.count(&session, &self.sender).await
    }

    /// Sends to one partition until it is confirmed, or not to be.
    async fn deliver(
        &mut self,
        partition: u32,
        part: Vec<Queued>,
    ) -> (Vec<Queued>, Result<Confirmed, Undelivered>) {
        let span = tracing::debug_span!(
            "send",
            stream = self.sender.stream,
            topic = self.sender.topic,
            partition,
            messages = part.len()
        );
        let mut pauses = self.retry.pauses();
        let mut attempts: u32 = 0;
        loop {
            attempts += 1;
            let span = match attempts {
                1 => span.clone(),
                _ => tracing::debug_span!(
                    parent: &span,
                    "retry",
                    stream = self.sender.stream,
                    topic = self.sender.topic,
                    partition,
                    attempt = attempts
                ),
            };
            let messages = part.iter().map(|it| it.message.message()).collect();
            let attempt = self.sender.send(partition, messages).instrument(span).await;
            let last = match attempt {
                Ok(base_offset) => {
                    // One look at the clock for all of them.
                    let now = std::time::Instant::now();
                    let latencies = part.iter().map(|queued| now - queued.since);
                    self.emitter
                        .sent(partition, base_offset, attempts, latencies);
                    return (part, Ok(Confirmed { base_offset, now }));
                }
                Err(Failure::Final(error)) => return (part, Err(Undelivered::Failed(error))),
                Err(Failure::NoPartition(code)) => {
                    return (part, Err(Undelivered::Reroute { code }));
                }
                Err(Failure::MayPass(last)) => last,
            };
            let Some(pause) = pauses.next() else {
                let gave_up = MessagingError::GaveUp {
                    operation: SEND,
                    attempts,
                    last,
                };
                return (part, Err(Undelivered::Failed(gave_up)));
            };
            self.emitter
                .retries(partition, part.len(), attempts, pause, &last);
            sleep(pause).await;
        }
    }

    fn fail(&self, part: Vec<Queued>, partition: Option<u32>, error: &MessagingError) {
        if part.is_empty() {
            return;
        }
        self.emitter.failed(partition, part.len(), error);
        for queued in part {
            queued.end(Err(error.clone()));
        }
    }
}

fn confirm(part: Vec<Queued>, partition: u32, confirmed: Confirmed) {
    let Confirmed { base_offset, now } = confirmed;
    for (queued, index) in part.into_iter().zip(0_u64..) {
        let confirmation = Confirmation {
            id: queued.message.id,
            partition,
            offset: base_offset.map(|base| base + index),
            latency: now - queued.since,
        };
        queued.end(Ok(confirmation));
    }
}
