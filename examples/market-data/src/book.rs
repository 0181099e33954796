//! The order book of a symbol, as a reader puts it together.

use std::collections::{BTreeMap, BTreeSet};

use crate::update::{BookUpdate, Side};

/// What waits, by price.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    bids: BTreeMap<u64, u64>,
    asks: BTreeMap<u64, u64>,
}

impl Book {
    /// All of it.
    #[must_use]
    pub fn snapshot(&self) -> BookUpdate {
        BookUpdate::Snapshot {
            bids: self.bids.clone(),
            asks: self.asks.clone(),
        }
    }

    /// At how many prices something else waits.
    #[must_use]
    pub fn differences(&self, other: &Self) -> usize {
        let of = |one: &BTreeMap<u64, u64>, other: &BTreeMap<u64, u64>| {
            let prices: BTreeSet<&u64> = one.keys().chain(other.keys()).collect();
            let differs = |price: &&&u64| one.get(price) != other.get(price);
            prices.iter().filter(differs).count()
        };
        of(&self.bids, &other.bids) + of(&self.asks, &other.asks)
    }

    /// Takes an update.
    pub fn apply(&mut self, update: &BookUpdate) {
        match update {
            BookUpdate::Snapshot { bids, asks } => {
                self.bids.clone_from(bids);
                self.asks.clone_from(asks);
            }
            BookUpdate::Change { side, price, size } => {
                let levels = match side {
                    Side::Buy => &mut self.bids,
                    Side::Sell => &mut self.asks,
                };
                match size {
                    0 => levels.remove(price),
                    size => levels.insert(*price, *size),
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_lead_to_the_next_snapshot() {
        let change = |side, price, size| BookUpdate::Change { side, price, size };
        let mut book = Book::default();
        for update in [
            change(Side::Buy, 99, 5),
            change(Side::Sell, 101, 2),
            change(Side::Buy, 99, 7),
            change(Side::Sell, 101, 0),
            change(Side::Sell, 0, 0),
        ] {
            book.apply(&update);
        }
        let expected = BookUpdate::Snapshot {
            bids: BTreeMap::from([(99, 7)]),
            asks: BTreeMap::new(),
        };
        assert_eq!(book.snapshot(), expected);
        let mut late = Book::default();
        late.apply(&change(Side::Sell, 5, 5));
        late.apply(&expected);
        assert_eq!(late.differences(&book), 0);
        late.apply(&change(Side::Buy, 98, 1));
        late.apply(&change(Side::Buy, 99, 1));
        assert_eq!(late.differences(&book), 2);
    }
}
