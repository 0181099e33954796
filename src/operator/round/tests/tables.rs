//! Single rules.

use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::Kind;
use iggyctl_core::state::DeletionPolicy;
use iggyctl_core::state::observed::{AccessReading, ObservationGap};
use iggyctl_core::testing::{name, there_stream, there_topic};
use serde_json::{Value, json};

use super::cluster::{Cluster, object};
use crate::operator::model::{EventReason, Object};
use crate::operator::resources::status::ConditionStatus;

fn stream(of: &str, age: i64, more: Value) -> Object {
    let mut spec = json!({ "name": "orders", "topics": [{ "name": "events" }] });
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    object(Kind::IggyStream, of, age, spec)
}

fn settled(objects: Vec<Object>) -> Cluster {
    let mut cluster = Cluster::new(objects);
    cluster.settle().unwrap();
    cluster
}

#[test]
fn what_is_declared_is_made_and_held() {
    let cluster = settled(vec![stream("a", 0, json!({}))]);
    assert_eq!(cluster.reason("a"), "Applied");
    let there: Vec<_> = cluster.there().into_iter().collect();
    assert_eq!(there, ["orders", "orders/events"]);
    assert_eq!(cluster.holders().len(), 2);
}

#[test]
fn the_older_one_gets_it_whatever_the_order() {
    for swapped in [false, true] {
        let mut objects = vec![stream("a", 2, json!({})), stream("b", 1, json!({}))];
        if swapped {
            objects.reverse();
        }
        let cluster = settled(objects);
        assert_eq!(cluster.reason("b"), "Applied");
        assert_eq!(cluster.reason("a"), "Conflicted");
        assert!(cluster.is_true("a", "Stalled"));
    }
}

#[test]
fn whoever_holds_it_keeps_it_against_an_older_one() {
    let mut cluster = settled(vec![stream("young", 9, json!({}))]);
    cluster.objects.push(stream("old", 1, json!({})));
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("young"), "Applied");
    assert_eq!(cluster.reason("old"), "Conflicted");
}

#[test]
fn a_hand_over_never_touches_data() {
    for policy in ["Retain", "Delete", "DeleteIfEmpty"] {
        let first = stream("first", 1, json!({ "deletionPolicy": policy }));
        let mut cluster = settled(vec![first, stream("second", 2, json!({}))]);
        let orders = cluster.server.streams.get_mut(&name("orders")).unwrap();
        orders.messages = 7;
        orders.topics.get_mut(&name("events")).unwrap().messages = 7;
        let before = cluster.server.clone();
        cluster.delete("first");
        cluster.settle().unwrap();
        assert_eq!(cluster.server, before, "{policy}");
        assert_eq!(cluster.objects.len(), 1);
        assert_eq!(cluster.reason("second"), "Applied");
    }
}

#[test]
fn a_topology_that_loses_one_resource_gets_the_rest() {
    let topology = object(
        Kind::IggyTopology,
        "topology",
        2,
        json!({ "streams": [{ "name": "orders", "topics": [{ "name": "more" }] }, { "name": "other" }] }),
    );
    let cluster = settled(vec![stream("a", 1, json!({})), topology]);
    assert_eq!(cluster.reason("topology"), "PartiallyConflicted");
    assert!(cluster.there().contains("other"));
    assert!(cluster.there().contains("orders/more"));
    let plan = cluster.objects[1].status.plan.as_ref();
    assert_eq!(plan, None);
}

#[test]
fn what_is_there_is_left_alone_with_all_that_is_in_it() {
    let mut cluster = Cluster::new(vec![stream("a", 0, json!({}))]);
    there_stream(&mut cluster.server, "orders");
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "AdoptionRefused");
    assert!(!cluster.there().contains("orders/events"));
    cluster.change(
        "a",
        json!({ "name": "orders", "topics": [{ "name": "events" }], "adoption": "Adopt" }),
    );
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "Applied");
    assert!(cluster.there().contains("orders/events"));
}

