//! What somebody else changed: shown first, then changed back.

use iggyctl_core::access::{Grants, UserStatus};
use iggyctl_core::api::v1alpha1::Kind;
use iggyctl_core::state::observed::AccessReading;
use iggyctl_core::state::observed_access::{ObservedUser, PasswordCheck};
use iggyctl_core::testing::name;
use serde_json::{Value, json};

use super::cluster::{Cluster, Killed, object};
use crate::operator::model::EventReason;

const DIFFERS: &str = "topic/orders/events: update (messageExpiry: 1h → 7d)";
const GONE: &str = "topic/orders/more: create (partitions: 1)";

fn spec() -> Value {
    json!({ "name": "orders", "topics": [
        { "name": "events", "partitions": 2, "messageExpiry": "7d" },
        { "name": "more" },
    ] })
}

fn settled() -> Cluster {
    let mut cluster = Cluster::new(vec![object(Kind::IggyStream, "a", 0, spec())]);
    cluster.settle().unwrap();
    cluster.happenings.clear();
    cluster
}

/// Somebody else lets messages expire earlier.
fn change(cluster: &mut Cluster) {
    let orders = cluster.server.streams.get_mut(&name("orders")).unwrap();
    let events = orders.topics.get_mut(&name("events")).unwrap();
    events.settings.message_expiry = Some("1h".parse().unwrap());
}

fn is_as_declared(cluster: &Cluster) -> bool {
    let events = &cluster.server.streams[&name("orders")].topics[&name("events")];
    events.settings.message_expiry == Some("7d".parse().unwrap())
}

/// Kills the operator before it makes one more write than these.
fn killed_after(cluster: &mut Cluster, writes: usize) {
    cluster.lives = Some(writes);
    assert_eq!(cluster.settle(), Err(Killed));
    cluster.lives = None;
}

#[test]
fn changed_behind_its_back_is_shown_first_then_corrected() {
    let mut cluster = settled();
    change(&mut cluster);
    killed_after(&mut cluster, 1);
    assert!(!is_as_declared(&cluster));
    let found = (
        EventReason::DriftFound,
        format!("to be changed back: {DIFFERS}"),
    );
    assert_eq!(cluster.heard(), [found]);
    assert!(cluster.is_true("a", "Drifted") && cluster.is_true("a", "Reconciling"));
    assert_eq!(cluster.condition("a", "Drifted").reason, "DriftFound");
    assert_eq!(cluster.condition("a", "Drifted").message, DIFFERS);
    assert_eq!(cluster.lines("a"), [DIFFERS]);
    // Whoever goes on does what was announced, and says it once.
    cluster.settle().unwrap();
    assert!(is_as_declared(&cluster));
    let corrected = (
        EventReason::DriftCorrected,
        format!("1 resource changed back: {DIFFERS}"),
    );
    assert_eq!(cluster.heard(), [corrected]);
    assert!(!cluster.is_true("a", "Drifted") && cluster.is_true("a", "Ready"));
    assert_eq!(cluster.plan("a"), None);
}

/// The status and the event are of no use to nobody: the event comes first, and may come twice.
#[test]
fn whoever_ends_before_it_is_shown_shows_it_again() {
    let mut cluster = settled();
    change(&mut cluster);
    killed_after(&mut cluster, 0);
    assert!(!cluster.is_true("a", "Drifted"));
    assert_eq!(cluster.told_reasons(), [EventReason::DriftFound]);
    cluster.settle().unwrap();
    assert_eq!(
        cluster.told_reasons(),
        [EventReason::DriftFound, EventReason::DriftCorrected]
    );
}

#[test]
fn whoever_ends_after_it_was_corrected_says_so_afterwards() {
    let mut cluster = settled();
    change(&mut cluster);
    killed_after(&mut cluster, 2);
    assert!(is_as_declared(&cluster));
    assert!(cluster.is_true("a", "Drifted"));
    cluster.happenings.clear();
    cluster.settle().unwrap();
    assert!(!cluster.is_true("a", "Drifted") && cluster.is_true("a", "Ready"));
    let corrected = (
        EventReason::DriftCorrected,
        format!("as declared again: {DIFFERS}"),
    );
    assert_eq!(cluster.heard(), [corrected]);
}

