use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use iggy_common::calculate_32;

use crate::error::MessagingError;

/// Which partition messages go to, unless a message says otherwise.
pub enum Partitioning<T> {
    /// Each batch to the next partition in turn.
    Balanced,
    /// All to one.
    Partition(u32),
    /// By the key of the message: the same key always goes to the same partition, as
    /// with the official clients, as long as the number of partitions stays.
    Key(KeyOf<T>),
}

/// What reads the key of a message: 1 to 255 bytes.
pub type KeyOf<T> = Arc<dyn Fn(&T) -> Bytes + Send + Sync>;

impl<T> Partitioning<T> {
    /// By the key that a function reads.
    pub fn key<K: Into<Bytes>>(of: impl Fn(&T) -> K + Send + Sync + 'static) -> Self {
        Self::Key(Arc::new(move |message| of(message).into()))
    }
}

impl<T> Clone for Partitioning<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Balanced => Self::Balanced,
            Self::Partition(partition) => Self::Partition(*partition),
            Self::Key(of) => Self::Key(Arc::clone(of)),
        }
    }
}

impl<T> fmt::Debug for Partitioning<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Balanced => formatter.write_str("Balanced"),
            Self::Partition(partition) => write!(formatter, "Partition({partition})"),
            Self::Key(_) => formatter.write_str("Key"),
        }
    }
}

/// Where one message goes, as far as it can be said without asking the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// Wherever its batch goes.
    Balanced,
    /// To this partition.
    Partition(u32),
    /// To the partition of this hash.
    Hash(u32),
}

/// The longest key that the official clients take (`iggy_common` 0.11.0,
/// `types/message/partitioning.rs`).
const LONGEST_KEY: usize = 255;

impl Route {
    pub(super) fn by_key(key: &[u8]) -> Result<Self, MessagingError> {
        if key.is_empty() || key.len() > LONGEST_KEY {
            return Err(MessagingError::Message {
                reason: format!(
                    "a key has 1 to {LONGEST_KEY} bytes, and this one has {}",
                    key.len()
                ),
            });
        }
        Ok(Self::Hash(calculate_32(key)))
    }

    /// The partition, of `count`; `turn` is the one of the batch.
    ///
    /// The SDK resolves keys and turns by itself, with the same hash. It is done here
    /// because it does so anew with each attempt, so that a retry of a balanced batch
    /// would go to another partition, where nothing recognises it as a repetition;
    /// because it never learns that partitions were added (0.11.0,
    /// `consumer_group_client_state.rs`); and because it sends one request for each
    /// key, where this makes one for each partition.
    pub(super) fn partition(self, count: u32, turn: u32) -> u32 {
        match self {
            Self::Balanced => turn % count.max(1),
            Self::Partition(partition) => partition,
            Self::Hash(hash) => hash % count.max(1),
        }
    }

    /// Whether it depends on the number of partitions.
    pub(super) fn needs_count(self) -> bool {
        match self {
            Self::Balanced | Self::Hash(_) => true,
            Self::Partition(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_length_that_the_official_clients_take() {
        assert!(Route::by_key(b"").is_err());
        assert!(Route::by_key(&[1; 256]).is_err());
        assert!(Route::by_key(&[1; 255]).is_ok());
    }

    #[test]
    fn a_key_stays_where_it_is() {
        let route = Route::by_key(b"BTCUSDT").unwrap();
        let first = route.partition(6, 0);
        assert!(first < 6);
        for turn in 0..10 {
            assert_eq!(route.partition(6, turn), first);
        }
        assert_eq!(Route::Balanced.partition(3, 4), 1);
        assert_eq!(Route::Partition(9).partition(3, 4), 9);
    }
}
