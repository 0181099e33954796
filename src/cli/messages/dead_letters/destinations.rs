//! Where dead letters go back to.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::render::escape;
use iggyctl_core::wording::counted;
use iggyctl_messaging::MessagingError;
use iggyctl_messaging::dead_letters::DeadLetterTopic;
use iggyctl_messaging::replay::Span;
use serde::Serialize;

use crate::cli::messages::place::TopicPlace;

/// What is there to send back, by where it goes.
#[derive(Debug, Default)]
pub(super) struct Destinations {
    /// By stream and topic.
    topics: BTreeMap<(String, String), u64>,
    /// Messages that are no dead letters, or cannot be told to be some.
    pub(super) others: u64,
}

/// As `-o json` has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DestinationReport {
    stream: String,
    topic: String,
    /// How many say that they belong there.
    waiting: u64,
    /// Whether they may go there.
    allowed: bool,
}

const BATCH: u32 = 1000;

impl Destinations {
    /// Reads all of it.
    pub(super) async fn find(
        letters: &DeadLetterTopic,
        spans: &BTreeMap<u32, Span>,
    ) -> Result<Self, MessagingError> {
        let mut found = Self::default();
        for (&partition, span) in spans {
            let mut next = span.next;
            while next < span.end {
                let count = u32::try_from(span.end - next).unwrap_or(BATCH).min(BATCH);
                let batch = letters.read(partition, next, count).await?;
                let Some(last) = batch.last() else {
                    break;
                };
                next = last.offset + 1;
                for letter in batch.into_iter().filter(|it| it.offset < span.end) {
                    match letter.dead {
                        Some(dead) => {
                            let place = (dead.stream, dead.topic);
                            *found.topics.entry(place).or_default() += 1;
                        }
                        None => found.others += 1,
                    }
                }
            }
        }
        Ok(found)
    }

    /// For programs. Letters of `source` go to topics of its stream, and to those of
    /// `into`.
    pub(super) fn report(
        &self,
        source: &TopicPlace,
        into: &[TopicPlace],
    ) -> Vec<DestinationReport> {
        let named: BTreeSet<(&str, &str)> = into
            .iter()
            .map(|place| (place.stream.as_str(), place.topic.as_str()))
            .collect();
        let topics = self.topics.iter();
        topics
            .map(|((stream, topic), waiting)| DestinationReport {
                allowed: stream == source.stream.as_str()
                    || named.contains(&(stream.as_str(), topic.as_str())),
                stream: stream.clone(),
                topic: topic.clone(),
                waiting: *waiting,
            })
            .collect()
    }
}

/// For people: a line for each, and one for what goes nowhere.
pub(super) fn text(destinations: &[DestinationReport], others: u64) -> String {
    let line = |destination: &DestinationReport| {
        let DestinationReport {
            stream,
            topic,
            waiting,
            allowed,
        } = destination;
        let place = format!("{}/{}", escape(stream), escape(topic));
        let remark = match allowed {
            true => String::new(),
            false => format!(", of another stream: only with --into {place}"),
        };
        format!("\n  {} to {place}{remark}", counted(*waiting, "message"))
    };
    let mut text: String = destinations.iter().map(line).collect();
    if others > 0 {
        text.push_str(&format!(
            "\n  {} nowhere: without the headers of a dead letter, or with another key",
            counted(others, "message")
        ));
    }
    text
}
