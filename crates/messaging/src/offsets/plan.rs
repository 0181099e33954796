//! From what was seen and what is wanted to what will be stored. Pure.

use std::collections::BTreeMap;

use super::facts::{ObservedOffsets, PartitionOffsets, Reader};

/// Where a reader is to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// With the oldest message that is there.
    Earliest,
    /// With the next message that comes: all there are are skipped.
    Latest,
    /// With the message of this offset.
    Offset(u64),
    /// So many messages further, or back; not beyond what is there.
    Shift(i64),
    /// With the first message since some time, by partition; none stands for what comes
    /// next. Found by [`TopicOffsets::since`](super::TopicOffsets::since).
    Since(BTreeMap<u32, Option<u64>>),
    /// After this offset, which counts as handled: what is stored, literally.
    Stored(u64),
}

/// What a change means for the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// So many messages come again.
    Redelivers(u64),
    /// So many messages are passed over.
    Skips(u64),
    /// It reads the same messages.
    Nothing,
}

/// One partition of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetChange {
    /// What is stored now.
    pub from: Option<u64>,
    /// What will be. None deletes what is stored: the server cannot store "before 0".
    pub to: Option<u64>,
    /// The message that the reader goes on with now.
    pub next_from: u64,
    /// And then.
    pub next_to: u64,
    /// What that means.
    pub effect: Effect,
}

/// What will be stored, and what was seen when that was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetPlan {
    pub(super) reader: Reader,
    pub(super) changes: BTreeMap<u32, OffsetChange>,
    pub(super) unchanged: Vec<u32>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The topic has no such partition.
    #[error("there is no partition {partition}: the topic has {count}")]
    NoPartition {
        /// The one that was named.
        partition: u32,
        /// How many there are.
        count: usize,
    },
    /// The server stores no offset that the partition does not have.
    #[error(
        "partition {partition} ends before offset {end}: the furthest to go on with is {end} \
         (the newest message is {})",
        end.checked_sub(1).map_or_else(|| "none".to_owned(), |last| last.to_string())
    )]
    BeyondEnd {
        /// The partition.
        partition: u32,
        /// The offset that its next message gets.
        end: u64,
    },
}

impl OffsetPlan {
    /// Decides. With `only` nothing but this partition changes.
    ///
    /// # Errors
    /// A partition that is not there, and an offset that a partition does not have.
    pub fn new(
        seen: &ObservedOffsets,
        target: &Target,
        only: Option<u32>,
    ) -> Result<Self, PlanError> {
        if let Some(partition) = only
            && !seen.partitions.contains_key(&partition)
        {
            return Err(PlanError::NoPartition {
                partition,
                count: seen.partitions.len(),
            });
        }
        let mut plan = Self {
            reader: seen.reader.clone(),
            changes: BTreeMap::new(),
            unchanged: Vec::new(),
        };
        for (&partition, offsets) in &seen.partitions {
            if only.is_some_and(|only| only != partition) {
                continue;
            }
            match change(partition, offsets, target)? {
                Some(change) => {
                    plan.changes.insert(partition, change);
                }
                None => plan.unchanged.push(partition),
            }
        }
        Ok(plan)
    }

    /// Whose offsets.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// What changes, by partition.
    #[must_use]
    pub fn changes(&self) -> &BTreeMap<u32, OffsetChange> {
        &self.changes
    }

    /// The partitions that are as wanted.
    #[must_use]
    pub fn unchanged(&self) -> &[u32] {
        &self.unchanged
    }
}

