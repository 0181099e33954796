//! Permissions between the model and the SDK.
//!
//! Exhaustive both ways: a right that the model gets does not compile until it
//! is written, one that the SDK gets does not until it is read.

use std::collections::{BTreeMap, BTreeSet};

use iggy::prelude::{
    GlobalPermissions, IggyError, Permissions, StreamPermissions, TopicPermissions,
};
use iggyctl_core::access::{
    Grants, ServerPermission, StreamGrants, StreamPermission, TopicPermission,
};

/// In the normal form. The wire carries ids of 32 bits, so an id that has more
/// is no answer of a server.
pub(super) fn read(permissions: Option<&Permissions>) -> Result<Grants<u32>, IggyError> {
    let Some(Permissions { global, streams }) = permissions else {
        return Ok(Grants::default());
    };
    let mut grants = Grants {
        server: read_server(global),
        streams: BTreeMap::new(),
    };
    for (stream, granted) in streams.iter().flatten() {
        grants.streams.insert(id(*stream)?, read_stream(granted)?);
    }
    Ok(grants.normal())
}

/// Nothing at all is no permissions, which is what a server without any shows.
pub(super) fn write(grants: &Grants<u32>) -> Result<Option<Permissions>, IggyError> {
    let Grants { server, streams } = grants.clone().normal();
    if server.is_empty() && streams.is_empty() {
        return Ok(None);
    }
    let mut written = BTreeMap::new();
    for (stream, granted) in &streams {
        written.insert(key(*stream)?, write_stream(granted)?);
    }
    Ok(Some(Permissions {
        global: write_server(&server),
        streams: present(written),
    }))
}

fn id(key: usize) -> Result<u32, IggyError> {
    u32::try_from(key).map_err(|_| IggyError::InvalidBytesResponse)
}

fn key(id: u32) -> Result<usize, IggyError> {
    usize::try_from(id).map_err(|_| IggyError::InvalidFormat)
}

/// The server shows an empty map as none, so none is sent.
fn present<V>(map: BTreeMap<usize, V>) -> Option<BTreeMap<usize, V>> {
    (!map.is_empty()).then_some(map)
}

fn granted<P: Ord, const N: usize>(flags: [(bool, P); N]) -> BTreeSet<P> {
    flags
        .into_iter()
        .filter_map(|(flag, permission)| flag.then_some(permission))
        .collect()
}

fn read_server(permissions: &GlobalPermissions) -> BTreeSet<ServerPermission> {
    let GlobalPermissions {
        manage_servers,
        read_servers,
        manage_users,
        read_users,
        manage_streams,
        read_streams,
        manage_topics,
        read_topics,
        poll_messages,
        send_messages,
    } = *permissions;
    granted([
        (manage_servers, ServerPermission::ManageServers),
        (read_servers, ServerPermission::ReadServers),
        (manage_users, ServerPermission::ManageUsers),
        (read_users, ServerPermission::ReadUsers),
        (manage_streams, ServerPermission::ManageStreams),
        (read_streams, ServerPermission::ReadStreams),
        (manage_topics, ServerPermission::ManageTopics),
        (read_topics, ServerPermission::ReadTopics),
        (poll_messages, ServerPermission::PollMessages),
        (send_messages, ServerPermission::SendMessages),
    ])
}

fn write_server(granted: &BTreeSet<ServerPermission>) -> GlobalPermissions {
    let mut permissions = GlobalPermissions::default();
    for permission in granted {
        let flag = match permission {
            ServerPermission::ManageServers => &mut permissions.manage_servers,
            ServerPermission::ReadServers => &mut permissions.read_servers,
            ServerPermission::ManageUsers => &mut permissions.manage_users,
            ServerPermission::ReadUsers => &mut permissions.read_users,
            ServerPermission::ManageStreams => &mut permissions.manage_streams,
            ServerPermission::ReadStreams => &mut permissions.read_streams,
            ServerPermission::ManageTopics => &mut permissions.manage_topics,
            ServerPermission::ReadTopics => &mut permissions.read_topics,
            ServerPermission::PollMessages => &mut permissions.poll_messages,
            ServerPermission::SendMessages => &mut permissions.send_messages,
        };
        *flag = true;
    }
    permissions
}

fn read_stream(permissions: &StreamPermissions) -> Result<StreamGrants<u32>, IggyError> {
    let StreamPermissions {
        manage_stream,
        read_stream,
        manage_topics,
        read_topics,
        poll_messages,
        send_messages,
        ref topics,
    } = *permissions;
    let mut grants = StreamGrants {
        allow: granted([
            (manage_stream, StreamPermission::ManageStream),
            (read_stream, StreamPermission::ReadStream),
            (manage_topics, StreamPermission::ManageTopics),
            (read_topics, StreamPermission::ReadTopics),
            (poll_messages, StreamPermission::PollMessages),
            (send_messages, StreamPermission::SendMessages),
        ]),
        topics: BTreeMap::new(),
    };
    for (topic, granted) in topics.iter().flatten() {
        grants.topics.insert(id(*topic)?, read_topic(granted));
    }
    Ok(grants)
}