#[test]
fn what_somebody_made_anew_is_recognised() {
    let mut cluster = settled(vec![
        stream("a", 0, json!({})),
        object(Kind::IggyStream, "kept", 0, json!({})),
    ]);
    let events = cluster.server.streams.get_mut(&name("orders")).unwrap();
    let events = events.topics.get_mut(&name("events")).unwrap();
    events.created_at_micros += 1;
    events.messages = 5;
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "AdoptionRefused");
}

#[test]
fn an_emptied_server_must_be_a_decision() {
    let mut cluster = settled(vec![stream("a", 0, json!({ "deletionPolicy": "Delete" }))]);
    cluster.server.streams.clear();
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "ServerReplaced");
    assert!(cluster.there().is_empty());
    cluster.acknowledged = true;
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "Applied");
    assert!(cluster.there().contains("orders/events"));
}

/// With a ledger it is known which server it is, however little was held on it.
#[test]
fn what_is_gone_from_the_same_server_is_made_again() {
    for is_the_same in [false, true] {
        let mut cluster = settled(vec![stream("a", 0, json!({}))]);
        cluster.is_the_same = is_the_same;
        cluster.server.streams.clear();
        cluster.settle().unwrap();
        let reason = if is_the_same {
            "Applied"
        } else {
            "ServerReplaced"
        };
        assert_eq!(cluster.reason("a"), reason);
        assert_eq!(cluster.there().contains("orders/events"), is_the_same);
    }
}

#[test]
fn what_is_taken_out_of_a_list_goes_by_its_policy() {
    for (policy, stays) in [("Retain", true), ("Delete", false)] {
        let topology =
            |topics: Value| json!({ "streams": [{ "name": "orders", "topics": topics }] });
        let more = json!({ "name": "more", "deletionPolicy": policy });
        let spec = topology(json!([{ "name": "events" }, more]));
        let mut cluster = settled(vec![object(Kind::IggyTopology, "a", 0, spec)]);
        assert!(cluster.there().contains("orders/more"));
        cluster.change("a", topology(json!([{ "name": "events" }])));
        cluster.settle().unwrap();
        assert_eq!(cluster.there().contains("orders/more"), stays, "{policy}");
        assert!(!cluster.holders().contains_key("topic/orders/more"));
        assert_eq!(cluster.reason("a"), "Applied");
    }
}

/// What is more special wins; below it comes what the server object says.
#[test]
fn the_policy_of_a_topology_is_that_of_what_says_nothing() {
    let more = json!([
        { "name": "orders", "topics": [{ "name": "events" }, { "name": "more" }] },
        { "name": "kept", "deletionPolicy": "Retain", "topics": [{ "name": "in-it" }] },
    ]);
    let fewer = json!([{ "name": "orders", "topics": [{ "name": "events" }] }]);
    for (policy, by_server, goes) in [
        ("Delete", DeletionPolicy::Retain, true),
        ("Retain", DeletionPolicy::Delete, false),
    ] {
        let spec = json!({ "deletionPolicy": policy, "streams": more });
        let mut cluster = Cluster::new(vec![object(Kind::IggyTopology, "a", 0, spec)]);
        cluster.defaults.deletion_policy = by_server;
        cluster.settle().unwrap();
        assert_eq!(cluster.objects[0].has_finalizer, goes);
        // What is taken out goes by what was said while it was declared.
        cluster.change("a", json!({ "streams": fewer }));
        cluster.settle().unwrap();
        assert_eq!(cluster.there().contains("orders/more"), !goes, "{policy}");
        assert!(cluster.there().contains("kept/in-it"));
        assert_eq!(cluster.objects[0].has_finalizer, !goes);
        cluster.change("a", json!({ "deletionPolicy": policy, "streams": fewer }));
        cluster.settle().unwrap();
        cluster.delete("a");
        cluster.settle().unwrap();
        assert_eq!(cluster.there().contains("orders/events"), !goes, "{policy}");
        assert!(cluster.there().contains("kept/in-it"));
    }
}