#[test]
fn what_is_gone_is_shown_before_it_is_made_again() {
    let mut cluster = settled();
    let orders = cluster.server.streams.get_mut(&name("orders")).unwrap();
    orders.topics.remove(&name("more"));
    // Everything is said in one write.
    killed_after(&mut cluster, 1);
    assert_eq!(cluster.lines("a"), [GONE]);
    assert!(cluster.is_true("a", "Drifted"));
    cluster.settle().unwrap();
    assert!(cluster.there().contains("orders/more"));
    assert!(!cluster.is_true("a", "Drifted"));
}

/// As long as it fails it is said once, and nothing more is written.
#[test]
fn what_cannot_be_corrected_is_told_once() {
    let mut cluster = settled();
    change(&mut cluster);
    cluster.refuses = ["topic/orders/events".parse().unwrap()].into();
    cluster.round().unwrap();
    assert_eq!(
        cluster.told_reasons(),
        [EventReason::DriftFound, EventReason::ApplyFailed]
    );
    assert_eq!(cluster.reason("a"), "ApplyFailed");
    assert!(cluster.is_true("a", "Drifted"));
    assert_eq!(cluster.lines("a"), [DIFFERS]);
    let status = cluster.objects[0].status.clone();
    for _ in 0..3 {
        let writes = cluster.writes;
        cluster.round().unwrap();
        // The one that is tried on the server.
        assert_eq!(cluster.writes, writes + 1);
    }
    assert_eq!(
        (cluster.heard(), &cluster.objects[0].status),
        (vec![], &status)
    );
    // Of what differs besides, only that is told.
    let orders = cluster.server.streams.get_mut(&name("orders")).unwrap();
    orders.topics.remove(&name("more"));
    cluster.round().unwrap();
    let told = cluster.heard();
    let found = (
        EventReason::DriftFound,
        format!("to be changed back: {GONE}"),
    );
    let corrected = format!("1 resource changed back: {GONE}");
    assert_eq!(told, [found, (EventReason::DriftCorrected, corrected)]);
    assert!(cluster.is_true("a", "Drifted"));
    cluster.refuses.clear();
    cluster.settle().unwrap();
    assert_eq!(cluster.told_reasons(), [EventReason::DriftCorrected]);
    assert!(!cluster.is_true("a", "Drifted") && cluster.is_true("a", "Ready"));
}

/// More partitions than declared: some of them would have to be deleted.
#[test]
fn what_may_not_be_corrected_is_drift_all_the_same() {
    let mut cluster = settled();
    let orders = cluster.server.streams.get_mut(&name("orders")).unwrap();
    orders.topics.get_mut(&name("events")).unwrap().partitions = 4;
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "Blocked");
    assert!(cluster.is_true("a", "Drifted"));
    assert_eq!(cluster.plan("a").unwrap().blocked, 1);
    assert_eq!(
        cluster.told_reasons(),
        [EventReason::DriftFound, EventReason::Blocked]
    );
    cluster.round().unwrap();
    assert_eq!(cluster.heard(), []);
}

#[test]
fn another_spec_is_no_drift() {
    let mut cluster = settled();
    let mut changed = spec();
    changed["topics"][0]["messageExpiry"] = json!("2d");
    cluster.change("a", changed);
    // Nothing is created, so nothing is announced: the first write is that of the topic.
    killed_after(&mut cluster, 1);
    assert!(!cluster.is_true("a", "Drifted"));
    cluster.settle().unwrap();
    assert!(!cluster.is_true("a", "Drifted"));
    assert_eq!(cluster.told_reasons(), [EventReason::Applied]);
    assert_eq!(cluster.reason("a"), "Applied");
}

#[test]
fn what_is_only_reported_is_told_once() {
    let mut cluster = settled();
    let mut reporting = spec();
    reporting["driftPolicy"] = json!("Report");
    cluster.change("a", reporting);
    cluster.settle().unwrap();
    change(&mut cluster);
    cluster.settle().unwrap();
    cluster.round().unwrap();
    assert_eq!(
        cluster.heard(),
        [(EventReason::DriftFound, DIFFERS.to_owned())]
    );
    assert_eq!(cluster.reason("a"), "DriftFound");
}

fn svc(cluster: &mut Cluster) -> &mut ObservedUser {
    let AccessReading::Read(access) = &mut cluster.server.access else {
        panic!("users are read");
    };
    access.users.get_mut(&name("svc")).unwrap()
}

