//! The Rust programs about message headers.

use bytes::Bytes;
use iggy::prelude::*;
use iggyctl_messaging as ours;
use iggyctl_messaging::codec::Raw;

use crate::Outcome;
use crate::lab::Lab;

pub(crate) async fn message_type(lab: &Lab<'_>) -> Outcome {
    let sent = lab.rust_at_address("message-headers-type-producer").await?;
    sent.has_no_errors()?;
    let observer = lab.observer().await?;
    let mut expected = Vec::new();
    for message in observer.messages("headers-stream", "orders", 0).await? {
        let headers = message.user_headers_map()?.unwrap_or_default();
        let kind = headers
            .get(&HeaderKey::try_from("message_type")?)
            .ok_or("no message_type")?;
        expected.push(format!(
            "{} at offset: {}...",
            kind.as_str()?,
            message.header.offset
        ));
        serde_json::from_slice::<serde_json::Value>(&message.payload)?;
    }
    assert_eq!(expected.len(), 10);

    let received = lab.rust_at_address("message-headers-type-consumer").await?;
    received.has_no_errors()?;
    assert_eq!(received.after("Handling message type: "), expected);
    let consumer = Consumer::new(Identifier::numeric(0)?);
    let stored = observer
        .stored(&consumer, "headers-stream", "orders", 0)
        .await?;
    assert_eq!(stored, Some(9));
    Ok(())
}

pub(crate) async fn typed(lab: &Lab<'_>) -> Outcome {
    let sent = lab.rust_at_address("typed-headers-producer").await?;
    sent.has_no_errors()?;
    let observer = lab.observer().await?;
    let messages = observer
        .messages("example-stream", "example-topic", 0)
        .await?;
    assert_eq!(messages.len(), 10);
    let mut lines = Vec::new();
    for (number, message) in (1_u64..).zip(&messages) {
        let headers = message.user_headers_map()?.unwrap_or_default();
        assert_eq!(headers.len(), 6);
        let trace = headers
            .get(&HeaderKey::try_from("trace_id")?)
            .ok_or("no trace_id")?;
        assert_eq!(trace.as_int128()?, i128::from(number) * 1_000_000_000_000);
        assert_eq!(
            headers.get(&HeaderKey::from(1_u32)),
            Some(&HeaderValue::from(number))
        );
        assert_eq!(
            headers.get(&HeaderKey::try_from("important")?),
            Some(&HeaderValue::from(number.is_multiple_of(5)))
        );
        let raw = headers
            .get(&HeaderKey::try_from([0xDE, 0xAD].as_slice())?)
            .ok_or("no raw header")?;
        assert_eq!(raw.as_raw()?, [0xBE, 0xEF, 0xCA, 0xFE]);
        lines.extend(headers.iter().map(|(key, value)| {
            format!(
                "[kind={}, value={}] -> value: [kind={}, value={}]",
                key.kind(),
                key.to_string_value(),
                value.kind(),
                value.to_string_value()
            )
        }));
    }

    let received = lab.rust_at_address("typed-headers-consumer").await?;
    received.has_no_errors()?;
    assert_eq!(received.count("Headers (6):"), 10);
    assert_eq!(received.after("  key: "), lines);
    Ok(())
}

/// How many the producer sends.
const COMPRESSED: usize = 1000;

pub(crate) async fn compression(lab: &Lab<'_>) -> Outcome {
    let (stream, topic) = ("compression-stream", "compression-topic");
    let sent = lab
        .rust("message-headers-compression-producer", &[], &[])
        .await?;
    sent.says("All messages sent to server.")?;
    let observer = lab.observer().await?;
    let messages = observer.messages(stream, topic, 0).await?;
    assert_eq!(messages.len(), COMPRESSED);
    for message in &messages {
        let headers = message.user_headers_map()?.unwrap_or_default();
        let codec = headers
            .get(&HeaderKey::try_from("iggy-compression")?)
            .ok_or("no iggy-compression")?;
        assert_eq!(codec.as_str()?, "lz4");
    }

    // Our library reads what the sample compressed.
    let connection = ours::Connection::open(&format!("iggy://iggy:iggy@{}", lab.address()))?;
    let mut consumer =
        ours::Consumer::<Bytes>::plain(&connection, "ours", stream, topic).build(Raw)?;
    let mut texts = Vec::new();
    while texts.len() < COMPRESSED {
        let message = consumer.next().await.transpose()?.ok_or("no message")?;
        texts.push(String::from_utf8(message.payload.to_vec())?);
        message.ack();
    }
    connection.shutdown().await;
    for (number, text) in texts.iter().enumerate() {
        assert!(text.contains(&format!("\"trace\":{number},")), "{text}");
    }

    let received = lab
        .rust("message-headers-compression-consumer", &[], &[])
        .await?;
    let expected: Vec<String> = texts
        .iter()
        .map(|text| format!("{:?}", Bytes::copy_from_slice(text.as_bytes())))
        .collect();
    assert_eq!(
        received.after("Message payload was decompressed and reads: "),
        expected
    );
    Ok(())
}
