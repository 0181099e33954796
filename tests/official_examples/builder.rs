//! The Rust programs of the stream builder. All know one address only.

use iggy::prelude::*;
use libtest_mimic::Failed;

use crate::Outcome;
use crate::lab::{Lab, Printed};

/// What a consumer prints before each message.
const RECEIVED: &str = "Message received: ";

const TEXTS: [&str; 3] = ["Hello World", "Hola Iggy", "Hi Apache"];

/// Producer and consumer in one program, which deletes its stream at the end.
pub(crate) async fn basic(lab: &Lab<'_>) -> Outcome {
    let printed = consumer(lab, "stream-basic").await?;
    assert_eq!(printed.after(RECEIVED), received(&TEXTS, 0));
    let observer = lab.observer().await?;
    assert!(observer.client.get_streams().await?.is_empty());
    Ok(())
}

pub(crate) async fn pair(lab: &Lab<'_>) -> Outcome {
    let sent = lab.rust("stream-producer", &[], &[]).await?;
    sent.has_no_errors()?;
    let observer = lab.observer().await?;
    let texts = observer.texts("test_stream", "test_topic", 0).await?;
    assert_eq!(texts, TEXTS);

    let printed = consumer(lab, "stream-consumer").await?;
    assert_eq!(printed.after(RECEIVED), received(&TEXTS, 0));
    let group = Consumer::group(Identifier::named("test_consumer")?);
    let stored = observer
        .stored(&group, "test_stream", "test_topic", 0)
        .await?;
    assert_eq!(stored, Some(2));
    Ok(())
}

pub(crate) async fn pair_with_config(lab: &Lab<'_>) -> Outcome {
    let sent = lab.rust("stream-producer-config", &[], &[]).await?;
    sent.has_no_errors()?;
    let observer = lab.observer().await?;
    let topic = observer.topic("test_stream", "test_topic").await?;
    assert_eq!((topic.partitions_count, topic.messages_count), (10, 1));
    let partition = topic
        .partitions
        .iter()
        .find(|it| it.messages_count == 1)
        .ok_or("no partition has the message")?
        .id;
    let texts = observer
        .texts("test_stream", "test_topic", partition)
        .await?;
    assert_eq!(texts, ["Hello World"]);

    let printed = consumer(lab, "stream-consumer-config").await?;
    assert_eq!(
        printed.after(RECEIVED),
        received(&["Hello World"], partition)
    );
    let group = Consumer::group(Identifier::named("test_consumer")?);
    let stored = observer
        .stored(&group, "test_stream", "test_topic", partition)
        .await?;
    assert_eq!(stored, Some(0));
    Ok(())
}

/// What a program with the only consumer printed.
async fn consumer(lab: &Lab<'_>, program: &str) -> Result<Printed, Failed> {
    let before = lab.polls();
    let printed = lab.rust(program, &[], &[]).await?;
    printed.has_no_errors()?;
    if printed.count(RECEIVED) == 0 && lab.polls() == before {
        return Err(lab.lost_membership());
    }
    Ok(printed)
}

/// What a consumer prints of them.
fn received(texts: &[&str], partition: u32) -> Vec<String> {
    texts
        .iter()
        .enumerate()
        .map(|(offset, text)| format!("{text} at offset: {offset} in partition ID: {partition}"))
        .collect()
}
