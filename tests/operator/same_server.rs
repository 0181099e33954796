//! Two server objects for one server: their objects share what is claimed on it.

use iggy::prelude::*;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::{Laboratory, is_condition};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "two_server_objects_with_one_address_share_claims",
            |plane| share(Laboratory::without_operator(plane)?, "127.0.0.1"),
        ),
        trial("two_server_objects_with_one_ledger_share_claims", |plane| {
            let laboratory = Laboratory::without_operator(plane)?;
            laboratory.apply_by_command_line()?;
            // Only the server itself can tell that this is the same one.
            share(laboratory, "localhost")
        }),
        trial("two_server_objects_hand_over_what_one_lets_go", hand_over),
    ]
}

/// With words that would take it over, and delete it.
fn topic(object: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopic\nmetadata: {{ name: {object} }}\nspec:\n  \
         serverRef: {{ name: {object} }}\n  adoption: Adopt\n  deletionPolicy: Delete\n  \
         stream: by-hand\n  name: events\n---\n"
    )
}

fn id(laboratory: &Laboratory<'_>) -> Option<u32> {
    laboratory.by_hand(async |root| {
        let (stream, events) = (Identifier::named("by-hand"), Identifier::named("events"));
        let (stream, events) = (stream.unwrap(), events.unwrap());
        let topic = root.get_topic(&stream, &events).await.unwrap();
        topic.map(|topic| topic.id)
    })
}

fn holds(object: &Value) -> bool {
    object["status"]["claims"].is_array()
}

/// The one that holds it, and the one that does not.
fn settled(laboratory: &Laboratory<'_>) -> Result<[&'static str; 2], Failure> {
    let is_settled = |one: &str, other: &str| -> Result<bool, Failure> {
        let one = laboratory.get(&format!("igt/{one}"))?;
        let other = laboratory.get(&format!("igt/{other}"))?;
        Ok(is_condition(&one, "Ready", "True", "Applied")
            && is_condition(&other, "Stalled", "True", "Conflicted")
            && holds(&one)
            && !holds(&other))
    };
    let both = [["default", "second"], ["second", "default"]];
    let found = || {
        let mut both = both.iter();
        both.find(|[one, other]| is_settled(one, other).is_ok_and(|it| it))
    };
    laboratory
        .until("one holds it, and the other one is told", || {
            found().is_some()
        })
        .map_err(|error| {
            let objects = laboratory.kubectl(&["get", "igt,igs", "-o", "yaml"]);
            format!("{error}\n{}", objects.unwrap_or_default())
        })?;
    found().copied().ok_or_else(|| "it changed".into())
}

/// While nobody looks, the one goes and the other one comes: whoever is looked at first, the topic
/// goes on.
fn hand_over(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::without_operator(plane)?;
    laboratory.by_hand(async |root| drop(root.create_stream("by-hand").await));
    laboratory.connect_server()?;
    let address = laboratory.server().address();
    laboratory.apply(&format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyServer\nmetadata: {{ name: second }}\nspec:\n  \
         address: iggy://{address}\n  credentialsSecretRef: {{ name: root }}\n"
    ))?;
    let topic = |object: &str| topic(object).replace("  adoption: Adopt\n", "");
    laboratory.apply(&topic("default"))?;
    laboratory.start_operator()?;
    laboratory.ready("igt/default")?;
    let before = id(&laboratory);
    for (going, coming) in [("default", "second"), ("second", "default")] {
        laboratory.kill_operator();
        laboratory.kubectl(&["delete", &format!("igt/{going}"), "--wait=false"])?;
        laboratory.apply(&topic(coming))?;
        laboratory.start_operator()?;
        laboratory.gone(&format!("igt/{going}"))?;
        laboratory.ready(&format!("igt/{coming}"))?;
        let refused = laboratory.events(coming, "AdoptionRefused")?;
        if id(&laboratory) != before || before.is_none() || !refused.is_empty() {
            return Err(format!("from {going} to {coming}: {refused:?}").into());
        }
    }
    Ok(())
}

fn share(mut laboratory: Laboratory<'_>, host: &str) -> Result<(), Failure> {
    laboratory.by_hand(async |root| {
        // With a ledger it is there already.
        drop(root.create_stream("by-hand").await);
    });
    laboratory.connect_server()?;
    let port = laboratory.server().address().port();
    laboratory.apply(&format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyServer\nmetadata: {{ name: second }}\nspec:\n  \
         address: iggy://{host}:{port}\n  credentialsSecretRef: {{ name: root }}\n"
    ))?;
    // Neither is the first.
    laboratory.apply(&format!("{}{}", topic("default"), topic("second")))?;
    laboratory.start_operator()?;
    let before = settled(&laboratory)?;
    let [holder, other] = before;
    let topic_id = id(&laboratory);
    // Nothing of that is only known by heart.
    laboratory.kill_operator();
    laboratory.start_operator()?;
    for object in before {
        laboratory.round(&format!("igt/{object}"))?;
    }
    if settled(&laboratory)? != before {
        return Err("another one has it after the operator was started anew".into());
    }
    if !laboratory.events(other, "Adopted")?.is_empty() {
        return Err("what another one holds was taken over".into());
    }
    laboratory.kubectl(&["delete", &format!("igt/{other}"), "--timeout=20s"])?;
    if id(&laboratory) != topic_id || topic_id.is_none() {
        return Err("who does not hold it deleted it".into());
    }
    laboratory.apply(&topic(other))?;
    laboratory.wait_for(&format!("igt/{other}"), "Stalled", "True", "Conflicted")?;
    // It goes on with the other one, as it is.
    laboratory.kubectl(&["delete", &format!("igt/{holder}"), "--timeout=20s"])?;
    laboratory.look_again(&format!("igt/{other}"))?;
    laboratory.ready(&format!("igt/{other}"))?;
    match id(&laboratory) == topic_id {
        true => Ok(()),
        false => Err("it is another one".into()),
    }
}
