//! `previousName`: what an object holds gets another name and is held as before.

use std::collections::BTreeMap;

use iggy::prelude::*;
use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;

const BEFORE: &str = "apiVersion: v1\nkind: Secret\nmetadata: { name: svc, labels: { iggyctl.dev/watch: \"true\" } }\n\
     stringData: { password: not-secret-at-all }\n---\n\
     apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: all }\nspec:\n  \
     deletionPolicy: Delete\n  \
     streams: [{ name: orders, topics: [{ name: events, consumerGroups: [billing] }] }]\n  \
     users: [{ name: svc, password: { secretKeyRef: { name: svc, key: password } } }]\n";

/// With other names for a stream, a topic and a user.
fn after() -> String {
    BEFORE
        .replace("{ name: orders,", "{ name: sales, previousName: orders,")
        .replace("{ name: events,", "{ name: happened, previousName: events,")
        .replace(
            "users: [{ name: svc,",
            "users: [{ name: service, previousName: svc,",
        )
}

/// What is claimed, with the numbers on the server.
fn claims(object: &Value) -> BTreeMap<String, String> {
    let claims = object["status"]["claims"].as_array().into_iter().flatten();
    claims
        .map(|claim| {
            let address = claim["address"].as_str().unwrap_or_default().to_owned();
            (
                address,
                format!("{} {}", claim["id"], claim["createdAtMicroseconds"]),
            )
        })
        .collect()
}

pub(crate) fn of_what_is_held(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(BEFORE)?;
    let before = claims(&laboratory.ready("igtopo/all")?);
    laboratory.by_hand(async |root| {
        let message = IggyMessage::builder().payload("m".into()).build().unwrap();
        let mut messages = [message];
        let (orders, events) = (Identifier::named("orders"), Identifier::named("events"));
        root.send_messages(
            &orders.unwrap(),
            &events.unwrap(),
            &Partitioning::partition_id(0),
            &mut messages,
        )
        .await
        .unwrap();
    });
    laboratory.apply(&after())?;
    let object = laboratory.ready("igtopo/all")?;
    let now = claims(&object);
    for (from, to) in [
        ("stream/orders", "stream/sales"),
        ("topic/orders/events", "topic/sales/happened"),
        (
            "group/orders/events/billing",
            "group/sales/happened/billing",
        ),
        ("user/svc", "user/service"),
    ] {
        if !before.contains_key(from) || before.get(from) != now.get(to) {
            return Err(format!("{from} is not held as {to}: {before:?} {now:?}").into());
        }
    }
    if now.len() != before.len() || laboratory.stream_id("orders").is_some() {
        return Err(format!("something of the former names is left: {now:?}").into());
    }
    let messages = laboratory.by_hand(async |root| {
        let (sales, happened) = (Identifier::named("sales"), Identifier::named("happened"));
        let topic = root.get_topic(&sales.unwrap(), &happened.unwrap()).await;
        topic.unwrap().unwrap().messages_count
    });
    if messages != 1 || !laboratory.lets_in("service:not-secret-at-all") {
        return Err(format!("{messages} messages").into());
    }
    // It goes by its new name, and nothing else is deleted on the way.
    laboratory.kubectl(&["delete", "igtopo/all", "--timeout=20s"])?;
    match laboratory.stream_id("sales") {
        None => Ok(()),
        Some(_) => Err("what was renamed was not deleted".into()),
    }
}
