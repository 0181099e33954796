use super::permission::{ServerPermission, StreamPermission, TopicPermission};
use super::right::Right;

/// A set of rights, of whatever scope.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RightSet(u16);

const _: () = assert!(Right::ALL.len() <= u16::BITS as usize);

impl RightSet {
    /// None.
    pub const EMPTY: Self = Self(0);

    /// Whether there is none in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many.
    #[must_use]
    pub fn len(self) -> usize {
        // At most 16 bits.
        self.0.count_ones() as usize
    }

    /// Whether the right is in it.
    #[must_use]
    pub fn contains(self, right: Right) -> bool {
        self.0 & bit(right) != 0
    }

    /// The rights of both together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The rights that are in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The rights of this one that the other one lacks.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the other one has all rights of this one.
    #[must_use]
    pub fn is_subset_of(self, other: Self) -> bool {
        self.minus(other).is_empty()
    }

    /// The rights, in the order of [`Right::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Right> {
        let all = Right::ALL.iter().copied();
        all.filter(move |right| self.contains(*right))
    }
}

fn bit(right: Right) -> u16 {
    1 << (right as u16)
}

impl FromIterator<Right> for RightSet {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        let bits = rights.into_iter().map(bit);
        Self(bits.fold(0, |set, right| set | right))
    }
}

impl std::fmt::Debug for RightSet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}

/// One of the server's words, on the level where it can be granted.
pub(super) trait Permission: Copy + Ord + 'static {
    /// All words of the level.
    const WORDS: &'static [Self];

    /// What the word gives at the scope where it is granted, and at all inside.
    fn rights(self) -> RightSet;

    /// The server's spelling.
    fn word(self) -> &'static str;
}

/// The three levels differ only in their column of [`Right::any_of`].
macro_rules! permission {
    ($type:ident, $column:ident) => {
        impl $type {
            /// What this permission gives where it is granted, and at all that
            /// is inside.
            #[must_use]
            pub fn rights(self) -> RightSet {
                let all = Right::ALL.iter().copied();
                all.filter(|right| right.any_of().$column.contains(&self))
                    .collect()
            }
        }

        impl Permission for $type {
            const WORDS: &'static [Self] = Self::ALL;

            fn rights(self) -> RightSet {
                self.rights()
            }

            fn word(self) -> &'static str {
                self.as_str()
            }
        }
    };
}

permission!(ServerPermission, server);
permission!(StreamPermission, stream);
permission!(TopicPermission, topic);

/// What several words of one level give together.
pub(super) fn rights_of<W: Permission>(words: impl IntoIterator<Item = W>) -> RightSet {
    words
        .into_iter()
        .fold(RightSet::EMPTY, |set, word| set.union(word.rights()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(rights: RightSet) -> String {
        let words: Vec<&str> = rights.iter().map(Right::as_str).collect();
        words.join(" ")
    }

    /// Written out by hand from the server's rules, the other way round than
    /// [`Right::any_of`]: a slip in one of the two is seen.
    #[test]
    fn each_word_gives_these_rights_and_no_others() {
        for (word, expected) in [
            (ServerPermission::ManageServers, "read_servers"),
            (ServerPermission::ReadServers, "read_servers"),
            (ServerPermission::ManageUsers, "read_users manage_users"),
            (ServerPermission::ReadUsers, "read_users"),
            (
                ServerPermission::ManageStreams,
                "list_streams create_stream read_stream change_stream list_topics read_topic \
                 create_topic change_topic poll_messages send_messages",
            ),
            (
                ServerPermission::ReadStreams,
                "list_streams read_stream list_topics read_topic poll_messages",
            ),
            (
                ServerPermission::ManageTopics,
                "list_topics read_topic create_topic change_topic poll_messages send_messages",
            ),
            (
                ServerPermission::ReadTopics,
                "list_topics read_topic poll_messages",
            ),
            (ServerPermission::PollMessages, "poll_messages"),
            (ServerPermission::SendMessages, "send_messages"),
        ] {
            assert_eq!(words(word.rights()), expected, "{word}");
        }
        for (word, expected) in [
            (
                StreamPermission::ManageStream,
                "read_stream change_stream list_topics read_topic create_topic change_topic \
                 poll_messages send_messages",
            ),
            (
                StreamPermission::ReadStream,
                "read_stream list_topics read_topic poll_messages",
            ),
            (
                StreamPermission::ManageTopics,
                "list_topics read_topic create_topic change_topic poll_messages send_messages",
            ),
            (
                StreamPermission::ReadTopics,
                "list_topics read_topic poll_messages",
            ),
            (StreamPermission::PollMessages, "poll_messages"),
            (StreamPermission::SendMessages, "send_messages"),
        ] {
            assert_eq!(words(word.rights()), expected, "{word}");
        }
        for (word, expected) in [
            (
                TopicPermission::ManageTopic,
                "read_topic change_topic poll_messages send_messages",
            ),
            (TopicPermission::ReadTopic, "read_topic poll_messages"),
            (TopicPermission::PollMessages, "poll_messages"),
            (TopicPermission::SendMessages, "send_messages"),
        ] {
            assert_eq!(words(word.rights()), expected, "{word}");
        }
    }

    #[test]
    fn a_set_is_a_set() {
        let read: RightSet = [Right::ReadTopic, Right::PollMessages]
            .into_iter()
            .collect();
        let send: RightSet = [Right::SendMessages].into_iter().collect();
        let both = read.union(send);
        assert_eq!(both.len(), 3);
        assert_eq!(both.minus(read), send);
        assert_eq!(both.intersection(send), send);
        assert!(send.is_subset_of(both) && !both.is_subset_of(send));
        assert_eq!(format!("{read:?}"), "{ReadTopic, PollMessages}");
    }
}
