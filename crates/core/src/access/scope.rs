use serde::Serialize;

/// How much of a server a right or a permission is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The whole server.
    Server,
    /// One stream and all its topics.
    Stream,
    /// One topic.
    Topic,
}

impl Level {
    /// Every value, the widest first.
    pub const ALL: &'static [Self] = &[Self::Server, Self::Stream, Self::Topic];
}

/// What a right or a permission is about, by name or by the server's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope<K> {
    /// The whole server.
    Server,
    /// One stream and all its topics.
    Stream(K),
    /// One topic, after its stream.
    Topic(K, K),
}

impl<K> Scope<K> {
    /// How wide it is.
    pub fn level(&self) -> Level {
        match self {
            Self::Server => Level::Server,
            Self::Stream(_) => Level::Stream,
            Self::Topic(_, _) => Level::Topic,
        }
    }

    /// The same with borrowed keys.
    pub fn as_ref(&self) -> Scope<&K> {
        match self {
            Self::Server => Scope::Server,
            Self::Stream(stream) => Scope::Stream(stream),
            Self::Topic(stream, topic) => Scope::Topic(stream, topic),
        }
    }
}

impl<K: Clone> Scope<&K> {
    /// The same with keys of its own.
    #[must_use]
    pub fn cloned(self) -> Scope<K> {
        match self {
            Self::Server => Scope::Server,
            Self::Stream(stream) => Scope::Stream(stream.clone()),
            Self::Topic(stream, topic) => Scope::Topic(stream.clone(), topic.clone()),
        }
    }
}

impl<K: PartialEq> Scope<K> {
    /// Whether all of the other one is inside this one.
    pub fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Server, _) => true,
            (Self::Stream(stream), Self::Stream(inner) | Self::Topic(inner, _)) => stream == inner,
            (Self::Topic(stream, topic), Self::Topic(inner, inner_topic)) => {
                stream == inner && topic == inner_topic
            }
            (Self::Stream(_) | Self::Topic(_, _), _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Scope::{self, Server, Stream, Topic};

    #[test]
    fn a_scope_contains_itself_and_what_is_inside() {
        let all: [Scope<u8>; 6] = [
            Server,
            Stream(1),
            Stream(2),
            Topic(1, 1),
            Topic(1, 2),
            Topic(2, 1),
        ];
        let inside = |outer: &Scope<u8>| -> Vec<Scope<u8>> {
            let mut inside = all.to_vec();
            inside.retain(|scope| outer.contains(scope));
            inside
        };
        assert_eq!(inside(&Server), all);
        assert_eq!(inside(&Stream(1)), [Stream(1), Topic(1, 1), Topic(1, 2)]);
        assert_eq!(inside(&Topic(1, 2)), [Topic(1, 2)]);
        assert!(
            all.iter()
                .all(|scope| scope.as_ref().level() == scope.level())
        );
    }
}
