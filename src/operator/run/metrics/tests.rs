use std::sync::Arc;

use iggyctl_core::api::v1alpha1::ServerKind;
use jiff::Timestamp;

use super::super::world::World;
use super::*;
use crate::operator::cluster::Seen;
use crate::operator::model::{EventReason, ObjectKey, Requests};
use crate::operator::resources::status::PlanStatus;
use crate::operator::round::{Happening, time};

fn condition(kind: &str, status: ConditionStatus, reason: Reason) -> Condition {
    Condition {
        kind: kind.to_owned(),
        status,
        observed_generation: Some(1),
        last_transition_time: time(Timestamp::UNIX_EPOCH),
        reason: reason.as_str().to_owned(),
        message: String::new(),
    }
}

fn status(conditions: &[(&str, ConditionStatus, Reason)]) -> TopologyStatus {
    let conditions = conditions.iter();
    TopologyStatus {
        conditions: conditions
            .map(|(kind, status, reason)| condition(kind, *status, *reason))
            .collect(),
        ..TopologyStatus::default()
    }
}

fn object(name: &str, status: TopologyStatus) -> Object {
    Object {
        key: ObjectKey {
            kind: Kind::IggyStream,
            namespace: "shop".to_owned(),
            name: name.to_owned(),
        },
        uid: name.to_owned(),
        resource_version: "1".to_owned(),
        generation: 1,
        created_at: Timestamp::UNIX_EPOCH,
        deleted_at: None,
        has_finalizer: false,
        finalizers: Vec::new(),
        requests: Requests::default(),
        spec: Arc::default(),
        status: Arc::new(status),
    }
}

fn conclusion(status: TopologyStatus) -> Conclusion {
    Conclusion {
        status,
        happenings: Vec::new(),
        releases: false,
        retries: false,
        drift_found: 0,
        drift_corrected: 0,
    }
}

fn ready() -> TopologyStatus {
    status(&[
        ("Ready", ConditionStatus::True, Reason::Applied),
        ("Synced", ConditionStatus::True, Reason::Applied),
    ])
}

fn server() -> ServerKey {
    ServerKey::new(ServerKind::IggyServer, "shop", "default".to_owned())
}

#[test]
fn outcomes_follow_the_conditions() {
    let outcome = |status: TopologyStatus| Outcome::of(&ready(), &conclusion(status));
    assert_eq!(outcome(ready()), Outcome::Done);
    let changed = TopologyStatus {
        last_applied_time: Some(time(Timestamp::UNIX_EPOCH)),
        ..ready()
    };
    assert_eq!(outcome(changed), Outcome::Changed);
    let held = ConditionStatus::True;
    for (kind, reason, expected) in [
        ("Stalled", Reason::Conflicted, Outcome::Refused),
        ("Reconciling", Reason::ServerUnavailable, Outcome::Failed),
        ("Reconciling", Reason::ApplyFailed, Outcome::Failed),
        ("Reconciling", Reason::Deleting, Outcome::Done),
    ] {
        assert_eq!(outcome(status(&[(kind, held, reason)])), expected, "{kind}");
    }
}

#[test]
fn what_was_found_before_is_not_found_again() {
    let mut found = conclusion(ready());
    found.drift_found = 3;
    assert_eq!(new_drift(&object("a", ready()), &found), 3);
    let known = TopologyStatus {
        plan: Some(PlanStatus {
            pending: 1,
            blocked: 1,
            changes: Vec::new(),
        }),
        ..ready()
    };
    assert_eq!(new_drift(&object("a", known.clone()), &found), 1);
    // What was pending of a spec that was never applied was nobody's change.
    let unsettled = TopologyStatus {
        conditions: Vec::new(),
        ..known
    };
    assert_eq!(new_drift(&object("a", unsettled), &found), 3);
}

#[test]
fn things_are_counted_where_they_belong() {
    let metrics = Metrics::new().unwrap();
    let mut orphaned = conclusion(ready());
    orphaned.drift_found = 2;
    orphaned.drift_corrected = 1;
    orphaned.happenings = vec![Happening {
        is_warning: true,
        reason: EventReason::Orphaned,
        note: String::new(),
    }];
    metrics.concluded(&object("a", ready()), &orphaned, Duration::from_secs(2));
    let page = metrics.page(None).unwrap();
    for line in [
        r#"iggyctl_operator_reconciles_total{kind="IggyStream",result="done"} 1"#,
        r#"iggyctl_operator_reconciles_total{kind="IggyTopic",result="done"} 0"#,
        r#"iggyctl_operator_reconcile_duration_seconds_bucket{kind="IggyStream",le="1"} 0"#,
        r#"iggyctl_operator_reconcile_duration_seconds_bucket{kind="IggyStream",le="2.5"} 1"#,
        r#"iggyctl_operator_drift_found_total{kind="IggyStream"} 2"#,
        r#"iggyctl_operator_drift_corrected_total{kind="IggyStream"} 1"#,
        r#"iggyctl_operator_orphaned_total{kind="IggyStream"} 1"#,
        "iggyctl_operator_leader 0",
    ] {
        assert!(page.lines().any(|it| it == line), "{line}\n{page}");
    }
}

#[test]
fn only_the_one_that_works_says_how_objects_and_servers_are() {
    let metrics = Metrics::new().unwrap();
    let world = World::default();
    world.saw(Seen::Object(Box::new(object("a", ready()))));
    let lost = status(&[
        ("Ready", ConditionStatus::False, Reason::Conflicted),
        ("Conflicted", ConditionStatus::True, Reason::Conflicted),
    ]);
    world.saw(Seen::Object(Box::new(object("b", lost))));
    metrics.answered(&server(), true);
    let waiting = metrics.page(None).unwrap();
    for metric in [OBJECTS, CONFLICTS, SERVER_UP] {
        assert!(!waiting.contains(metric.name), "{}", metric.name);
    }
    let page = metrics.page(Some(&world.census())).unwrap();
    for line in [
        r#"iggyctl_operator_objects{kind="IggyStream",ready="true"} 1"#,
        r#"iggyctl_operator_objects{kind="IggyStream",ready="false"} 1"#,
        r#"iggyctl_operator_objects{kind="IggyTopic",ready="true"} 0"#,
        r#"iggyctl_operator_conflicts{kind="IggyStream"} 1"#,
        "iggyctl_operator_leader 1",
    ] {
        assert!(page.lines().any(|it| it == line), "{line}\n{page}");
    }
    // Its object is gone: nobody is woken because of it.
    assert!(!page.contains(SERVER_UP.name), "{page}");
    let mut census = world.census();
    census.servers.insert(server());
    let up =
        r#"iggyctl_operator_server_up{server_kind="IggyServer",namespace="shop",name="default"}"#;
    let page = metrics.page(Some(&census)).unwrap();
    assert!(page.contains(&format!("{up} 1")), "{page}");
    metrics.answered(&server(), false);
    let page = metrics.page(Some(&census)).unwrap();
    assert!(page.contains(&format!("{up} 0")), "{page}");
}
