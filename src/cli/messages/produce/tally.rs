//! How the messages of a run ended.

use std::collections::{BTreeMap, VecDeque};

use futures::FutureExt as _;
use iggyctl_messaging::{Confirmation, Delivery, MessagingError};
use serde::Serialize;

use crate::measurement::{Measurement, Summary};

/// What was given to a producer and is not known to have ended, in order, and what is
/// known of the rest.
pub(super) struct Tally {
    /// With the bytes of each payload. Bounded: what has ended is taken out before more
    /// is given, and the producer's buffer bounds the others.
    open: VecDeque<(usize, Delivery)>,
    measurement: Measurement,
    /// How many ended well before the first that did not.
    unbroken: u64,
    partitions: BTreeMap<u32, PartitionReport>,
    /// What was wrong first.
    pub(super) error: Option<MessagingError>,
}

/// What a partition got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartitionReport {
    pub(super) partition: u32,
    pub(super) messages: u64,
    /// Absent when the server did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_offset: Option<u64>,
}

impl Tally {
    pub(super) fn start() -> Self {
        Self {
            open: VecDeque::new(),
            measurement: Measurement::start(),
            unbroken: 0,
            partitions: BTreeMap::new(),
            error: None,
        }
    }

    /// These were given to the producer.
    pub(super) fn add(&mut self, sent: impl IntoIterator<Item = (usize, Delivery)>) {
        self.open.extend(sent);
    }

    /// Takes out what has ended meanwhile.
    pub(super) fn settle_ready(&mut self) {
        while let Some((bytes, delivery)) = self.open.front_mut() {
            let bytes = *bytes;
            let Some(ended) = delivery.now_or_never() else {
                return;
            };
            self.open.pop_front();
            self.ended(bytes, ended);
        }
    }

    /// Waits for the first one that has not ended; for ever when all have. Dropping the
    /// future loses nothing.
    pub(super) async fn settle_next(&mut self) {
        let Some((bytes, delivery)) = self.open.front_mut() else {
            return std::future::pending().await;
        };
        let (bytes, ended) = (*bytes, delivery.await);
        self.open.pop_front();
        self.ended(bytes, ended);
    }

    /// Waits for all.
    pub(super) async fn settle_all(&mut self, mut on_progress: impl FnMut(&Self)) {
        while !self.open.is_empty() {
            self.settle_next().await;
            self.settle_ready();
            on_progress(self);
        }
    }

    fn ended(&mut self, bytes: usize, ended: Result<Confirmation, MessagingError>) {
        let Confirmation {
            id: _,
            partition,
            offset,
            latency,
        } = match ended {
            Ok(confirmation) => confirmation,
            Err(error) => {
                self.error.get_or_insert(error);
                return;
            }
        };
        self.measurement.count(bytes);
        self.unbroken += u64::from(self.error.is_none());
        self.measurement.took(latency);
        let report = self.partitions.entry(partition).or_insert(PartitionReport {
            partition,
            messages: 0,
            first_offset: offset,
            last_offset: None,
        });
        report.messages += 1;
        report.last_offset = offset.or(report.last_offset);
    }

    /// How many are confirmed from the first one on.
    pub(super) fn unbroken(&self) -> u64 {
        self.unbroken
    }

    pub(super) fn confirmed(&self) -> u64 {
        self.measurement.messages()
    }

    pub(super) fn summary(&self) -> Summary {
        self.measurement.summary()
    }

    pub(super) fn partitions(&self) -> Vec<PartitionReport> {
        self.partitions.values().cloned().collect()
    }
}
