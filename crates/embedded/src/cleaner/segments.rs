//! Removing messages that are too old, or too many.

use crate::log::{PartitionKey, Retention};
use crate::shared::Shared;
use crate::state::Change;

/// One pass over all partitions; how many lost messages.
pub(crate) fn pass(shared: &Shared) -> usize {
    let mut metadata = shared.metadata();
    let now = shared.now();
    let mut trimmed = Vec::new();
    for (stream, entry) in metadata.streams.iter_mut() {
        for (topic, entry) in entry.topics.iter_mut() {
            let Some(retention) = Retention::of(&entry.settings, entry.partitions.len()) else {
                continue;
            };
            for (partition, entry) in (0..).zip(&mut entry.partitions) {
                let Some(log) = entry.existing_log() else {
                    continue;
                };
                if retention
                    .ends_at(log, now)
                    .is_some_and(|end| log.remove_up_to(end))
                {
                    trimmed.push(PartitionKey {
                        stream,
                        topic,
                        partition,
                    });
                }
            }
        }
    }
    for key in &trimmed {
        // Nobody waits for it: if it is lost, they are still too old.
        drop(shared.keep(Change::Trimmed(*key), &metadata));
    }
    trimmed.len()
}
