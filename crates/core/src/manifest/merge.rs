//! From documents to one desired state: what each declares, and what only one may.

use std::collections::BTreeMap;

use super::document::{Document, Part};
use super::structure::bad_name;
use super::tree::Node;
use super::users::Users;
use super::{ownership, partial, rules};
use crate::address::Address;
use crate::api::v1alpha1::{Metadata, Name, Stream, StreamName, Topic};
use crate::diagnostic::{Code, Diagnostic, Origin, Place};
use crate::name::ResourceName;
use crate::state::DeletionPolicy;
use crate::state::desired::{
    DesiredConsumerGroup, DesiredState, DesiredStream, DesiredTopic, Ownership, Presence,
    TopicSettings,
};

/// A `previousName`, for the rules about all of them together.
#[derive(Debug)]
pub(super) struct Rename {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) place: Place,
}

/// The desired state while documents are added.
#[derive(Debug, Default)]
pub(super) struct Merge {
    pub(super) state: DesiredState,
    pub(super) renames: Vec<Rename>,
    topology: Option<Place>,
    /// What the topology says of what says nothing itself. Its streams come after it.
    topology_policy: Option<DeletionPolicy>,
}

impl Merge {
    /// Adds what a document declares; `node` is the same document with its places.
    pub(super) fn part(&mut self, part: Part, node: Node<'_>, diagnostics: &mut Vec<Diagnostic>) {
        match part {
            Part::Document(document) => {
                // Without a name that can be used there is nothing to add.
                let _ = self.document(*document, node, diagnostics);
            }
            Part::Stream(stream) => self.nested_stream(stream, node, diagnostics),
        }
    }

    fn nested_stream(
        &mut self,
        mut stream: Stream,
        node: Node<'_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let place = field_place(node, "name");
        stream.deletion_policy = stream.deletion_policy.or(self.topology_policy);
        self.stream(stream, node, place, diagnostics);
    }

    /// `None` when it has no name that can be used, which is said then.
    fn document(
        &mut self,
        document: Document,
        node: Node<'_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<()> {
        let spec = node.get("spec").unwrap_or(node);
        match document {
            Document::Topology(topology) => {
                let place = kind_place(node);
                if let Some(first) = &self.topology {
                    diagnostics.push(
                        Diagnostic::error(Code::SecondTopology, "there is a second IggyTopology")
                            .at(place)
                            .related(first.clone(), "the first one")
                            .hint("merge them, or apply them separately"),
                    );
                } else {
                    self.topology = Some(place);
                    self.state.project = Some(topology.metadata.name.to_string());
                }
                self.state.context = topology.spec.context;
                self.topology_policy = topology.spec.deletion_policy;
                if let Some(owns) = topology.spec.owns {
                    ownership::rules(&owns, spec.get("owns").unwrap_or(spec), diagnostics);
                    self.state.owns = Ownership {
                        streams: owns.streams,
                        topics: owns.topics,
                        users: owns.users,
                        ..Ownership::default()
                    };
                }
                let users = topology.spec.users.unwrap_or_default();
                let nodes = spec.get("users").into_iter().flat_map(|list| list.items());
                for (mut user, node) in users.into_iter().zip(nodes) {
                    let place = field_place(node, "name");
                    user.deletion_policy = user.deletion_policy.or(self.topology_policy);
                    self.users().user(user, node, place, diagnostics);
                }
                let nodes = spec
                    .get("streams")
                    .into_iter()
                    .flat_map(|list| list.items());
                let streams = topology.spec.streams.unwrap_or_default();
                for (stream, node) in streams.into_iter().zip(nodes) {
                    self.nested_stream(stream, node, diagnostics);
                }
            }
            Document::Stream(document) => {
                let (name, place) =
                    name_of(document.spec.name, &document.metadata, node, diagnostics)?;
                let stream = Stream {
                    name,
                    previous_name: document.spec.previous_name,
                    deletion_policy: document.spec.deletion_policy,
                    topics: document.spec.topics,
                };
                self.stream(stream, spec, place, diagnostics);
            }
            Document::Topic(document) => {
                let name = document.spec.name.clone();
                let (name, place) = name_of(name, &document.metadata, node, diagnostics)?;
                let (stream, topic) = document.spec.into_topic(name);
                let stream = stream.into_resource_name();
                self.named_stream(&stream, field_place(spec, "stream").origin);
                self.topic(&stream, topic, spec, place, diagnostics);
            }
            Document::User(document) => {
                let name = document.spec.name.clone();
                let (name, place) = name_of(name, &document.metadata, node, diagnostics)?;
                let user = document.spec.into_user(name);
                self.users().user(user, spec, place, diagnostics);
            }
            Document::Token(document) => {
                let name = document.spec.name.clone();
                let (name, place) = name_of(name, &document.metadata, node, diagnostics)?;
                let (user, token) = document.spec.into_token(name);
                let user = user.into_resource_name();
                self.users().token(&user, token, spec, place, diagnostics);
            }
            // A folder may hold all that a cluster needs: what is only for the operator declares
            // nothing on the server.
            Document::Server(_) | Document::ClusterServer(_) | Document::SmokeTest(_) => {}
            Document::ConsumerGroup(document) => {
                let (name, place) =
                    name_of(document.spec.name, &document.metadata, node, diagnostics)?;
                let stream = document.spec.stream.into_resource_name();
                let topic = document.spec.topic.into_resource_name();
                self.named_stream(&stream, field_place(spec, "stream").origin);
                self.named_topic(&stream, &topic, field_place(spec, "topic").origin);
                self.deletion_policy(
                    Address::ConsumerGroup(
                        stream.clone(),
                        topic.clone(),
                        name.clone().into_resource_name(),
                    ),
                    document.spec.deletion_policy,
                );
                self.group(&stream, &topic, name, place, diagnostics);
            }
        }
        Some(())
    }

