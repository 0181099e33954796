//! Which messages are sent again: from where to where, decided once. Pure, and kept in a
//! file by whoever wants to go on after a crash.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where to begin, in each partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum From {
    /// With the oldest message that is there.
    #[default]
    Oldest,
    /// With this offset, or the first one after it.
    Offset(u64),
    /// With the first message that the server got at this time or later, in microseconds
    /// since the Unix epoch.
    Time(u64),
}

/// Where to end, in each partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Until {
    /// With what is there at the start: what comes later is left out.
    #[default]
    Now,
    /// With this offset, which is the last one to be sent.
    Offset(u64),
    /// Before the first message that the server got at this time or later, in
    /// microseconds since the Unix epoch.
    Time(u64),
}

/// What is left to do of one partition: the offsets from `next` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The next one.
    pub next: u64,
    /// The first one that is left out.
    pub end: u64,
}

impl Span {
    /// How many offsets are left.
    #[must_use]
    pub fn left(self) -> u64 {
        self.end.saturating_sub(self.next)
    }
}

/// How far a replay is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Progress {
    /// By partition of the source.
    pub partitions: BTreeMap<u32, Span>,
    /// Messages that were looked at.
    pub read: u64,
    /// Those that are confirmed at their new place.
    pub sent: u64,
    /// Those that the filter left out.
    pub filtered: u64,
    /// Those that were sent without headers that say where they come from: their own
    /// cannot be read, or leave no room.
    pub unmarked: u64,
    /// Of dead letters: those that do not say where they come from, and stay.
    pub unaddressed: u64,
    /// Which partition was worked on last.
    pub last: Option<u32>,
    /// How many batches were sent, which decides where the next one goes.
    pub turn: u32,
}

impl Progress {
    /// To do these.
    #[must_use]
    pub fn over(partitions: BTreeMap<u32, Span>) -> Self {
        Self {
            partitions,
            ..Self::default()
        }
    }

    /// How many offsets are left in all partitions.
    #[must_use]
    pub fn left(&self) -> u64 {
        let left = self.partitions.values().map(|span| span.left());
        left.fold(0, u64::saturating_add)
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.left() == 0
    }

    /// The partition whose turn it is: each in turn that has something left.
    pub(super) fn whose_turn(&self) -> Option<u32> {
        let open = || {
            let left = self.partitions.iter().filter(|(_, span)| span.left() > 0);
            left.map(|(id, _)| *id)
        };
        let later = open().find(|id| self.last.is_none_or(|last| *id > last));
        later.or_else(|| open().next())
    }

    /// This one and all before it in its partition are done with.
    pub(super) fn passed(&mut self, partition: u32, offset: u64) {
        if let Some(span) = self.partitions.get_mut(&partition) {
            span.next = offset.saturating_add(1).max(span.next);
        }
    }

    /// Nothing is there of what is left.
    pub(super) fn gone(&mut self, partition: u32) {
        if let Some(span) = self.partitions.get_mut(&partition) {
            span.next = span.end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_take_turns_until_nothing_is_left() {
        let spans = [(0, 0, 2), (1, 5, 5), (3, 7, 8)];
        let spans = spans.map(|(id, next, end)| (id, Span { next, end }));
        let mut progress = Progress::over(spans.into());
        assert_eq!(progress.left(), 3);
        let mut order = Vec::new();
        while let Some(partition) = progress.whose_turn() {
            let next = progress.partitions[&partition].next;
            order.push((partition, next));
            progress.passed(partition, next);
            progress.last = Some(partition);
        }
        assert_eq!(order, [(0, 0), (3, 7), (0, 1)]);
        assert!(progress.is_done());
        progress.passed(0, 0);
        assert!(progress.is_done(), "never back");
    }
}
