//! Tables of what is declared, and by what.

use iggyctl_core::diagnostic::Origin;
use iggyctl_core::render::escape;
use iggyctl_core::state::desired::{DesiredState, DesiredStream, DesiredTopic, Presence};
use serde::Serialize;

use super::get::Row;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeclaredStream {
    name: String,
    topics: usize,
    declared_by: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeclaredTopic {
    stream: String,
    name: String,
    /// Absent settings are not managed.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_expiry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_topic_size: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partitions: Option<u32>,
    declared_by: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeclaredGroup {
    stream: String,
    topic: String,
    name: String,
    declared_by: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeclaredUser {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// Whether its permissions are managed.
    permissions: bool,
    declared_by: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeclaredToken {
    user: String,
    name: String,
    expiry: String,
    declared_by: String,
}

/// Only what is in these streams, where some are named.
fn streams<'a>(
    declared: &'a DesiredState,
    only: &'a [String],
) -> impl Iterator<Item = (String, &'a DesiredStream)> {
    let streams = declared.streams.iter();
    let streams = streams.map(|(name, stream)| (name.to_string(), stream));
    streams.filter(|(name, _)| only.is_empty() || only.contains(name))
}

fn topics<'a>(
    declared: &'a DesiredState,
    only: &'a [String],
) -> impl Iterator<Item = (String, String, &'a DesiredTopic)> {
    streams(declared, only).flat_map(|(stream, desired)| {
        let topics = desired.topics.iter();
        topics.map(move |(name, topic)| (stream.clone(), name.to_string(), topic))
    })
}

fn by(origin: &Origin) -> String {
    origin.file.to_string()
}

pub(super) fn stream_rows(declared: &DesiredState, only: &[String]) -> Vec<DeclaredStream> {
    streams(declared, only)
        .filter(|(_, stream)| stream.presence == Presence::Declared)
        .map(|(name, stream)| {
            let topics = stream.topics.values();
            let topics = topics.filter(|topic| topic.presence == Presence::Declared);
            DeclaredStream {
                name,
                topics: topics.count(),
                declared_by: by(&stream.origin),
            }
        })
        .collect()
}

pub(super) fn topic_rows(declared: &DesiredState, only: &[String]) -> Vec<DeclaredTopic> {
    topics(declared, only)
        .filter(|(_, _, topic)| topic.presence == Presence::Declared)
        .map(|(stream, name, topic)| {
            let settings = &topic.settings;
            DeclaredTopic {
                stream,
                name,
                message_expiry: settings.message_expiry.map(|value| value.to_string()),
                max_topic_size: settings.max_topic_size.map(|value| value.to_string()),
                compression: settings.compression.map(|value| value.to_string()),
                partitions: topic.partitions,
                declared_by: by(&topic.origin),
            }
        })
        .collect()
}

pub(super) fn group_rows(declared: &DesiredState, only: &[String]) -> Vec<DeclaredGroup> {
    topics(declared, only)
        .flat_map(|(stream, topic, desired)| {
            let groups = desired.groups.iter();
            groups.map(move |(name, group)| DeclaredGroup {
                stream: stream.clone(),
                topic: topic.clone(),
                name: name.to_string(),
                declared_by: by(&group.origin),
            })
        })
        .collect()
}

pub(super) fn user_rows(declared: &DesiredState) -> Vec<DeclaredUser> {
    let users = declared.users.iter();
    users
        .map(|(name, user)| DeclaredUser {
            name: name.to_string(),
            status: user.status.map(|status| status.as_str()),
            permissions: user.permissions.is_some(),
            declared_by: by(&user.origin),
        })
        .collect()
}

pub(super) fn token_rows(declared: &DesiredState) -> Vec<DeclaredToken> {
    let tokens = declared.tokens.iter();
    tokens
        .flat_map(|(user, tokens)| {
            tokens.iter().map(move |(name, token)| DeclaredToken {
                user: user.to_string(),
                name: name.to_string(),
                expiry: token.expiry.to_string(),
                declared_by: by(&token.origin),
            })
        })
        .collect()
}

/// What is not declared is left as it is.
fn or_any(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn cell(text: &str) -> String {
    escape(text).into_owned()
}

impl Row for DeclaredStream {
    const HEADERS: &'static [&'static str] = &["STREAM", "TOPICS", "DECLARED BY"];
    const NUMBERS_FROM: usize = 3;

    fn cells(&self) -> Vec<String> {
        let Self {
            name,
            topics,
            declared_by,
        } = self;
        vec![cell(name), topics.to_string(), cell(declared_by)]
    }
}

impl Row for DeclaredTopic {
    const HEADERS: &'static [&'static str] = &[
        "STREAM",
        "TOPIC",
        "EXPIRY",
        "MAX SIZE",
        "COMPRESSION",
        "PARTITIONS",
        "DECLARED BY",
    ];
    const NUMBERS_FROM: usize = 7;

    fn cells(&self) -> Vec<String> {
        let Self {
            stream,
            name,
            message_expiry,
            max_topic_size,
            compression,
            partitions,
            declared_by,
        } = self;
        vec![
            cell(stream),
            cell(name),
            or_any(message_expiry.as_ref()),
            or_any(max_topic_size.as_ref()),
            or_any(compression.as_ref()),
            or_any(*partitions),
            cell(declared_by),
        ]
    }
}

impl Row for DeclaredGroup {
    const HEADERS: &'static [&'static str] = &["STREAM", "TOPIC", "GROUP", "DECLARED BY"];
    const NUMBERS_FROM: usize = 4;

    fn cells(&self) -> Vec<String> {
        let Self {
            stream,
            topic,
            name,
            declared_by,
        } = self;
        vec![cell(stream), cell(topic), cell(name), cell(declared_by)]
    }
}

impl Row for DeclaredUser {
    const HEADERS: &'static [&'static str] = &["USER", "STATUS", "PERMISSIONS", "DECLARED BY"];
    const NUMBERS_FROM: usize = 4;

    fn cells(&self) -> Vec<String> {
        let Self {
            name,
            status,
            permissions,
            declared_by,
        } = self;
        let permissions = match permissions {
            true => "managed",
            false => "-",
        };
        vec![
            cell(name),
            or_any(*status),
            permissions.to_owned(),
            cell(declared_by),
        ]
    }
}

impl Row for DeclaredToken {
    const HEADERS: &'static [&'static str] = &["USER", "TOKEN", "EXPIRY", "DECLARED BY"];
    const NUMBERS_FROM: usize = 4;

    fn cells(&self) -> Vec<String> {
        let Self {
            user,
            name,
            expiry,
            declared_by,
        } = self;
        vec![cell(user), cell(name), expiry.clone(), cell(declared_by)]
    }
}