    fn deletion_policy(&mut self, address: Address, policy: Option<DeletionPolicy>) {
        if let Some(policy) = policy {
            // Of two declarations the first counts, and the second is an error.
            self.state
                .deletion_policies
                .entry(address)
                .or_insert(policy);
        }
    }

    fn stream(
        &mut self,
        stream: Stream,
        node: Node<'_>,
        place: Place,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let Stream {
            name,
            previous_name,
            deletion_policy,
            topics,
        } = stream;
        let name = name.into_resource_name();
        let previous_name = previous_name.map(StreamName::into_resource_name);
        let address = || Address::Stream(name.clone());
        self.deletion_policy(address(), deletion_policy);
        if let Some(first) = self.state.streams.get_mut(&name)
            && first.presence == Presence::Declared
        {
            let other = first.origin.clone();
            diagnostics.push(duplicate(&address(), place.clone(), &other));
            // The streams of a topology come from the last to the first; the
            // one that stands first counts, in whatever order they come.
            if other.file != place.origin.file || other < place.origin {
                partial::stream(node, diagnostics);
                return;
            }
            let replaced = |origin: &Origin| origin.file == other.file && *origin >= other;
            first.topics.retain(|_, topic| !replaced(&topic.origin));
            self.renames.retain(|rename| {
                rename.to.stream() != Some(&name) || !replaced(&rename.place.origin)
            });
        }
        if let Some(previous) = &previous_name {
            self.renames.push(Rename {
                from: Address::Stream(previous.clone()),
                to: address(),
                place: field_place(node, "previousName"),
            });
        }
        let stream = self.named_stream(&name, place.origin.clone());
        stream.presence = Presence::Declared;
        stream.previous_name = previous_name;
        stream.topics_listed = topics.is_some();
        stream.origin = place.origin;
        let nodes = node.get("topics").into_iter().flat_map(|list| list.items());
        for (mut topic, node) in topics.unwrap_or_default().into_iter().zip(nodes) {
            let place = field_place(node, "name");
            // What says nothing goes by what it is in.
            topic.deletion_policy = topic.deletion_policy.or(deletion_policy);
            self.topic(&name, topic, node, place, diagnostics);
        }
        // A map that grew one by one is half empty; one that is made of a
        // sorted list is full.
        if let Some(stream) = self.state.streams.get_mut(&name) {
            stream.topics = std::mem::take(&mut stream.topics).into_iter().collect();
        }
    }

    fn topic(
        &mut self,
        stream: &ResourceName,
        topic: Topic,
        node: Node<'_>,
        place: Place,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let Topic {
            name,
            previous_name,
            deletion_policy,
            allow_partition_shrink: _,
            partitions,
            message_expiry,
            max_topic_size,
            compression,
            segment_size,
            durability,
            consumer_offset_durability,
            messages_required_to_save,
            size_of_messages_required_to_save,
            preallocate_segments,
            consumer_groups,
        } = topic;
        let name = name.into_resource_name();
        let previous_name = previous_name.map(Name::into_resource_name);
        let address = || Address::Topic(stream.clone(), name.clone());
        if let Some(first) = self.known_topic(stream, &name)
            && first.presence == Presence::Declared
        {
            let diagnostic = duplicate(&address(), place, &first.origin);
            diagnostics.push(diagnostic);
            return;
        }
        if let Some(previous) = &previous_name {
            self.renames.push(Rename {
                from: Address::Topic(stream.clone(), previous.clone()),
                to: address(),
                place: field_place(node, "previousName"),
            });
        }
        self.deletion_policy(address(), deletion_policy);
        let settings = TopicSettings {
            message_expiry,
            max_topic_size,
            compression,
            segment_size,
            durability,
            consumer_offset_durability,
            messages_required_to_save: messages_required_to_save.map(|count| count.get()),
            size_of_messages_required_to_save,
            preallocate_segments,
        };
        let partitions = partitions.map(|count| count.get());
        rules::topic(partitions, &settings, node, diagnostics);
        let groups_listed = consumer_groups.is_some();
        let groups = consumer_groups.unwrap_or_default();
        let group_nodes = node
            .get("consumerGroups")
            .into_iter()
            .flat_map(|list| list.items());
        if let Some(desired) = self.named_topic(stream, &name, place.origin.clone()) {
            desired.presence = Presence::Declared;
            desired.previous_name = previous_name;
            desired.partitions = partitions;
            desired.settings = settings;
            desired.groups_listed = groups_listed;
            desired.origin = place.origin;
        }
        for (group, node) in groups.into_iter().zip(group_nodes) {
            let group_name = group.clone().into_resource_name();
            self.deletion_policy(
                Address::ConsumerGroup(stream.clone(), name.clone(), group_name),
                deletion_policy,
            );
            self.group(stream, &name, group, node.place(), diagnostics);
        }
    }

