//! What becomes of objects while there is no server, and of those that are gone.

use std::sync::Arc;
use std::time::Duration;

use iggyctl_core::api::v1alpha1::Kind;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::{Member, NoServer, Subject, decide, prepare, rest_of_wait, without_server};
use super::cluster::{Cluster, object};
use crate::operator::model::{Declared, Defaults, EventReason, Object, Reason};

fn subject(seconds: i64) -> Subject {
    Subject {
        identity: "server".to_owned(),
        aliases: None,
        is_another: false,
        is_the_same: false,
        replacement_acknowledged: false,
        defaults: Defaults::default(),
        creating: std::sync::Arc::default(),
        login_namespace: None,
        now: Timestamp::from_second(seconds).unwrap(),
    }
}

fn down() -> NoServer {
    NoServer {
        reason: Reason::ServerUnavailable,
        message: "no answer".to_owned(),
        orphan_after: Some(Duration::from_secs(3600)),
    }
}

/// One that holds a stream, would delete it, and is being deleted; with another spec by now.
fn deleted(more: Value) -> Object {
    let mut spec = json!({ "name": "orders", "deletionPolicy": "Delete" });
    let mut cluster = Cluster::new(vec![object(Kind::IggyStream, "a", 0, spec.clone())]);
    cluster.settle().unwrap();
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    cluster.change("a", spec);
    cluster.delete("a");
    cluster.objects.remove(0)
}

/// Whether it is let go, how often that is told, and how long it waits.
fn waiting(object: Object, seconds: i64) -> (bool, usize, Option<u64>) {
    let subject = subject(seconds);
    let declared = Declared::of(&object).map(Arc::new);
    let members = [Member::new(Arc::new(object), declared, &subject)];
    let rest = rest_of_wait(&members, &down(), &subject);
    let conclusion = without_server(&members, &down(), &subject)
        .remove(0)
        .unwrap();
    let told = conclusion.happenings.iter();
    let told = told.filter(|it| it.reason == EventReason::Orphaned).count();
    (conclusion.releases, told, rest.map(|rest| rest.as_secs()))
}

#[test]
fn it_waits_and_is_let_go() {
    assert_eq!(waiting(deleted(json!({})), 600), (false, 0, Some(3000)));
    assert_eq!(waiting(deleted(json!({})), 3600), (true, 1, None));
}

#[test]
fn what_is_paused_is_left_alone() {
    let mut paused = deleted(json!({}));
    paused.requests.pause = true;
    for seconds in [600, 3600, 9999] {
        assert_eq!(waiting(paused.clone(), seconds), (false, 0, None));
    }
    paused.requests.force_release = true;
    assert_eq!(waiting(paused, 600), (true, 1, None));
}

#[test]
fn what_deletes_nothing_waits_for_nothing() {
    for spec in [
        json!({ "deletionPolicy": "Retain" }),
        json!({ "management": "ObserveOnly" }),
    ] {
        assert_eq!(waiting(deleted(spec.clone()), 1), (true, 0, None), "{spec}");
    }
}

/// Whatever else keeps it.
#[test]
fn what_was_let_go_is_told_once() {
    let subject = subject(3600);
    let mut object = deleted(json!({}));
    let mut told = 0;
    for _ in 0..3 {
        let declared = Declared::of(&object).map(Arc::new);
        let members = [Member::new(Arc::new(object.clone()), declared, &subject)];
        let conclusion = without_server(&members, &down(), &subject)
            .remove(0)
            .unwrap();
        told += conclusion.happenings.len();
        object.has_finalizer = false;
        object.status = Arc::new(conclusion.status);
    }
    assert_eq!(told, 1);
}

/// What an object held until it was let go may go on with another one, and is not told again.
#[test]
fn what_departs_is_told_unless_it_was_before() {
    for (was_released, count) in [(true, 0), (false, 1)] {
        let spec = json!({ "name": "orders" });
        let mut cluster = Cluster::new(vec![object(Kind::IggyStream, "a", 0, spec)]);
        cluster.settle().unwrap();
        let mut object = cluster.objects.remove(0);
        if was_released {
            object.deleted_at = Some(Timestamp::UNIX_EPOCH);
        }
        let subject = subject(0);
        let declared = Declared::of(&object).map(Arc::new);
        let members = [Member::departed(&object, declared, &subject)];
        let preparation = prepare(&members);
        let decision = decide(&members, &preparation, &cluster.server, &subject);
        let told = cluster.told(&members, &decision, &subject);
        assert_eq!(told.len(), count);
    }
}
