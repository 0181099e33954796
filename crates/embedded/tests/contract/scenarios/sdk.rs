//! The typed calls of the SDK, which add checks and defaults of their own.

use iggy::prelude::*;

use super::Scene;
use crate::session::Session;

pub(super) async fn typed_calls(scene: Scene) -> Result<(), String> {
    let session = scene.root().await?;
    let client = &session.client;
    let stream = named("s")?;
    let topic = named("t")?;
    show(
        &session,
        "create_stream(s)",
        client.create_stream("s").await,
    );
    show(
        &session,
        "create_stream(s)",
        client.create_stream("s").await,
    );
    show(
        &session,
        "create_stream(0 bytes)",
        client.create_stream("").await,
    );
    let long = "x".repeat(256);
    show(
        &session,
        "create_stream(256 bytes)",
        client.create_stream(&long).await,
    );
    show(
        &session,
        "get_stream(s)",
        client.get_stream(&stream).await.map(shown),
    );
    show(
        &session,
        "get_stream(missing)",
        client.get_stream(&named("missing")?).await.map(shown),
    );
    show(
        &session,
        "get_stream(text 0)",
        client
            .get_stream(&Identifier::from_str_value("0").map_err(|error| error.to_string())?)
            .await
            .map(shown),
    );
    scene.note("the SDK always sends both durability keys");
    show(
        &session,
        "create_topic(s, t)",
        client
            .create_topic(&stream, "t", &TopicCreateOptions::default())
            .await,
    );
    show(
        &session,
        "create_topic(s, 256 bytes)",
        client
            .create_topic(&stream, &long, &TopicCreateOptions::default())
            .await,
    );
    show(
        &session,
        "get_topic(s, t)",
        client.get_topic(&stream, &topic).await.map(shown),
    );
    show(
        &session,
        "get_topics(missing)",
        client
            .get_topics(&named("missing")?)
            .await
            .map(|list| list.len()),
    );
    show(
        &session,
        "get_consumer_groups(s, missing)",
        client
            .get_consumer_groups(&stream, &named("missing")?)
            .await
            .map(|list| list.len()),
    );
    show(
        &session,
        "create_consumer_group(s, t, 256 bytes)",
        client.create_consumer_group(&stream, &topic, &long).await,
    );
    show(
        &session,
        "delete_stream(missing)",
        client.delete_stream(&named("missing")?).await,
    );
    session.close().await;
    Ok(())
}

fn named(name: &str) -> Result<Identifier, String> {
    Identifier::named(name).map_err(|error| error.to_string())
}

fn shown<T>(found: Option<T>) -> &'static str {
    if found.is_some() { "some" } else { "none" }
}

/// Only the outcome: what the replies hold is shown by the raw calls of other scenarios.
fn show<T: Outcome>(session: &Session, call: &str, result: Result<T, IggyError>) {
    session.record(&format!("sdk {call}"), result, |value| {
        vec![value.outcome()]
    });
}

trait Outcome {
    fn outcome(&self) -> String;
}

impl Outcome for StreamDetails {
    fn outcome(&self) -> String {
        format!("id={}", self.id)
    }
}

impl Outcome for TopicDetails {
    fn outcome(&self) -> String {
        format!("id={} partitions={}", self.id, self.partitions_count)
    }
}

impl Outcome for ConsumerGroupDetails {
    fn outcome(&self) -> String {
        format!("id={}", self.id)
    }
}

impl Outcome for &'static str {
    fn outcome(&self) -> String {
        (*self).to_owned()
    }
}

impl Outcome for usize {
    fn outcome(&self) -> String {
        format!("{self} entries")
    }
}

impl Outcome for () {
    fn outcome(&self) -> String {
        String::new()
    }
}
