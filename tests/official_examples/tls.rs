//! The Rust programs over TLS: an authority in a file, the name `localhost`.

use crate::Outcome;
use crate::lab::Lab;
use crate::plain::{handled, numbered};

pub(crate) async fn rust(lab: &Lab<'_>) -> Outcome {
    let sent = lab.rust("tcp-tls-producer", &[], &[]).await?;
    sent.has_no_errors()?;
    sent.says("Connected and logged in over TLS.")?;
    let observer = lab.observer().await?;
    let texts = observer.texts("tls-stream", "tls-topic", 0).await?;
    assert_eq!(texts, numbered(50));

    let received = lab.rust("tcp-tls-consumer", &[], &[]).await?;
    received.has_no_errors()?;
    received.says("Connected and logged in over TLS.")?;
    assert_eq!(
        received.after("Handling message at offset: "),
        handled(&texts, ", payload: ")
    );
    Ok(())
}
