use serde::{Deserialize, Serialize};

use super::effective::EffectiveRights;
use super::grants::{Grants, StreamGrants};
use super::operation::Operation;
use super::permission::{ServerPermission, StreamPermission, TopicPermission};
use super::right::Right;
use super::scope::{Level, Scope};
use crate::quantity::closed_set;

/// A word for what a kind of program needs, which stands for the least
/// permissions of the server that are enough. Each is legal at each level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Preset {
    /// The SDK's `IggyProducer`, which reads the stream and the topic before it
    /// sends, even where it creates neither.
    Producer,
    /// The SDK's `IggyConsumer`, alone or in a group, which reads the stream
    /// and the topic before it polls.
    Consumer,
    /// A client that sends to a partition that it names. Others ask for the
    /// number of partitions first, so read the topic.
    DirectProducer,
    /// A client that polls a partition that it names, outside of groups.
    DirectConsumer,
    /// Everything.
    Admin,
    /// Looks at everything, messages included.
    ReadOnly,
}

closed_set!(Preset, "a preset, such as `producer`", {
    Producer => "producer",
    Consumer => "consumer",
    DirectProducer => "directProducer",
    DirectConsumer => "directConsumer",
    Admin => "admin",
    ReadOnly => "readOnly",
});

impl Preset {
    /// The permissions that it stands for at this scope. Those of a topic may
    /// be on its stream: a single topic is not enough to read the stream.
    #[must_use]
    pub fn grants<K: Ord + Clone>(self, scope: &Scope<K>) -> Grants<K> {
        use ServerPermission as Server;
        use StreamPermission as Stream;
        use TopicPermission as Topic;

        match scope {
            Scope::Server => on_server(match self {
                Self::Producer => &[Server::ReadStreams, Server::SendMessages],
                Self::Consumer => &[Server::ReadStreams],
                Self::DirectProducer => &[Server::SendMessages],
                Self::DirectConsumer => &[Server::PollMessages],
                Self::Admin => &[
                    Server::ManageServers,
                    Server::ManageUsers,
                    Server::ManageStreams,
                ],
                Self::ReadOnly => &[Server::ReadServers, Server::ReadUsers, Server::ReadStreams],
            }),
            Scope::Stream(stream) => {
                let words: &[Stream] = match self {
                    Self::Producer => &[Stream::ReadStream, Stream::SendMessages],
                    Self::Consumer | Self::ReadOnly => &[Stream::ReadStream],
                    Self::DirectProducer => &[Stream::SendMessages],
                    Self::DirectConsumer => &[Stream::PollMessages],
                    Self::Admin => &[Stream::ManageStream],
                };
                in_stream(stream, words, None)
            }
            Scope::Topic(stream, topic) => {
                let (stream_words, words): (&[Stream], &[Topic]) = match self {
                    Self::Producer => (&[Stream::ReadStream], &[Topic::SendMessages]),
                    // That gives the topic's messages too: no word of its own.
                    Self::Consumer => (&[Stream::ReadStream], &[]),
                    Self::DirectProducer => (&[], &[Topic::SendMessages]),
                    Self::DirectConsumer => (&[], &[Topic::PollMessages]),
                    Self::Admin => (&[], &[Topic::ManageTopic]),
                    Self::ReadOnly => (&[], &[Topic::ReadTopic]),
                };
                in_stream(stream, stream_words, Some((topic, words)))
            }
        }
    }

    /// The commands that it is there for at this level: with the SDK's
    /// producers and consumers (0.11.0, `clients/producer.rs`,
    /// `clients/consumer.rs`) those that they send when streams and topics
    /// exist, and for a group when it does not.
    #[must_use]
    pub fn needs(self, level: Level) -> Vec<Operation> {
        let possible = |operation: &Operation| operation.right().level() >= level;
        let all = Operation::ALL.iter().copied().filter(possible);
        match self {
            Self::Producer => vec![
                Operation::GetStream,
                Operation::GetTopic,
                Operation::SendMessages,
            ],
            Self::Consumer => vec![
                Operation::GetStream,
                Operation::GetTopic,
                Operation::GetConsumerGroup,
                Operation::CreateConsumerGroup,
                Operation::JoinConsumerGroup,
                Operation::LeaveConsumerGroup,
                Operation::PollMessages,
                Operation::StoreConsumerOffset,
            ],
            Self::DirectProducer => vec![Operation::SendMessages],
            Self::DirectConsumer => vec![
                Operation::PollMessages,
                Operation::GetConsumerOffset,
                Operation::StoreConsumerOffset,
            ],
            Self::Admin => all.collect(),
            Self::ReadOnly => all.filter(|operation| only_reads(*operation)).collect(),
        }
    }