#[test]
fn a_stream_with_topics_of_others_stays() {
    let mut cluster = settled(vec![stream("a", 0, json!({ "deletionPolicy": "Delete" }))]);
    there_topic(&mut cluster.server, "orders", "theirs").messages = 3;
    cluster.delete("a");
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "HoldsData");
    assert!(cluster.there().contains("orders/theirs"));
}

#[test]
fn drift_is_corrected_or_reported() {
    for (policy, is_corrected) in [("Correct", true), ("Report", false)] {
        let spec = json!({
            "name": "orders", "driftPolicy": policy,
            "topics": [{ "name": "events", "messageExpiry": "7d" }],
        });
        let mut cluster = settled(vec![object(Kind::IggyStream, "a", 0, spec.clone())]);
        let topic = |cluster: &Cluster| {
            cluster.server.streams[&name("orders")].topics[&name("events")].clone()
        };
        let as_declared = topic(&cluster).settings;
        let orders = cluster.server.streams.get_mut(&name("orders")).unwrap();
        let events = orders.topics.get_mut(&name("events")).unwrap();
        events.settings.message_expiry = Some("1h".parse().unwrap());
        cluster.settle().unwrap();
        assert_eq!(topic(&cluster).settings == as_declared, is_corrected);
        assert_eq!(cluster.is_true("a", "Drifted"), !is_corrected);
        let reason = if is_corrected {
            "Applied"
        } else {
            "DriftFound"
        };
        assert_eq!(cluster.reason("a"), reason);
        // Another spec is applied all the same.
        let mut changed = spec;
        changed["topics"][0]["messageExpiry"] = json!("2d");
        cluster.change("a", changed);
        cluster.settle().unwrap();
        let expected = Some("2d".parse().unwrap());
        assert_eq!(topic(&cluster).settings.message_expiry, expected);
        assert_eq!(cluster.reason("a"), "Applied");
    }
}

/// A topic that another object declares is no change of the stream that it is in.
#[test]
fn what_is_done_for_another_object_is_told_of_that_one() {
    let mut cluster = settled(vec![object(
        Kind::IggyStream,
        "stream",
        0,
        json!({ "name": "orders" }),
    )]);
    cluster.happenings.clear();
    let topic = json!({ "stream": "orders", "name": "events" });
    cluster
        .objects
        .push(object(Kind::IggyTopic, "topic", 1, topic));
    cluster.settle().unwrap();
    let applied = "1 resource applied: topic/orders/events".to_owned();
    assert_eq!(cluster.heard(), [(EventReason::Applied, applied)]);
    cluster.happenings.clear();
    let orders = cluster.server.streams.get_mut(&name("orders")).unwrap();
    orders.topics.clear();
    cluster.settle().unwrap();
    let gone = "topic/orders/events: create (partitions: 1)";
    assert_eq!(
        cluster.heard(),
        [
            (
                EventReason::DriftFound,
                format!("to be changed back: {gone}")
            ),
            (
                EventReason::DriftCorrected,
                format!("1 resource changed back: {gone}")
            ),
        ]
    );
}

#[test]
fn management_says_what_is_done() {
    let spec = |management: &str| {
        json!({
            "name": "orders", "management": management, "adoption": "Adopt",
            "topics": [{ "name": "events", "partitions": 4 }, { "name": "more" }],
        })
    };
    for (management, made, changed) in [
        ("Full", true, true),
        ("CreateOnly", true, false),
        ("ObserveOnly", false, false),
    ] {
        let mut cluster = Cluster::new(vec![object(Kind::IggyStream, "a", 0, spec(management))]);
        there_topic(&mut cluster.server, "orders", "events").partitions = 2;
        cluster.settle().unwrap();
        assert_eq!(
            cluster.there().contains("orders/more"),
            made,
            "{management}"
        );
        let events = &cluster.server.streams[&name("orders")].topics[&name("events")];
        assert_eq!(events.partitions == 4, changed, "{management}");
        let has_plan = cluster.objects[0].status.plan.is_some();
        assert_eq!(has_plan, management != "Full", "{management}");
    }
}

