//! What somebody else changed on the server: shown first, and then changed back.

use std::time::Duration;

use iggy::prelude::*;
use iggyctl_embedded::{FaultKind, FaultPlan, FaultTarget};
use libtest_mimic::Trial;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "changed_behind_its_back_is_shown_first_then_corrected",
            shown_first,
        ),
        trial(
            "changed_behind_its_back_is_left_where_somebody_says_report",
            left_alone,
        ),
    ]
}

const STREAM: &str = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: orders }\nspec:\n  \
     topics: [{ name: events, messageExpiry: 7d }]\n";

const DIFFERS: &str = "topic/orders/events: update (messageExpiry: 5h → 7d)";

fn expiry(laboratory: &Laboratory<'_>) -> String {
    laboratory.by_hand(async |root| {
        let (orders, events) = (Identifier::named("orders"), Identifier::named("events"));
        let topic = root.get_topic(&orders.unwrap(), &events.unwrap()).await;
        topic.unwrap().unwrap().message_expiry.to_string()
    })
}

fn change(laboratory: &Laboratory<'_>) {
    laboratory.by_hand(async |root| {
        let (orders, events) = (Identifier::named("orders"), Identifier::named("events"));
        let options = TopicUpdateOptions {
            message_expiry: Some(IggyExpiry::ExpireDuration("5h".parse().unwrap())),
            ..TopicUpdateOptions::default()
        };
        root.update_topic(&orders.unwrap(), &events.unwrap(), "events", &options)
            .await
            .unwrap();
    });
}

/// Whoever changed it by hand says so before the operator looks; what else is said of how the
/// object is treated does not change that.
fn left_alone(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::start(plane)?;
    laboratory.apply(STREAM)?;
    laboratory.ready("igst/orders")?;
    change(&laboratory);
    let changed = expiry(&laboratory);
    for policy in [r#""driftPolicy":"Report""#, r#""interval":"2m""#] {
        laboratory.patch("igst/orders", &format!(r#"{{"spec":{{{policy}}}}}"#))?;
        let generation = laboratory.get("igst/orders")?["metadata"]["generation"].clone();
        laboratory.wait("igst/orders", "looked at", |object| {
            object["status"]["observedGeneration"] == generation
        })?;
        laboratory.wait_for("igst/orders", "Stalled", "True", "DriftFound")?;
        // Nothing of what is known is only known by heart.
        laboratory.kill_operator();
        laboratory.start_operator()?;
        laboratory.round("igst/orders")?;
        if expiry(&laboratory) != changed {
            return Err(format!("{policy} changed it back").into());
        }
    }
    laboratory.patch("igst/orders", r#"{"spec":{"driftPolicy":"Correct"}}"#)?;
    laboratory.told("orders", "DriftCorrected")?;
    laboratory.ready("igst/orders")?;
    match expiry(&laboratory) == changed {
        true => Err("it is not changed back".into()),
        false => Ok(()),
    }
}

/// The change back is asked for, and does not come about until everything was looked at; then
/// the operator is killed before it does.
fn shown_first(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::start(plane)?;
    laboratory.apply(STREAM)?;
    laboratory.ready("igst/orders")?;
    let declared = expiry(&laboratory);
    change(&laboratory);
    let changed = expiry(&laboratory);
    let slow = FaultKind::Delay(Duration::from_secs(60));
    let plan = FaultPlan::none().always(slow, FaultTarget::Writes);
    laboratory.server().faults().set(plan);
    let writes = laboratory.writes();
    laboratory.look_again("igst/orders")?;
    laboratory.until("it is asked to be changed back", || {
        laboratory.writes() > writes
    })?;
    // Nobody has to wait for it: all of it was said before.
    let object = laboratory.get("igst/orders")?;
    let conditions = object["status"]["conditions"].to_string();
    let line = &object["status"]["plan"]["changes"][0];
    let said = format!(
        "{}: {}",
        line["address"].as_str().unwrap_or_default(),
        line["summary"].as_str().unwrap_or_default()
    );
    if !conditions.contains("DriftFound") || said != DIFFERS {
        return Err(format!("it is not shown: {:#}", object["status"]).into());
    }
    let note = laboratory.events("orders", "DriftFound")?;
    if note != [format!("to be changed back: {DIFFERS}")] {
        return Err(format!("it was told otherwise: {note:?}").into());
    }
    laboratory.wait_for("igst/orders", "Drifted", "True", "DriftFound")?;
    laboratory.wait_for("igst/orders", "Reconciling", "True", "Progressing")?;
    if expiry(&laboratory) != changed || changed == declared {
        return Err("it was changed back before it was shown".into());
    }
    laboratory.kill_operator();
    laboratory.server().faults().clear();
    laboratory.start_operator()?;
    let note = laboratory.told("orders", "DriftCorrected")?;
    if note != format!("1 resource changed back: {DIFFERS}") {
        return Err(note.into());
    }
    laboratory.ready("igst/orders")?;
    let object = laboratory.wait_for("igst/orders", "Drifted", "False", "Nothing")?;
    let told = laboratory.events("orders", "DriftFound")?.len();
    if told != 1 || !object["status"]["plan"].is_null() || expiry(&laboratory) != declared {
        return Err(format!("told {told} times: {:#}", object["status"]).into());
    }
    Ok(())
}