    fn group(
        &mut self,
        stream: &ResourceName,
        topic: &ResourceName,
        group: Name,
        place: Place,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let group = group.into_resource_name();
        let Some(desired) = self.named_topic(stream, topic, place.origin.clone()) else {
            return;
        };
        if let Some(first) = desired.groups.get(&group) {
            let address = Address::ConsumerGroup(stream.clone(), topic.clone(), group);
            diagnostics.push(duplicate(&address, place, &first.origin));
            return;
        }
        let origin = place.origin;
        desired
            .groups
            .insert(group, DesiredConsumerGroup { origin });
    }

    fn users(&mut self) -> Users<'_> {
        Users {
            users: &mut self.state.users,
            deletion_policies: &mut self.state.deletion_policies,
            tokens: &mut self.state.tokens,
            renames: &mut self.renames,
        }
    }

    /// The stream of this name, as a parent if nobody named it before.
    fn named_stream(&mut self, name: &ResourceName, origin: Origin) -> &mut DesiredStream {
        self.state
            .streams
            .entry(name.clone())
            .or_insert_with(|| DesiredStream {
                presence: Presence::Parent,
                previous_name: None,
                topics_listed: false,
                topics: BTreeMap::new(),
                origin,
            })
    }

    /// The topic of this name, as a parent if nobody named it before; its
    /// stream was named before.
    fn named_topic(
        &mut self,
        stream: &ResourceName,
        name: &ResourceName,
        origin: Origin,
    ) -> Option<&mut DesiredTopic> {
        let topics = &mut self.state.streams.get_mut(stream)?.topics;
        if !topics.contains_key(name) {
            let topic = DesiredTopic {
                presence: Presence::Parent,
                previous_name: None,
                partitions: None,
                settings: TopicSettings::default(),
                groups_listed: false,
                groups: BTreeMap::new(),
                origin,
            };
            topics.insert(name.clone(), topic);
        }
        topics.get_mut(name)
    }

    fn known_topic(&self, stream: &ResourceName, name: &ResourceName) -> Option<&DesiredTopic> {
        self.state.streams.get(stream)?.topics.get(name)
    }
}

/// The name on the server of what a document declares, and where it stands:
/// that of the spec, or `metadata.name` where the spec gives none.
fn name_of<N: std::str::FromStr<Err = crate::api::v1alpha1::ManifestNameError>>(
    spec_name: Option<N>,
    metadata: &Metadata,
    node: Node<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(N, Place)> {
    if let Some(name) = spec_name {
        let spec = node.get("spec").unwrap_or(node);
        return Some((name, field_place(spec, "name")));
    }
    let place = field_place(node.get("metadata").unwrap_or(node), "name");
    match metadata.name.as_str().parse() {
        Ok(name) => Some((name, place)),
        Err(error) => {
            diagnostics.push(bad_name(&error, "`metadata.name`").at(place));
            None
        }
    }
}

pub(super) fn duplicate(address: &Address, place: Place, first: &Origin) -> Diagnostic {
    let first = Place {
        origin: first.clone(),
        width: place.width,
    };
    // The streams of a topology are merged from the last to the first.
    let (first, place) = if first.origin.file == place.origin.file && place < first {
        (place, first)
    } else {
        (first, place)
    };
    Diagnostic::error(
        Code::DuplicateResource,
        format!("`{address}` is declared twice"),
    )
    .related(first, "first declared here")
    .at(place)
}

pub(super) fn field_place(node: Node<'_>, field: &str) -> Place {
    node.get(field).unwrap_or(node).place()
}

fn kind_place(node: Node<'_>) -> Place {
    field_place(node, "kind")
}
