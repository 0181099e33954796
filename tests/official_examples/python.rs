//! The Python programs.

use iggy::prelude::*;
use libtest_mimic::Failed;

use crate::Outcome;
use crate::lab::Lab;
use crate::plain::{handled, numbered};

pub(crate) async fn getting_started(lab: &Lab<'_>) -> Outcome {
    let arguments = ["--tcp-server-address", &lab.address()];
    numbered_pair(lab, "getting-started", &arguments).await
}

pub(crate) async fn getting_started_over_tls(lab: &Lab<'_>) -> Outcome {
    // The certificate is for names, and the name is what is before the port.
    let address = lab.address().replace("127.0.0.1", "localhost");
    let arguments = [
        "--tcp-server-address",
        &address,
        "--tls",
        "--tls-ca-file",
        Lab::AUTHORITY,
    ];
    numbered_pair(lab, "getting-started", &arguments).await
}

pub(crate) async fn basic(lab: &Lab<'_>) -> Outcome {
    let uri = connection_string(lab);
    numbered_pair(lab, "basic", &[&uri]).await
}

fn connection_string(lab: &Lab<'_>) -> String {
    format!("iggy+tcp://iggy:iggy@{}", lab.address())
}

/// Fifty numbered messages, received by a consumer that commits.
async fn numbered_pair(lab: &Lab<'_>, folder: &str, arguments: &[&str]) -> Outcome {
    let sent = lab
        .python(&format!("{folder}/producer.py"), arguments)
        .await?;
    sent.has_no_errors()?;
    sent.says("Sent 5 batches of messages, exiting.")?;
    let observer = lab.observer().await?;
    let texts = observer.texts("sample-stream", "sample-topic", 0).await?;
    assert_eq!(texts, numbered(50));

    let received = lab
        .python(&format!("{folder}/consumer.py"), arguments)
        .await?;
    received.has_no_errors()?;
    assert_eq!(
        received.after("Handling message at offset: "),
        handled(&texts, " with payload: ")
    );
    let consumer = Consumer::new(Identifier::named("sample-consumer")?);
    let stored = observer
        .stored(&consumer, "sample-stream", "sample-topic", 0)
        .await?;
    assert_eq!(stored, Some(49));
    Ok(())
}

pub(crate) async fn plain_headers(lab: &Lab<'_>) -> Outcome {
    headers_pair(lab, "plain-headers", "Plain headers: ").await
}

pub(crate) async fn typed_headers(lab: &Lab<'_>) -> Outcome {
    let messages = headers_pair(lab, "typed-headers", "Headers: ");
    messages.await?;
    // The widths that the producer asked for, and the SDK would not have chosen.
    let observer = lab.observer().await?;
    for message in observer
        .messages("message-headers-stream", "orders", 0)
        .await?
    {
        assert_eq!(header(&message, "schema-version")?.as_uint16()?, 1);
        let score = header(&message, "priority-score")?.as_float32()?;
        assert_eq!(score.to_bits(), 0.5_f32.to_bits());
    }
    Ok(())
}

/// Fifty orders with seven headers each; the consumer prints these after some words.
async fn headers_pair(lab: &Lab<'_>, variant: &str, words: &str) -> Outcome {
    let (stream, topic) = ("message-headers-stream", "orders");
    let uri = connection_string(lab);
    let folder = format!("message-headers/{variant}");
    let sent = lab
        .python(&format!("{folder}/producer.py"), &[&uri])
        .await?;
    sent.has_no_errors()?;
    let observer = lab.observer().await?;
    let messages = observer.messages(stream, topic, 0).await?;
    assert_eq!(messages.len(), 50);
    let mut kinds = Vec::new();
    for message in &messages {
        assert_eq!(message.user_headers_map()?.unwrap_or_default().len(), 7);
        let kind = header(message, "message-type")?;
        kinds.push(kind.as_str()?.replace("Order", "Order "));
        let retryable = header(message, "retryable")?.as_bool()?;
        assert_eq!(retryable, kind.as_str()? == "OrderRejected");
        assert_eq!(header(message, "trace-bin")?.as_raw()?, message.payload);
    }
    assert_eq!(
        kinds[..3],
        ["Order Created", "Order Confirmed", "Order Rejected"]
    );

    let received = lab
        .python(&format!("{folder}/consumer.py"), &[&uri])
        .await?;
    received.has_no_errors()?;
    assert_eq!(received.count(words), 50);
    let logged: Vec<String> = received
        .after("log_order:")
        .iter()
        .filter_map(|it| it.split_once(" - ")?.1.split_once(": "))
        .map(|(kind, _)| kind.to_owned())
        .collect();
    assert_eq!(logged, kinds);
    let consumer = Consumer::new(Identifier::named(&format!("{variant}-consumer"))?);
    let stored = observer.stored(&consumer, stream, topic, 0).await?;
    assert_eq!(stored, Some(49));
    Ok(())
}

fn header(message: &IggyMessage, name: &str) -> Result<HeaderValue, Failed> {
    let headers = message.user_headers_map()?.unwrap_or_default();
    let value = headers.get(&HeaderKey::try_from(name)?);
    Ok(value.ok_or_else(|| format!("no header {name}"))?.clone())
}
