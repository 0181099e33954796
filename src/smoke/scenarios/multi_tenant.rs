//! `multi-tenant`: each tenant has a stream, a user that sends and a user that reads;
//! nobody gets at what another tenant has.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::access::{Grants, StreamGrants, StreamPermission, TopicPermission};

use super::messages::{expect_messages, numbered};
use crate::smoke::arena::Arena;
use crate::smoke::failure::{Failure, Step as _, Stop};
use crate::smoke::sdk::{CallError, Client, From, Reader, To};

const TENANTS: u32 = 3;
const TOPICS: [&str; 2] = ["events", "logs"];
const MESSAGES: u32 = 10;

struct Tenant {
    stream: String,
    producer: Client,
    consumer: Client,
}

pub(in crate::smoke) async fn run(arena: &Arena) -> Result<(), Stop> {
    let mut tenants = Vec::new();
    for number in 1..=TENANTS {
        tenants.push(tenant(arena, number).await?);
    }
    for (number, tenant) in (1..).zip(&tenants) {
        for topic in TOPICS {
            work(number, tenant, topic).await?;
            for other in tenants.iter().filter(|other| other.stream != tenant.stream) {
                stay_out(number, tenant, &other.stream, topic).await?;
            }
        }
    }
    // What was denied did not happen all the same.
    for (number, tenant) in (1..).zip(&tenants) {
        for topic in TOPICS {
            let sent = numbered(&format!("tenant-{number}-{topic}"), MESSAGES);
            let read = poll(&tenant.consumer, &tenant.stream, topic)
                .await
                .step("read the own messages again")?;
            expect_messages("find only the own messages", &sent, 0, &read)?;
        }
    }
    Ok(())
}

async fn tenant(arena: &Arena, number: u32) -> Result<Tenant, Stop> {
    let stream = arena.other_name(&format!("tenant-{number}"));
    for topic in TOPICS {
        arena.topic_in(&stream, topic, 1).await?;
    }
    let ids = arena.look_at(&stream).await?;
    let of_stream = |allow, topics| Grants {
        server: BTreeSet::new(),
        streams: BTreeMap::from([(ids.id, StreamGrants { allow, topics })]),
    };
    let sends = of_stream(
        BTreeSet::from([StreamPermission::ReadStream, StreamPermission::ManageTopics]),
        BTreeMap::new(),
    );
    let reads = of_stream(
        BTreeSet::new(),
        ids.topics
            .values()
            .map(|topic| {
                let allow = [TopicPermission::ReadTopic, TopicPermission::PollMessages];
                (topic.id, BTreeSet::from(allow))
            })
            .collect(),
    );
    let producer = arena.user(&format!("sends-{number}"), &sends).await?;
    let consumer = arena.user(&format!("reads-{number}"), &reads).await?;
    Ok(Tenant {
        stream,
        producer: arena.client_as(producer)?,
        consumer: arena.client_as(consumer)?,
    })
}

/// Sends to the own stream, and reads from there.
async fn work(number: u32, tenant: &Tenant, topic: &str) -> Result<(), Failure> {
    let sent = numbered(&format!("tenant-{number}-{topic}"), MESSAGES);
    tenant
        .producer
        .send(&tenant.stream, topic, To::Partition(0), &sent)
        .await
        .step(format!(
            "send to {topic} as the producer of tenant {number}"
        ))?;
    let step = format!("read from {topic} as the consumer of tenant {number}");
    let read = poll(&tenant.consumer, &tenant.stream, topic)
        .await
        .step(&step)?;
    expect_messages(&step, &sent, 0, &read)?;
    let sending = tenant
        .consumer
        .send(&tenant.stream, topic, To::Partition(0), &sent)
        .await;
    denied(
        format!("send to {topic} as the consumer of tenant {number}"),
        sending,
    )
}

/// Does not get at another tenant's stream.
async fn stay_out(number: u32, tenant: &Tenant, other: &str, topic: &str) -> Result<(), Failure> {
    let sent = numbered("not-welcome", 1);
    let sending = tenant
        .producer
        .send(other, topic, To::Partition(0), &sent)
        .await;
    denied(
        format!("send to another tenant's {topic} as tenant {number}"),
        sending,
    )?;
    for (client, who) in [
        (&tenant.producer, "producer"),
        (&tenant.consumer, "consumer"),
    ] {
        let step = format!("read another tenant's {topic} as the {who} of tenant {number}");
        denied(step, poll(client, other, topic).await)?;
        let step = format!("look at another tenant's {topic} as the {who} of tenant {number}");
        match client.sees_topic(other, topic).await {
            Ok(false) => {}
            seen => denied(step, seen)?,
        }
    }
    Ok(())
}

async fn poll(
    client: &Client,
    stream: &str,
    topic: &str,
) -> Result<Vec<crate::smoke::sdk::Received>, CallError> {
    let reader = Reader::Plain("tenant");
    let from = From::First;
    client
        .poll(stream, topic, Some(0), reader, from, 10 * MESSAGES, false)
        .await
}

fn denied<T>(step: String, result: Result<T, CallError>) -> Result<(), Failure> {
    match result {
        Err(error) if error.is_denied() => Ok(()),
        Err(error) => Err(Failure::new(step, "that it is denied", error.to_string())),
        Ok(_) => Err(Failure::new(step, "that it is denied", "it was allowed")),
    }
}
