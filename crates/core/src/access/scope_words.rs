use std::collections::BTreeSet;

use super::effective::EffectiveRights;
use super::grants::{Grants, StreamGrants};
use super::right::Right;
use super::right_set::Permission;
use super::scope::Scope;

/// What is granted, or effectively allowed, for one scope: a line of a plan or
/// of a matrix, in parts. Whoever renders it escapes the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeWords<'names, K> {
    /// For what.
    pub scope: Scope<&'names K>,
    /// The permissions or rights, in the order of their declaration.
    pub words: Vec<&'static str>,
}

impl<K> ScopeWords<'_, K> {
    /// As `orders/events: poll_messages, send_messages`, with the names as the
    /// caller writes them; the server is called `server`.
    pub fn text(&self, mut name: impl FnMut(&K) -> String) -> String {
        let scope = match self.scope {
            Scope::Server => "server".to_owned(),
            Scope::Stream(stream) => name(stream),
            Scope::Topic(stream, topic) => format!("{}/{}", name(stream), name(topic)),
        };
        format!("{scope}: {}", self.words.join(", "))
    }
}

impl<K: Ord> Grants<K> {
    /// Line by line: the server, then each stream before its topics, without
    /// those where nothing is granted.
    #[must_use]
    pub fn lines(&self) -> Vec<ScopeWords<'_, K>> {
        self.lines_of(None)
    }

    /// The granted words that allow this on all of that: the reasons, each
    /// enough alone.
    #[must_use]
    pub fn that_allow(&self, right: Right, scope: &Scope<K>) -> Vec<ScopeWords<'_, K>> {
        let mut lines = self.lines_of(Some(right));
        lines.retain(|line| line.scope.contains(&scope.as_ref()));
        lines
    }

    fn lines_of(&self, right: Option<Right>) -> Vec<ScopeWords<'_, K>> {
        let Self { server, streams } = self;
        let mut lines = vec![line(Scope::Server, server, right)];
        for (stream, StreamGrants { allow, topics }) in streams {
            lines.push(line(Scope::Stream(stream), allow, right));
            let topics = topics.iter();
            lines.extend(
                topics.map(|(topic, allow)| line(Scope::Topic(stream, topic), allow, right)),
            );
        }
        lines.retain(|line| !line.words.is_empty());
        lines
    }
}

fn line<'names, K, W: Permission>(
    scope: Scope<&'names K>,
    words: &BTreeSet<W>,
    right: Option<Right>,
) -> ScopeWords<'names, K> {
    let gives = |word: &W| right.is_none_or(|right| word.rights().contains(right));
    let words = words.iter().copied().filter(gives);
    ScopeWords {
        scope,
        words: words.map(Permission::word).collect(),
    }
}

impl<K: Ord> EffectiveRights<K> {
    /// Line by line: the server, then each stream before its topics; what a
    /// wider scope gives is not repeated.
    #[must_use]
    pub fn lines(&self) -> Vec<ScopeWords<'_, K>> {
        self.iter()
            .map(|(scope, rights)| ScopeWords {
                scope,
                words: rights.iter().map(Right::as_str).collect(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::permission::{ServerPermission, StreamPermission, TopicPermission};
    use super::*;

    fn grants() -> Grants<&'static str> {
        let mut grants = Grants::default();
        grants.server.insert(ServerPermission::ReadUsers);
        let stream: &mut StreamGrants<&str> = grants.streams.entry("orders").or_default();
        stream.topics.insert(
            "events",
            [TopicPermission::SendMessages, TopicPermission::PollMessages].into(),
        );
        stream.topics.insert("audit", [].into());
        let stream = grants.streams.entry("users").or_default();
        stream.allow.insert(StreamPermission::ReadTopics);
        stream
            .topics
            .insert("logins", [TopicPermission::ManageTopic].into());
        grants
    }

    fn text(lines: &[ScopeWords<'_, &str>]) -> String {
        let lines: Vec<String> = lines
            .iter()
            .map(|line| line.text(|name| name.to_uppercase()))
            .collect();
        lines.join("\n")
    }

    #[test]
    fn lines_are_in_order_with_the_names_of_the_caller() {
        insta::assert_snapshot!(text(&grants().lines()), @r"
        server: read_users
        ORDERS/EVENTS: poll_messages, send_messages
        USERS: read_topics
        USERS/LOGINS: manage_topic
        ");
        insta::assert_snapshot!(text(&grants().effective().lines()), @r"
        server: read_users
        ORDERS/EVENTS: poll_messages, send_messages
        USERS: list_topics, read_topic, poll_messages
        USERS/LOGINS: change_topic, send_messages
        ");
    }

    #[test]
    fn the_reasons_of_a_right_are_the_words_that_give_it_there() {
        let grants = grants();
        let logins = Scope::Topic("users", "logins");
        let reasons = |right, scope| text(&grants.that_allow(right, scope));
        insta::assert_snapshot!(reasons(Right::PollMessages, &logins), @r"
        USERS: read_topics
        USERS/LOGINS: manage_topic
        ");
        insta::assert_snapshot!(reasons(Right::SendMessages, &logins), @"USERS/LOGINS: manage_topic");
        assert_eq!(reasons(Right::SendMessages, &Scope::Stream("users")), "");
        assert_eq!(reasons(Right::ManageUsers, &Scope::Server), "");
    }
}