fn write_stream(grants: &StreamGrants<u32>) -> Result<StreamPermissions, IggyError> {
    let StreamGrants { allow, topics } = grants;
    let mut permissions = StreamPermissions::default();
    for permission in allow {
        let flag = match permission {
            StreamPermission::ManageStream => &mut permissions.manage_stream,
            StreamPermission::ReadStream => &mut permissions.read_stream,
            StreamPermission::ManageTopics => &mut permissions.manage_topics,
            StreamPermission::ReadTopics => &mut permissions.read_topics,
            StreamPermission::PollMessages => &mut permissions.poll_messages,
            StreamPermission::SendMessages => &mut permissions.send_messages,
        };
        *flag = true;
    }
    let mut written = BTreeMap::new();
    for (topic, allow) in topics {
        written.insert(key(*topic)?, write_topic(allow));
    }
    permissions.topics = present(written);
    Ok(permissions)
}

fn read_topic(permissions: &TopicPermissions) -> BTreeSet<TopicPermission> {
    let TopicPermissions {
        manage_topic,
        read_topic,
        poll_messages,
        send_messages,
    } = *permissions;
    granted([
        (manage_topic, TopicPermission::ManageTopic),
        (read_topic, TopicPermission::ReadTopic),
        (poll_messages, TopicPermission::PollMessages),
        (send_messages, TopicPermission::SendMessages),
    ])
}

fn write_topic(granted: &BTreeSet<TopicPermission>) -> TopicPermissions {
    let mut permissions = TopicPermissions::default();
    for permission in granted {
        let flag = match permission {
            TopicPermission::ManageTopic => &mut permissions.manage_topic,
            TopicPermission::ReadTopic => &mut permissions.read_topic,
            TopicPermission::PollMessages => &mut permissions.poll_messages,
            TopicPermission::SendMessages => &mut permissions.send_messages,
        };
        *flag = true;
    }
    permissions
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, btree_set};
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn grants() -> impl Strategy<Value = Grants<u32>> {
        let topic = btree_set(select(TopicPermission::ALL), 0..=4);
        let stream = (
            btree_set(select(StreamPermission::ALL), 0..=6),
            btree_map(any::<u32>(), topic, 0..4),
        )
            .prop_map(|(allow, topics)| StreamGrants { allow, topics });
        (
            btree_set(select(ServerPermission::ALL), 0..=10),
            btree_map(any::<u32>(), stream, 0..4),
        )
            .prop_map(|(server, streams)| Grants { server, streams })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_in_the_normal_form(grants in grants()) {
            let written = write(&grants).unwrap();
            prop_assert_eq!(read(written.as_ref()).unwrap(), grants.clone().normal());
            prop_assert_eq!(written.is_none(), grants.is_empty());
        }
    }

    /// A round trip would not see two rights that are swapped in both
    /// directions; the words of the SDK do.
    #[test]
    fn each_right_is_written_as_the_servers_own_word() {
        let words = |value: serde_json::Value| -> Vec<String> {
            let object = value.as_object().unwrap();
            let set = object
                .iter()
                .filter(|(_, flag)| flag.as_bool() == Some(true));
            set.map(|(word, _)| word.clone()).collect()
        };
        for permission in ServerPermission::ALL {
            let written = write_server(&[*permission].into());
            let written = serde_json::to_value(written).unwrap();
            assert_eq!(words(written), [permission.as_str()]);
        }
        for permission in StreamPermission::ALL {
            let grants = StreamGrants {
                allow: [*permission].into(),
                topics: BTreeMap::new(),
            };
            let written = serde_json::to_value(write_stream(&grants).unwrap()).unwrap();
            assert_eq!(words(written), [permission.as_str()]);
        }
        for permission in TopicPermission::ALL {
            let written = serde_json::to_value(write_topic(&[*permission].into())).unwrap();
            assert_eq!(words(written), [permission.as_str()]);
        }
    }

    #[test]
    fn none_all_false_and_empty_maps_are_one() {
        let nothing = Grants::default();
        assert_eq!(read(None).unwrap(), nothing);
        let all_false = Permissions::default();
        assert_eq!(read(Some(&all_false)).unwrap(), nothing);
        let stream = StreamPermissions {
            topics: Some([(3, TopicPermissions::default())].into()),
            ..StreamPermissions::default()
        };
        let empty_maps = Permissions {
            global: GlobalPermissions::default(),
            streams: Some([(7, stream)].into()),
        };
        assert_eq!(read(Some(&empty_maps)).unwrap(), nothing);
    }

    #[test]
    fn an_id_that_no_server_has_is_refused() {
        let stream = StreamPermissions {
            read_stream: true,
            ..StreamPermissions::default()
        };
        let permissions = Permissions {
            global: GlobalPermissions::default(),
            streams: Some([(usize::MAX, stream)].into()),
        };
        assert!(read(Some(&permissions)).is_err());
    }
}
