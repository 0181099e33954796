//! A market that is always the same: the same seed gives the same updates.

use std::collections::BTreeMap;

use crate::book::Book;
use crate::update::{BookUpdate, Data, OrderState, Side, Topic, Update};

/// 2026-01-01T00:00:00Z, in milliseconds.
const BEGIN: u64 = 1_767_225_600_000;

/// What of the order book is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snapshots {
    /// Nothing else.
    Only,
    /// The first update of a symbol, and each so many; changes in between.
    Every(u64),
}

/// Gives updates without an end, each symbol in turn.
#[derive(Debug)]
pub struct Generator {
    random: Random,
    symbols: Vec<Symbol>,
    snapshots: Snapshots,
    steps: u64,
}

#[derive(Debug)]
struct Symbol {
    name: String,
    price: u64,
    book: Book,
    sequences: BTreeMap<Topic, u64>,
}

impl Generator {
    /// A market of these symbols.
    #[must_use]
    pub fn new(seed: u64, symbols: &[String], snapshots: Snapshots) -> Self {
        let symbol = |name: &String| Symbol {
            name: name.clone(),
            price: 10_000,
            book: Book::default(),
            sequences: BTreeMap::new(),
        };
        Self {
            random: Random(seed),
            symbols: symbols.iter().map(symbol).collect(),
            snapshots,
            steps: 0,
        }
    }
}

impl Iterator for Generator {
    type Item = Update;

    fn next(&mut self) -> Option<Update> {
        let step = self.steps;
        let count = self.symbols.len() as u64;
        let index = usize::try_from(step.checked_rem(count)?).ok()?;
        self.steps += 1;
        let symbol = self.symbols.get_mut(index)?;
        // All topics are seen soon, and most of it is trades and the book, as it is.
        let round = step / count;
        let topic = match Topic::ALL.get(usize::try_from(round).ok()?) {
            Some(topic) => *topic,
            None => match self.random.below(10) {
                0..4 => Topic::Trades,
                4..8 => Topic::Book,
                8 => Topic::Ticker,
                _ => Topic::ALL[usize::try_from(self.random.below(11)).ok()?],
            },
        };
        let sequence = symbol.sequences.entry(topic).or_default();
        *sequence += 1;
        let sequence = *sequence;
        let data = symbol.data(topic, sequence, self.snapshots, &mut self.random);
        Some(Update {
            symbol: symbol.name.clone(),
            sequence,
            at: BEGIN + 10 * step,
            data,
        })
    }
}

impl Symbol {
    fn data(&mut self, topic: Topic, sequence: u64, all: Snapshots, random: &mut Random) -> Data {
        // It never falls below 9000 ticks, and wanders.
        self.price = (self.price + random.below(21))
            .saturating_sub(10)
            .max(9_000);
        let price = self.price;
        let side = match random.below(2) {
            0 => Side::Buy,
            _ => Side::Sell,
        };
        let size = 1 + random.below(500);
        match topic {
            Topic::Trades => Data::Trade { side, price, size },
            Topic::Funding => Data::Funding {
                millionths: i64::try_from(size).unwrap_or(0) - 250,
            },
            Topic::Book => Data::Book(self.book_update(sequence, all, side, random)),
            Topic::Ticker => Data::Ticker {
                bid: price - 1,
                ask: price + 1,
                last: price,
            },
            Topic::OpenInterest => Data::OpenInterest {
                contracts: 1_000 * size,
            },
            Topic::Liquidations => Data::Liquidation { side, price, size },
            Topic::Candles => Data::Candle {
                open: price - 3,
                high: price + 5,
                low: price - 7,
                close: price,
                volume: 100 * size,
            },
            Topic::OrderInfo => Data::OrderInfo {
                order: sequence,
                state: match random.below(3) {
                    0 => OrderState::Open,
                    1 => OrderState::Filled,
                    _ => OrderState::Cancelled,
                },
            },
            Topic::Transactions => Data::Transaction {
                amount: i64::try_from(size).unwrap_or(0) - 250,
            },
            Topic::Balances => Data::Balance {
                free: 1_000 + size,
                locked: size,
            },
            Topic::Fills => Data::Fill {
                order: sequence,
                side,
                price,
                size,
            },
        }
    }

    fn book_update(
        &mut self,
        sequence: u64,
        snapshots: Snapshots,
        side: Side,
        random: &mut Random,
    ) -> BookUpdate {
        let distance = 1 + random.below(5);
        let change = BookUpdate::Change {
            side,
            price: match side {
                Side::Buy => self.price - distance,
                Side::Sell => self.price + distance,
            },
            size: random.below(4) * 100,
        };
        self.book.apply(&change);
        let is_snapshot = match snapshots {
            Snapshots::Only => true,
            Snapshots::Every(count) => (sequence - 1).checked_rem(count) == Some(0),
        };
        match is_snapshot {
            true => self.book.snapshot(),
            false => change,
        }
    }
}

/// SplitMix64: small, well known, and the same everywhere.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn market(seed: u64, snapshots: Snapshots, count: usize) -> Vec<Update> {
        let symbols = ["A".to_owned(), "B".to_owned()];
        Generator::new(seed, &symbols, snapshots)
            .take(count)
            .collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_market() {
        let one = market(7, Snapshots::Every(10), 500);
        assert_eq!(one, market(7, Snapshots::Every(10), 500));
        assert_ne!(one, market(8, Snapshots::Every(10), 500));
        assert_eq!(Generator::new(7, &[], Snapshots::Only).next(), None);
    }

    #[test]
    fn all_topics_are_there_and_sequences_have_no_gaps() {
        let updates = market(7, Snapshots::Every(10), 500);
        let mut sequences: BTreeMap<(Topic, &str), u64> = BTreeMap::new();
        for update in &updates {
            let sequence = sequences
                .entry((update.data.topic(), &update.symbol))
                .or_default();
            *sequence += 1;
            assert_eq!(update.sequence, *sequence);
        }
        let topics: BTreeSet<Topic> = sequences.keys().map(|(topic, _)| *topic).collect();
        assert_eq!(topics, BTreeSet::from(Topic::ALL));
    }

    #[test]
    fn snapshots_come_as_often_as_they_are_asked_for() {
        for (snapshots, expected) in [
            (Snapshots::Only, vec![1, 2, 3, 4, 5, 6]),
            (Snapshots::Every(5), vec![1, 6]),
            (Snapshots::Every(1), vec![1, 2, 3, 4, 5, 6]),
        ] {
            let found: Vec<u64> = market(7, snapshots, 500)
                .iter()
                .filter(|update| update.symbol == "A" && update.sequence <= 6)
                .filter(|update| matches!(update.data, Data::Book(BookUpdate::Snapshot { .. })))
                .map(|update| update.sequence)
                .collect();
            assert_eq!(found, expected);
        }
    }
}
