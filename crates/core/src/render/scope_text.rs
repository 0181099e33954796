use std::fmt::Display;

use super::escape;
use crate::access::{Grants, Scope};
use crate::address::Address;
use crate::name::ResourceName;

/// What a permission is about, in short: `server`, `orders`, `orders/events`.
/// As in addresses, a `/` inside a name is encoded; a stream that is called
/// `server` is `stream/server`.
#[must_use]
pub fn scope_text(scope: Scope<&ResourceName>) -> String {
    let address = match scope {
        Scope::Server => return SERVER.to_owned(),
        Scope::Stream(stream) => Address::Stream(stream.clone()),
        Scope::Topic(stream, topic) => Address::Topic(stream.clone(), topic.clone()),
    };
    let text = safe(&address);
    match text.split_once('/') {
        Some((_, short)) if short != SERVER => short.to_owned(),
        _ => text,
    }
}

const SERVER: &str = "server";

/// Permissions in one line: `server: manage_users; orders: read_stream;
/// orders/events: send_messages`. Empty when there are none.
#[must_use]
pub fn grants_text(grants: &Grants<ResourceName>) -> String {
    let lines = grants.lines();
    let lines: Vec<String> = lines
        .iter()
        .map(|line| format!("{}: {}", scope_text(line.scope), line.words.join(", ")))
        .collect();
    lines.join("; ")
}

/// Something with names in it, for a terminal.
pub(super) fn safe(text: &impl Display) -> String {
    escape(&text.to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{ServerPermission, StreamPermission, TopicPermission};

    fn name(text: &str) -> ResourceName {
        text.parse().unwrap()
    }

    #[test]
    fn no_stream_looks_like_a_topic_or_the_server() {
        let text = |scope: Scope<ResourceName>| scope_text(scope.as_ref());
        assert_eq!(text(Scope::Server), "server");
        assert_eq!(text(Scope::Stream(name("server"))), "stream/server");
        assert_eq!(text(Scope::Stream(name("a/b"))), "a%2Fb");
        assert_eq!(text(Scope::Topic(name("a"), name("b"))), "a/b");
        assert_eq!(text(Scope::Stream(name("a\u{202e}b"))), "a\\u{202e}b");
    }

    #[test]
    fn permissions_fit_on_a_line() {
        let mut grants: Grants<ResourceName> = Grants::default();
        assert_eq!(grants_text(&grants), "");
        grants.server.insert(ServerPermission::ManageUsers);
        let stream = grants.streams.entry(name("orders")).or_default();
        stream.allow.insert(StreamPermission::ReadStream);
        let topic = stream.topics.entry(name("events")).or_default();
        topic.insert(TopicPermission::SendMessages);
        insta::assert_snapshot!(
            grants_text(&grants),
            @"server: manage_users; orders: read_stream; orders/events: send_messages"
        );
    }
}
