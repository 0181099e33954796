//! Reading a topic in a group, and checking what comes.

use std::collections::BTreeMap;
use std::fmt;

use iggyctl_messaging::codec::Json;
use iggyctl_messaging::{Connection, Consumer, MessagingError};

use crate::STREAM;
use crate::book::Book;
use crate::update::{BookUpdate, Data, Topic, Update};

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Updates, each once.
    pub updates: u64,
    /// Updates that came again, as they may after a lost reply or a lost consumer.
    pub repeated: u64,
    /// Sequence numbers that never came. None may be missing.
    pub missing: u64,
    /// Snapshots that were not what the changes before led to.
    pub wrong_books: u64,
    symbols: BTreeMap<(Topic, String), u64>,
    books: BTreeMap<String, Book>,
}

impl Seen {
    /// Takes an update. True when it came for the first time.
    pub fn take(&mut self, update: &Update) -> bool {
        let key = (update.data.topic(), update.symbol.clone());
        // Who joins later begins where somebody else stopped.
        let before = *self.symbols.entry(key).or_insert(update.sequence - 1);
        if update.sequence <= before {
            self.repeated += 1;
            return false;
        }
        let topic = update.data.topic();
        self.symbols
            .insert((topic, update.symbol.clone()), update.sequence);
        let missing = update.sequence - before - 1;
        self.missing += missing;
        self.updates += 1;
        if let Data::Book(change) = &update.data {
            self.take_book(&update.symbol, change);
        }
        true
    }

    fn take_book(&mut self, symbol: &str, change: &BookUpdate) {
        let is_snapshot = matches!(change, BookUpdate::Snapshot { .. });
        let Some(book) = self.books.get_mut(symbol) else {
            // Changes mean nothing until there is a snapshot to apply them to.
            if is_snapshot {
                let mut book = Book::default();
                book.apply(change);
                self.books.insert(symbol.to_owned(), book);
            }
            return;
        };
        let before = book.clone();
        book.apply(change);
        // A snapshot is what was known, and its own change.
        if is_snapshot && before.differences(book) > 1 {
            self.wrong_books += 1;
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            updates,
            repeated,
            missing,
            wrong_books,
            symbols,
            books: _,
        } = self;
        let series = symbols.len();
        write!(
            formatter,
            "{updates} updates in {series} series, {missing} missing, {repeated} repeated, \
             {wrong_books} wrong books"
        )
    }
}

/// A member of a group that reads one topic.
///
/// # Errors
/// As [`iggyctl_messaging::ConsumerBuilder::build`].
pub fn member(
    connection: &Connection,
    group: &str,
    topic: Topic,
) -> Result<Consumer<Update>, MessagingError> {
    Consumer::group(connection, group, STREAM, topic.name()).build(Json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Generator, Snapshots};

    #[test]
    fn what_is_missing_repeated_or_wrong_is_seen() {
        let symbols = ["A".to_owned(), "B".to_owned()];
        let updates: Vec<Update> = Generator::new(1, &symbols, Snapshots::Every(10))
            .take(2_000)
            .collect();
        let mut all = Seen::default();
        assert!(updates.iter().all(|update| all.take(update)));
        assert_eq!((all.missing, all.repeated, all.wrong_books), (0, 0, 0));
        assert!(!all.take(&updates[100]));
        assert_eq!((all.updates, all.repeated), (2_000, 1));

        // Without every third change of the book, it is not what the snapshots say.
        let mut some = Seen::default();
        for update in updates.iter().filter(|it| {
            !matches!(it.data, Data::Book(BookUpdate::Change { .. })) || it.sequence % 3 > 0
        }) {
            some.take(update);
        }
        assert!(some.missing > 100, "{some}");
        assert!(some.wrong_books > 10, "{some}");
    }
}
