//! Where messages go, and who reads them from where.

use iggy::prelude::{Consumer, Partitioning, PollingStrategy};

use super::{CallError, named};

/// Where messages go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To<'a> {
    Partition(u32),
    Key(&'a str),
}

/// Where reading begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum From {
    Offset(u64),
    First,
    /// After the stored offset of this reader.
    Next,
}

/// Who reads.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reader<'a> {
    Plain(&'a str),
    Group(&'a str),
}

impl To<'_> {
    pub(super) fn to_sdk(self) -> Result<Partitioning, CallError> {
        Ok(match self {
            Self::Partition(partition) => Partitioning::partition_id(partition),
            Self::Key(key) => Partitioning::messages_key_str(key)?,
        })
    }
}

impl From {
    pub(super) fn to_sdk(self) -> PollingStrategy {
        match self {
            Self::Offset(offset) => PollingStrategy::offset(offset),
            Self::First => PollingStrategy::first(),
            Self::Next => PollingStrategy::next(),
        }
    }
}

impl Reader<'_> {
    pub(super) fn to_sdk(self) -> Result<Consumer, CallError> {
        Ok(match self {
            Self::Plain(name) => Consumer::new(named(name)?),
            Self::Group(name) => Consumer::group(named(name)?),
        })
    }
}