#[test]
fn fewer_partitions_only_where_the_object_says_so() {
    let spec = |partitions: u32, allow: bool| {
        json!({ "name": "orders", "topics": [
            { "name": "events", "partitions": partitions, "allowPartitionShrink": allow },
        ] })
    };
    let mut cluster = settled(vec![object(Kind::IggyStream, "a", 0, spec(4, false))]);
    cluster.change("a", spec(2, false));
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "Blocked");
    cluster.change("a", spec(2, true));
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "Applied");
}

#[test]
fn a_pause_leaves_everything_and_keeps_what_is_held() {
    let mut cluster = settled(vec![stream("a", 0, json!({ "deletionPolicy": "Delete" }))]);
    let place = cluster.place("a");
    cluster.objects[place].requests.pause = true;
    cluster.change("a", json!({ "name": "orders", "topics": [] }));
    let adopting = json!({ "adoption": "Adopt" });
    cluster.objects.push(stream("b", 1, adopting));
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "Paused");
    assert_eq!(cluster.holders()["stream/orders"], ["a"]);
    // Nor does it go to who would take over what nobody holds.
    assert_eq!(cluster.reason("b"), "Conflicted");
    assert!(cluster.there().contains("orders/events"));
}

#[test]
fn what_waits_for_its_parent_is_not_written_again_and_again() {
    let topic = json!({ "stream": "one", "name": "x", "deletionPolicy": "Delete" });
    let mut cluster = settled(vec![object(Kind::IggyTopic, "t", 0, topic)]);
    assert_eq!(cluster.reason("t"), "Blocked");
    let writes = cluster.writes;
    cluster.round().unwrap();
    assert_eq!(cluster.writes, writes);
    // Nothing is held, so nothing keeps it.
    assert!(!cluster.objects[0].has_finalizer);
}

/// A rename that cannot happen must not cost what was to be renamed.
fn renamed(more: Value) -> Value {
    let mut spec = json!({
        "name": "new", "previousName": "orders", "deletionPolicy": "Delete",
        "topics": [{ "name": "events" }],
    });
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    spec
}

/// One that holds `orders` with messages, and would delete it.
fn holding_messages() -> Cluster {
    let mut cluster = settled(vec![stream("a", 0, json!({ "deletionPolicy": "Delete" }))]);
    let orders = cluster.server.streams.get_mut(&name("orders")).unwrap();
    orders.messages = 7;
    orders.topics.get_mut(&name("events")).unwrap().messages = 7;
    cluster
}

#[test]
fn a_rename_keeps_what_is_in_it() {
    let mut cluster = holding_messages();
    let before = cluster.server.streams[&name("orders")].clone();
    cluster.change("a", renamed(json!({})));
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "Applied");
    let after = &cluster.server.streams[&name("new")];
    assert_eq!((after.id, after.messages), (before.id, 7));
    let held: Vec<String> = cluster.holders().into_keys().collect();
    assert_eq!(held, ["stream/new", "topic/new/events"]);
}

#[test]
fn a_rename_to_what_is_there_deletes_nothing() {
    for (adoption, reason) in [("Refuse", "AdoptionRefused"), ("Adopt", "Blocked")] {
        let mut cluster = holding_messages();
        there_stream(&mut cluster.server, "new");
        cluster.change("a", renamed(json!({ "adoption": adoption })));
        cluster.settle().unwrap();
        assert_eq!(cluster.reason("a"), reason);
        assert!(cluster.there().contains("orders/events"), "{adoption}");
        assert_eq!(cluster.holders()["stream/orders"], ["a"]);
        assert!(cluster.objects[0].has_finalizer);
        // When nobody calls it so any more, it goes by its policy.
        let mut spec = renamed(json!({ "adoption": "Adopt" }));
        spec.as_object_mut().unwrap().remove("previousName");
        cluster.change("a", spec);
        cluster.settle().unwrap();
        assert_eq!(cluster.reason("a"), "Applied");
        assert!(!cluster.there().contains("orders"), "{adoption}");
    }
}

