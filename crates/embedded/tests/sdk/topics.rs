use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use iggy::prelude::*;

use crate::support::{code, named, server_and_client};

async fn with_stream() -> (iggyctl_embedded::EmbeddedServer, IggyClient) {
    let (server, client) = server_and_client().await;
    client.create_stream("s").await.unwrap();
    (server, client)
}

fn raw(entries: &[(&str, &str)]) -> TopicCreateOptions {
    TopicCreateOptions {
        raw: entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        ..Default::default()
    }
}

fn patch(entries: &[(&str, &str)]) -> TopicUpdateOptions {
    TopicUpdateOptions {
        raw: raw(entries).raw,
        ..Default::default()
    }
}

/// Key → text of the value, and whether the client chose it.
fn options(topic: &TopicDetails) -> BTreeMap<String, (String, bool)> {
    topic
        .options
        .iter()
        .map(|(key, option)| {
            let key = String::from_utf8_lossy(key.as_bytes()).into_owned();
            (key, (option.value.to_string_value(), option.explicit))
        })
        .collect()
}

async fn read(client: &IggyClient, topic: &str) -> TopicDetails {
    client
        .get_topic(&named("s"), &named(topic))
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn absent_options_get_the_defaults_of_the_build() {
    let (_server, client) = with_stream().await;
    let created = client
        .create_topic(&named("s"), "t", &TopicCreateOptions::default())
        .await
        .unwrap();
    let topic = read(&client, "t").await;
    assert_eq!(topic.partitions_count, 1);
    assert_eq!(topic.message_expiry, IggyExpiry::NeverExpire);
    assert_eq!(topic.max_topic_size, MaxTopicSize::Unlimited);
    assert_eq!(topic.compression_algorithm, CompressionAlgorithm::None);
    let never = u64::MAX.to_string();
    let expected = [
        ("compression_algorithm", "none", false),
        // The SDK always sends these two.
        ("consumer_offset_durability", "replicated", true),
        ("durability", "replicated", true),
        ("max_topic_size", never.as_str(), false),
        ("message_expiry", never.as_str(), false),
        ("messages_required_to_save", "1024", false),
        ("preallocate_segments", "false", false),
        ("segment_size", "1073741824", false),
        ("size_of_messages_required_to_save", "1048576", false),
    ]
    .map(|(key, value, explicit)| (key.to_owned(), (value.to_owned(), explicit)));
    assert_eq!(options(&topic), BTreeMap::from(expected));
    assert_eq!(options(&created), options(&topic));
    // Storage comes after the reply to the creation.
    assert_eq!(created.partitions[0].segments_count, 0);
    assert_eq!(topic.partitions[0].segments_count, 1);
}

#[tokio::test]
async fn chosen_options_come_back_in_canonical_form() {
    let (_server, client) = with_stream().await;
    let wanted = TopicCreateOptions {
        partitions_count: Some(3),
        compression_algorithm: Some(CompressionAlgorithm::Gzip),
        segment_size: Some(IggyByteSize::from(256 * 1024 * 1024)),
        durability: Durability::Persisted,
        messages_required_to_save: Some(16_777_216),
        preallocate_segments: Some(true),
        ..raw(&[("message_expiry", "7 days"), ("max_topic_size", "10 GiB")])
    };
    client
        .create_topic(&named("s"), "t", &wanted)
        .await
        .unwrap();
    let topic = read(&client, "t").await;
    assert_eq!(topic.partitions.len(), 3);
    assert_eq!(
        topic.message_expiry,
        IggyExpiry::ExpireDuration(IggyDuration::new(Duration::from_secs(604_800)))
    );
    assert_eq!(u64::from(topic.max_topic_size), 10 << 30);
    assert_eq!(topic.compression_algorithm, CompressionAlgorithm::Gzip);
    let options = options(&topic);
    for (key, value) in [
        ("message_expiry", "604800000000"),
        ("max_topic_size", "10737418240"),
        ("segment_size", "268435456"),
        ("durability", "persisted"),
        ("messages_required_to_save", "16777216"),
        ("preallocate_segments", "true"),
    ] {
        assert_eq!(options[key], (value.to_owned(), true), "{key}");
    }
}

#[tokio::test]
async fn the_server_default_sentinel_is_as_good_as_absent() {
    let (_server, client) = with_stream().await;
    let wanted = TopicCreateOptions {
        message_expiry: Some(IggyExpiry::ServerDefault),
        max_topic_size: Some(MaxTopicSize::ServerDefault),
        segment_size: Some(IggyByteSize::from(0)),
        ..Default::default()
    };
    client
        .create_topic(&named("s"), "t", &wanted)
        .await
        .unwrap();
    let topic = read(&client, "t").await;
    assert_eq!(topic.message_expiry, IggyExpiry::NeverExpire);
    let options = options(&topic);
    assert_eq!(options["message_expiry"], (u64::MAX.to_string(), false));
    assert_eq!(options["segment_size"], ("1073741824".to_owned(), false));
}

#[tokio::test]
async fn bad_options_are_refused_with_their_codes() {
    let (_server, client) = with_stream().await;
    let table: &[(&[(&str, &str)], u32)] = &[
        (&[("colour", "red")], 4041),
        (&[("enforce_fsync", "true")], 4041),
        (&[("segment_size", "1048575")], 4042),
        (&[("segment_size", "1048577")], 4042),
        (&[("segment_size", "2 GiB")], 4042),
        (&[("segment_size", "many")], 4042),
        (&[("messages_required_to_save", "0")], 4042),
        (&[("messages_required_to_save", "16777217")], 4042),
        (&[("size_of_messages_required_to_save", "2 GiB")], 4042),
        (&[("durability", "eventually")], 4042),
        (&[("compression_algorithm", "zstd")], 4042),
        (&[("message_expiry", "soon")], 4042),
        (&[("preallocate_segments", "maybe")], 4042),
        (&[("max_topic_size", "1 MiB")], 1019),
        (
            &[("max_topic_size", "1 MiB"), ("segment_size", "2 MiB")],
            1019,
        ),
        (&[("max_topic_size", "1 MiB"), ("segment_size", "1 MiB")], 0),
    ];
    for (entries, expected) in table {
        let result = client.create_topic(&named("s"), "t", &raw(entries)).await;
        assert_eq!(code(result), *expected, "{entries:?}");
    }
    // 64 GiB is the most that may be reserved; the default segment has 1 GiB.
    for (partitions, expected) in [(65, 4042), (64, 0)] {
        let wanted = TopicCreateOptions {
            partitions_count: Some(partitions),
            preallocate_segments: Some(true),
            ..Default::default()
        };
        let result = client.create_topic(&named("s"), "reserved", &wanted).await;
        assert_eq!(code(result), expected, "{partitions}");
    }
}

#[tokio::test]
async fn errors_have_the_codes_of_the_real_server() {
    let (_server, client) = with_stream().await;
    let none = TopicCreateOptions::default();
    let keep = TopicUpdateOptions::default();
    let (s, a, b, no) = (named("s"), named("a"), named("b"), named("no"));
    client.create_topic(&s, "a", &none).await.unwrap();
    client.create_topic(&s, "b", &none).await.unwrap();
    assert_eq!(code(client.create_topic(&s, "a", &none).await), 2013);
    assert_eq!(code(client.create_topic(&no, "a", &none).await), 1009);
    assert_eq!(code(client.update_topic(&s, &b, "a", &keep).await), 2013);
    assert_eq!(code(client.update_topic(&s, &no, "x", &keep).await), 2010);
    assert_eq!(code(client.update_topic(&no, &a, "x", &keep).await), 1009);
    assert_eq!(code(client.delete_topic(&s, &no).await), 2010);
    assert_eq!(code(client.delete_topic(&no, &a).await), 1009);
    assert_eq!(code(client.purge_topic(&s, &no).await), 2010);
    assert_eq!(code(client.purge_topic(&no, &a).await), 1009);
    assert_eq!(code(client.create_topic(&s, "", &none).await), 4);

    assert!(client.get_topic(&s, &no).await.unwrap().is_none());
    assert!(client.get_topic(&no, &a).await.unwrap().is_none());
    // Not an error, unlike groups of a missing topic.
    assert!(client.get_topics(&no).await.unwrap().is_empty());
    assert_eq!(client.get_topics(&s).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_update_is_a_patch() {
    let (_server, client) = with_stream().await;
    let wanted = raw(&[("message_expiry", "1 h"), ("segment_size", "1 MiB")]);
    client
        .create_topic(&named("s"), "t", &wanted)
        .await
        .unwrap();
    let change = TopicUpdateOptions {
        compression_algorithm: Some(CompressionAlgorithm::Gzip),
        max_topic_size: Some(MaxTopicSize::from_str("1 MiB").unwrap()),
        ..Default::default()
    };
    client
        .update_topic(&named("s"), &named("t"), "renamed", &change)
        .await
        .unwrap();
    let topic = read(&client, "renamed").await;
    assert_eq!(topic.compression_algorithm, CompressionAlgorithm::Gzip);
    assert_eq!(u64::from(topic.max_topic_size), 1 << 20);
    assert_eq!(u64::from(topic.message_expiry), 3_600_000_000);
    let options = options(&topic);
    assert_eq!(options["max_topic_size"], ("1048576".to_owned(), true));
    assert_eq!(options["compression_algorithm"], ("gzip".to_owned(), true));
    assert_eq!(options["message_expiry"], ("3600000000".to_owned(), true));
    assert_eq!(
        options["messages_required_to_save"],
        ("1024".to_owned(), false)
    );
}

#[tokio::test]
async fn an_update_stores_what_was_sent() {
    let (_server, client) = with_stream().await;
    client
        .create_topic(&named("s"), "t", &raw(&[("message_expiry", "1 h")]))
        .await
        .unwrap();
    let update = async |change: &TopicUpdateOptions| {
        client
            .update_topic(&named("s"), &named("t"), "t", change)
            .await
    };
    // A zero stays a zero in the options, and the header keeps its old value.
    update(&TopicUpdateOptions {
        message_expiry: Some(IggyExpiry::ServerDefault),
        ..Default::default()
    })
    .await
    .unwrap();
    let topic = read(&client, "t").await;
    assert_eq!(u64::from(topic.message_expiry), 3_600_000_000);
    assert_eq!(options(&topic)["message_expiry"], ("0".to_owned(), true));
    // A text stays a text in the options.
    update(&patch(&[("message_expiry", "2 h")])).await.unwrap();
    let topic = read(&client, "t").await;
    assert_eq!(u64::from(topic.message_expiry), 7_200_000_000);
    assert_eq!(options(&topic)["message_expiry"], ("2 h".to_owned(), true));
    // What is fixed at creation, and what is no value at all.
    assert_eq!(
        code(update(&patch(&[("segment_size", "1 MiB")])).await),
        4041
    );
    assert_eq!(
        code(update(&patch(&[("durability", "persisted")])).await),
        4041
    );
    assert_eq!(
        code(update(&patch(&[("message_expiry", "soon")])).await),
        4042
    );
    assert_eq!(
        code(update(&patch(&[("max_topic_size", "1 MiB")])).await),
        1019
    );
    // The checks on values come before the question whether the topic is there.
    let missing = client
        .update_topic(
            &named("s"),
            &named("no"),
            "x",
            &patch(&[("segment_size", "1 MiB")]),
        )
        .await;
    assert_eq!(code(missing), 4041);
}

#[tokio::test]
async fn the_lowest_free_id_is_given_again() {
    let (_server, client) = with_stream().await;
    let none = TopicCreateOptions::default();
    for name in ["a", "b", "c"] {
        client.create_topic(&named("s"), name, &none).await.unwrap();
    }
    client.delete_topic(&named("s"), &named("b")).await.unwrap();
    let created = client.create_topic(&named("s"), "d", &none).await.unwrap();
    assert_eq!(created.id, 1);
    let stream = client.get_stream(&named("s")).await.unwrap().unwrap();
    assert_eq!((stream.topics.len(), stream.topics_count), (3, 3));
}

#[tokio::test]
async fn a_purge_keeps_the_shape() {
    let (server, client) = with_stream().await;
    let three = TopicCreateOptions {
        partitions_count: Some(3),
        ..Default::default()
    };
    client.create_topic(&named("s"), "t", &three).await.unwrap();
    server
        .testing()
        .set_partition_counters("s", "t", 2, 5, 500)
        .unwrap();
    let topic = read(&client, "t").await;
    assert_eq!((topic.messages_count, topic.size.as_bytes_u64()), (5, 500));
    assert_eq!(topic.partitions[2].current_offset, 4);
    client.purge_topic(&named("s"), &named("t")).await.unwrap();
    let topic = read(&client, "t").await;
    assert_eq!((topic.messages_count, topic.partitions.len()), (0, 3));
}
