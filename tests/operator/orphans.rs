//! Deleting objects whose server cannot be asked: never stuck, never silent.

use std::time::{Duration, Instant};

use libtest_mimic::Trial;

use crate::control_plane::{ControlPlane, Failure};
use crate::deletion::{holds_data, is_there, message, stream, with_stream};
use crate::laboratory::Laboratory;
use crate::metrics;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "need_broker_gone_while_deleting_never_stuck_never_silent",
            tried_again,
        ),
        trial(
            "deleting_when_the_server_object_is_gone_releases_at_once",
            server_object_gone,
        ),
        trial(
            "deleting_with_the_server_object_waits_no_longer_than_it_says",
            server_object_waits,
        ),
        trial(
            "deleting_when_the_server_is_unreachable_releases_after_a_time",
            unreachable,
        ),
        trial(
            "deleting_when_credentials_are_refused_releases_after_a_time",
            refused,
        ),
        trial(
            "deleting_when_the_secret_is_gone_releases_after_a_time",
            secret_gone,
        ),
        trial(
            "deleting_with_force_release_releases_now_and_says_what_stays",
            force_release,
        ),
    ]
}

/// That the stream stays behind is told once, and counted.
fn orphaned(laboratory: &Laboratory<'_>) -> Result<String, Failure> {
    let note = laboratory.told("orders", "Orphaned")?;
    metrics::wait_for_value(
        laboratory,
        r#"iggyctl_operator_orphaned_total{kind="IggyStream"}"#,
        1.0,
    )?;
    Ok(note)
}

/// How many looks in vain are waited for.
const ATTEMPTS: usize = 4;

/// Ever more slowly, and for as long as `orphanAfter` says.
fn tried_again(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = with_stream(plane, "Delete")?;
    let address = laboratory.stop_server();
    laboratory.delete("igst/orders")?;
    laboratory.wait("igst/orders", "waiting", |it| {
        it["metadata"]["deletionTimestamp"].is_string()
            && it["status"]["conditions"]
                .to_string()
                .contains("ServerUnavailable")
    })?;
    let failed = r#"iggyctl_operator_reconciles_total{kind="IggyServer",result="failed"}"#;
    let begin = Instant::now();
    let (mut known, mut times) = (metrics::value(&laboratory, failed)?, Vec::new());
    while times.len() < ATTEMPTS {
        if begin.elapsed() > Duration::from_secs(120) {
            return Err(format!("it is not tried again: {times:?}\n{}", laboratory.log()).into());
        }
        let now = metrics::value(&laboratory, failed)?;
        if now > known {
            times.push(begin.elapsed());
            known = now;
        }
        // Polled, since a page says nothing by itself.
        std::thread::sleep(Duration::from_millis(50));
    }
    let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if gaps[gaps.len() - 1] < gaps[0] + Duration::from_secs(2) {
        return Err(format!("it does not slow down: {gaps:?}").into());
    }
    if !laboratory.events("orders", "Orphaned")?.is_empty() {
        return Err("it was let go too early".into());
    }
    orphan_after_a_second(&laboratory)?;
    laboratory.gone("igst/orders")?;
    orphaned(&laboratory)?;
    laboratory.resume_server(address)?;
    is_there(&laboratory, true)
}