#[test]
fn a_rename_to_what_is_there_happens_once_that_is_gone() {
    let mut cluster = holding_messages();
    there_stream(&mut cluster.server, "new");
    cluster.change("a", renamed(json!({})));
    cluster.settle().unwrap();
    cluster.server.streams.remove(&name("new"));
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "Applied");
    assert_eq!(cluster.server.streams[&name("new")].messages, 7);
    assert!(!cluster.there().contains("orders"));
}

#[test]
fn a_rename_to_what_another_object_holds_deletes_nothing() {
    let mut cluster = holding_messages();
    let other = object(Kind::IggyStream, "other", 0, json!({ "name": "new" }));
    cluster.objects.push(other);
    cluster.settle().unwrap();
    cluster.change("a", renamed(json!({})));
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "PartiallyConflicted");
    assert!(cluster.there().contains("orders/events"));
    // Deleted as it is, it deletes what it holds.
    cluster.delete("a");
    cluster.settle().unwrap();
    assert!(!cluster.there().contains("orders"));
    assert!(cluster.there().contains("new"));
}

#[test]
fn a_topic_that_cannot_be_renamed_is_not_deleted() {
    let topology = |topics: Value| json!({ "adoption": "Adopt", "deletionPolicy": "Delete", "streams": [{ "name": "orders", "topics": topics }] });
    let spec = topology(json!([{ "name": "old" }]));
    let mut cluster = settled(vec![object(Kind::IggyTopology, "a", 0, spec)]);
    there_topic(&mut cluster.server, "orders", "new");
    cluster.change(
        "a",
        topology(json!([{ "name": "new", "previousName": "old" }])),
    );
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "Blocked");
    assert!(cluster.there().contains("orders/old"));
    cluster.change("a", topology(json!([{ "name": "new" }])));
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "Applied");
    assert!(!cluster.there().contains("orders/old"));
}

/// What is taken out of a list while its stream is renamed goes by its policy, whenever the
/// operator is killed.
#[test]
fn what_is_taken_out_of_a_renamed_stream_goes_by_its_policy() {
    for policy in ["Delete", "Retain"] {
        for lives in (0..16).map(Some).chain([None]) {
            let more = json!({ "name": "more", "deletionPolicy": policy });
            let topics = json!([{ "name": "events" }, more]);
            let whole = json!({ "deletionPolicy": "Delete", "topics": topics });
            let mut cluster = settled(vec![stream("a", 0, whole)]);
            let id = cluster.server.streams[&name("orders")].id;
            cluster.change("a", renamed(json!({})));
            cluster.lives = lives;
            let _ = cluster.settle();
            cluster.lives = None;
            cluster.settle().unwrap();
            let stays = cluster.there().contains("new/more");
            assert_eq!(stays, policy == "Retain", "{policy} {lives:?}");
            assert_eq!(cluster.server.streams[&name("new")].id, id);
            assert_eq!(cluster.reason("a"), "Applied");
            let held: Vec<String> = cluster.holders().into_keys().collect();
            assert_eq!(held, ["stream/new", "topic/new/events"]);
        }
    }
}

