//! Messages in topics, and how far who reads them has come.

use iggy::prelude::*;

use crate::laboratory::Laboratory;

fn named(name: &str) -> Identifier {
    Identifier::named(name).unwrap()
}

/// Puts messages into the first partition.
pub(crate) fn send(laboratory: &Laboratory<'_>, stream: &str, topic: &str, texts: &[&str]) {
    laboratory.by_hand(async |root| {
        let message = |text: &&str| {
            let payload = (*text).to_owned().into();
            IggyMessage::builder().payload(payload).build().unwrap()
        };
        let mut messages: Vec<IggyMessage> = texts.iter().map(message).collect();
        let partition = Partitioning::partition_id(0);
        root.send_messages(&named(stream), &named(topic), &partition, &mut messages)
            .await
            .unwrap();
    });
}

/// All that is in the first partition, and nobody is said to have read it.
pub(crate) fn poll(laboratory: &Laboratory<'_>, stream: &str, topic: &str) -> Vec<String> {
    laboratory.by_hand(async |root| {
        let polled = root
            .poll_messages(
                &named(stream),
                &named(topic),
                Some(0),
                &Consumer::default(),
                &PollingStrategy::offset(0),
                1000,
                false,
            )
            .await
            .unwrap();
        let messages = polled.messages.iter();
        let texts = messages.map(|it| String::from_utf8(it.payload.to_vec()).unwrap());
        texts.collect()
    })
}

/// Who reads: one by itself, or a group.
pub(crate) fn readers() -> [Consumer; 2] {
    [
        Consumer::new(named("reader")),
        Consumer::group(named("billing")),
    ]
}

/// Says how far somebody has come in the first partition.
pub(crate) fn commit(
    laboratory: &Laboratory<'_>,
    (stream, topic): (&str, &str),
    reader: &Consumer,
    offset: u64,
) {
    laboratory.by_hand(async |root| {
        let (stream, topic) = (named(stream), named(topic));
        if reader.kind == ConsumerKind::ConsumerGroup {
            // Only members say it for a group.
            root.join_consumer_group(&stream, &topic, &reader.id)
                .await
                .unwrap();
        }
        root.store_consumer_offset(reader, &stream, &topic, Some(0), offset)
            .await
            .unwrap();
    });
}

/// How far somebody has come there.
pub(crate) fn committed(
    laboratory: &Laboratory<'_>,
    (stream, topic): (&str, &str),
    reader: &Consumer,
) -> Option<u64> {
    laboratory.by_hand(async |root| {
        let found = root
            .get_consumer_offset(reader, &named(stream), &named(topic), Some(0))
            .await
            .unwrap();
        found.map(|it| it.stored_offset)
    })
}

/// The number of a topic.
pub(crate) fn topic_id(laboratory: &Laboratory<'_>, stream: &str, topic: &str) -> Option<u32> {
    laboratory.by_hand(async |root| {
        let found = root.get_topic(&named(stream), &named(topic)).await.unwrap();
        found.map(|topic| topic.id)
    })
}
