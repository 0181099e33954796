//! Users of the documents, as part of the desired state.

use std::collections::{BTreeMap, BTreeSet};

use super::merge::{Rename, duplicate, field_place};
use super::tokens::sink_path;
use super::tree::Node;
use crate::address::Address;
use crate::api::v1alpha1::{
    StreamPermissions, Token, TopicPermissions, User, UserName, UserPermissions,
};
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::name::{NamePattern, ResourceName};
use crate::quantity::MessageExpiry;
use crate::state::DeletionPolicy;
use crate::state::desired_token::{DesiredToken, TokenDestination};
use crate::state::desired_user::{
    DesiredPermissions, DesiredUser, NameOrPattern, SecretReference, StreamRule, TopicRule,
};

/// The users of the desired state, while documents are added.
pub(super) struct Users<'m> {
    pub(super) users: &'m mut BTreeMap<ResourceName, DesiredUser>,
    pub(super) tokens: &'m mut BTreeMap<ResourceName, BTreeMap<ResourceName, DesiredToken>>,
    pub(super) renames: &'m mut Vec<Rename>,
    pub(super) deletion_policies: &'m mut BTreeMap<Address, DeletionPolicy>,
}

impl Users<'_> {
    pub(super) fn user(
        &mut self,
        user: User,
        node: Node<'_>,
        place: Place,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let User {
            name,
            previous_name,
            deletion_policy,
            status,
            password,
            previous_password,
            permissions,
            tokens,
        } = user;
        let name = name.into_resource_name();
        let address = Address::User(name.clone());
        if let Some(first) = self.users.get(&name) {
            diagnostics.push(duplicate(&address, place, &first.origin));
            return;
        }
        if let Some(policy) = deletion_policy {
            self.deletion_policies.insert(address.clone(), policy);
        }
        let previous_name = previous_name.map(UserName::into_resource_name);
        if let Some(previous) = &previous_name {
            self.renames.push(Rename {
                from: Address::User(previous.clone()),
                to: address,
                place: field_place(node, "previousName"),
            });
        }
        let secret = |source: Option<_>, field| {
            source.map(|source| SecretReference {
                source,
                origin: field_place(node, field).origin,
            })
        };
        if previous_password.is_some() && password.is_none() {
            diagnostics.push(
                Diagnostic::error(
                    Code::PreviousPasswordAlone,
                    "`previousPassword` needs a `password`",
                )
                .at(field_place(node, "previousPassword"))
                .hint("declare in `password` where the new one comes from"),
            );
        }
        let rules = permissions.map(|permissions| {
            let node = node.get("permissions").unwrap_or(node);
            permission_rules(permissions, node, diagnostics)
        });
        let nodes = node.get("tokens").into_iter().flat_map(|list| list.items());
        for (token, node) in tokens.unwrap_or_default().into_iter().zip(nodes) {
            self.token(&name, token, node, field_place(node, "name"), diagnostics);
        }
        self.users.insert(
            name,
            DesiredUser {
                previous_name,
                status,
                password: secret(password, "password"),
                previous_password: secret(previous_password, "previousPassword"),
                permissions: rules,
                origin: place.origin,
            },
        );
    }

    /// A token of a user who may be declared elsewhere.
    pub(super) fn token(
        &mut self,
        user: &ResourceName,
        token: Token,
        node: Node<'_>,
        place: Place,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let Token {
            name,
            expiry,
            rotate_before,
            write_to,
        } = token;
        let name = name.into_resource_name();
        let tokens = self.tokens.entry(user.clone()).or_default();
        if let Some(first) = tokens.get(&name) {
            let address = Address::Token(user.clone(), name);
            diagnostics.push(duplicate(&address, place, &first.origin));
            return;
        }
        let expiry = expiry.unwrap_or(MessageExpiry::NEVER);
        if let Some(before) = rotate_before
            && (before == MessageExpiry::NEVER
                || before.micros().saturating_mul(2) > expiry.micros())
        {
            diagnostics.push(
                Diagnostic::error(
                    Code::RotatedAlways,
                    "`rotateBefore` is more than half of `expiry`",
                )
                .at(field_place(node, "rotateBefore"))
                .expected("at most half of `expiry`: otherwise the token before could not go on until its end"),
            );
        }
        diagnostics.extend(sink_path(&write_to, node));
        tokens.insert(
            name,
            DesiredToken {
                expiry,
                rotate_before,
                write_to: TokenDestination {
                    sink: write_to,
                    origin: field_place(node, "writeTo").origin,
                },
                rotate: false,
                origin: place.origin,
            },
        );
    }
}

