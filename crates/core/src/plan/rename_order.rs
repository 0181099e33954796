//! Renames, so that a name is free before it is taken.

use std::collections::BTreeMap;

use crate::address::Address;
use crate::diff::{Change, Difference, TopicChange};
use crate::name::ResourceName;

/// A rename with the name that it frees, as an address beside the new one.
pub(super) struct StreamRename<'a> {
    pub(super) address: &'a Address,
    pub(super) from: &'a ResourceName,
}

pub(super) struct TopicRename<'a> {
    pub(super) address: &'a Address,
    pub(super) topic: &'a TopicChange,
    from: Address,
}

pub(super) trait Rename {
    fn target(&self) -> Address;
    fn source(&self) -> Address;
}

impl Rename for StreamRename<'_> {
    fn target(&self) -> Address {
        self.address.clone()
    }

    fn source(&self) -> Address {
        Address::Stream(self.from.clone())
    }
}

impl Rename for TopicRename<'_> {
    fn target(&self) -> Address {
        self.address.clone()
    }

    fn source(&self) -> Address {
        self.from.clone()
    }
}

pub(super) fn stream_rename(change: &Change) -> Option<StreamRename<'_>> {
    match &change.difference {
        Difference::RenameStream { from } => Some(StreamRename {
            address: &change.address,
            from,
        }),
        _ => None,
    }
}

pub(super) fn topic_rename(change: &Change) -> Option<TopicRename<'_>> {
    match &change.difference {
        Difference::ChangeTopic(topic) => Some(TopicRename {
            address: &change.address,
            topic,
            from: Address::Topic(
                change.address.stream()?.clone(),
                topic.renamed_from.clone()?,
            ),
        }),
        _ => None,
    }
}

/// Orders renames so that a name is free before it is taken: of `a → b` and
/// `b → c` the second comes first.
pub(super) fn in_rename_order<R: Rename>(renames: impl Iterator<Item = R>) -> Vec<R> {
    let mut waiting: Vec<Option<R>> = renames.map(Some).collect();
    let by_source: BTreeMap<Address, usize> = waiting
        .iter()
        .enumerate()
        .filter_map(|(index, rename)| Some((rename.as_ref()?.source(), index)))
        .collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    for start in 0..waiting.len() {
        let mut chain = Vec::new();
        let mut next = Some(start);
        while let Some(index) = next {
            let Some(rename) = waiting[index].take() else {
                break;
            };
            next = by_source.get(&rename.target()).copied();
            chain.push(rename);
        }
        ordered.extend(chain.into_iter().rev());
    }
    ordered
}
