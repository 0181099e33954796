//! `previousName`: what is held is held under its other name, with its data.

use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::Kind;
use iggyctl_core::state::Incarnation;
use iggyctl_core::testing::there_stream;
use serde_json::{Value, json};

use super::cluster::{Cluster, object};

fn incarnation(cluster: &Cluster, address: &str) -> Option<Incarnation> {
    let address: Address = address.parse().unwrap();
    Incarnation::of(&cluster.server, &address)
}

/// What an object claims, with the numbers.
fn claims(cluster: &Cluster) -> Vec<(String, Option<i64>)> {
    let claims = cluster.objects[0].status.claims.iter();
    claims.map(|it| (it.address.clone(), it.id)).collect()
}

fn number(cluster: &Cluster, address: &str) -> Option<i64> {
    incarnation(cluster, address).map(|it| i64::from(it.id))
}

/// Renamed while it is held: the former name is no longer declared, and nothing is deleted.
fn renamed(kind: Kind, [before, after]: [Value; 2], names: &[[&str; 2]]) {
    for policy in ["Retain", "Delete", "DeleteIfEmpty"] {
        let with_policy = |spec: &Value| {
            let mut spec = spec.clone();
            spec["deletionPolicy"] = json!(policy);
            spec
        };
        let object = object(kind, "a", 0, with_policy(&before));
        let mut cluster = Cluster::new(vec![object]);
        // So that the numbers are not all nought.
        there_stream(&mut cluster.server, "of-somebody-else");
        cluster.settle().unwrap();
        assert_eq!(cluster.reason("a"), "Applied");
        let found: Vec<_> = names
            .iter()
            .map(|[from, _]| incarnation(&cluster, from).unwrap())
            .collect();
        cluster.change("a", with_policy(&after));
        cluster.settle().unwrap();
        assert_eq!(cluster.reason("a"), "Applied", "{policy}");
        for ([from, to], found) in names.iter().zip(found) {
            assert_eq!(incarnation(&cluster, from), None, "{policy}: {from}");
            assert_eq!(incarnation(&cluster, to), Some(found), "{policy}: {to}");
        }
        let expected = names.iter().map(|[_, to]| {
            let address = (*to).to_owned();
            (address, number(&cluster, to))
        });
        assert_eq!(claims(&cluster), expected.collect::<Vec<_>>(), "{policy}");
        let writes = cluster.writes;
        cluster.round().unwrap();
        assert_eq!(cluster.writes, writes, "{policy}");
        // It goes by its new name.
        cluster.delete("a");
        cluster.settle().unwrap();
        // A group has offsets, so nothing that it is in is empty.
        let mut renamed = names.iter().flatten();
        let has_group = renamed.any(|name| name.starts_with("group/"));
        let stays =
            policy == "Retain" || kind == Kind::IggyUser || policy == "DeleteIfEmpty" && has_group;
        for [_, to] in names {
            let is_there = incarnation(&cluster, to).is_some();
            assert_eq!(is_there, stays, "{policy}: {to}");
        }
    }
}

#[test]
fn a_stream_with_its_topics() {
    renamed(
        Kind::IggyStream,
        [
            json!({ "name": "orders", "topics": [{ "name": "events", "consumerGroups": ["billing"] }] }),
            json!({ "name": "sales", "previousName": "orders", "topics": [
                { "name": "happened", "previousName": "events", "consumerGroups": ["billing"] },
            ] }),
        ],
        &[
            ["stream/orders", "stream/sales"],
            ["topic/orders/events", "topic/sales/happened"],
            [
                "group/orders/events/billing",
                "group/sales/happened/billing",
            ],
        ],
    );
}

#[test]
fn a_topic_of_its_own() {
    renamed(
        Kind::IggyTopic,
        [
            json!({ "stream": "of-somebody-else", "name": "events" }),
            json!({ "stream": "of-somebody-else", "name": "happened", "previousName": "events" }),
        ],
        &[[
            "topic/of-somebody-else/events",
            "topic/of-somebody-else/happened",
        ]],
    );
}

#[test]
fn a_user() {
    let password = json!({ "secretKeyRef": { "name": "svc", "key": "password" } });
    renamed(
        Kind::IggyUser,
        [
            json!({ "name": "svc", "password": password }),
            json!({ "name": "service", "previousName": "svc", "password": password }),
        ],
        &[["user/svc", "user/service"]],
    );
}

/// Nobody holds what would be renamed, so it is not taken over without a word.
#[test]
fn what_nobody_holds_is_not_renamed_without_a_word() {
    let spec =
        |adoption: &str| json!({ "name": "sales", "previousName": "orders", "adoption": adoption });
    let mut cluster = Cluster::new(vec![object(Kind::IggyStream, "a", 0, spec("Refuse"))]);
    there_stream(&mut cluster.server, "orders");
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "AdoptionRefused");
    assert_eq!(
        cluster.lines("a"),
        ["stream/sales: AdoptionRefused: rename from stream/orders"]
    );
    cluster.change("a", spec("Adopt"));
    cluster.settle().unwrap();
    assert_eq!(cluster.reason("a"), "Applied");
    assert!(cluster.there().contains("sales") && !cluster.there().contains("orders"));
}