    /// What it gives beyond [`Self::needs`], because the server has no
    /// narrower words, place by place.
    #[must_use]
    pub fn gives_away(self, level: Level) -> Vec<GivenAway> {
        let scope = some_scope(level);
        let needs = self.needs(level);
        let mut needed: EffectiveRights<()> = needs
            .iter()
            .map(|need| (need.right(), scope_of(need.right(), scope)))
            .collect();
        if needs.contains(&Operation::GetStream) {
            // Its answer holds the topics with their settings.
            let list = (Right::ListTopics, scope_of(Right::ListTopics, scope));
            needed = needed.with(list.0, &list.1);
        }
        let mut given: Vec<GivenAway> = Vec::new();
        for (scope, rights) in self.grants(&scope).effective().iter() {
            for right in rights.iter() {
                let place = place(right, scope.level());
                let is_needed = needed.at(scope).contains(right);
                let abilities = if is_needed {
                    on_the_side(right, &needs)
                } else {
                    let without_needs = on_the_side(right, &[]);
                    std::iter::once(ability(right))
                        .chain(without_needs)
                        .collect()
                };
                if abilities.is_empty() {
                    continue;
                }
                match given.last_mut().filter(|last| last.place == place) {
                    Some(last) => last.abilities.extend(abilities),
                    None => given.push(GivenAway { place, abilities }),
                }
            }
        }
        given
    }
}

/// What a preset has to give beyond what it is there for, for one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GivenAway {
    /// Where, such as `every topic of the stream`.
    pub place: &'static str,
    /// What, such as `read its messages`.
    pub abilities: Vec<&'static str>,
}

impl GivenAway {
    /// All of them as one half-sentence, such as `may also, for every topic of
    /// the stream: read its messages`; none where nothing is given away.
    #[must_use]
    pub fn sentence(all: &[Self]) -> Option<String> {
        let places: Vec<String> = all
            .iter()
            .map(|Self { place, abilities }| format!("for {place}: {}", abilities.join(", ")))
            .collect();
        (!places.is_empty()).then(|| format!("may also, {}", places.join("; ")))
    }
}

fn on_server<K: Ord>(words: &[ServerPermission]) -> Grants<K> {
    Grants {
        server: words.iter().copied().collect(),
        ..Grants::default()
    }
}

fn in_stream<K: Ord + Clone>(
    stream: &K,
    words: &[StreamPermission],
    topic: Option<(&K, &[TopicPermission])>,
) -> Grants<K> {
    let topics = topic.into_iter();
    let granted = StreamGrants {
        allow: words.iter().copied().collect(),
        topics: topics
            .map(|(topic, words)| (topic.clone(), words.iter().copied().collect()))
            .collect(),
    };
    let mut grants = Grants::default();
    grants.streams.insert(stream.clone(), granted);
    grants.normal()
}

fn some_scope(level: Level) -> Scope<()> {
    match level {
        Level::Server => Scope::Server,
        Level::Stream => Scope::Stream(()),
        Level::Topic => Scope::Topic((), ()),
    }
}

/// Where a right is needed by somebody who is concerned with this scope.
fn scope_of(right: Right, scope: Scope<()>) -> Scope<()> {
    some_scope(right.level().min(scope.level()))
}

fn only_reads(operation: Operation) -> bool {
    operation.as_str().starts_with("get_") || operation == Operation::PollMessages
}

/// The noun that [`ability`] speaks of.
fn place(right: Right, given: Level) -> &'static str {
    match (right.level(), given) {
        (Level::Server, _) => "the server",
        (Level::Stream, Level::Server) => "every stream",
        (Level::Stream, _) => "the stream",
        (Level::Topic, Level::Server) => "every topic",
        (Level::Topic, Level::Stream) => "every topic of the stream",
        (Level::Topic, Level::Topic) => "the topic",
    }
}

