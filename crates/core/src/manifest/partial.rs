//! The rules between fields, for a document that has not its shape: those that
//! need only fields which can be read are held all the same, so that a person
//! learns of all mistakes at once.

use serde::Deserialize;

use super::tree::{Node, Shape};
use super::{ownership, rules};
use crate::api::v1alpha1::{Kind, Owns};
use crate::diagnostic::Diagnostic;
use crate::quantity::{ByteSize, MaxTopicSize};
use crate::state::desired::TopicSettings;

/// The rules inside a document of this kind.
pub(super) fn document(kind: Kind, node: Node<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(spec) = node.get("spec") else {
        return;
    };
    match kind {
        Kind::IggyTopology => {
            if let Some(node) = spec.get("owns")
                && let Ok(owns) = Owns::deserialize(node)
            {
                ownership::rules(&owns, node, diagnostics);
            }
            for entry in entries(spec, "streams") {
                stream(entry, diagnostics);
            }
        }
        Kind::IggyStream => stream(spec, diagnostics),
        Kind::IggyTopic => topic(spec, diagnostics),
        Kind::IggyConsumerGroup => {}
    }
}

/// The rules inside a stream.
pub(super) fn stream(node: Node<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for entry in entries(node, "topics") {
        topic(entry, diagnostics);
    }
}

fn topic(node: Node<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let segment_size = Field::<ByteSize>::of(node, "segmentSize");
    let mut settings = TopicSettings {
        segment_size: segment_size.value(),
        max_topic_size: Field::<MaxTopicSize>::of(node, "maxTopicSize").value(),
        size_of_messages_required_to_save: Field::of(node, "sizeOfMessagesRequiredToSave").value(),
        preallocate_segments: Field::of(node, "preallocateSegments").value(),
        ..TopicSettings::default()
    };
    // With a size that was meant and is not known, comparing others with the
    // default one could find a mistake that is none.
    if matches!(segment_size, Field::Unreadable) {
        settings.max_topic_size = None;
        settings.preallocate_segments = None;
    }
    let partitions = Field::of(node, "partitions").value();
    rules::topic(partitions, &settings, node, diagnostics);
}

fn entries<'t>(node: Node<'t>, field: &str) -> impl Iterator<Item = Node<'t>> {
    node.get(field)
        .filter(|list| list.shape() == Shape::Sequence)
        .into_iter()
        .flat_map(|list| list.items())
        .filter(|entry| entry.shape() == Shape::Mapping)
}

/// A field that may be wrong, which was reported then.
#[derive(Debug, Clone, Copy)]
enum Field<T> {
    Absent,
    Unreadable,
    Value(T),
}

impl<T: std::str::FromStr + Copy> Field<T> {
    fn of(node: Node<'_>, name: &str) -> Self {
        match node.get(name) {
            None => Self::Absent,
            Some(value) if value.shape() != Shape::Scalar || value.is_poisoned() => {
                Self::Unreadable
            }
            Some(value) => value.text().parse().map_or(Self::Unreadable, Self::Value),
        }
    }

    fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Unreadable => None,
        }
    }
}
