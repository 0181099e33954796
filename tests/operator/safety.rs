//! What must never cost anybody's data.

use iggy::prelude::*;
use libtest_mimic::Trial;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("safety_a_rename_that_cannot_happen_deletes_nothing", rename),
        trial(
            "safety_a_rename_takes_along_what_is_taken_out_of_a_list",
            taken_along,
        ),
        trial("safety_what_was_refused_is_not_held", refused),
    ]
}

fn stream(spec: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: {{ name: a }}\nspec:\n  \
         deletionPolicy: Delete\n{spec}"
    )
}

fn make_stream(laboratory: &Laboratory<'_>, name: &str) {
    laboratory.by_hand(async |root| {
        root.create_stream(name).await.unwrap();
    });
}

fn expect(holds: bool, what: &str, laboratory: &Laboratory<'_>) -> Result<(), Failure> {
    match holds {
        true => Ok(()),
        false => Err(format!("not so: {what}\n{}", laboratory.log()).into()),
    }
}

/// The new name is there already: a producer made it.
fn rename(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::start(plane)?;
    let topics = "  topics: [{ name: events }]\n";
    laboratory.apply(&stream(&format!("  name: old\n{topics}")))?;
    laboratory.ready("igst/a")?;
    let id = laboratory.stream_id("old");
    make_stream(&laboratory, "new");
    let renamed = format!("  name: new\n  previousName: old\n{topics}");
    laboratory.apply(&stream(&renamed))?;
    laboratory.wait_for("igst/a", "Stalled", "True", "AdoptionRefused")?;
    laboratory.round("igst/a")?;
    let is_there = |laboratory: &Laboratory<'_>| {
        laboratory.stream_id("old") == id && laboratory.has_topic("old", "events")
    };
    expect(is_there(&laboratory), "it is kept", &laboratory)?;
    laboratory.apply(&stream(&format!("  adoption: Adopt\n{renamed}")))?;
    laboratory.wait_for("igst/a", "Stalled", "True", "Blocked")?;
    // Nor by an operator that knows nothing by heart.
    laboratory.kill_operator();
    laboratory.start_operator()?;
    laboratory.round("igst/a")?;
    laboratory.wait_for("igst/a", "Stalled", "True", "Blocked")?;
    expect(is_there(&laboratory), "it is still kept", &laboratory)?;
    // It goes when nobody calls anything so any more.
    laboratory.apply(&stream(&format!(
        "  adoption: Adopt\n  name: new\n{topics}"
    )))?;
    laboratory.ready("igst/a")?;
    expect(
        laboratory.stream_id("old").is_none() && laboratory.has_topic("new", "events"),
        "it goes by its policy",
        &laboratory,
    )
}

fn taken_along(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(&stream(
        "  name: old\n  topics: [{ name: events }, { name: more }, { name: kept, deletionPolicy: Retain }]\n",
    ))?;
    laboratory.ready("igst/a")?;
    let id = laboratory.stream_id("old");
    laboratory.apply(&stream(
        "  name: new\n  previousName: old\n  topics: [{ name: events }]\n",
    ))?;
    laboratory.ready("igst/a")?;
    laboratory.until("what was taken out is deleted", || {
        laboratory.stream_id("new").is_some() && !laboratory.has_topic("new", "more")
    })?;
    expect(
        laboratory.stream_id("new") == id
            && laboratory.has_topic("new", "events")
            && laboratory.has_topic("new", "kept"),
        "the rest is as it was",
        &laboratory,
    )
}

/// With a login that may make nothing.
fn refused(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::without_operator(plane)?;
    laboratory.connect_server()?;
    laboratory.by_hand(async |root| {
        let permissions = Permissions {
            global: GlobalPermissions {
                read_servers: true,
                read_streams: true,
                read_users: true,
                ..GlobalPermissions::default()
            },
            streams: None,
        };
        let status = UserStatus::Active;
        root.create_user("reader", "of-the-reader", status, Some(permissions))
            .await
            .unwrap();
    });
    laboratory.kubectl(&[
        "patch",
        "secret/root",
        "--type=merge",
        "-p",
        "{\"stringData\":{\"username\":\"reader\",\"password\":\"of-the-reader\"}}",
    ])?;
    let mut laboratory = laboratory;
    laboratory.start_operator()?;
    laboratory.apply(&stream("  name: later\n"))?;
    laboratory.wait_for("igst/a", "Reconciling", "True", "ApplyFailed")?;
    laboratory.wait("igst/a", "without a claim", |found| {
        found["status"]["conditions"].is_array() && !found["status"]["claims"].is_array()
    })?;
    // Somebody makes one by that name.
    make_stream(&laboratory, "later");
    let id = laboratory.stream_id("later");
    laboratory.look_again("igst/a")?;
    laboratory.wait_for("igst/a", "Stalled", "True", "AdoptionRefused")?;
    // Now that it might do anything, too.
    laboratory.kubectl(&[
        "patch",
        "secret/root",
        "--type=merge",
        "-p",
        "{\"stringData\":{\"username\":\"iggy\",\"password\":\"iggy\"}}",
    ])?;
    laboratory.round("igst/a")?;
    laboratory.wait_for("igst/a", "Stalled", "True", "AdoptionRefused")?;
    laboratory.kubectl(&["delete", "igst/a", "--timeout=20s"])?;
    expect(
        laboratory.stream_id("later") == id && id.is_some(),
        "it is kept",
        &laboratory,
    )
}
