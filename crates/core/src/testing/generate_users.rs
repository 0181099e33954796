//! Users for generated states.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use super::by_hand::{name, origin};
use super::simulate_users::known_streams;
use crate::access::{
    Grants, Preset, ServerPermission, StreamGrants, StreamPermission, TopicPermission, UserStatus,
};
use crate::secret::SecretSource;
use crate::state::desired::DesiredState;
use crate::state::desired_user::{
    DesiredPermissions, DesiredUser, NameOrPattern, SecretReference, StreamRule, TopicRule,
};
use crate::state::observed::{AccessReading, ObservedState};
use crate::state::observed_access::{ObservedAccess, ObservedUser, PasswordCheck};

fn few_users() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["ann", "bob", "cat", "dan"]).prop_map(str::to_owned)
}

/// The names that generated streams and topics have.
fn few_names() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "d", "e/% \u{e9}"]).prop_map(str::to_owned)
}

fn words<W: Copy + Ord + std::fmt::Debug + 'static>(
    all: &'static [W],
) -> impl Strategy<Value = BTreeSet<W>> {
    btree_set(prop::sample::select(all), 0..3)
}

fn status() -> impl Strategy<Value = UserStatus> {
    prop::sample::select(UserStatus::ALL)
}

/// Grants by ids that may be of nothing.
fn grants() -> impl Strategy<Value = Grants<u32>> {
    let topics = btree_map(0..4_u32, words(TopicPermission::ALL), 0..3);
    let stream = (words(StreamPermission::ALL), topics)
        .prop_map(|(allow, topics)| StreamGrants { allow, topics });
    let server = prop_oneof![
        3 => Just(BTreeSet::new()),
        1 => words(ServerPermission::ALL),
    ];
    (server, btree_map(0..6_u32, stream, 0..4))
        .prop_map(|(server, streams)| Grants { server, streams }.normal())
}

fn preset() -> impl Strategy<Value = Option<Preset>> {
    option::weighted(0.3, prop::sample::select(Preset::ALL))
}

fn permissions() -> impl Strategy<Value = DesiredPermissions> {
    let topic =
        (few_names(), preset(), words(TopicPermission::ALL)).prop_map(|(topic, preset, allow)| {
            TopicRule {
                name: NameOrPattern::Name(name(&topic)),
                optional: true,
                preset,
                allow,
                origin: origin(),
            }
        });
    let stream = (
        prop_oneof![
            4 => few_names().prop_map(|stream| NameOrPattern::Name(name(&stream))),
            1 => Just("*".parse()).prop_filter_map("a pattern", |pattern| {
                pattern.ok().map(NameOrPattern::Pattern)
            }),
        ],
        preset(),
        words(StreamPermission::ALL),
        vec(topic, 0..3),
    )
        .prop_map(|(name, preset, allow, topics)| StreamRule {
            name,
            optional: true,
            preset,
            allow,
            topics,
            origin: origin(),
        });
    let server = prop_oneof![
        3 => Just(BTreeSet::new()),
        1 => words(ServerPermission::ALL),
    ];
    (server, vec(stream, 0..3)).prop_map(|(allow, streams)| DesiredPermissions {
        preset: None,
        allow,
        streams,
    })
}

fn secret(text: &str) -> SecretReference {
    SecretReference {
        source: SecretSource::Env(text.to_owned()),
        origin: origin(),
    }
}

/// The name of somebody else, or one that nobody declares.
fn previous_user() -> impl Strategy<Value = String> {
    prop_oneof![
        few_users(),
        few_users().prop_map(|text| format!("old-{text}")),
    ]
}

fn desired_users() -> impl Strategy<Value = BTreeMap<String, DesiredUser>> {
    let user = (
        option::weighted(0.5, status()),
        option::weighted(0.7, permissions()),
        option::weighted(0.4, previous_user()),
    )
        .prop_map(|(status, permissions, previous)| DesiredUser {
            previous_name: previous.map(|text| name(&text)),
            status,
            password: Some(secret("NEW")),
            previous_password: Some(secret("OLD")),
            permissions,
            origin: origin(),
        });
    btree_map(few_users(), user, 0..4)
}

fn observed_users() -> impl Strategy<Value = BTreeMap<String, (UserStatus, Grants<u32>, bool)>> {
    let user = (status(), grants(), any::<bool>());
    let names = prop_oneof![
        3 => few_users(),
        1 => few_users().prop_map(|text| format!("old-{text}")),
    ];
    btree_map(names, user, 0..5)
}

/// Names and patterns of users that the project owns.
fn owned() -> impl Strategy<Value = Vec<String>> {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    prop_oneof![
        1 => Just(Vec::new()),
        2 => Just(texts(&["*"])),
        1 => Just(texts(&["?a?", "bob", "nobody"])),
        1 => Just(texts(&["old-*", "dan"])),
    ]
}

/// Names and patterns of streams and topics that the project owns.
fn owned_resources() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    prop_oneof![
        1 => Just((Vec::new(), Vec::new())),
        2 => Just((texts(&["*"]), Vec::new())),
        1 => Just((texts(&["a", "c"]), texts(&["b/*", "d/a"]))),
        1 => Just((Vec::new(), texts(&["*/a", "?/b"]))),
    ]
}

/// Both states with users: declared and undeclared ones, some to be renamed,
/// with grants on what is there and on what is not; some are owned.
pub fn with_users(
    states: impl Strategy<Value = (DesiredState, ObservedState)>,
) -> impl Strategy<Value = (DesiredState, ObservedState)> {
    let owned = (owned(), owned_resources());
    (states, desired_users(), observed_users(), owned).prop_map(
        |((mut desired, mut live), users, there, (owned, (streams, topics)))| {
            desired.owns.users = owned;
            desired.owns.streams = streams;
            desired.owns.topics = topics;
            let mut sources = BTreeSet::new();
            for (text, mut user) in users {
                // Nobody takes over two, and nobody is at both ends of a chain.
                if let Some(previous) = &user.previous_name
                    && (*previous <= name(&text) || !sources.insert(previous.clone()))
                {
                    user.previous_name = None;
                }
                desired.users.insert(name(&text), user);
            }
            let mut access = ObservedAccess {
                users: BTreeMap::new(),
                streams: known_streams(&live),
                ..ObservedAccess::default()
            };
            // 0 is root, which nobody here is.
            for (id, (text, (status, grants, is_current))) in (1_u32..).zip(there) {
                let password = if is_current {
                    PasswordCheck::Declared
                } else {
                    PasswordCheck::Previous
                };
                let user = ObservedUser {
                    id,
                    created_at_micros: 1_700_000_002_000_000 + u64::from(id),
                    status,
                    grants,
                    password,
                    tokens: None,
                };
                access.users.insert(name(&text), user);
            }
            live.access = AccessReading::Read(Box::new(access));
            (desired, live)
        },
    )
}