/// None when it is as wanted.
fn change(
    partition: u32,
    seen: &PartitionOffsets,
    target: &Target,
) -> Result<Option<OffsetChange>, PlanError> {
    let end = seen.end();
    let oldest = seen.first.unwrap_or(end);
    let next_from = seen.next();
    let next_to = match target {
        Target::Earliest => oldest,
        Target::Latest => end,
        Target::Offset(offset) => *offset,
        Target::Shift(by) => next_from.saturating_add_signed(*by).clamp(oldest, end),
        Target::Since(found) => found.get(&partition).copied().flatten().unwrap_or(end),
        Target::Stored(offset) => offset.saturating_add(1),
    };
    let is_beyond = match target {
        Target::Stored(offset) => *offset >= end,
        _ => next_to > end,
    };
    if is_beyond {
        return Err(PlanError::BeyondEnd { partition, end });
    }
    let to = next_to.checked_sub(1);
    // Where nothing is stored, to begin with the oldest is as wanted.
    let is_literal = matches!(target, Target::Stored(_));
    if to == seen.stored || (next_to == next_from && !is_literal) {
        return Ok(None);
    }
    let position = |next: u64| next.clamp(oldest, end);
    let (was, will) = (position(next_from), position(next_to));
    Ok(Some(OffsetChange {
        from: seen.stored,
        to,
        next_from,
        next_to,
        effect: if will < was {
            Effect::Redelivers(was - will)
        } else if will > was {
            Effect::Skips(will - was)
        } else {
            Effect::Nothing
        },
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn observed(partitions: &[PartitionOffsets]) -> ObservedOffsets {
        ObservedOffsets {
            reader: Reader::Group("g".to_owned()),
            members: Vec::new(),
            partitions: (0..).zip(partitions.iter().copied()).collect(),
        }
    }

    fn seen(stored: Option<u64>, first: Option<u64>, last: Option<u64>) -> PartitionOffsets {
        PartitionOffsets {
            stored,
            first,
            last,
        }
    }

    fn planned(offsets: PartitionOffsets, target: &Target) -> Option<(Option<u64>, Effect)> {
        let plan = OffsetPlan::new(&observed(&[offsets]), target, None).unwrap();
        plan.changes
            .get(&0)
            .map(|change| (change.to, change.effect))
    }

    #[test]
    fn each_target_says_what_is_stored_and_what_that_means() {
        let middle = seen(Some(4), Some(0), Some(9));
        let since = |offset| Target::Since(BTreeMap::from([(0, offset)]));
        for (offsets, target, expected) in [
            (
                middle,
                Target::Earliest,
                Some((None, Effect::Redelivers(5))),
            ),
            (middle, Target::Latest, Some((Some(9), Effect::Skips(5)))),
            (middle, Target::Offset(5), None),
            (middle, Target::Offset(7), Some((Some(6), Effect::Skips(2)))),
            (
                middle,
                Target::Offset(10),
                Some((Some(9), Effect::Skips(5))),
            ),
            (
                middle,
                Target::Stored(0),
                Some((Some(0), Effect::Redelivers(4))),
            ),
            (middle, Target::Stored(4), None),
            (
                middle,
                Target::Shift(-2),
                Some((Some(2), Effect::Redelivers(2))),
            ),
            (
                middle,
                Target::Shift(-100),
                Some((None, Effect::Redelivers(5))),
            ),
            (
                middle,
                Target::Shift(100),
                Some((Some(9), Effect::Skips(5))),
            ),
            (
                middle,
                Target::Shift(i64::MIN),
                Some((None, Effect::Redelivers(5))),
            ),
            (middle, since(Some(8)), Some((Some(7), Effect::Skips(3)))),
            (middle, since(None), Some((Some(9), Effect::Skips(5)))),
            // Nothing is stored: it begins with the oldest anyway.
            (seen(None, Some(0), Some(9)), Target::Earliest, None),
            (seen(None, None, None), Target::Latest, None),
            (seen(None, None, None), Target::Shift(-3), None),
            // Retention took 0 to 6: they do not come again.
            (
                seen(Some(8), Some(7), Some(9)),
                Target::Earliest,
                Some((Some(6), Effect::Redelivers(2))),
            ),
            (
                seen(Some(8), Some(7), Some(9)),
                Target::Offset(0),
                Some((None, Effect::Redelivers(2))),
            ),
            (
                seen(Some(2), Some(7), Some(9)),
                Target::Earliest,
                Some((Some(6), Effect::Nothing)),
            ),
            // Purged, and what is stored is beyond the end.
            (
                seen(Some(50), Some(0), Some(2)),
                Target::Earliest,
                Some((None, Effect::Redelivers(3))),
            ),
            (
                seen(Some(50), None, None),
                Target::Latest,
                Some((None, Effect::Nothing)),
            ),
        ] {
            assert_eq!(
                planned(offsets, &target),
                expected,
                "{offsets:?} {target:?}"
            );
        }
    }

    #[test]
    fn what_the_server_would_refuse_is_no_plan() {
        let one = observed(&[seen(None, Some(0), Some(9)), seen(None, None, None)]);
        for (target, partition, end) in [
            (Target::Offset(11), 0, 10),
            (Target::Stored(10), 0, 10),
            (Target::Stored(3), 1, 0),
            (Target::Stored(u64::MAX), 0, 10),
        ] {
            assert_eq!(
                OffsetPlan::new(&one, &target, None),
                Err(PlanError::BeyondEnd { partition, end }),
                "{target:?}"
            );
        }
        assert_eq!(
            OffsetPlan::new(&one, &Target::Latest, Some(2)),
            Err(PlanError::NoPartition {
                partition: 2,
                count: 2
            })
        );
        let only = OffsetPlan::new(&one, &Target::Stored(3), Some(0)).unwrap();
        assert_eq!(only.changes.keys().collect::<Vec<_>>(), [&0]);
    }

    fn offsets() -> impl Strategy<Value = PartitionOffsets> {
        (0..50_u64, 0..50_u64, proptest::option::of(0..120_u64)).prop_map(
            |(gone, there, stored)| {
                let end = gone + there;
                PartitionOffsets {
                    stored,
                    first: (there > 0).then_some(gone),
                    last: end.checked_sub(1),
                }
            },
        )
    }

    fn target() -> impl Strategy<Value = Target> {
        prop_oneof![
            Just(Target::Earliest),
            Just(Target::Latest),
            (0..100_u64).prop_map(Target::Offset),
            any::<i64>().prop_map(Target::Shift),
            (-60..60_i64).prop_map(Target::Shift),
            (0..100_u64).prop_map(Target::Stored),
        ]
    }

    proptest! {
        /// What a plan stores the server takes, and done once there is nothing to do,
        /// but for a shift.
        #[test]
        fn a_plan_can_be_carried_out_and_is_done_then(offsets in offsets(), target in target()) {
            let before = observed(&[offsets]);
            let Ok(plan) = OffsetPlan::new(&before, &target, None) else { return Ok(()) };
            let Some(change) = plan.changes.get(&0) else { return Ok(()) };
            prop_assert_eq!(change.from, offsets.stored);
            if let Some(to) = change.to {
                prop_assert!(offsets.last.is_some_and(|last| to <= last));
            }
            let after = PartitionOffsets { stored: change.to, ..offsets };
            match change.effect {
                Effect::Redelivers(messages) | Effect::Skips(messages) => {
                    prop_assert!(messages > 0);
                    prop_assert!(messages <= offsets.end() - offsets.first.unwrap_or(offsets.end()));
                }
                Effect::Nothing => {}
            }
            if !matches!(target, Target::Shift(_)) {
                let again = OffsetPlan::new(&observed(&[after]), &target, None).unwrap();
                // Without an offset the reader begins with the oldest: as good as 0.
                let again = again.changes.get(&0).filter(|again| again.to != change.to);
                prop_assert_eq!(again, None);
            }
        }
    }
}