/// Another value in a Secret is no drift: it is applied, and nothing that somebody else changed.
#[test]
fn a_rotation_is_applied_where_drift_is_only_reported() {
    let secret = json!({ "secretKeyRef": { "name": "svc", "key": "password" } });
    let spec = json!({
        "name": "svc", "driftPolicy": "Report", "status": "active",
        "password": secret, "previousPassword": secret,
    });
    let mut cluster = Cluster::new(vec![object(Kind::IggyUser, "a", 0, spec)]);
    cluster.settle().unwrap();
    svc(&mut cluster).status = UserStatus::Inactive;
    svc(&mut cluster).password = PasswordCheck::Previous;
    cluster.settle().unwrap();
    assert_eq!(svc(&mut cluster).password, PasswordCheck::Declared);
    assert_eq!(svc(&mut cluster).status, UserStatus::Inactive);
    assert_eq!(cluster.reason("a"), "DriftFound");
    svc(&mut cluster).status = UserStatus::Active;
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "Applied");
    // One that somebody else changed is not known, and is only reported.
    svc(&mut cluster).password = PasswordCheck::Neither;
    cluster.settle().unwrap();
    assert_eq!(svc(&mut cluster).password, PasswordCheck::Neither);
    assert_ne!(cluster.reason("a"), "Applied");
}

/// Somebody changes the server, and says that it is to be left so before the operator looks.
#[test]
fn what_says_only_how_it_is_treated_changes_nothing_on_the_server() {
    let mut cluster = settled();
    change(&mut cluster);
    let mut said = spec();
    for (field, value) in [
        ("driftPolicy", "Report"),
        ("interval", "2m"),
        ("adoption", "Adopt"),
        ("deletionPolicy", "DeleteIfEmpty"),
    ] {
        said[field] = json!(value);
        cluster.change("a", said.clone());
        cluster.settle().unwrap();
        assert!(!is_as_declared(&cluster), "{field}");
        assert_eq!(cluster.reason("a"), "DriftFound", "{field}");
    }
    // In a list, too.
    said["topics"][1]["deletionPolicy"] = json!("Delete");
    cluster.change("a", said.clone());
    cluster.settle().unwrap();
    assert!(!is_as_declared(&cluster));
    // To declare something else is to ask for all that is declared.
    said["topics"][1]["messageExpiry"] = json!("5d");
    cluster.change("a", said);
    cluster.settle().unwrap();
    assert!(is_as_declared(&cluster));
    assert_eq!(cluster.reason("a"), "Applied");
    // And to take `Report` away is to ask for what was reported.
    let mut cluster = settled();
    change(&mut cluster);
    let mut reporting = spec();
    reporting["driftPolicy"] = json!("Report");
    cluster.change("a", reporting);
    cluster.settle().unwrap();
    cluster.change("a", spec());
    cluster.settle().unwrap();
    assert!(is_as_declared(&cluster));
    let told = cluster.told_reasons();
    assert!(told.contains(&EventReason::DriftCorrected), "{told:?}");
}

/// Every server has its root, also one that was emptied.
#[test]
fn root_is_no_proof_that_a_server_is_the_same() {
    let root = json!({ "name": "iggy", "adoption": "Adopt", "status": "active" });
    let mut cluster = Cluster::new(vec![
        object(Kind::IggyStream, "a", 0, spec()),
        object(Kind::IggyUser, "root", 0, root),
    ]);
    let AccessReading::Read(access) = &mut cluster.server.access else {
        panic!("users are read");
    };
    let iggy = ObservedUser {
        id: 0,
        created_at_micros: 1,
        status: UserStatus::Active,
        password: PasswordCheck::NotChecked,
        grants: Grants::default(),
        tokens: None,
    };
    access.users.insert(name("iggy"), iggy);
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("root"), "Applied");
    cluster.server.streams.clear();
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "ServerReplaced");
    assert!(cluster.there().is_empty());
}

/// What is in something that is gone waits for a person, as long as that is only reported.
#[test]
fn what_is_in_something_that_is_left_gone_is_blocked() {
    let mut reporting = spec();
    reporting["driftPolicy"] = json!("Report");
    let group = json!({ "stream": "orders", "topic": "more", "name": "billing" });
    let mut cluster = Cluster::new(vec![
        object(Kind::IggyStream, "a", 0, reporting),
        object(Kind::IggyConsumerGroup, "b", 0, group),
    ]);
    cluster.is_the_same = true;
    cluster.settle().unwrap();
    cluster.server.streams.clear();
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "DriftFound");
    assert_eq!(cluster.reason("b"), "Blocked");
    assert_eq!(
        cluster.condition("b", "Stalled").message,
        "topic/orders/more is gone, and who declares it only reports that: \
         group/orders/more/billing: create"
    );
    cluster.change("a", spec());
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("b"), "Applied");
}
