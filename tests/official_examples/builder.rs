//! The Rust programs of the stream builder. All know one address only.

use iggy::prelude::*;

use crate::Outcome;
use crate::lab::Lab;

const TEXTS: [&str; 3] = ["Hello World", "Hola Iggy", "Hi Apache"];

/// Producer and consumer in one program, which deletes its stream at the end.
pub(crate) async fn basic(lab: &Lab) -> Outcome {
    let printed = lab.rust("stream-basic", &[], &[]).await?;
    printed.has_no_errors()?;
    assert_eq!(printed.after("Message received: "), received(&TEXTS, 0));
    let observer = lab.observer().await?;
    assert!(observer.client.get_streams().await?.is_empty());
    Ok(())
}

pub(crate) async fn pair(lab: &Lab) -> Outcome {
    let sent = lab.rust("stream-producer", &[], &[]).await?;
    sent.has_no_errors()?;
    let observer = lab.observer().await?;
    let texts = observer.texts("test_stream", "test_topic", 0).await?;
    assert_eq!(texts, TEXTS);

    let printed = lab.rust("stream-consumer", &[], &[]).await?;
    printed.has_no_errors()?;
    assert_eq!(printed.after("Message received: "), received(&TEXTS, 0));
    let group = Consumer::group(Identifier::named("test_consumer")?);
    let stored = observer
        .stored(&group, "test_stream", "test_topic", 0)
        .await?;
    assert_eq!(stored, Some(2));
    Ok(())
}

pub(crate) async fn pair_with_config(lab: &Lab) -> Outcome {
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

    let printed = lab.rust("stream-consumer-config", &[], &[]).await?;
    printed.has_no_errors()?;
    assert_eq!(
        printed.after("Message received: "),
        received(&["Hello World"], partition)
    );
    let group = Consumer::group(Identifier::named("test_consumer")?);
    let stored = observer
        .stored(&group, "test_stream", "test_topic", partition)
        .await?;
    assert_eq!(stored, Some(0));
    Ok(())
}

/// What a consumer prints of them.
fn received(texts: &[&str], partition: u32) -> Vec<String> {
    texts
        .iter()
        .enumerate()
        .map(|(offset, text)| format!("{text} at offset: {offset} in partition ID: {partition}"))
        .collect()
}
