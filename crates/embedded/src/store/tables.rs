//! The tables, and how rows go in and out.

use std::collections::BTreeMap;
use std::path::Path;

use iggy_binary_protocol::{WireName, WireOptions};
use redb::{
    Database, Key, ReadTransaction, ReadableDatabase, ReadableTable, Table, TableDefinition,
    TableError, Value, WriteTransaction,
};

use super::message_tables::{self, StoredLogs};
use super::{Row, StoreError, user_tables};
use crate::credentials::Credentials;
use crate::log::PartitionKey;
use crate::rules::topic_options::TopicSettings;
use crate::state::{Groups, Metadata, Partition, Slots, Stream, Topic};

/// Version of everything below and in `user_tables`.
const FORMAT_VERSION: u64 = 3;
/// Versions without users and tokens (1) and without messages (2): they are read, and
/// become the current one. Any other number is refused.
const OLDER_VERSIONS: std::ops::RangeInclusive<u64> = 1..=2;
const VERSION_KEY: &str = "format_version";

const FACTS: TableDefinition<'_, &str, u64> = TableDefinition::new("facts");
/// Stream id → creation time, name.
const STREAMS: TableDefinition<'_, u32, (u64, &str)> = TableDefinition::new("streams");
/// Stream and topic id → creation time, name, expiry, compression, size cap,
/// segment size, explicit and derived options, creation times of the partitions.
const TOPICS: TableDefinition<'_, TopicKey, TopicRow<'_>> = TableDefinition::new("topics");
/// Stream, topic and group id → name.
const GROUPS: TableDefinition<'_, (u32, u32, u32), &str> = TableDefinition::new("groups");
/// Stream and topic id → next group id; apart from the topic, whose row is long.
const GROUP_COUNTERS: TableDefinition<'_, TopicKey, u32> = TableDefinition::new("group_counters");

type TopicKey = (u32, u32);
type TopicRow<'row> = (
    u64,
    &'row str,
    u64,
    u8,
    u64,
    u64,
    &'row [u8],
    &'row [u8],
    Vec<u64>,
);

/// Writes a batch of rows in one transaction; on return they are on disk.
pub(super) fn write<'rows>(
    database: &Database,
    rows: impl Iterator<Item = &'rows Row>,
) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    for row in rows {
        put(&transaction, row)?;
    }
    transaction.commit()?;
    Ok(())
}

fn put(transaction: &WriteTransaction, row: &Row) -> Result<(), redb::Error> {
    match row {
        Row::Stream {
            stream,
            created_at,
            name,
        } => {
            let mut streams = transaction.open_table(STREAMS)?;
            streams.insert(stream, (*created_at, name.as_str()))?;
        }
        Row::StreamRemoved { stream } => {
            transaction.open_table(STREAMS)?.remove(stream)?;
            let topics = (*stream, 0)..=(*stream, u32::MAX);
            remove_range(&mut transaction.open_table(TOPICS)?, topics.clone())?;
            remove_range(&mut transaction.open_table(GROUP_COUNTERS)?, topics)?;
            let groups = (*stream, 0, 0)..=(*stream, u32::MAX, u32::MAX);
            remove_range(&mut transaction.open_table(GROUPS)?, groups)?;
            message_tables::purge(transaction, *stream, None)?;
        }
        Row::Topic {
            stream,
            topic,
            created_at,
            name,
            settings,
            partitions,
            shrunk,
        } => {
            let TopicSettings {
                message_expiry,
                compression,
                max_topic_size,
                segment_size,
                explicit,
                derived,
            } = settings;
            transaction.open_table(TOPICS)?.insert(
                (*stream, *topic),
                (
                    *created_at,
                    name.as_str(),
                    *message_expiry,
                    *compression,
                    *max_topic_size,
                    *segment_size,
                    explicit.as_bytes(),
                    derived.as_bytes(),
                    partitions.clone(),
                ),
            )?;
            if *shrunk {
                let kept = u32::try_from(partitions.len()).unwrap_or(u32::MAX);
                message_tables::remove_partitions(transaction, *stream, *topic, kept)?;
            }
        }
        Row::TopicRemoved { stream, topic } => {
            transaction.open_table(TOPICS)?.remove((*stream, *topic))?;
            transaction
                .open_table(GROUP_COUNTERS)?
                .remove((*stream, *topic))?;
            let groups = (*stream, *topic, 0)..=(*stream, *topic, u32::MAX);
            remove_range(&mut transaction.open_table(GROUPS)?, groups)?;
            message_tables::purge(transaction, *stream, Some(*topic))?;
        }
        Row::Group {
            stream,
            topic,
            group,
            name,
            next_id,
        } => {
            transaction
                .open_table(GROUPS)?
                .insert((*stream, *topic, *group), name.as_str())?;
            transaction
                .open_table(GROUP_COUNTERS)?
                .insert((*stream, *topic), next_id)?;
        }
        Row::GroupRemoved {
            stream,
            topic,
            group,
        } => {
            transaction
                .open_table(GROUPS)?
                .remove((*stream, *topic, *group))?;
            message_tables::remove_group(transaction, *stream, *topic, *group)?;
        }
        Row::Batch { partition, batch } => {
            message_tables::put_batch(transaction, *partition, batch)?;
        }
        Row::Trimmed {
            partition,
            first_offset,
            next_offset,
        } => message_tables::trim(transaction, *partition, *first_offset, *next_offset)?,
        Row::Purged { stream, topic } => message_tables::purge(transaction, *stream, *topic)?,
        Row::Offset {
            partition,
            consumer,
            offset,
        } => message_tables::put_offset(transaction, *partition, *consumer, *offset)?,
        Row::User {
            user,
            is_new,
            stored,
        } => user_tables::put_user(transaction, *user, *is_new, stored)?,
        Row::UserRemoved { user } => user_tables::remove_user(transaction, *user)?,
        Row::Token { user, name, token } => {
            user_tables::put_token(transaction, *user, name, token)?;
        }
        Row::TokenRemoved { user, name } => user_tables::remove_token(transaction, *user, name)?,
    }
    Ok(())
}

