//! What a change looks like on disk.

use iggy_binary_protocol::WireName;

use crate::log::{ConsumerKey, PartitionKey, PartitionLog, StoredBatch};
use crate::password::PasswordCheck;
use crate::rules::topic_options::TopicSettings;
use crate::state::{Change, Metadata, StoredUser, Token};

fn log(key: PartitionKey, metadata: &Metadata) -> Option<&PartitionLog> {
    metadata
        .topic(key.stream, key.topic)?
        .partitions
        .get(key.partition as usize)?
        .log()
}

/// The rows of one change, taken from the state right after it.
#[derive(Debug)]
pub(crate) enum Row {
    Stream {
        stream: u32,
        created_at: u64,
        name: WireName,
    },
    StreamRemoved {
        stream: u32,
    },
    Topic {
        stream: u32,
        topic: u32,
        created_at: u64,
        name: WireName,
        settings: TopicSettings,
        /// Creation times by partition id.
        partitions: Vec<u64>,
        /// Whether what is left of removed partitions is to go.
        shrunk: bool,
    },
    TopicRemoved {
        stream: u32,
        topic: u32,
    },
    Group {
        stream: u32,
        topic: u32,
        group: u32,
        name: WireName,
        /// The id the next group of the topic gets.
        next_id: u32,
    },
    GroupRemoved {
        stream: u32,
        topic: u32,
        group: u32,
    },
    /// A batch of messages. It can be polled once it is committed.
    Batch {
        partition: PartitionKey,
        batch: StoredBatch,
    },
    /// All batches of a partition before an offset went.
    Trimmed {
        partition: PartitionKey,
        first_offset: u64,
        next_offset: u64,
    },
    /// All batches and offsets went, of one topic or of a stream.
    Purged {
        stream: u32,
        topic: Option<u32>,
    },
    Offset {
        partition: PartitionKey,
        consumer: ConsumerKey,
        /// `None` when it was deleted.
        offset: Option<u64>,
    },
    User {
        user: u32,
        /// Whether tokens under this id, of whoever had it before, go.
        is_new: bool,
        stored: StoredUser,
    },
    UserRemoved {
        user: u32,
    },
    Token {
        user: u32,
        name: String,
        token: Token,
    },
    TokenRemoved {
        user: u32,
        name: String,
    },
}

impl Row {
    /// The row to write for a change; `None` when nothing of it is kept.
    pub(crate) fn of(change: Change, metadata: &Metadata) -> Option<Self> {
        match change {
            Change::Volatile => None,
            Change::StreamPut { stream } => {
                let entry = metadata.streams.get(stream)?;
                Some(Self::Stream {
                    stream,
                    created_at: entry.created_at,
                    name: entry.name.clone(),
                })
            }
            Change::StreamRemoved { stream } => Some(Self::StreamRemoved { stream }),
            Change::TopicPut { stream, topic } => Self::topic(stream, topic, false, metadata),
            Change::PartitionsRemoved { stream, topic } => {
                Self::topic(stream, topic, true, metadata)
            }
            Change::Purged { stream, topic } => Some(Self::Purged { stream, topic }),
            Change::Appended(partition) => Some(Self::Batch {
                partition,
                batch: log(partition, metadata)?.newest()?.clone(),
            }),
            Change::Trimmed(partition) => {
                let log = log(partition, metadata)?;
                Some(Self::Trimmed {
                    partition,
                    first_offset: log.first_offset(),
                    next_offset: log.next_offset(),
                })
            }
            Change::OffsetPut(partition, consumer) => Some(Self::Offset {
                partition,
                consumer,
                offset: log(partition, metadata)?.offsets.get(consumer),
            }),
            Change::TopicRemoved { stream, topic } => Some(Self::TopicRemoved { stream, topic }),
            Change::GroupPut {
                stream,
                topic,
                group,
            } => {
                let groups = &metadata.topic(stream, topic)?.groups;
                Some(Self::Group {
                    stream,
                    topic,
                    group,
                    name: groups.get(group)?.name.clone(),
                    next_id: groups.next_id(),
                })
            }
            Change::GroupRemoved {
                stream,
                topic,
                group,
            } => Some(Self::GroupRemoved {
                stream,
                topic,
                group,
            }),
            Change::UserCreated { user } => Self::user(user, true, metadata),
            Change::UserPut { user } => Self::user(user, false, metadata),
            Change::UserRemoved { user } => Some(Self::UserRemoved { user }),
            Change::TokenPut { user, name } => {
                let token = metadata.users.token(user, &name)?.clone();
                Some(Self::Token { user, name, token })
            }
            Change::TokenRemoved { user, name } => Some(Self::TokenRemoved { user, name }),
        }
    }

    fn topic(stream: u32, topic: u32, shrunk: bool, metadata: &Metadata) -> Option<Self> {
        let entry = metadata.topic(stream, topic)?;
        Some(Self::Topic {
            stream,
            topic,
            created_at: entry.created_at,
            name: entry.name.clone(),
            settings: entry.settings.clone(),
            partitions: entry.partitions.iter().map(|p| p.created_at).collect(),
            shrunk,
        })
    }

    /// It is where it will be kept; without a folder that is so at once.
    pub(crate) fn settle(&self) {
        if let Self::Batch { batch, .. } = self {
            batch.cell.publish();
        }
    }

    /// What root was started with is left out: the next start brings its own.
    fn user(user: u32, is_new: bool, metadata: &Metadata) -> Option<Self> {
        let users = &metadata.users;
        let entry = users.get(user)?;
        let stored = StoredUser {
            name: (!users.has_given_name(user)).then(|| entry.name.clone()),
            created_at: entry.created_at,
            active: entry.active,
            password: entry
                .password
                .hash()
                .map(|hash| PasswordCheck::from_hash(hash.clone())),
            permissions: entry.permissions.clone(),
        };
        Some(Self::User {
            user,
            is_new,
            stored,
        })
    }
}
