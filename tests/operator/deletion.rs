//! Deleting objects: each row of the table in docs/operator.md.

use iggy::prelude::*;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;
use crate::messages::send;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("deleting_retain_leaves_all_and_says_so", retain),
        trial("deleting_delete_deletes_all_that_it_holds", delete),
        trial("deleting_delete_leaves_what_others_have_in_it", of_others),
        trial(
            "deleting_delete_if_empty_not_empty_stays_and_says_how_many",
            not_empty,
        ),
        trial(
            "deleting_with_the_server_object_the_order_does_not_matter",
            server_object_too,
        ),
        trial(
            "deleting_everything_together_uses_credentials_to_the_end",
            everything,
        ),
        trial(
            "deleting_from_lists_follows_the_policy_of_what_was_declared",
            removed_from_lists,
        ),
        trial(
            "deleting_what_says_nothing_follows_the_policy_of_its_topology",
            by_topology,
        ),
    ]
}

pub(crate) fn stream(policy: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: {{ name: orders }}\nspec:\n  \
         deletionPolicy: {policy}\n  topics: [{{ name: events, partitions: 2 }}]\n"
    )
}

pub(crate) fn holds_data(object: &Value) -> bool {
    object["status"]["conditions"]
        .to_string()
        .contains("HoldsData")
}

pub(crate) fn message(laboratory: &Laboratory<'_>) {
    send(laboratory, "orders", "events", &["m"]);
}

/// With one stream that is to be deleted with its object.
pub(crate) fn with_stream<'a>(
    plane: &'a ControlPlane,
    policy: &str,
) -> Result<Laboratory<'a>, Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(&stream(policy))?;
    laboratory.ready("igst/orders")?;
    Ok(laboratory)
}

pub(crate) fn is_there(laboratory: &Laboratory<'_>, is_wanted: bool) -> Result<(), Failure> {
    match laboratory.stream_id("orders").is_some() == is_wanted {
        true => Ok(()),
        false => Err(format!("the stream is there: {}", !is_wanted).into()),
    }
}

fn retain(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = with_stream(plane, "Retain")?;
    if laboratory.get("igst/orders")?["metadata"]["finalizers"].is_array() {
        return Err("nothing has to be deleted, and it has a finalizer".into());
    }
    laboratory.kubectl(&["delete", "igst/orders", "--timeout=20s"])?;
    let note = laboratory.told("orders", "Retained")?;
    if !note.contains("orders/events") {
        return Err(note.into());
    }
    is_there(&laboratory, true)
}

fn delete(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = with_stream(plane, "Delete")?;
    message(&laboratory);
    laboratory.kubectl(&["delete", "igst/orders", "--timeout=20s"])?;
    is_there(&laboratory, false)
}

fn of_others(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = with_stream(plane, "Delete")?;
    laboratory.by_hand(async |root| {
        let orders = Identifier::named("orders").unwrap();
        root.create_topic(&orders, "theirs", &TopicCreateOptions::default())
            .await
            .unwrap();
    });
    laboratory.delete("igst/orders")?;
    let object = laboratory.wait("igst/orders", "kept", |it| {
        let conditions = it["status"]["conditions"].to_string();
        conditions.contains("HoldsData") && conditions.contains("theirs")
    })?;
    if !laboratory.has_topic("orders", "theirs") {
        return Err("what others have in it was deleted".into());
    }
    let stalled = object["status"]["conditions"].to_string();
    if stalled.contains("Delete deletes it") {
        return Err(format!("it says what does not help: {stalled}").into());
    }
    // Whoever has it takes it away.
    laboratory.by_hand(async |root| {
        let (orders, theirs) = (Identifier::named("orders"), Identifier::named("theirs"));
        root.delete_topic(&orders.unwrap(), &theirs.unwrap())
            .await
            .unwrap();
    });
    laboratory.annotate("igst/orders", "reconcile-requested-at=now")?;
    laboratory.gone("igst/orders")?;
    is_there(&laboratory, false)
}

