//! Messages that one poll brought.

use std::ops::Deref;
use std::sync::Arc;

use iggy::prelude::IggyMessage;

/// One of the messages of a poll. They are kept together, since the bytes of all of them
/// are one reply anyway, which is free when the last one is.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    batch: Arc<Vec<IggyMessage>>,
    /// Always one of the batch.
    index: usize,
}

impl Fetched {
    /// All messages of a poll, in their order.
    pub(super) fn all(messages: Vec<IggyMessage>) -> impl Iterator<Item = Self> {
        let batch = Arc::new(messages);
        (0..batch.len()).map(move |index| Self {
            batch: Arc::clone(&batch),
            index,
        })
    }
}

impl Deref for Fetched {
    type Target = IggyMessage;

    fn deref(&self) -> &IggyMessage {
        &self.batch[self.index]
    }
}
