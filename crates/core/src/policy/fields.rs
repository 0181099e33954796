//! The fields that expressions can name: one table for the checks of expressions,
//! the values and the documentation.

use crate::api::v1alpha1::PolicyKind;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// A text; durations and sizes are texts, too.
    Text,
    /// A whole number.
    Number,
    /// True or false.
    Bool,
    /// A list.
    List,
    /// A mapping.
    Map,
}

/// A field of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldType,
    /// Whether it is always there; of others `has(…)` says whether they are.
    pub always: bool,
    /// What it says.
    pub description: &'static str,
}

const fn always(name: &'static str, kind: FieldType, description: &'static str) -> Field {
    Field {
        name,
        kind,
        always: true,
        description,
    }
}

const fn declared(name: &'static str, kind: FieldType, description: &'static str) -> Field {
    Field {
        name,
        kind,
        always: false,
        description,
    }
}

use FieldType::{Bool, List, Map, Number, Text};

const COMMON: &[Field] = &[
    always("address", Text, "such as `topic/orders/events`"),
    always(
        "kind",
        Text,
        "`stream`, `topic`, `group`, `user` or `token`",
    ),
    always("name", Text, "its own name"),
    always(
        "declared",
        Bool,
        "whether a manifest declares it; in rules about changes something else may be deleted",
    ),
    declared(
        "file",
        Text,
        "the manifest that declares it, as it was given",
    ),
    declared("line", Number, "its line there"),
];

const PREVIOUS: Field = declared("previousName", Text, "as in the manifest");
const STREAM: Field = always("stream", Text, "the name of its stream");
const TOPIC_OF: Field = always("topic", Text, "the name of its topic");

const STREAM_FIELDS: &[Field] = &[
    PREVIOUS,
    declared("topics", List, "the names of its declared topics"),
];

const TOPIC_FIELDS: &[Field] = &[
    STREAM,
    PREVIOUS,
    declared("partitions", Number, "as in the manifest"),
    declared(
        "messageExpiry",
        Text,
        "such as `7d` or `never`; see `seconds`",
    ),
    declared(
        "maxTopicSize",
        Text,
        "such as `50GiB` or `unlimited`; see `bytesOf`",
    ),
    declared("compression", Text, "as in the manifest"),
    declared("segmentSize", Text, "such as `256MiB`; see `bytesOf`"),
    declared("durability", Text, "as in the manifest"),
    declared("consumerOffsetDurability", Text, "as in the manifest"),
    declared("messagesRequiredToSave", Number, "as in the manifest"),
    declared(
        "sizeOfMessagesRequiredToSave",
        Text,
        "such as `1MiB`; see `bytesOf`",
    ),
    declared("preallocateSegments", Bool, "as in the manifest"),
    declared(
        "consumerGroups",
        List,
        "the names of its declared consumer groups",
    ),
];

const GROUP_FIELDS: &[Field] = &[STREAM, TOPIC_OF];

const USER_FIELDS: &[Field] = &[
    PREVIOUS,
    declared("status", Text, "`active` or `inactive`"),
    declared(
        "password",
        Map,
        "where the password comes from, such as `{env: NAME}`; never the password",
    ),
    declared("previousPassword", Map, "as `password`"),
    declared(
        "permissions",
        Map,
        "`preset`, `allow` and `streams`, a list of `name`, `preset`, `allow`, `optional` and `topics`",
    ),
    declared("tokens", List, "the names of its declared access tokens"),
];

const TOKEN_FIELDS: &[Field] = &[
    always("user", Text, "the name of its user"),
    declared("expiry", Text, "such as `30d` or `never`; see `seconds`"),
    declared("rotateBefore", Text, "such as `5d`; see `seconds`"),
    declared(
        "writeTo",
        Map,
        "where its value goes, such as `{file: PATH}`; never the value",
    ),
];

const CHANGE_FIELDS: &[Field] = &[
    always("address", Text, "of the resource"),
    always(
        "verb",
        Text,
        "`create`, `update`, `rename`, `deactivate`, `delete` or `blocked`",
    ),
    declared(
        "previous",
        Text,
        "the address that it has now, when it is renamed",
    ),
    always(
        "attributes",
        Map,
        "what is set or changed, by name: `to`, and `from` unless it is created; texts, as a plan shows them",
    ),
    always("changed", List, "the names of `attributes`, in their order"),
    declared(
        "messages",
        Number,
        "how many messages the topic holds now, or go with what is deleted",
    ),
    declared(
        "bytes",
        Number,
        "how many bytes the topic holds now, or go with what is deleted",
    ),
    always(
        "destructive",
        Bool,
        "whether data is lost, or a user is gone for good",
    ),
];

const PROJECT_FIELDS: &[Field] = &[
    declared("name", Text, "`metadata.name` of the `IggyTopology`"),
    always(
        "owns",
        Map,
        "`streams`, `topics` and `users`, each a list of names and patterns",
    ),
];

/// The fields of `resource` for a kind; none for changes, which have those of
/// the resource.
#[must_use]
pub fn fields_of(kind: PolicyKind) -> Vec<Field> {
    let own = match kind {
        PolicyKind::Stream => STREAM_FIELDS,
        PolicyKind::Topic => TOPIC_FIELDS,
        PolicyKind::Group => GROUP_FIELDS,
        PolicyKind::User => USER_FIELDS,
        PolicyKind::Token => TOKEN_FIELDS,
        PolicyKind::Change => return Vec::new(),
    };
    COMMON.iter().chain(own).copied().collect()
}

/// The fields of `change`.
#[must_use]
pub fn change_fields() -> &'static [Field] {
    CHANGE_FIELDS
}

/// The fields of `project`.
#[must_use]
pub fn project_fields() -> &'static [Field] {
    PROJECT_FIELDS
}
