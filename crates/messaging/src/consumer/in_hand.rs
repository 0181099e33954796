//! What the caller has.

use std::collections::VecDeque;

use super::partition::Held;

/// The messages of one partition that were handed over and not answered yet. Most are
/// answered in the order in which they were handed over, so that both ends of a queue
/// are all that is touched.
#[derive(Debug, Default)]
pub(super) struct InHand {
    /// By offset; none where it was answered before one in front of it.
    slots: VecDeque<(u64, Option<Held>)>,
    count: usize,
}

impl InHand {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// One that is not here yet.
    pub(super) fn insert(&mut self, offset: u64, held: Held) {
        self.count += 1;
        if self.slots.back().is_none_or(|(last, _)| *last < offset) {
            self.slots.push_back((offset, Some(held)));
            return;
        }
        match self.slots.binary_search_by_key(&offset, |(its, _)| *its) {
            Ok(index) => {
                if let Some((_, slot)) = self.slots.get_mut(index) {
                    *slot = Some(held);
                }
            }
            Err(index) => self.slots.insert(index, (offset, Some(held))),
        }
    }

    pub(super) fn remove(&mut self, offset: u64) -> Option<Held> {
        let is_first = self.slots.front().is_some_and(|(its, _)| *its == offset);
        let index = match is_first {
            true => 0,
            false => {
                let found = self.slots.binary_search_by_key(&offset, |(its, _)| *its);
                found.ok()?
            }
        };
        let (_, slot) = self.slots.get_mut(index)?;
        let held = slot.take()?;
        self.count -= 1;
        while self.slots.front().is_some_and(|(_, slot)| slot.is_none()) {
            self.slots.pop_front();
        }
        Some(held)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use iggy::prelude::IggyMessage;
    use proptest::prelude::*;

    use super::*;
    use crate::consumer::fetched::Fetched;

    fn held(attempts: u32) -> Held {
        let message = IggyMessage::builder().payload(Bytes::from("x")).build();
        let message = Fetched::all(vec![message.unwrap()]).next().unwrap();
        Held { message, attempts }
    }

    proptest! {
        #[test]
        fn it_is_a_map(acts in prop::collection::vec((0_u64..30, any::<bool>()), 0..200)) {
            let mut in_hand = InHand::default();
            let mut expected = BTreeMap::new();
            for ((offset, inserts), attempts) in acts.into_iter().zip(0..) {
                if inserts && !expected.contains_key(&offset) {
                    expected.insert(offset, attempts);
                    in_hand.insert(offset, held(attempts));
                } else {
                    let removed = in_hand.remove(offset).map(|held| held.attempts);
                    prop_assert_eq!(removed, expected.remove(&offset));
                }
                prop_assert_eq!(in_hand.len(), expected.len());
            }
            if expected.is_empty() {
                prop_assert!(in_hand.slots.is_empty());
            }
        }
    }
}
