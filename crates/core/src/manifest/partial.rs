//! The rules between fields, for a document that has not its shape: those that
//! need only fields which can be read are held all the same, so that a person
//! learns of all mistakes at once.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Deserialize;

use super::merge::duplicate;
use super::tree::{Node, Scalar, Shape};
use super::{ownership, rules};
use crate::address::Address;
use crate::api::v1alpha1::{Kind, Name, Owns, Stream};
use crate::diagnostic::{Diagnostic, Origin, Place};
use crate::name::ResourceName;
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
            let mut names = Declared::default();
            for entry in entries(spec, "streams") {
                if let Some((name, place)) = name_of(entry) {
                    names.add(Address::Stream(name), place, diagnostics);
                }
                stream(entry, diagnostics);
            }
        }
        Kind::IggyStream => {
            let named = name_of(spec).or_else(|| name_of(node.get("metadata")?));
            inside_stream(spec, named.map(|(name, _)| name), diagnostics);
        }
        Kind::IggyTopic => topic(spec, diagnostics),
        Kind::IggyConsumerGroup
        | Kind::IggyUser
        | Kind::IggyAccessToken
        | Kind::IggyPolicy
        | Kind::IggyServer
        | Kind::ClusterIggyServer
        | Kind::IggySmokeTest => {}
    }
}

/// The rules inside a stream.
pub(super) fn stream(node: Node<'_>, diagnostics: &mut Vec<Diagnostic>) {
    inside_stream(node, name_of(node).map(|(name, _)| name), diagnostics);
}

/// A stream with nothing but what the rules between streams need.
pub(super) fn stub(node: Node<'_>) -> Option<Stream> {
    Some(Stream {
        name: legible(node.get("name")?)?,
        previous_name: node.get("previousName").and_then(legible),
        deletion_policy: node.get("deletionPolicy").and_then(legible),
        topics: None,
    })
}

/// Topics and groups whose names can be read are declared once. Without the
/// name of the stream there is no address to say it of.
fn inside_stream(node: Node<'_>, stream: Option<ResourceName>, diagnostics: &mut Vec<Diagnostic>) {
    let mut names = Declared::default();
    for entry in entries(node, "topics") {
        topic(entry, diagnostics);
        let (Some(stream), Some((topic, place))) = (&stream, name_of(entry)) else {
            continue;
        };
        names.add(
            Address::Topic(stream.clone(), topic.clone()),
            place,
            diagnostics,
        );
        let groups = entry
            .get("consumerGroups")
            .filter(|list| list.shape() == Shape::Sequence);
        for group in groups.into_iter().flat_map(|list| list.items()) {
            if let Some(name) = legible::<Name>(group) {
                let name = name.into_resource_name();
                let address = Address::ConsumerGroup(stream.clone(), topic.clone(), name);
                names.add(address, group.place(), diagnostics);
            }
        }
    }
}

/// What was declared before, and where.
#[derive(Default)]
struct Declared(BTreeMap<Address, Origin>);

impl Declared {
    fn add(&mut self, address: Address, place: Place, diagnostics: &mut Vec<Diagnostic>) {
        match self.0.get(&address) {
            Some(first) => diagnostics.push(duplicate(&address, place, first)),
            None => {
                self.0.insert(address, place.origin);
            }
        }
    }
}

fn name_of(node: Node<'_>) -> Option<(ResourceName, Place)> {
    let name = node.get("name")?;
    Some((legible::<Name>(name)?.into_resource_name(), name.place()))
}

fn legible<T: FromStr>(node: Node<'_>) -> Option<T> {
    let is_text = node.shape() == Shape::Scalar
        && !node.is_poisoned()
        && matches!(node.scalar(), Scalar::Text(_));
    is_text.then(|| node.text().parse().ok()).flatten()
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

impl<T: FromStr + Copy> Field<T> {
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
