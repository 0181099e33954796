//! The task that talks to the server for one consumer.
//!
//! ```text
//!  ┌─▶ session ─▶ which partitions are ours ─▶ store offsets ─▶ bury the dead ─▶ poll ─┐
//!  └────────────── rest: until the bell rings, or something is due ◀──────────────────┘
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBackoff};
use iggy::prelude::{Identifier, IggyError};
use tokio::time::{sleep, timeout};
use tracing::Instrument as _;

use super::assignment::Assignment;
use super::policy::Commit;
use super::requests::{Failure, Requests};
use super::shared::Shared;
use crate::connection::{Loss, Session, exponential};
use crate::encryption::Encryption;
use crate::ensure::{Manifest, Unmade};
use crate::error::MessagingError;

/// Where dead letters go.
pub(super) struct Graveyard {
    pub(super) stream: String,
    pub(super) topic: String,
    pub(super) stream_id: Identifier,
    pub(super) topic_id: Identifier,
}

pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) requests: Requests,
    pub(super) assignment: Assignment,
    pub(super) commit: Commit,
    pub(super) poll_interval: Duration,
    pub(super) commit_interval: Duration,
    pub(super) drain_timeout: Duration,
    /// None where dead letters are left out.
    pub(super) graveyard: Option<Graveyard>,
    pub(super) encryption: Option<Encryption>,
    pub(super) ensure: Option<Manifest>,
    /// Whether to end when everything that was there has been handled.
    pub(super) ends: bool,
    /// Since when nothing is ours.
    pub(super) idle_since: Option<Instant>,
    /// Whether the connection is ours alone.
    pub(super) owns_connection: bool,
    /// When to ask again where nothing was.
    pub(super) poll_at: Instant,
    /// Whose turn it is to be polled first.
    pub(super) turn: usize,
    /// What requests are going on with.
    pub(super) session: Option<Session>,
}

/// Between attempts that fail. The longest wait is short: a consumer has nothing better
/// to do than to ask.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// At least as often it looks whether something changed.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// How long a member of a group that is to end waits to be given a partition. One that
/// another member is to let go of comes when that has finished with it.
const LONGEST_IDLE: Duration = Duration::from_secs(3);

/// For what remains to be stored at the end.
const LAST_ATTEMPTS: u32 = 5;

/// Says that the worker is gone, however it ends.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.close();
        self.0.ended();
    }
}

impl Worker {
    pub(super) async fn run(mut self) {
        let _end = End(Arc::clone(&self.shared));
        let mut pauses = fresh_pauses();
        let mut attempts = 0;
        let mut waits_for_topic = false;
        while !self.shared.is_closing() {
            let failure = match self.round().await {
                Ok(()) => {
                    pauses = fresh_pauses();
                    attempts = 0;
                    waits_for_topic = false;
                    if self.ends && self.is_at_end() {
                        break;
                    }
                    self.rest().await;
                    continue;
                }
                Err(failure) => failure,
            };
            attempts += 1;
            let pause = pauses.next().unwrap_or(LONGEST_PAUSE);
            match failure {
                Failure::Final(MessagingError::Closed) => break,
                Failure::Final(error) => {
                    self.shared
                        .observer
                        .retries(attempts, pause, &error.to_string());
                    self.shared.report(error);
                }
                Failure::MayPass(last) => self.shared.observer.retries(attempts, pause, &last),
                Failure::NotThere if self.ends => {
                    let observer = &self.shared.observer;
                    self.shared.report(MessagingError::NoTopic {
                        stream: observer.stream.clone(),
                        topic: observer.topic.clone(),
                    });
                }
                Failure::NotThere => {
                    if !std::mem::replace(&mut waits_for_topic, true) {
                        let (stream, topic) =
                            (&self.shared.observer.stream, &self.shared.observer.topic);
                        tracing::info!(stream, topic, "waits for the topic");
                    }
                }
            }
            // Answers do not make this shorter: the server is to have its peace.
            tokio::select! {
                () = sleep(pause) => {}
                () = self.shared.closing() => {}
            }
        }
        self.shared.close();
        self.finish().await;
    }

    /// Whether everything that was there when it was asked for first is done with.
    fn is_at_end(&mut self) -> bool {
        let has_some = !self.assignment.partitions().is_empty();
        if self.assignment.is_group() && !has_some {
            let since = *self.idle_since.get_or_insert_with(Instant::now);
            return since.elapsed() >= LONGEST_IDLE;
        }
        self.idle_since = None;
        self.shared.board(|board| {
            board
                .iter_mut()
                .all(|(_, it)| it.is_at_end && it.tracker.outstanding() == 0)
        })
    }

    async fn round(&mut self) -> Result<(), Failure> {
        let session = self.session().await?;
        if let Some(manifest) = self.ensure.clone() {
            match crate::ensure::on(session.clone(), manifest).await {
                Ok(_) => self.ensure = None,
                Err(Unmade::MayPass(reason)) => {
                    let loss = IggyError::Disconnected;
                    self.requests.connection.lost(&session, loss);
                    return Err(Failure::MayPass(reason));
                }
                Err(unmade) => return Err(Failure::Final(unmade.into())),
            }
        }
        self.assignment
            .find(&self.requests, &session, &self.shared)
            .await?;
        self.store(&session, false).await?;
        self.bury(&session).await?;
        self.poll(&session).await
    }