pub(super) fn remove_range<K, V>(
    table: &mut Table<'_, K, V>,
    range: std::ops::RangeInclusive<K>,
) -> Result<(), redb::Error>
where
    K: Key + 'static + for<'key> std::borrow::Borrow<K::SelfType<'key>>,
    V: Value + 'static,
{
    table.retain_in(range, |_, _| false)?;
    Ok(())
}

/// Reads all tables, after checking or writing the version.
pub(super) fn load(
    database: &Database,
    directory: &Path,
    root: &Credentials,
) -> Result<Metadata, StoreError> {
    let database_error = |source: redb::Error| StoreError::Database {
        directory: directory.to_owned(),
        source: Box::new(source),
    };
    let found = version(database).map_err(database_error)?;
    if found != FORMAT_VERSION {
        return Err(StoreError::Version {
            directory: directory.to_owned(),
            found,
            supported: FORMAT_VERSION,
        });
    }
    let transaction = database
        .begin_read()
        .map_err(|error| database_error(error.into()))?;
    match read_all(&transaction, root) {
        Ok(metadata) => Ok(metadata),
        Err(LoadError::Database(source)) => Err(database_error(source)),
        Err(LoadError::Damaged(what)) => Err(StoreError::Damaged {
            directory: directory.to_owned(),
            what,
        }),
        Err(LoadError::RootNameTaken) => Err(StoreError::RootNameTaken {
            directory: directory.to_owned(),
            username: root.username.as_str().to_owned(),
        }),
    }
}

