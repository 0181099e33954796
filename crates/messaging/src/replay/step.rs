//! One batch after another: polled, filtered, copied, sent and confirmed.

use std::time::{Duration, Instant};

use iggy::prelude::locking::IggyRwLockFn as _;
use iggy::prelude::{
    Consumer as SdkConsumer, IggyMessage, MessageClient as _, Partitioning as SdkPartitioning,
};

use super::copy::{Copied, Origin};
use super::run::{Draft, Place, Run};
use super::{Destination, Progress, Replay, Spread, Step};
use crate::consumer::start::Position;
use crate::error::MessagingError;
use crate::headers::Headers;
use crate::names::named;
use crate::observe::emit::Emitter;
use crate::readdressed::{again, is_sent};
use crate::topic_reader::TopicReader;

/// One request stays far below the 64 MiB of a frame, a single message apart.
const MOST_BYTES: usize = 8 * 1024 * 1024;

impl Replay {
    /// The next batch, of this many messages at most, until it is confirmed. None when
    /// nothing is left. When only a part of it can be done, that is it, and the next step
    /// begins with what cannot; after an error nothing has changed, and the same step can
    /// be tried again.
    ///
    /// # Errors
    /// What cannot be read or sent.
    pub async fn step(
        &mut self,
        progress: &mut Progress,
        messages: u32,
    ) -> Result<Option<Step>, MessagingError> {
        let Some(partition) = progress.whose_turn() else {
            return Ok(None);
        };
        let mut step = Step {
            partition,
            sent: Vec::new(),
            latency: Duration::ZERO,
        };
        let Some(span) = progress.partitions.get(&partition).copied() else {
            return Ok(None);
        };
        let count = u32::try_from(span.left()).map_or(messages, |left| left.min(messages));
        let position = Position::Offset(span.next);
        let polled = self
            .source()?
            .poll(partition, position, count.max(1))
            .await?;
        let batch: Vec<IggyMessage> = polled
            .messages
            .into_iter()
            .filter(|it| (span.next..span.end).contains(&it.header.offset))
            .collect();
        progress.last = Some(partition);
        if batch.is_empty() {
            progress.gone(partition);
            return Ok(Some(step));
        }
        match self.work(&batch, progress, &mut step).await {
            // What is done counts; the next step begins with what failed.
            Err(_) if progress.partitions.get(&partition) != Some(&span) => {}
            ended => ended?,
        }
        progress.turn = progress.turn.wrapping_add(1);
        Ok(Some(step))
    }

    /// As much of a batch as can be done.
    async fn work(
        &mut self,
        batch: &[IggyMessage],
        progress: &mut Progress,
        step: &mut Step,
    ) -> Result<(), MessagingError> {
        let mut run = Run::default();
        for message in batch {
            let draft = match self.draft(message, step.partition, progress.turn).await {
                Ok(draft) => draft,
                Err(error) => {
                    self.send(&mut run, progress, step).await?;
                    return Err(error);
                }
            };
            let is_full = run.bytes + message.payload.len() > MOST_BYTES;
            if let Some((place, _)) = draft.parts()
                && (is_full || run.place.as_ref().is_some_and(|its| its != place))
            {
                self.send(&mut run, progress, step).await?;
            }
            run.add(draft, message);
        }
        self.send(&mut run, progress, step).await
    }

    /// What becomes of a message.
    async fn draft(
        &mut self,
        message: &IggyMessage,
        partition: u32,
        turn: u32,
    ) -> Result<Draft, MessagingError> {
        let headers = self.copying.headers(message);
        let matches = |headers: &Headers| self.filter.iter().all(|it| headers.has(it));
        let needs_headers = !self.filter.is_empty() || self.to == Destination::WhereTheyDied;
        if headers.is_none() && needs_headers && !self.skips_unreadable {
            return Err(MessagingError::Unreadable {
                partition,
                offset: message.header.offset,
                reason: "its headers are encrypted with another key, or are none".to_owned(),
            });
        }
        if !self.filter.is_empty() && !headers.as_ref().is_some_and(matches) {
            return Ok(Draft::Filtered);
        }
        let (from_stream, from_topic) = (self.stream.clone(), self.topic.clone());
        let origin = Origin {
            stream: &from_stream,
            topic: &from_topic,
            partition,
        };
        match self.to.clone() {
            Destination::Topic {
                stream,
                topic,
                spread,
            } => {
                let partition = match spread {
                    Spread::Keep => partition,
                    Spread::Balanced => turn % self.count(&stream, &topic).await?,
                };
                let Copied { message, is_marked } = self.copying.copy(message, headers, origin);
                let place = Place {
                    stream,
                    topic,
                    partition,
                };
                Ok(Draft::Send(place, message, is_marked))
            }
            Destination::WhereTheyDied => {
                let Some((letter, message)) = self.copying.resurrect(message, origin) else {
                    return Ok(Draft::Unaddressed);
                };
                let goes_to = (letter.stream.clone(), letter.topic.clone());
                if letter.stream != self.stream && !self.into.contains(&goes_to) {
                    return Err(MessagingError::Elsewhere {
                        partition,
                        offset: message.header.offset,
                        stream: letter.stream,
                        topic: letter.topic,
                    });
                }
                let count = self.count(&letter.stream, &letter.topic).await?;
                let place = Place {
                    // There may be fewer than there were.
                    partition: letter.partition % count,
                    stream: letter.stream,
                    topic: letter.topic,
                };
                Ok(Draft::Send(place, message, true))
            }
        }
    }

    /// Sends what was collected, until it is confirmed.
    async fn send(
        &self,
        run: &mut Run,
        progress: &mut Progress,
        step: &mut Step,
    ) -> Result<(), MessagingError> {
        let run = std::mem::take(run);
        if let Some(place) = run.place.as_ref().filter(|_| self.sends) {
            let begun = Instant::now();
            self.send_to(place, &run.messages).await?;
            let latency = begun.elapsed();
            step.latency += latency;
            let latencies = std::iter::repeat_n(latency, run.messages.len());
            Emitter::new(&place.stream, &place.topic).sent(place.partition, None, 1, latencies);
        }
        step.sent
            .extend(run.messages.iter().map(|it| it.payload.len()));
        progress.read += run.read;
        progress.sent += run.messages.len() as u64;
        progress.filtered += run.filtered;
        progress.unmarked += run.unmarked;
        progress.unaddressed += run.unaddressed;
        if let Some(upto) = run.upto {
            progress.passed(step.partition, upto);
        }
        Ok(())
    }

    async fn send_to(&self, place: &Place, messages: &[IggyMessage]) -> Result<(), MessagingError> {
        let Place {
            stream,
            topic,
            partition,
        } = place;
        let nobody = SdkConsumer::new(named("iggyctl-replay", "the consumer")?);
        let target = TopicReader::new(&self.connection, stream, topic, nobody)?;
        let requests = &target.requests;
        let to = &SdkPartitioning::partition_id(*partition);
        target
            .patiently("send messages", |session| async move {
                let client = session.client().client();
                let mut messages: Vec<IggyMessage> = messages.iter().map(again).collect();
                // Past the encryptor of a client that was brought along: what is
                // encrypted is so already.
                let request = async {
                    let sent = client
                        .read()
                        .await
                        .send_messages(&requests.stream, &requests.topic, to, &mut messages)
                        .await;
                    match sent {
                        Err(error) if !is_sent(&error) => Err(error),
                        Ok(_) | Err(_) => Ok(()),
                    }
                };
                requests.ask(&session, "send messages", request).await
            })
            .await
    }
}
