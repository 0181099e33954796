//! Offsets and dead letters: what a consumer leaves on the server.

use std::time::Instant;

use tracing::Instrument as _;

use super::dead_letters::letter;
use super::requests::Failure;
use super::worker::Worker;
use crate::connection::Session;
use crate::error::MessagingError;

impl Worker {
    /// Stores what is due, or everything.
    pub(super) async fn store(
        &mut self,
        session: &Session,
        everything: bool,
    ) -> Result<(), Failure> {
        let flushes = self.shared.take_flushes();
        let everything = everything || !flushes.is_empty();
        let ended = self.store_due(session, everything).await;
        match &ended {
            Ok(()) => flushes.into_iter().for_each(|flush| {
                // Who asked may be gone.
                let _ = flush.send(());
            }),
            Err(_) => self.shared.put_back_flushes(flushes),
        }
        ended
    }

    async fn store_due(&mut self, session: &Session, everything: bool) -> Result<(), Failure> {
        let now = Instant::now();
        let interval = self.commit_interval;
        let (due, handled) = self.shared.board(|board| {
            let stores = board.stores();
            let mut due = Vec::new();
            let mut handled = Vec::new();
            for (id, partition) in board.iter_mut() {
                if !stores {
                    let messages = partition.take_handled();
                    handled.extend((messages > 0).then_some((id, messages)));
                    continue;
                }
                let Some(offset) = partition.tracker.committable() else {
                    continue;
                };
                let since = *partition.commit_since.get_or_insert(now);
                if everything
                    || partition.revoked
                    // To put them aside may fail for long.
                    || !partition.dead.is_empty()
                    || partition.tracker.outstanding() == 0
                    || now.duration_since(since) >= interval
                {
                    partition.tried = Some(offset);
                    due.push((id, offset));
                }
            }
            (due, handled)
        });
        for (partition, messages) in handled {
            self.shared.observer.handled(partition, messages, None);
        }
        for (partition, offset) in due {
            self.store_one(session, partition, offset).await?;
        }
        Ok(())
    }

    async fn store_one(
        &mut self,
        session: &Session,
        partition: u32,
        offset: u64,
    ) -> Result<(), Failure> {
        let observer = &self.shared.observer;
        let span = tracing::debug_span!(
            "acknowledge",
            stream = observer.stream,
            topic = observer.topic,
            partition,
            offset
        );
        let stored = self
            .requests
            .store(session, partition, offset)
            .instrument(span)
            .await;
        match stored {
            Ok(()) => {
                let (messages, lag) = self.shared.board(|board| {
                    let Some(its) = board.get_mut(partition) else {
                        return (0, None);
                    };
                    its.tracker.stored(offset);
                    its.commit_since = None;
                    let seen = (its.take_handled(), its.lag());
                    if its.revoked && its.is_settled() {
                        board.lose(partition);
                    }
                    seen
                });
                observer.handled(partition, messages, Some(offset));
                if let Some(lag) = lag {
                    observer.lag(partition, lag);
                }
                Ok(())
            }
            // Somebody else has it, or it is gone: what was handled comes again there.
            Err(Failure::NotThere) => {
                tracing::debug!(partition, offset, "the offset is not ours to store");
                self.shared.board(|board| board.lose(partition));
                self.assignment.doubt();
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Puts aside what is given up. Only what is there moves the offset.
    pub(super) async fn bury(&mut self, session: &Session) -> Result<(), Failure> {
        while let Some(dead) = self.shared.board(|board| board.dead()) {
            let outcome = match &self.graveyard {
                None => "skipped",
                Some(graveyard) => {
                    let observer = &self.shared.observer;
                    let (stream, topic) = (&observer.stream, &observer.topic);
                    let is_http = self.requests.connection.may_be_http();
                    let message = letter(&dead, stream, topic, self.encryption.as_ref(), is_http)
                        .map_err(Failure::Final)?;
                    // One key for each partition, so that they stay in order.
                    let mut key = format!("{stream}/{topic}/{}", dead.ticket.partition);
                    key.truncate(key.floor_char_boundary(255));
                    let sent = self
                        .requests
                        .send(
                            session,
                            &graveyard.stream_id,
                            &graveyard.topic_id,
                            &key,
                            message,
                        )
                        .await;
                    match sent {
                        Ok(()) => "dead_lettered",
                        Err(Failure::NotThere) => {
                            return Err(Failure::Final(MessagingError::NoTopic {
                                stream: graveyard.stream.clone(),
                                topic: graveyard.topic.clone(),
                            }));
                        }
                        Err(failure) => return Err(failure),
                    }
                }
            };
            self.shared.serve(|board| board.buried(dead.ticket));
            self.shared
                .observer
                .gave_up(dead.ticket, dead.attempts, outcome, &dead.error);
        }
        self.store(session, false).await
    }
}
