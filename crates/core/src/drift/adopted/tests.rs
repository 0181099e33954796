use std::collections::{BTreeMap, BTreeSet};

use super::adopted;
use crate::access::UserStatus;
use crate::address::Address;
use crate::drift::tests::{MANIFEST, Record, edited, manifests, record, server, user};
use crate::drift::{Away, Settled};
use crate::name::ResourceName;
use crate::state::observed::{AccessReading, ObservationGap, ObservedState, ObservedTopic};
use crate::state::observed_token::ObservedToken;
use crate::testing::{name, there_group, there_stream, there_topic};

/// What is taken over by an apply of a manifest, in the order of addresses.
fn said(manifest: &str, record: Option<&Record>, live: &ObservedState) -> Vec<String> {
    let applied = record.map(Record::applied);
    let adopted = adopted(&manifests(manifest), applied.as_ref(), live);
    adopted.iter().map(ToString::to_string).collect()
}

/// The same, of what the record of [`MANIFEST`] has, after somebody did this.
fn after(by_hand: impl Fn(&mut ObservedState), in_git: &[(&str, &str)]) -> Vec<String> {
    let mut live = server();
    by_hand(&mut live);
    said(&edited(in_git), Some(&record()), &live)
}

fn topics(live: &mut ObservedState) -> &mut BTreeMap<ResourceName, ObservedTopic> {
    &mut live.streams.get_mut(&name("orders")).unwrap().topics
}

fn rename(live: &mut ObservedState, from: &str, to: &str) {
    let topic = topics(live).remove(&name(from)).unwrap();
    topics(live).insert(name(to), topic);
}

fn none() -> Vec<String> {
    Vec::new()
}

const MORE: [(&str, &str); 1] = [("name: audit", "name: audit\n        - name: more")];

#[test]
fn without_a_record_all_that_is_there() {
    let mut live = server();
    let all = [
        "stream/orders",
        "topic/orders/audit",
        "topic/orders/events",
        "group/orders/events/billing",
        "user/svc-orders",
    ];
    assert_eq!(said(MANIFEST, None, &live), all);
    topics(&mut live).remove(&name("events"));
    assert_eq!(said(MANIFEST, None, &live), [all[0], all[1], all[4]]);
    assert_eq!(said(MANIFEST, None, &ObservedState::default()), none());
}

#[test]
fn what_was_applied_is_not_taken_over_again() {
    assert_eq!(after(|_| {}, &[]), none());
    // Whatever somebody has made of it.
    let change = |live: &mut ObservedState| {
        there_topic(live, "orders", "events").partitions = 9;
        user(live).status = UserStatus::Inactive;
        topics(live).remove(&name("audit"));
    };
    assert_eq!(after(change, &[("7d", "2d")]), none());
}

#[test]
fn what_is_declared_for_the_first_time_and_there() {
    let create = |live: &mut ObservedState| {
        there_topic(live, "orders", "more");
        there_topic(live, "orders", "of-others");
    };
    assert_eq!(after(create, &MORE), ["topic/orders/more"]);
    assert_eq!(after(|_| {}, &MORE), none());
    // Also where it is declared otherwise.
    let otherwise = [(
        MORE[0].0,
        "name: audit\n        - { name: more, partitions: 7 }",
    )];
    assert_eq!(after(create, &otherwise), ["topic/orders/more"]);
    // What is not declared any more is released, and may be taken over later.
    let mut earlier = record();
    earlier.state = manifests(&edited(&[("        - name: audit\n", "")]));
    assert_eq!(
        said(MANIFEST, Some(&earlier), &server()),
        ["topic/orders/audit"]
    );
}

#[test]
fn what_was_left_to_be_created_and_was_created_by_somebody() {
    let mut live = server();
    let more = edited(&MORE);
    let Settled { left, .. } = Settled::of(&manifests(&more), &live, Some(&record().applied()));
    let record = Record {
        state: manifests(&more),
        left,
        ..record()
    };
    assert_eq!(said(&more, Some(&record), &live), none());
    there_topic(&mut live, "orders", "more");
    assert_eq!(said(&more, Some(&record), &live), ["topic/orders/more"]);
}

#[test]
fn another_one_of_the_name_with_what_is_in_it() {
    let topic = |live: &mut ObservedState| {
        there_topic(live, "orders", "events").created_at_micros += 1;
    };
    let expected = ["topic/orders/events", "group/orders/events/billing"];
    assert_eq!(after(topic, &[]), expected);
    let group = |live: &mut ObservedState| {
        there_group(live, "orders", "events", "former");
        there_group(live, "orders", "events", "billing");
    };
    assert_eq!(after(group, &[]), ["group/orders/events/billing"]);
    let owner = |live: &mut ObservedState| user(live).created_at_micros += 1;
    assert_eq!(after(owner, &[]), ["user/svc-orders"]);
}

