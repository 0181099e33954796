//! What somebody else changed on the server: shown first, and then changed back.

use std::time::Duration;

use iggy::prelude::*;
use iggyctl_embedded::{FaultKind, FaultPlan, FaultTarget};
use libtest_mimic::Trial;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "changed_behind_its_back_is_shown_first_then_corrected",
        shown_first,
    )]
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

/// The change back is asked for, and does not come about until everything was looked at; then
/// the operator is killed before it does.
fn shown_first(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::start(plane)?;
    laboratory.apply(STREAM)?;
    laboratory.ready("igst/orders")?;
    let declared = expiry(&laboratory);
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