fn ability(right: Right) -> &'static str {
    match right {
        Right::ListStreams => "list its streams",
        Right::CreateStream => "create streams",
        Right::ReadStream | Right::ReadTopic => "read its settings",
        Right::ChangeStream | Right::ChangeTopic => "change, purge and delete it",
        Right::ListTopics => "list its topics",
        Right::CreateTopic => "create topics in it",
        Right::PollMessages => "read its messages",
        Right::SendMessages => "send messages to it",
        Right::ReadUsers => "read its users",
        Right::ManageUsers => "manage its users",
        Right::ReadServers => "read its figures",
    }
}

/// What a right that sounds like reading changes, where nobody asked for it.
fn on_the_side(right: Right, needs: &[Operation]) -> Vec<&'static str> {
    let needs = |operation| needs.contains(&operation);
    match right {
        Right::ReadTopic if needs(Operation::DeleteConsumerGroup) => vec![],
        Right::ReadTopic if needs(Operation::CreateConsumerGroup) => {
            vec!["delete its consumer groups"]
        }
        Right::ReadTopic => vec!["create and delete its consumer groups"],
        Right::PollMessages if needs(Operation::DeleteConsumerOffset) => vec![],
        Right::PollMessages => vec!["move and delete the offsets of all its consumers"],
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::super::right_set::Permission;
    use super::super::scope_words::ScopeWords;
    use super::*;

    fn scopes() -> [Scope<&'static str>; 3] {
        [
            Scope::Server,
            Scope::Stream("orders"),
            Scope::Topic("orders", "events"),
        ]
    }

    fn text(lines: &[ScopeWords<'_, &str>]) -> String {
        let lines = lines.iter();
        let lines: Vec<String> = lines.map(|line| line.text(|name| (*name).into())).collect();
        lines.join("\n           ")
    }

    #[test]
    fn presets_with_what_they_effectively_allow() {
        let mut all = String::new();
        for preset in Preset::ALL {
            for scope in scopes() {
                let grants = preset.grants(&scope);
                let given = preset.gives_away(scope.level());
                let sentence = GivenAway::sentence(&given);
                let sentence = sentence.unwrap_or("nothing is given away".into());
                let level = format!("{:?}", scope.level()).to_lowercase();
                writeln!(all, "{preset} on a {level}").unwrap();
                writeln!(all, "  grants   {}", text(&grants.lines())).unwrap();
                writeln!(all, "  allows   {}", text(&grants.effective().lines())).unwrap();
                writeln!(all, "  {sentence}\n").unwrap();
            }
        }
        insta::assert_snapshot!(all);
    }

    #[test]
    fn every_word_is_read_back_by_both_readers() {
        for preset in Preset::ALL {
            assert_eq!(preset.as_str().parse(), Ok(*preset));
            assert_eq!(serde_json::to_value(preset).unwrap(), preset.as_str());
        }
    }

    /// Of all combinations of words, none that is enough allows less.
    #[test]
    fn no_permissions_that_are_enough_allow_less() {
        let subsets = subsets(ServerPermission::WORDS)
            .map(|words| on_server(&words))
            .chain(subsets(StreamPermission::WORDS).flat_map(|on_stream| {
                subsets(TopicPermission::WORDS).map(move |on_topic| {
                    in_stream(&"orders", &on_stream, Some((&"events", &on_topic)))
                })
            }));
        let subsets: Vec<EffectiveRights<&str>> =
            subsets.map(|grants| grants.effective()).collect();
        assert_eq!(subsets.len(), 1024 + 64 * 16);
        for preset in Preset::ALL {
            for scope in scopes() {
                let level = scope.level();
                let enough = |rights: &EffectiveRights<&str>| {
                    preset.needs(level).iter().all(|need| {
                        let right = need.right();
                        let wide_enough = scopes()
                            .into_iter()
                            .find(|scope| scope.level() == right.level().min(level));
                        rights.allows(right, &wide_enough.unwrap())
                    })
                };
                let own = preset.grants(&scope).effective();
                assert!(enough(&own), "{preset} {level:?}");
                let mut others = 0;
                for rights in subsets.iter().filter(|rights| enough(rights)) {
                    others += 1;
                    assert!(own.is_subset_of(rights), "{preset} {level:?} {rights:?}");
                }
                assert!(others > 0, "{preset} {level:?}");
            }
        }
    }

    fn subsets<W: Permission>(words: &'static [W]) -> impl Iterator<Item = Vec<W>> {
        (0..1_usize << words.len()).map(|bits| {
            let words = words.iter().copied().enumerate();
            let chosen = words.filter(|(index, _)| bits & (1 << index) != 0);
            chosen.map(|(_, word)| word).collect()
        })
    }
}