/// What one object lets go and another one renames goes on with that, and is not deleted.
#[test]
fn a_rename_by_another_object_is_a_hand_over() {
    let next = || object(Kind::IggyStream, "next", 1, renamed(json!({})));
    for lives in (0..12).map(Some).chain([None]) {
        let mut cluster = holding_messages();
        cluster.delete("a");
        cluster.objects.push(next());
        cluster.lives = lives;
        let _ = cluster.settle();
        cluster.lives = None;
        cluster.settle().unwrap();
        let there: Vec<String> = cluster.there().into_iter().collect();
        assert_eq!(there, ["new", "new/events"], "{lives:?}");
        assert_eq!(cluster.server.streams[&name("new")].messages, 7);
        assert_eq!(cluster.reason("next"), "Applied", "{lives:?}");
    }
    // Nor is it where it cannot be renamed.
    let mut cluster = holding_messages();
    there_stream(&mut cluster.server, "new");
    cluster.delete("a");
    cluster.objects.push(next());
    cluster.settle().unwrap();
    assert_eq!(cluster.objects.len(), 1);
    assert!(cluster.there().contains("orders/events"));
}

/// A claim is for what is there, or may be: not for what somebody makes later.
#[test]
fn what_was_refused_is_not_held() {
    let mut cluster = Cluster::new(vec![stream("a", 0, json!({ "deletionPolicy": "Delete" }))]);
    cluster.refuses.insert("stream/orders".parse().unwrap());
    for _ in 0..3 {
        cluster.round().unwrap();
    }
    assert_eq!(cluster.reason("a"), "ApplyFailed");
    assert!(cluster.holders().is_empty());
    there_stream(&mut cluster.server, "orders").messages = 3;
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "AdoptionRefused");
    cluster.delete("a");
    cluster.settle().unwrap();
    assert!(cluster.there().contains("orders"));
}

#[test]
fn what_may_have_been_made_is_held() {
    let mut cluster = Cluster::new(vec![stream("a", 0, json!({}))]);
    cluster.unanswered.insert("stream/orders".parse().unwrap());
    cluster.round().unwrap();
    assert_eq!(cluster.holders()["stream/orders"], ["a"]);
    // It came through after all.
    there_stream(&mut cluster.server, "orders");
    cluster.unanswered.clear();
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "Applied");
}

/// What was deleted behind its back and is not made again is still that one, and no other.
#[test]
fn what_is_gone_is_not_what_comes_by_its_name() {
    for refused in [false, true] {
        let policies = json!({ "deletionPolicy": "Delete", "driftPolicy": if refused { "Correct" } else { "Report" } });
        let kept = object(Kind::IggyStream, "kept", 0, json!({}));
        let mut cluster = settled(vec![stream("a", 0, policies), kept]);
        cluster.server.streams.remove(&name("orders"));
        if refused {
            cluster.refuses.insert("stream/orders".parse().unwrap());
        }
        for _ in 0..3 {
            cluster.round().unwrap();
        }
        let made = there_stream(&mut cluster.server, "orders");
        made.created_at_micros += 99;
        cluster.settle().unwrap();
        assert_eq!(cluster.reason("a"), "AdoptionRefused", "{refused}");
        cluster.delete("a");
        cluster.settle().unwrap();
        assert!(cluster.there().contains("orders"), "{refused}");
    }
}

/// Whatever else is wrong with the object.
#[test]
fn what_is_refused_is_told_once() {
    let topology = object(
        Kind::IggyTopology,
        "topology",
        2,
        json!({ "streams": [{ "name": "orders" }, { "name": "theirs" }] }),
    );
    let mut cluster = Cluster::new(vec![stream("a", 1, json!({})), topology]);
    there_stream(&mut cluster.server, "theirs");
    for _ in 0..4 {
        cluster.round().unwrap();
    }
    let told = |cluster: &Cluster| {
        let happenings = cluster.happenings.iter();
        happenings
            .filter(|it| it.reason == EventReason::AdoptionRefused)
            .count()
    };
    assert_eq!(cluster.reason("topology"), "Conflicted");
    assert!(cluster.is_true("topology", "AdoptionRefused"));
    assert_eq!(told(&cluster), 1);
    // Something more is news.
    there_stream(&mut cluster.server, "more");
    let streams = json!([{ "name": "orders" }, { "name": "theirs" }, { "name": "more" }]);
    cluster.change("topology", json!({ "streams": streams }));
    cluster.settle().unwrap();
    cluster.round().unwrap();
    assert_eq!(told(&cluster), 2);
}