fn not_empty(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = with_stream(plane, "DeleteIfEmpty")?;
    message(&laboratory);
    laboratory.delete("igst/orders")?;
    let object = laboratory.wait("igst/orders", "kept", holds_data)?;
    if !object["status"]["conditions"]
        .to_string()
        .contains("1 message")
    {
        return Err(format!("it does not say how many: {:#}", object["status"]).into());
    }
    laboratory.wait_for("igst/orders", "Stalled", "True", "HoldsData")?;
    laboratory.told("orders", "HoldsData")?;
    laboratory.patch("igst/orders", r#"{"spec":{"deletionPolicy":"Retain"}}"#)?;
    laboratory.gone("igst/orders")?;
    laboratory.told("orders", "Retained")?;
    is_there(&laboratory, true)
}

fn server_object_too(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = with_stream(plane, "Delete")?;
    laboratory.wait("igs/default", "kept for its objects", |it| {
        it["metadata"]["finalizers"].is_array()
    })?;
    laboratory.delete("igs/default")?;
    laboratory.round("igst/orders")?;
    if laboratory.get("igs/default")?.is_null() {
        return Err("the server object went before what needs it".into());
    }
    laboratory.kubectl(&["delete", "igst/orders", "--timeout=20s"])?;
    laboratory.gone("igs/default")?;
    is_there(&laboratory, false)
}

/// As when a namespace is deleted: nobody knows in which order.
fn everything(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = with_stream(plane, "Delete")?;
    laboratory.wait("igs/default", "kept for its objects", |it| {
        it["metadata"]["finalizers"].is_array()
    })?;
    laboratory.kubectl(&["delete", "secret/root"])?;
    laboratory.wait_for("igst/orders", "Stalled", "True", "CredentialsMissing")?;
    laboratory.delete("igs/default")?;
    laboratory.delete("igst/orders")?;
    laboratory.gone("igst/orders")?;
    laboratory.gone("igs/default")?;
    is_there(&laboratory, false)?;
    laboratory.connect_server()?;
    laboratory.apply(&stream("Delete"))?;
    laboratory.ready("igst/orders")?;
    laboratory.kubectl(&[
        "delete",
        "--wait=false",
        "secret/root",
        "igs/default",
        "igst/orders",
    ])?;
    laboratory.gone("igst/orders")?;
    laboratory.gone("igs/default")?;
    is_there(&laboratory, false)
}

fn removed_from_lists(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    let topology = |streams: &str| {
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: all }}\nspec:\n  \
             streams:\n{streams}"
        )
    };
    let both = "    - name: orders\n      deletionPolicy: DeleteIfEmpty\n      topics:\n        \
                - { name: events }\n        - { name: kept, deletionPolicy: Retain }\n        \
                - { name: dropped, deletionPolicy: Delete }\n    - name: billing\n      \
                deletionPolicy: Delete\n";
    laboratory.apply(&topology(both))?;
    laboratory.ready("igtopo/all")?;
    // Somebody else's, which nobody asked about.
    laboratory.by_hand(async |root| {
        let orders = Identifier::named("orders").unwrap();
        root.create_topic(&orders, "theirs", &TopicCreateOptions::default())
            .await
            .unwrap();
    });
    message(&laboratory);
    let fewer = "    - name: orders\n      deletionPolicy: DeleteIfEmpty\n      topics: []\n";
    laboratory.apply(&topology(fewer))?;
    let stalled = laboratory.wait_for("igtopo/all", "Stalled", "True", "HoldsData")?;
    let told = stalled["status"]["conditions"].to_string();
    if !told.contains("orders/events") || !told.contains("1 message") {
        return Err(told.into());
    }
    for (topic, is_wanted) in [
        ("events", true),
        ("kept", true),
        ("theirs", true),
        ("dropped", false),
    ] {
        if laboratory.has_topic("orders", topic) != is_wanted {
            return Err(format!("{topic} is there: {}", !is_wanted).into());
        }
    }
    if laboratory.stream_id("billing").is_some() {
        return Err("the stream that was removed is there".into());
    }
    let claims = stalled["status"]["claims"].to_string();
    if !claims.contains("orders/events") || claims.contains("kept") || claims.contains("billing") {
        return Err(claims.into());
    }
    laboratory.told("all", "Retained")?;
    // Emptied, it goes.
    laboratory.by_hand(async |root| {
        let (orders, events) = (Identifier::named("orders"), Identifier::named("events"));
        root.purge_topic(&orders.unwrap(), &events.unwrap())
            .await
            .unwrap();
    });
    laboratory.annotate("igtopo/all", "reconcile-requested-at=now")?;
    laboratory.ready("igtopo/all")?;
    match laboratory.has_topic("orders", "events") {
        false => Ok(()),
        true => Err("it is empty, and was not deleted".into()),
    }
}

fn by_topology(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.patch(
        "igs/default",
        r#"{"spec":{"defaults":{"deletionPolicy":"DeleteIfEmpty"}}}"#,
    )?;
    let topology = |more: &str| {
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: all }}\nspec:\n  \
             deletionPolicy: Delete\n  streams:\n    - name: orders\n      \
             topics: [{{ name: events }}{more}]\n    \
             - {{ name: archive, deletionPolicy: Retain, topics: [{{ name: years }}] }}\n"
        )
    };
    laboratory.apply(&topology(", { name: dropped }"))?;
    laboratory.ready("igtopo/all")?;
    message(&laboratory);
    laboratory.apply(&topology(""))?;
    laboratory.ready("igtopo/all")?;
    if laboratory.has_topic("orders", "dropped") {
        return Err("what was taken out of a list is there".into());
    }
    laboratory.kubectl(&["delete", "igtopo/all", "--timeout=20s"])?;
    is_there(&laboratory, false)?;
    match laboratory.has_topic("archive", "years") {
        true => Ok(()),
        false => Err("what is to stay was deleted".into()),
    }
}
