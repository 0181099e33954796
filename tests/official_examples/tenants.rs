//! The Rust programs of three tenants, each with streams and users of its own.

use std::collections::BTreeSet;

use iggy::prelude::*;
use libtest_mimic::Failed;

use crate::Outcome;
use crate::lab::{Lab, Printed};

const TENANTS: u32 = 3;
const TOPICS: [&str; 3] = ["events", "logs", "notifications"];
/// Three producers of each topic send ten batches of one message for each of the nine.
const MESSAGES: u64 = 3 * 90;
/// A consumer stops when it has had so many.
const HANDLED: usize = 10;

pub(crate) async fn multi_tenant(lab: &Lab<'_>) -> Outcome {
    let sent = lab.rust_at_address("multi-tenant-producer").await?;
    sent.has_no_errors()?;
    // Each of the three has no access to the streams of the two others.
    assert_eq!(sent.count("Ensured access to stream: "), 3);
    assert_eq!(sent.count("Ensured no access to stream: "), 6);
    let observer = lab.observer().await?;
    for tenant in 1..=TENANTS {
        for topic in TOPICS {
            let found = observer
                .topic(&format!("tenant_{tenant}_stream"), topic)
                .await?;
            assert_eq!(
                (found.partitions_count, found.messages_count),
                (3, MESSAGES),
                "{topic} of tenant {tenant}"
            );
        }
    }

    let received = consumer(lab).await?;
    received.has_no_errors()?;
    assert_eq!(received.count("Ensured access to topic: "), 9);
    assert_eq!(received.count("Ensured no access to topic: "), 18);
    for tenant in 1..=TENANTS {
        let stream = format!("tenant_{tenant}_stream");
        for topic in TOPICS {
            let place = format!("topic: {topic}, stream: {stream}, at offset: ");
            assert_eq!(received.count(&place), HANDLED, "{place}");
            handed_over_is_stored(lab, &received.after(" received: "), &stream, topic).await?;
        }
    }

    let users: BTreeSet<String> = observer
        .client
        .get_users()
        .await?
        .into_iter()
        .map(|user| user.username)
        .collect();
    let expected: BTreeSet<String> = (1..=TENANTS)
        .flat_map(|tenant| ["producer", "consumer"].map(|role| format!("tenant_{tenant}_{role}")))
        .chain(["iggy".to_owned()])
        .collect();
    assert_eq!(users, expected);
    Ok(())
}

async fn consumer(lab: &Lab<'_>) -> Result<Printed, Failed> {
    let arguments = ["--tcp-server-address", &lab.address()];
    // The consumers say then what they wait for.
    let environment = [("RUST_LOG", "info,iggy::clients::consumer=trace")];
    let printed = lab
        .rust("multi-tenant-consumer", &arguments, &environment)
        .await;
    printed.map_err(|failed| {
        let waits = failed
            .message()
            .is_some_and(|it| it.contains("Cannot poll yet (can_poll=true, joined_cg=false)"));
        if waits { lab.lost_membership() } else { failed }
    })
}

/// For each partition that messages were printed of, the group stored at least their offsets.
async fn handed_over_is_stored(
    lab: &Lab<'_>,
    lines: &[&str],
    stream: &str,
    topic: &str,
) -> Outcome {
    let observer = lab.observer().await?;
    let group = Consumer::group(Identifier::named("multi-tenant")?);
    for line in lines {
        let Some((payload, rest)) = line.split_once(" from partition: ") else {
            return Err(format!("no partition in {line:?}").into());
        };
        let Some((partition, rest)) =
            rest.split_once(&format!(", topic: {topic}, stream: {stream}, at offset: "))
        else {
            continue;
        };
        let (partition, offset): (u32, usize) = (
            partition.parse()?,
            rest.split(',').next().unwrap_or_default().parse()?,
        );
        let texts = observer.texts(stream, topic, partition).await?;
        assert_eq!(texts.get(offset).map(String::as_str), Some(payload));
        let stored = observer.stored(&group, stream, topic, partition).await?;
        assert!(stored >= Some(offset as u64), "{stored:?} after {line}");
    }
    Ok(())
}