/// What asks to be left alone is, whatever else is wrong with the spec.
#[test]
fn an_invalid_spec_deletes_no_more_than_it_says() {
    for (said, stays) in [
        (json!({ "management": "ObserveOnly" }), true),
        (json!({ "deletionPolicy": "Retain" }), true),
        (json!({}), false),
    ] {
        let mut cluster = settled(vec![stream("a", 0, json!({ "deletionPolicy": "Delete" }))]);
        let mut spec =
            json!({ "name": "orders", "topics": [{ "name": "events" }, { "name": "events" }] });
        for (key, value) in said.as_object().unwrap() {
            spec[key] = value.clone();
        }
        cluster.change("a", spec);
        cluster.settle().unwrap();
        assert_eq!(cluster.reason("a"), "InvalidSpec");
        cluster.delete("a");
        cluster.settle().unwrap();
        assert_eq!(cluster.there().contains("orders"), stays, "{said}");
        assert!(cluster.objects.is_empty());
    }
}

/// What the login may not read may be there, and so may whoever is to lose the right to log in.
#[test]
fn what_cannot_be_read_is_not_gone() {
    let mut cluster = Cluster::new(vec![
        stream("a", 0, json!({ "deletionPolicy": "Delete" })),
        object(
            Kind::IggyUser,
            "svc",
            0,
            json!({ "deletionPolicy": "Delete", "password": { "secretKeyRef": { "name": "svc", "key": "password" } } }),
        ),
    ]);
    cluster.settle().unwrap();
    assert_eq!(
        (cluster.reason("a"), cluster.reason("svc")),
        ("Applied", "Applied")
    );
    let orders: Address = "stream/orders".parse().unwrap();
    let hidden = cluster.server.streams.remove(&name("orders")).unwrap();
    cluster.server.gaps.push(ObservationGap {
        address: orders.clone(),
        reason: "unauthorized".to_owned(),
    });
    let refused = AccessReading::Refused {
        reason: "unauthorized".to_owned(),
    };
    let access = std::mem::replace(&mut cluster.server.access, refused);
    cluster.delete("a");
    cluster.delete("svc");
    cluster.settle().unwrap();
    for (of, what) in [("a", "stream/orders"), ("svc", "user/svc")] {
        let ready = cluster.condition(of, "Ready");
        assert!(ready.message.contains(what), "{of}: {ready:?}");
        assert_eq!(ready.status, ConditionStatus::False);
        assert!(cluster.objects[cluster.place(of)].has_finalizer, "{of}");
    }
    cluster.server.streams.insert(name("orders"), hidden);
    cluster.server.gaps.clear();
    cluster.server.access = access;
    cluster.settle().unwrap();
    assert!(cluster.objects.is_empty(), "{:#?}", cluster.objects);
    assert!(!cluster.there().contains("orders"));
}

/// It is told once, and nothing is written about it a second time.
#[test]
fn what_somebody_made_anew_is_refused_once() {
    let mut cluster = Cluster::new(vec![stream("a", 0, json!({}))]);
    cluster.settle().unwrap();
    cluster.server.streams.clear();
    there_stream(&mut cluster.server, "orders");
    cluster.is_the_same = true;
    cluster.happenings.clear();
    let writes = cluster.writes;
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "AdoptionRefused");
    assert_eq!(cluster.writes - writes, 1);
    let told = cluster.happenings.iter();
    let told: Vec<&str> = told.map(|it| it.note.as_str()).collect();
    let [told] = told[..] else {
        panic!("{told:?}");
    };
    assert!(
        told.contains("created anew by somebody else: stream/orders"),
        "{told}"
    );
}