fn orphan_after_a_second(laboratory: &Laboratory<'_>) -> Result<(), Failure> {
    laboratory.patch("igs/default", r#"{"spec":{"orphanAfter":"1s"}}"#)
}

fn server_object_gone(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = with_stream(plane, "Delete")?;
    // As if it had gone before there was an operator.
    laboratory.kill_operator();
    laboratory.patch("igs/default", r#"{"metadata":{"finalizers":null}}"#)?;
    laboratory.kubectl(&["delete", "igs/default", "--timeout=20s"])?;
    laboratory.start_operator()?;
    laboratory.wait_for("igst/orders", "Stalled", "True", "ServerNotFound")?;
    laboratory.kubectl(&["delete", "igst/orders", "--timeout=10s"])?;
    let note = orphaned(&laboratory)?;
    if !note.contains("orders/events") {
        return Err(note.into());
    }
    is_there(&laboratory, true)
}

/// What holds data keeps the server object for a time, and goes with it.
fn server_object_waits(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = with_stream(plane, "DeleteIfEmpty")?;
    message(&laboratory);
    laboratory.delete("igst/orders")?;
    laboratory.wait("igst/orders", "kept", holds_data)?;
    laboratory.delete("igs/default")?;
    laboratory.round("igst/orders")?;
    if laboratory.get("igs/default")?.is_null() {
        return Err("the server object went before what needs it".into());
    }
    orphan_after_a_second(&laboratory)?;
    laboratory.gone("igs/default")?;
    laboratory.gone("igst/orders")?;
    orphaned(&laboratory)?;
    is_there(&laboratory, true)
}

fn unreachable(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = with_stream(plane, "Delete")?;
    let address = laboratory.stop_server();
    laboratory.delete("igst/orders")?;
    let object = laboratory.wait("igst/orders", "waiting", |it| {
        it["status"]["conditions"]
            .to_string()
            .contains("ServerUnavailable")
    })?;
    if object.is_null() {
        return Err("it did not wait".into());
    }
    orphan_after_a_second(&laboratory)?;
    laboratory.gone("igst/orders")?;
    orphaned(&laboratory)?;
    laboratory.resume_server(address)?;
    is_there(&laboratory, true)
}

fn refused(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = with_stream(plane, "Delete")?;
    laboratory.patch("secret/root", r#"{"stringData":{"password":"wrong"}}"#)?;
    laboratory.wait_for("igst/orders", "Ready", "False", "CredentialsRefused")?;
    laboratory.delete("igst/orders")?;
    laboratory.wait("igst/orders", "waiting", |it| {
        it["metadata"]["deletionTimestamp"].is_string()
            && it["status"]["conditions"]
                .to_string()
                .contains("CredentialsRefused")
    })?;
    orphan_after_a_second(&laboratory)?;
    laboratory.gone("igst/orders")?;
    orphaned(&laboratory)?;
    is_there(&laboratory, true)
}

fn secret_gone(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = with_stream(plane, "Delete")?;
    // Nothing is known of it by heart, either.
    laboratory.kill_operator();
    laboratory.kubectl(&["delete", "secret/root"])?;
    laboratory.start_operator()?;
    laboratory.wait_for("igst/orders", "Stalled", "True", "CredentialsMissing")?;
    laboratory.delete("igst/orders")?;
    laboratory.wait("igst/orders", "waiting", |it| {
        it["metadata"]["deletionTimestamp"].is_string()
    })?;
    orphan_after_a_second(&laboratory)?;
    laboratory.gone("igst/orders")?;
    orphaned(&laboratory)?;
    is_there(&laboratory, true)
}

fn force_release(plane: &ControlPlane) -> Result<(), Failure> {
    // While the server can be reached and while it cannot.
    let mut laboratory = with_stream(plane, "DeleteIfEmpty")?;
    message(&laboratory);
    laboratory.delete("igst/orders")?;
    laboratory.wait("igst/orders", "kept", holds_data)?;
    laboratory.annotate("igst/orders", "force-release=true")?;
    laboratory.gone("igst/orders")?;
    let note = orphaned(&laboratory)?;
    if !note.contains("left on the server: stream/orders, topic/orders/events") {
        return Err(note.into());
    }
    let again = stream("Delete").replace("name: orders }", "name: again }");
    laboratory.apply(&again.replace("spec:\n", "spec:\n  name: orders\n  adoption: Adopt\n"))?;
    laboratory.ready("igst/again")?;
    let address = laboratory.stop_server();
    laboratory.delete("igst/again")?;
    laboratory.annotate("igst/again", "force-release=true")?;
    laboratory.gone("igst/again")?;
    laboratory.told("again", "Orphaned")?;
    laboratory.resume_server(address)?;
    is_there(&laboratory, true)
}
