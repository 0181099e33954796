//! Brings a server into a state by plain calls.

use iggy::prelude::{Client as _, Identifier, IggyClient, StreamClient as _, TopicClient as _};
use iggyctl_core::name::ResourceName;
use iggyctl_core::secret::Secret;
use iggyctl_core::state::desired::TopicSettings;
use iggyctl_core::state::observed_access::PasswordCheck;
use iggyctl_embedded::{AccessSnapshot, EmbeddedServer};
use iggyctl_engine::broker::{BrokerWrite as _, UserWrite as _};

use crate::pool;
use crate::scenario::{DECLARED, PREVIOUS, Replacement, Scenario, Successor, access};

/// With the ids that the generated state has: both give out the lowest first.
pub(crate) async fn bring_about(server: &EmbeddedServer, scenario: &Scenario) {
    let pool = pool(server);
    let root = pool.acquire().await.unwrap();
    for (stream_name, stream) in &scenario.observed.streams {
        root.create_stream(stream_name).await.unwrap();
        for (topic_name, topic) in &stream.topics {
            root.create_topic(
                stream_name,
                topic_name,
                topic.partitions,
                &TopicSettings::default(),
            )
            .await
            .unwrap();
            for group in topic.groups.iter().flatten() {
                root.create_consumer_group(stream_name, topic_name, group.0)
                    .await
                    .unwrap();
            }
        }
    }
    for (name, user) in &access(&scenario.observed).users {
        let password = match user.password {
            PasswordCheck::Declared => DECLARED,
            _ => PREVIOUS,
        };
        root.create_user(name, &Secret::new(password), user.status)
            .await
            .unwrap();
        root.update_permissions(name, &user.grants).await.unwrap();
    }
    ids_are_as_generated(&server.access(), scenario);
    drop(root);
    drop(pool);
    if !scenario.behind_our_back.is_empty() {
        replace(server, &scenario.behind_our_back).await;
    }
}

fn ids_are_as_generated(now: &AccessSnapshot, scenario: &Scenario) {
    for (name, stream) in &scenario.observed.streams {
        let found = &now.streams[&stream.id];
        assert_eq!(found.name, name.as_str());
        for (name, topic) in &stream.topics {
            assert_eq!(found.topics[&topic.id].name, name.as_str());
        }
    }
    for (name, user) in &access(&scenario.observed).users {
        assert_eq!(now.users[&user.id].name, name.as_str());
    }
}

/// As somebody with another program does it.
async fn replace(server: &EmbeddedServer, replacements: &[Replacement]) {
    let client = IggyClient::from_connection_string(&server.connection_string()).unwrap();
    client.connect().await.unwrap();
    for (number, replacement) in replacements.iter().enumerate() {
        let Replacement {
            stream,
            topic,
            successor,
        } = replacement;
        let now = server.access();
        let Some(stream) = now.streams.values().nth(*stream) else {
            continue;
        };
        let named = |name: &str| Identifier::named(name).unwrap();
        let successor_of = |name: &str| match successor {
            None => None,
            Some(Successor::OfTheSameName) => Some(name.to_owned()),
            Some(Successor::OfAnother) => Some(format!("successor-{number}")),
        };
        let topic = topic.and_then(|topic| stream.topics.values().nth(topic));
        match topic {
            None => {
                client.delete_stream(&named(&stream.name)).await.unwrap();
                if let Some(name) = successor_of(&stream.name) {
                    client.create_stream(&name).await.unwrap();
                }
            }
            Some(topic) => {
                let at = (named(&stream.name), named(&topic.name));
                client.delete_topic(&at.0, &at.1).await.unwrap();
                if let Some(name) = successor_of(&topic.name) {
                    let name: ResourceName = name.parse().unwrap();
                    let pool = pool(server);
                    let root = pool.acquire().await.unwrap();
                    let stream: ResourceName = stream.name.parse().unwrap();
                    root.create_topic(&stream, &name, 1, &TopicSettings::default())
                        .await
                        .unwrap();
                }
            }
        }
    }
    client.shutdown().await.unwrap();
}