/// The version in the database; a new one and older ones get ours.
fn version(database: &Database) -> Result<u64, redb::Error> {
    let transaction = database.begin_read()?;
    match transaction.open_table(FACTS) {
        Ok(facts) => {
            let found = facts.get(VERSION_KEY)?.map_or(0, |version| version.value());
            if !OLDER_VERSIONS.contains(&found) {
                return Ok(found);
            }
        }
        Err(TableError::TableDoesNotExist(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let transaction = database.begin_write()?;
    transaction
        .open_table(FACTS)?
        .insert(VERSION_KEY, FORMAT_VERSION)?;
    // All tables exist from the beginning, so that readers need not ask.
    transaction.open_table(STREAMS)?;
    transaction.open_table(TOPICS)?;
    transaction.open_table(GROUPS)?;
    transaction.open_table(GROUP_COUNTERS)?;
    user_tables::create(&transaction)?;
    message_tables::create(&transaction)?;
    transaction.commit()?;
    Ok(FORMAT_VERSION)
}

pub(super) enum LoadError {
    Database(redb::Error),
    Damaged(String),
    RootNameTaken,
}

impl<E: Into<redb::Error>> From<E> for LoadError {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}

fn read_all(transaction: &ReadTransaction, root: &Credentials) -> Result<Metadata, LoadError> {
    let mut groups = read_groups(transaction)?;
    let mut logs = StoredLogs::read(transaction)?;
    let mut topics: BTreeMap<u32, BTreeMap<u32, Topic>> = BTreeMap::new();
    for entry in transaction.open_table(TOPICS)?.iter()? {
        let (key, value) = entry?;
        let (stream, topic) = key.value();
        let groups = groups.remove(&(stream, topic)).unwrap_or_default();
        let restored = restore_topic(key.value(), value.value(), groups, &mut logs)
            .ok_or_else(|| LoadError::Damaged(format!("topic {topic} of stream {stream}")))?;
        topics.entry(stream).or_default().insert(topic, restored);
    }
    let mut streams = BTreeMap::new();
    for entry in transaction.open_table(STREAMS)?.iter()? {
        let (key, value) = entry?;
        let id = key.value();
        let (created_at, name) = value.value();
        let stream = Stream {
            name: WireName::new(name).map_err(|_| LoadError::Damaged(format!("stream {id}")))?,
            created_at,
            topics: Slots::restore(topics.remove(&id).unwrap_or_default()),
        };
        streams.insert(id, stream);
    }
    Ok(Metadata {
        streams: Slots::restore(streams),
        users: user_tables::read(transaction, root)?,
    })
}

fn read_groups(transaction: &ReadTransaction) -> Result<BTreeMap<TopicKey, Groups>, LoadError> {
    let mut names: BTreeMap<TopicKey, BTreeMap<u32, WireName>> = BTreeMap::new();
    for entry in transaction.open_table(GROUPS)?.iter()? {
        let (key, value) = entry?;
        let (stream, topic, group) = key.value();
        let name = WireName::new(value.value()).map_err(|_| {
            LoadError::Damaged(format!("group {group} of topic {topic} of stream {stream}"))
        })?;
        names
            .entry((stream, topic))
            .or_default()
            .insert(group, name);
    }
    let mut groups = BTreeMap::new();
    for entry in transaction.open_table(GROUP_COUNTERS)?.iter()? {
        let (key, next_id) = entry?;
        let of_topic = names.remove(&key.value()).unwrap_or_default();
        groups.insert(key.value(), Groups::restore(of_topic, next_id.value()));
    }
    Ok(groups)
}

fn restore_topic(
    (stream, topic): TopicKey,
    row: TopicRow<'_>,
    groups: Groups,
    logs: &mut StoredLogs,
) -> Option<Topic> {
    let (
        created_at,
        name,
        message_expiry,
        compression,
        max_topic_size,
        segment_size,
        explicit,
        derived,
        partitions,
    ) = row;
    let settings = TopicSettings {
        message_expiry,
        compression,
        max_topic_size,
        segment_size,
        explicit: WireOptions::from_slice(explicit).ok()?,
        derived: WireOptions::from_slice(derived).ok()?,
    };
    let mut entry = Topic::new(WireName::new(name).ok()?, created_at, settings);
    let policy = entry.flush_policy;
    entry.groups = groups;
    entry.partitions = (0..)
        .zip(partitions)
        .map(|(partition, created_at)| {
            let key = PartitionKey {
                stream,
                topic,
                partition,
            };
            Partition::restore(created_at, logs.take(key, policy))
        })
        .collect();
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path, version: u64) -> Database {
        let database = Database::create(path).unwrap();
        let transaction = database.begin_write().unwrap();
        let mut facts = transaction.open_table(FACTS).unwrap();
        facts.insert(VERSION_KEY, version).unwrap();
        drop(facts);
        let mut streams = transaction.open_table(STREAMS).unwrap();
        streams.insert(3, (7, "kept")).unwrap();
        drop(streams);
        transaction.open_table(TOPICS).unwrap();
        transaction.open_table(GROUPS).unwrap();
        transaction.open_table(GROUP_COUNTERS).unwrap();
        transaction.commit().unwrap();
        database
    }

    #[test]
    fn older_folders_are_taken_over() {
        for older in OLDER_VERSIONS {
            let folder = tempfile::tempdir().unwrap();
            let database = open(&folder.path().join("database"), older);
            let root = Credentials::default_root().unwrap();
            for _ in 0..2 {
                let metadata = load(&database, folder.path(), &root).unwrap();
                assert_eq!(metadata.streams.id_of("kept"), Some(3));
                assert_eq!(metadata.users.iter().count(), 1);
                assert_eq!(version(&database).unwrap(), FORMAT_VERSION);
            }
        }
    }

    #[test]
    fn a_folder_of_the_future_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let database = open(&folder.path().join("database"), FORMAT_VERSION + 1);
        let root = Credentials::default_root().unwrap();
        let error = load(&database, folder.path(), &root).unwrap_err();
        assert!(matches!(
            error,
            StoreError::Version {
                found: 4,
                supported: 3,
                ..
            }
        ));
    }
}