fn permission_rules(
    permissions: UserPermissions,
    node: Node<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> DesiredPermissions {
    let UserPermissions {
        preset,
        allow,
        streams,
    } = permissions;
    let nodes = node
        .get("streams")
        .into_iter()
        .flat_map(|list| list.items());
    let mut rules = Vec::with_capacity(streams.len());
    let mut named: BTreeMap<String, Place> = BTreeMap::new();
    for (stream, node) in streams.into_iter().zip(nodes) {
        let place = field_place(node, "name");
        if let Some(first) = named.get(&stream.name) {
            diagnostics.push(named_twice(&stream.name, place, first));
            continue;
        }
        named.insert(stream.name.clone(), place);
        rules.extend(stream_rule(stream, node, diagnostics));
    }
    DesiredPermissions {
        preset,
        allow: allow.into_iter().collect(),
        streams: rules,
    }
}

fn stream_rule(
    stream: StreamPermissions,
    node: Node<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<StreamRule> {
    let StreamPermissions {
        name,
        optional,
        preset,
        allow,
        topics,
    } = stream;
    let place = field_place(node, "name");
    let name = name_or_pattern(&name, &place, diagnostics)?;
    let nodes = node.get("topics").into_iter().flat_map(|list| list.items());
    let mut rules = Vec::with_capacity(topics.len());
    let mut named: BTreeMap<String, Place> = BTreeMap::new();
    for (topic, node) in topics.into_iter().zip(nodes) {
        let place = field_place(node, "name");
        if let Some(first) = named.get(&topic.name) {
            diagnostics.push(named_twice(&topic.name, place, first));
            continue;
        }
        named.insert(topic.name.clone(), place.clone());
        let TopicPermissions {
            name,
            optional,
            preset,
            allow,
        } = topic;
        if let Some(name) = name_or_pattern(&name, &place, diagnostics) {
            rules.push(TopicRule {
                name,
                optional,
                preset,
                allow: allow.into_iter().collect::<BTreeSet<_>>(),
                origin: place.origin,
            });
        }
    }
    Some(StreamRule {
        name,
        optional,
        preset,
        allow: allow.into_iter().collect(),
        topics: rules,
        origin: place.origin,
    })
}

/// A user may have rights on streams that are not the manifest's own, so only
/// what no server could have as a name is refused.
fn name_or_pattern(
    text: &str,
    place: &Place,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<NameOrPattern> {
    let wrong = |reason: String| {
        Diagnostic::error(
            Code::GrantName,
            format!("`{text}` cannot be granted on: {reason}"),
        )
        .at(place.clone())
        .expected("a name, or a pattern with `*` and `?` of declared names")
    };
    let read = if NamePattern::is_pattern(text) {
        text.parse()
            .map(NameOrPattern::Pattern)
            .map_err(|error: crate::name::PatternError| wrong(error.to_string()))
    } else {
        text.parse::<crate::api::v1alpha1::Name>()
            .map(|name| NameOrPattern::Name(name.into_resource_name()))
            .map_err(|error| wrong(error.to_string()))
    };
    read.map_err(|diagnostic| diagnostics.push(diagnostic)).ok()
}

fn named_twice(name: &str, place: Place, first: &Place) -> Diagnostic {
    Diagnostic::error(
        Code::GrantedTwice,
        format!("there are two entries for `{name}`"),
    )
    .at(place)
    .related(first.clone(), "the first one")
    .hint("write all its rights in one entry")
}