    async fn session(&mut self) -> Result<Session, Failure> {
        let opened = tokio::select! {
            opened = self.requests.connection.session() => opened,
            // Between requests, so nothing is cut off.
            () = self.shared.closing(), if !self.shared.is_closing() => {
                Err(MessagingError::Closed)
            }
        };
        let session = opened.map_err(Failure::Final)?;
        self.session = Some(session.clone());
        Ok(session)
    }

    /// Asks each partition once, as long as there is room.
    async fn poll(&mut self, session: &Session) -> Result<(), Failure> {
        if Instant::now() < self.poll_at || !self.shared.board(|board| board.wants_more()) {
            return Ok(());
        }
        let partitions = self.assignment.partitions().to_vec();
        let mut found = 0;
        self.turn = self.turn.wrapping_add(1);
        for step in 0..partitions.len() {
            let index = self.turn.wrapping_add(step) % partitions.len();
            let Some(partition) = partitions.get(index).copied() else {
                continue;
            };
            let (room, position) = self.shared.board(|board| {
                let ends = self.ends;
                let position = board
                    .get(partition)
                    .filter(|it| !(ends && it.is_at_end))
                    .map(|it| it.position);
                (board.portion(), position)
            });
            let count = u32::try_from(room).unwrap_or(u32::MAX);
            let Some(position) = position.filter(|_| count > 0) else {
                continue;
            };
            let observer = &self.shared.observer;
            let span = tracing::debug_span!(
                "poll",
                stream = observer.stream,
                topic = observer.topic,
                partition,
                count
            );
            let commits = self.commit == Commit::Polled;
            let polled = self
                .requests
                .poll(session, partition, position, count, commits)
                .instrument(span)
                .await;
            match polled {
                Ok(polled) => {
                    let (new, lag) = self.shared.serve(|board| board.accept(partition, polled));
                    found += new;
                    if let Some(lag) = lag {
                        observer.lag(partition, lag);
                    }
                }
                Err(Failure::NotThere) => {
                    self.assignment.doubt();
                    if !self.assignment.is_group() {
                        self.shared.board(|board| board.lose(partition));
                        return Err(Failure::NotThere);
                    }
                    return Ok(());
                }
                Err(failure) => return Err(failure),
            }
        }
        if found == 0 {
            self.poll_at = Instant::now() + self.poll_interval;
        }
        Ok(())
    }

    /// Until something is to be done.
    async fn rest(&self) {
        let now = Instant::now();
        let interval = self.commit_interval;
        let (wants_more, commit_at) = self.shared.board(|board| {
            let at = board
                .iter_mut()
                .filter(|(_, it)| it.tracker.committable().is_some())
                .map(|(_, it)| it.commit_since.map_or(now, |since| since + interval))
                .min();
            (board.wants_more(), at)
        });
        let has_partitions = !self.assignment.partitions().is_empty();
        let mut until = self.assignment.look_again_at().min(now + LONGEST_REST);
        if wants_more && has_partitions {
            until = until.min(self.poll_at);
        }
        if let Some(commit_at) = commit_at {
            until = until.min(commit_at);
        }
        if until <= now {
            // Others of this thread may have something to do, such as to handle what
            // is here.
            tokio::task::yield_now().await;
            return;
        }
        tokio::select! {
            () = tokio::time::sleep_until(until.into()) => {}
            () = self.shared.bell.notified() => {}
        }
    }

    /// Waits for what the caller has in hand, and stores what is handled.
    async fn finish(&mut self) {
        let drained = async {
            while self.shared.board(|board| board.in_hand()) > 0 {
                self.shared.bell.notified().await;
            }
        };
        let _ = timeout(self.drain_timeout, drained).await;
        // Nothing was asked for yet, so there is nothing to store.
        if self.session.is_some() {
            let closing = timeout(self.drain_timeout.max(LONGEST_REST), self.store_and_leave());
            if closing.await.is_err()
                && let Some(session) = &self.session
            {
                // The reply would be taken for that of somebody else's request.
                self.requests.connection.lost(session, Loss::NoAnswer);
            }
        }
        if self.owns_connection {
            self.requests.connection.shutdown().await;
        }
    }

    async fn store_and_leave(&mut self) {
        let mut pauses = fresh_pauses();
        for _ in 0..LAST_ATTEMPTS {
            match self.last_round().await {
                Ok(()) => break,
                Err(Failure::MayPass(last)) => {
                    let pause = pauses.next().unwrap_or(LONGEST_PAUSE);
                    self.shared.observer.retries(1, pause, &last);
                    sleep(pause).await;
                }
                Err(Failure::NotThere) => break,
                Err(Failure::Final(error)) => {
                    tracing::warn!(%error, "not everything that was handled is stored");
                    break;
                }
            }
        }
        if let Some(session) = self.session.clone() {
            self.assignment.leave(&self.requests, &session).await;
        }
    }

    async fn last_round(&mut self) -> Result<(), Failure> {
        let has_work = self.shared.board(|board| {
            let stores = board.stores();
            let has_dead = board.dead().is_some();
            has_dead
                || stores
                    && board
                        .iter_mut()
                        .any(|(_, partition)| partition.tracker.committable().is_some())
        });
        if !has_work {
            return Ok(());
        }
        let session = self.session().await?;
        self.assignment
            .find(&self.requests, &session, &self.shared)
            .await?;
        self.store(&session, true).await?;
        self.bury(&session).await?;
        self.store(&session, true).await
    }
}

fn fresh_pauses() -> ExponentialBackoff {
    exponential(FIRST_PAUSE, LONGEST_PAUSE).build()
}
