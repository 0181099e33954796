use std::collections::VecDeque;

/// Which offsets of one partition are done with, and how far that may be stored: up
/// to the first one that is not. Knows nothing of servers and clocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OffsetTracker {
    /// Delivered and not yet passed, in order; offsets need not be consecutive.
    window: VecDeque<Delivered>,
    outstanding: usize,
    /// The last one of which all before are done, too.
    done: Option<u64>,
    stored: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Delivered {
    offset: u64,
    is_done: bool,
}

impl OffsetTracker {
    /// Goes on after what the server has stored.
    pub(super) fn new(stored: Option<u64>) -> Self {
        Self {
            stored,
            ..Self::default()
        }
    }

    /// A message is here. Offsets only grow: false for one that does not.
    pub(super) fn deliver(&mut self, offset: u64) -> bool {
        let last = self.window.back().map(|last| last.offset).max(self.done);
        if last.is_some_and(|last| offset <= last) {
            return false;
        }
        self.window.push_back(Delivered {
            offset,
            is_done: false,
        });
        self.outstanding += 1;
        true
    }

    /// A message is done with. False when it is not here, or was done with before.
    pub(super) fn finish(&mut self, offset: u64) -> bool {
        // Most are done with in their order.
        let is_first = self.window.front().is_some_and(|it| it.offset == offset);
        let found = match is_first {
            true => Ok(0),
            false => self
                .window
                .binary_search_by_key(&offset, |delivered| delivered.offset),
        };
        let Some(delivered) = found.ok().and_then(|index| self.window.get_mut(index)) else {
            return false;
        };
        if delivered.is_done {
            return false;
        }
        delivered.is_done = true;
        self.outstanding -= 1;
        while let Some(first) = self.window.front().filter(|first| first.is_done) {
            self.done = Some(first.offset);
            self.window.pop_front();
        }
        true
    }

    /// The offset to store, when there is one that is not stored yet.
    pub(super) fn committable(&self) -> Option<u64> {
        self.done.filter(|_| self.done != self.stored)
    }

    /// The server has it.
    pub(super) fn stored(&mut self, offset: u64) {
        self.stored = Some(offset);
    }

    /// What the server has, as far as we know.
    pub(super) fn last_stored(&self) -> Option<u64> {
        self.stored
    }

    /// How many are here that are not done with.
    pub(super) fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// The first one that is not done with.
    pub(super) fn first_outstanding(&self) -> Option<u64> {
        self.window.front().map(|first| first.offset)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_done_out_of_order_waits_for_the_first() {
        let mut tracker = OffsetTracker::new(Some(4));
        for offset in [5, 6, 9] {
            assert!(tracker.deliver(offset));
        }
        assert!(!tracker.deliver(9));
        assert!(tracker.finish(9) && tracker.finish(6));
        assert_eq!(tracker.committable(), None);
        assert_eq!(tracker.outstanding(), 1);
        assert!(tracker.finish(5));
        assert!(!tracker.finish(5));
        assert_eq!(tracker.committable(), Some(9));
        tracker.stored(9);
        assert_eq!(tracker.committable(), None);
        assert!(!tracker.deliver(9));
    }

    #[derive(Debug, Clone)]
    enum Act {
        Deliver(u64),
        Finish(usize),
        Store,
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            (1_u64..4).prop_map(Act::Deliver),
            any::<usize>().prop_map(Act::Finish),
            Just(Act::Store),
        ];
        proptest::collection::vec(act, 0..200)
    }

    proptest! {
        #[test]
        fn nothing_is_stored_that_is_not_done_with_and_everything_that_is(acts in acts()) {
            let mut tracker = OffsetTracker::new(None);
            let mut delivered = Vec::new();
            let mut finished = BTreeSet::new();
            let mut stored = None;
            let mut next = 0;
            for act in acts {
                match act {
                    Act::Deliver(step) => {
                        next += step;
                        prop_assert!(tracker.deliver(next));
                        delivered.push(next);
                    }
                    Act::Finish(at) if !delivered.is_empty() => {
                        let offset = delivered[at % delivered.len()];
                        prop_assert_eq!(tracker.finish(offset), finished.insert(offset));
                    }
                    Act::Finish(_) => prop_assert!(!tracker.finish(next)),
                    Act::Store => {
                        if let Some(offset) = tracker.committable() {
                            prop_assert!(stored < Some(offset));
                            stored = Some(offset);
                            tracker.stored(offset);
                        }
                    }
                }
                let expected = delivered
                    .iter()
                    .take_while(|offset| finished.contains(*offset))
                    .last()
                    .copied();
                prop_assert_eq!(
                    tracker.committable(),
                    expected.filter(|_| expected != stored)
                );
                prop_assert_eq!(tracker.outstanding(), delivered.len() - finished.len());
                let first = delivered.iter().find(|offset| !finished.contains(*offset));
                prop_assert_eq!(tracker.first_outstanding(), first.copied());
            }
        }
    }
}
