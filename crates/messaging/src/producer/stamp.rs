//! What messages are given that are made at the same time.

use iggy::prelude::IggyTimestamp;
use uuid::Uuid;

/// The time of one call, and the ids of its messages: those that follow the first one,
/// a UUID of version 7, as a UUID may be counted on within one moment (RFC 9562, 6.2).
#[derive(Debug)]
pub(super) struct Stamp {
    pub(super) micros: u64,
    next: u128,
}

/// The bits of a UUID of version 7 behind its variant, which are random.
const RANDOM: u128 = (1 << 62) - 1;

impl Stamp {
    pub(super) fn now() -> Self {
        Self {
            micros: IggyTimestamp::now().as_micros(),
            next: Uuid::now_v7().as_u128(),
        }
    }

    /// Another one each time.
    pub(super) fn id(&mut self) -> u128 {
        let id = self.next;
        self.next = (id & !RANDOM) | (id.wrapping_add(1) & RANDOM);
        id
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_differ_and_are_of_their_kind() {
        let mut stamps = [Stamp::now(), Stamp::now()];
        let ids = stamps.iter_mut().flat_map(|stamp| {
            let ids: Vec<u128> = (0..1000).map(|_| stamp.id()).collect();
            ids
        });
        let ids: BTreeSet<u128> = ids.collect();
        assert_eq!(ids.len(), 2000);
        for id in ids {
            let id = Uuid::from_u128(id);
            assert_eq!(id.get_version_num(), 7);
            assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        }
    }

    #[test]
    fn the_last_one_is_followed_by_the_first() {
        let mut stamp = Stamp {
            micros: 0,
            next: (0b10 << 62) | RANDOM,
        };
        assert_eq!(stamp.id(), (0b10 << 62) | RANDOM);
        assert_eq!(stamp.id(), 0b10 << 62);
    }
}