#[test]
fn a_name_does_not_make_it_another_one() {
    let renamed = [("name: audit", "name: log\n          previousName: audit")];
    assert_eq!(after(|_| {}, &renamed), none());
    // By hand, which Git follows.
    let by_hand = |live: &mut ObservedState| rename(live, "audit", "log");
    assert_eq!(after(by_hand, &[("name: audit", "name: log")]), none());
    assert_eq!(after(by_hand, &renamed), none());
    let stream = |live: &mut ObservedState| {
        let orders = live.streams.remove(&name("orders")).unwrap();
        live.streams.insert(name("sales"), orders);
    };
    assert_eq!(after(stream, &[("name: orders", "name: sales")]), none());
    // Something else that gets a declared name.
    let other = |live: &mut ObservedState| {
        topics(live).remove(&name("audit"));
        let other = there_topic(live, "orders", "other");
        (other.id, other.created_at_micros) = (9, 1);
    };
    let takes = [("name: audit", "name: audit\n          previousName: other")];
    assert_eq!(after(other, &takes), ["topic/orders/audit"]);
}

#[test]
fn what_got_another_name_by_hand_before_another_one_was_made() {
    let mut live = server();
    let audit = topics(&mut live)[&name("audit")].clone();
    topics(&mut live).insert(name("audit-2025"), audit);
    let anew = there_topic(&mut live, "orders", "audit");
    (anew.id, anew.created_at_micros) = (7, 1_790_000_000_000_000);
    let mut record = record();
    let address: Address = "topic/orders/audit".parse().unwrap();
    let was = record.incarnations[&address];
    let now = crate::diff::Incarnation::of(&live, &address).unwrap();
    record.incarnations.insert(address.clone(), now);
    record.away.insert(Away { address, was });
    let both = edited(&[("name: audit", "name: audit\n        - name: audit-2025")]);
    assert_eq!(said(&both, Some(&record), &live), none());
    record.away.clear();
    assert_eq!(
        said(&both, Some(&record), &live),
        ["topic/orders/audit-2025"]
    );
}

#[test]
fn of_what_nobody_knows_nothing_is_said() {
    let mut live = server();
    there_topic(&mut live, "orders", "events").created_at_micros += 1;
    let mut record = record();
    for text in ["topic/orders/events", "group/orders/events/billing"] {
        record.unsettled.insert(text.parse().unwrap());
    }
    assert_eq!(said(MANIFEST, Some(&record), &live), none());
    // What could not be read.
    let mut live = server();
    live.access = AccessReading::Refused {
        reason: "the login may not do this".to_owned(),
    };
    live.streams.clear();
    live.gaps.push(ObservationGap {
        address: "stream/orders".parse().unwrap(),
        reason: "the login may not do this".to_owned(),
    });
    assert_eq!(said(MANIFEST, None, &live), none());
}

#[test]
fn what_was_passed_over() {
    let mut record = record();
    let audit: Address = "topic/orders/audit".parse().unwrap();
    record.passed_over = BTreeSet::from([audit]);
    assert_eq!(
        said(MANIFEST, Some(&record), &server()),
        ["topic/orders/audit"]
    );
    let renamed = edited(&[("name: audit", "name: log\n          previousName: audit")]);
    assert_eq!(
        said(&renamed, Some(&record), &server()),
        ["topic/orders/log"]
    );
}

#[test]
fn what_is_only_named_is_nobodys() {
    let mut live = ObservedState::default();
    there_stream(&mut live, "orders");
    there_topic(&mut live, "orders", "events");
    let topic = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopic\nmetadata: { name: events }\n\
                 spec: { stream: orders }\n";
    assert_eq!(said(topic, None, &live), ["topic/orders/events"]);
}

#[test]
fn tokens_by_their_names_and_owners() {
    let token = edited(&[(
        "      status: active\n",
        "      status: active\n      tokens: [{ name: ci, expiry: 30d, writeTo: { file: ci.token } }]\n",
    )]);
    let mut live = server();
    let tokens = BTreeMap::from([(
        name("ci"),
        ObservedToken {
            expires_at_micros: None,
        },
    )]);
    user(&mut live).tokens = Some(tokens);
    let mut record = record();
    assert_eq!(said(&token, Some(&record), &live), ["token/svc-orders/ci"]);
    record.state = manifests(&token);
    assert_eq!(said(&token, Some(&record), &live), none());
    // Those of another user of that name.
    user(&mut live).created_at_micros += 1;
    let both = ["user/svc-orders", "token/svc-orders/ci"];
    assert_eq!(said(&token, Some(&record), &live), both);
    // Only its user sees it.
    user(&mut live).tokens = None;
    assert_eq!(said(&token, Some(&record), &live), both[..1]);
}
