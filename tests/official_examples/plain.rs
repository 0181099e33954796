//! The Rust programs that need nothing but a server.

use iggy::prelude::*;

use crate::Outcome;
use crate::lab::Lab;

/// `message-1` to `message-N`.
pub(crate) fn numbered(count: usize) -> Vec<String> {
    (1..=count).map(|it| format!("message-{it}")).collect()
}

/// What the consumers print of these, each at its offset.
pub(crate) fn handled(texts: &[String], between: &str) -> Vec<String> {
    texts
        .iter()
        .enumerate()
        .map(|(offset, text)| format!("{offset}{between}{text}..."))
        .collect()
}

pub(crate) async fn getting_started(lab: &Lab<'_>) -> Outcome {
    let sent = lab.rust_at_address("getting-started-producer").await?;
    sent.has_no_errors()?;
    sent.says("Sent 5 batches of messages, exiting.")?;
    let observer = lab.observer().await?;
    let texts = observer.texts("sample-stream", "sample-topic", 0).await?;
    assert_eq!(texts, numbered(50));

    let received = lab.rust_at_address("getting-started-consumer").await?;
    received.has_no_errors()?;
    assert_eq!(
        received.after("Handling message at offset: "),
        handled(&texts, ", payload: ")
    );
    // It polls without a commit.
    let stored = observer
        .stored(&Consumer::default(), "sample-stream", "sample-topic", 0)
        .await?;
    assert_eq!(stored, None);
    Ok(())
}

pub(crate) async fn basic(lab: &Lab<'_>) -> Outcome {
    let sent = lab.rust_at_address("basic-producer").await?;
    sent.has_no_errors()?;
    sent.says("Sent 10 batches of messages, exiting.")?;
    let observer = lab.observer().await?;
    let texts = observer.texts("basic-stream", "basic-topic", 0).await?;
    assert_eq!(texts, numbered(10));

    let received = lab.rust_at_address("basic-consumer").await?;
    received.has_no_errors()?;
    assert_eq!(
        received.after("Handling message at offset: "),
        handled(&texts, ", payload: ")
    );
    let consumer = Consumer::new(Identifier::numeric(0)?);
    let stored = observer
        .stored(&consumer, "basic-stream", "basic-topic", 0)
        .await?;
    assert_eq!(stored, Some(9));

    // Another run of both goes on after the first.
    lab.rust_at_address("basic-producer").await?;
    let received = lab.rust_at_address("basic-consumer").await?;
    let offsets: Vec<String> = (10..20).map(|offset| offset.to_string()).collect();
    let handled: Vec<&str> = received
        .after("Handling message at offset: ")
        .iter()
        .filter_map(|it| it.split(',').next())
        .collect();
    assert_eq!(handled, offsets);
    Ok(())
}

#[derive(serde::Deserialize)]
struct Envelope {
    message_type: String,
    payload: String,
}

/// The types of the envelopes, each of which holds JSON.
fn types(texts: &[String]) -> Result<Vec<String>, serde_json::Error> {
    texts
        .iter()
        .map(|text| {
            let Envelope {
                message_type,
                payload,
            } = serde_json::from_str(text)?;
            serde_json::from_str::<serde_json::Value>(&payload)?;
            Ok(message_type)
        })
        .collect()
}

pub(crate) async fn envelope(lab: &Lab<'_>) -> Outcome {
    let sent = lab.rust_at_address("message-envelope-producer").await?;
    sent.has_no_errors()?;
    let observer = lab.observer().await?;
    let types = types(&observer.texts("envelope-stream", "orders", 0).await?)?;
    assert_eq!(types.len(), 10);

    let received = lab.rust_at_address("message-envelope-consumer").await?;
    received.has_no_errors()?;
    let expected: Vec<String> = (0..)
        .zip(&types)
        .map(|(offset, kind)| format!("{kind} at offset: {offset}..."))
        .collect();
    assert_eq!(received.after("Handling message type: "), expected);
    let consumer = Consumer::new(Identifier::numeric(0)?);
    let stored = observer
        .stored(&consumer, "envelope-stream", "orders", 0)
        .await?;
    assert_eq!(stored, Some(9));
    Ok(())
}

pub(crate) async fn new_sdk(lab: &Lab<'_>) -> Outcome {
    let sent = lab.rust_at_address("new-sdk-producer").await?;
    sent.has_no_errors()?;
    sent.says("Sent 10 batches of messages, exiting.")?;
    let observer = lab.observer().await?;
    let (stream, topic) = ("new-sdk-stream", "new-sdk-topic");
    let types = types(&observer.texts(stream, topic, 0).await?)?;
    assert_eq!(types.len(), 10);

    let received = lab.rust_at_address("new-sdk-consumer").await?;
    received.has_no_errors()?;
    let expected: Vec<String> = (0..)
        .zip(&types)
        .map(|(offset, kind)| {
            format!("{kind} at offset: {offset} in partition ID: 0 with current offset: 9")
        })
        .collect();
    assert_eq!(received.after("Handling message type: "), expected);
    let consumer = Consumer::new(Identifier::named("new-sdk-consumer")?);
    let stored = observer.stored(&consumer, stream, topic, 0).await?;
    assert_eq!(stored, Some(9));
    Ok(())
}

pub(crate) async fn sink(lab: &Lab<'_>) -> Outcome {
    let address = lab.address();
    let environment = [
        ("IGGY_ADDRESS", address.as_str()),
        ("IGGY_USERNAME", "iggy"),
        ("IGGY_PASSWORD", "iggy"),
        ("IGGY_STREAM", "sinks"),
        ("IGGY_TOPIC", "users"),
    ];
    let sent = lab.rust("sink-data-producer", &[], &environment).await?;
    sent.has_no_errors()?;
    assert_eq!(sent.count("Reached maximum batches count"), 1);
    let produced = sent.after("Produced ");
    let [produced] = produced.as_slice() else {
        return Err(format!("expected one count: {produced:?}").into());
    };
    let produced: u64 = produced
        .strip_suffix(" messages.")
        .ok_or("no count")?
        .parse()?;

    let observer = lab.observer().await?;
    let topic = observer.topic("sinks", "users").await?;
    assert_eq!(topic.messages_count, produced);
    let mut found = 0;
    for partition in 0..topic.partitions_count {
        for text in observer.texts("sinks", "users", partition).await? {
            let record: serde_json::Value = serde_json::from_str(&text)?;
            assert!(record["email"].is_string(), "{text}");
            found += 1;
        }
    }
    assert_eq!(found, produced);
    Ok(())
}
