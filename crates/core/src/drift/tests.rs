use std::collections::{BTreeMap, BTreeSet};

use super::{Applied, DriftItem, DriftKind, drift, to_observe};
use crate::access::UserStatus;
use crate::address::Address;
use crate::diff::Incarnation;
use crate::manifest::{SourceFile, Variables, compile};
use crate::quantity::MessageExpiry;
use crate::state::desired::DesiredState;
use crate::state::observed::{AccessReading, ObservationGap, ObservedState};
use crate::state::observed_access::{KnownStream, ObservedAccess, ObservedUser, PasswordCheck};
use crate::testing::{name, there_group, there_stream, there_topic};

const MANIFEST: &str = "
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  owns: { streams: [orders, \"new-*\"], users: [\"svc-*\"] }
  streams:
    - name: orders
      topics:
        - name: events
          partitions: 3
          messageExpiry: 7d
          consumerGroups: [billing]
        - name: audit
  users:
    - name: svc-orders
      status: active
      password: { env: PASSWORD }
      permissions:
        streams:
          - name: orders
            allow: [read_stream]
";

fn manifests(text: &str) -> DesiredState {
    let file = SourceFile::new("topology.yaml", text.as_bytes());
    compile(&[file], &Variables::default()).unwrap().state
}

/// A server as the manifest wants it.
fn server() -> ObservedState {
    let mut live = ObservedState::default();
    there_group(&mut live, "orders", "events", "billing");
    let topic = there_topic(&mut live, "orders", "events");
    topic.partitions = 3;
    topic.settings.message_expiry = Some("7d".parse().unwrap());
    there_topic(&mut live, "orders", "audit");
    let mut access = ObservedAccess::default();
    let stream = &live.streams[&name("orders")];
    let topics = stream.topics.iter();
    let known = KnownStream {
        name: name("orders"),
        topics: Some(topics.map(|(name, it)| (it.id, name.clone())).collect()),
    };
    access.streams.insert(stream.id, known);
    let mut user = ObservedUser {
        id: 1,
        created_at_micros: 1_700_000_000_000_000,
        status: UserStatus::Active,
        grants: crate::access::Grants::default(),
        password: PasswordCheck::NotChecked,
        tokens: None,
    };
    let granted = user.grants.streams.entry(stream.id).or_default();
    granted
        .allow
        .insert(crate::access::StreamPermission::ReadStream);
    access.users.insert(name("svc-orders"), user);
    live.access = AccessReading::Read(Box::new(access));
    live
}

fn user(live: &mut ObservedState) -> &mut ObservedUser {
    let AccessReading::Read(access) = &mut live.access else {
        panic!("users are read");
    };
    access.users.get_mut(&name("svc-orders")).unwrap()
}

struct Record {
    state: DesiredState,
    incarnations: BTreeMap<Address, Incarnation>,
    unsettled: BTreeSet<Address>,
    removed: BTreeSet<Address>,
}

fn record() -> Record {
    let (state, live) = (manifests(MANIFEST), server());
    let addresses = [
        "stream/orders",
        "topic/orders/events",
        "topic/orders/audit",
        "group/orders/events/billing",
        "user/svc-orders",
    ];
    let found = addresses.iter().map(|text| {
        let address: Address = text.parse().unwrap();
        let found = Incarnation::of(&live, &address).unwrap();
        (address, found)
    });
    Record {
        state,
        incarnations: found.collect(),
        unsettled: BTreeSet::new(),
        removed: BTreeSet::new(),
    }
}

impl Record {
    fn items(&self, manifest: &str, live: &ObservedState) -> Vec<DriftItem> {
        let applied = Applied {
            state: &self.state,
            incarnations: &self.incarnations,
            unsettled: &self.unsettled,
            removed: &self.removed,
            at_micros: 1_800_000_000_000_000,
        };
        drift(&manifests(manifest), Some(&applied), live)
    }
}

fn said(items: &[DriftItem]) -> Vec<String> {
    items
        .iter()
        .map(|item| {
            let attribute = item.attribute.as_deref().unwrap_or("-");
            let value = |value: &Option<String>| value.clone().unwrap_or("-".to_owned());
            let values = [&item.applied, &item.live, &item.declared].map(value);
            let now = item
                .now
                .as_ref()
                .map_or(String::new(), |it| format!(" now {it}"));
            let word = item.kind.word();
            format!(
                "{} {attribute} {word} {}{now}",
                item.address,
                values.join(" ")
            )
        })
        .collect()
}

/// What is said after somebody did this to the server, and that in Git.
fn after(by_hand: impl Fn(&mut ObservedState), in_git: &[(&str, &str)]) -> Vec<String> {
    let mut live = server();
    by_hand(&mut live);
    let manifest = edited(in_git);
    said(&record().items(&manifest, &live))
}

fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(MANIFEST.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

fn expiry(live: &mut ObservedState, text: &str) {
    let expiry: MessageExpiry = text.parse().unwrap();
    there_topic(live, "orders", "events")
        .settings
        .message_expiry = Some(expiry);
}

fn nothing(_: &mut ObservedState) {}

#[test]
fn nothing_changed() {
    assert_eq!(after(nothing, &[]), Vec::<String>::new());
}

#[test]
fn an_attribute_by_hand_in_git_or_both() {
    let is = |found: Vec<String>, values: &str| {
        assert_eq!(
            found,
            [format!("topic/orders/events messageExpiry {values}")]
        );
    };
    is(after(|live| expiry(live, "1h"), &[]), "changed 7d 1h 7d");
    is(after(nothing, &[("7d", "1h")]), "ahead 7d 7d 1h");
    is(
        after(|live| expiry(live, "1h"), &[("7d", "2d")]),
        "both 7d 1h 2d",
    );
    is(
        after(|live| expiry(live, "1h"), &[("7d", "1h")]),
        "adopted 7d 1h 1h",
    );
    let gone = [("messageExpiry: 7d", "compression: none")];
    is(after(|live| expiry(live, "1h"), &gone), "released 7d 1h -");
}

#[test]
fn what_git_declares_for_the_first_time_is_ahead() {
    let found = after(
        nothing,
        &[("name: audit", "name: audit\n          maxTopicSize: 5GiB")],
    );
    assert_eq!(
        found,
        ["topic/orders/audit maxTopicSize ahead - unlimited 5GiB"]
    );
    let found = after(
        nothing,
        &[("name: audit", "name: audit\n        - name: late")],
    );
    assert_eq!(found, ["topic/orders/late - ahead - - -"]);
}

#[test]
fn deleted_renamed_and_created_again_by_hand() {
    let orders = name("orders");
    let delete = |live: &mut ObservedState| {
        live.streams
            .get_mut(&orders)
            .unwrap()
            .topics
            .remove(&name("events"));
    };
    assert_eq!(
        after(delete, &[]),
        [
            "topic/orders/events - deleted - - -",
            "group/orders/events/billing - deleted - - -"
        ]
    );
    let dropped = [("        - name: audit\n", "")];
    let delete_audit = |live: &mut ObservedState| {
        live.streams
            .get_mut(&orders)
            .unwrap()
            .topics
            .remove(&name("audit"));
    };
    assert_eq!(
        after(delete_audit, &dropped),
        ["topic/orders/audit - gone - - -"]
    );
    let again = |live: &mut ObservedState| {
        let topics = &mut live.streams.get_mut(&orders).unwrap().topics;
        topics.get_mut(&name("audit")).unwrap().created_at_micros += 1;
    };
    assert_eq!(after(again, &[]), ["topic/orders/audit - recreated - - -"]);
    let all_again = |live: &mut ObservedState| {
        let stream = live.streams.get_mut(&orders).unwrap();
        stream.created_at_micros += 1;
        for topic in stream.topics.values_mut() {
            topic.created_at_micros += 1;
        }
    };
    assert_eq!(after(all_again, &[]), ["stream/orders - recreated - - -"]);
    let rename = |live: &mut ObservedState| {
        let topics = &mut live.streams.get_mut(&orders).unwrap().topics;
        let events = topics.remove(&name("events")).unwrap();
        topics.insert(name("events2"), events);
    };
    assert_eq!(
        after(rename, &[]),
        [
            "topic/orders/events - renamed - - - now topic/orders/events2",
            "group/orders/events/billing - renamed - - - now group/orders/events2/billing",
        ]
    );
    let group = |live: &mut ObservedState| {
        let topics = &mut live.streams.get_mut(&orders).unwrap().topics;
        let groups = &mut topics.get_mut(&name("events")).unwrap().groups;
        groups
            .as_mut()
            .unwrap()
            .get_mut(&name("billing"))
            .unwrap()
            .id = 7;
    };
    assert_eq!(
        after(group, &[]),
        ["group/orders/events/billing - recreated - - -"]
    );
}

#[test]
fn a_rename_in_git_is_ahead_and_hides_no_drift() {
    let renamed = [
        (
            "- name: orders\n      topics",
            "- name: sales\n      previousName: orders\n      topics",
        ),
        (
            "- name: orders\n            allow",
            "- name: sales\n            allow",
        ),
    ];
    assert_eq!(
        after(|live| expiry(live, "1h"), &renamed),
        [
            "stream/sales name ahead - orders sales now stream/orders",
            "topic/sales/events messageExpiry changed 7d 1h 7d",
        ]
    );
}

#[test]
fn what_nobody_declares_appeared_came_back_or_was_there() {
    let later = |live: &mut ObservedState| {
        there_stream(live, "new-one").created_at_micros = 1_800_000_000_000_001;
    };
    assert_eq!(after(later, &[]), ["stream/new-one - appeared - - -"]);
    let before = |live: &mut ObservedState| {
        there_stream(live, "new-one");
    };
    assert_eq!(after(before, &[]), ["stream/new-one - undeclared - - -"]);
    let mut live = server();
    later(&mut live);
    let mut record = record();
    record.removed.insert("stream/new-one".parse().unwrap());
    assert_eq!(
        said(&record.items(MANIFEST, &live)),
        ["stream/new-one - cameBack - - -"]
    );
    // Of somebody else as long as it was not owned when it came.
    let widened = [("\"new-*\"", "\"new-*\", \"far-*\"")];
    let far = |live: &mut ObservedState| {
        there_stream(live, "far-one").created_at_micros = 1_800_000_000_000_001;
    };
    assert_eq!(after(far, &widened), ["stream/far-one - undeclared - - -"]);
    assert_eq!(after(far, &[]), Vec::<String>::new());
}

#[test]
fn what_git_drops_waits_to_be_pruned() {
    let dropped = [("        - name: audit\n", "")];
    assert_eq!(
        after(nothing, &dropped),
        ["topic/orders/audit - notPruned - - -"]
    );
}

#[test]
fn grants_by_hand() {
    let granted = |live: &mut ObservedState| {
        let grants = &mut user(live).grants;
        grants
            .server
            .insert(crate::access::ServerPermission::ReadServers);
        grants.streams.clear();
    };
    assert_eq!(
        after(granted, &[]),
        [
            "user/svc-orders permissions server changed nothing read_servers nothing",
            "user/svc-orders permissions stream/orders changed read_stream nothing read_stream",
        ]
    );
    let inactive = |live: &mut ObservedState| user(live).status = UserStatus::Inactive;
    assert_eq!(
        after(inactive, &[]),
        ["user/svc-orders status changed active inactive active"]
    );
    let password = |live: &mut ObservedState| user(live).password = PasswordCheck::Neither;
    assert_eq!(after(password, &[]), Vec::<String>::new());
}

#[test]
fn nobody_can_tell_where_the_last_apply_did_not_finish_or_nothing_is_recorded() {
    let mut live = server();
    expiry(&mut live, "1h");
    let mut record = record();
    record
        .unsettled
        .insert("topic/orders/events".parse().unwrap());
    assert_eq!(
        said(&record.items(MANIFEST, &live)),
        ["topic/orders/events messageExpiry unsettled 7d 1h 7d"]
    );
    let items = drift(&manifests(MANIFEST), None, &live);
    assert_eq!(
        said(&items),
        ["topic/orders/events messageExpiry unrecorded - 1h 7d"]
    );
    assert_eq!(items[0].kind, DriftKind::Unrecorded);
}

#[test]
fn what_cannot_be_read_is_said() {
    let refused = |live: &mut ObservedState| {
        live.streams.clear();
        live.gaps.push(ObservationGap {
            address: Address::Stream(name("orders")),
            reason: "unauthorized".to_owned(),
        });
    };
    let found = after(refused, &[]);
    let all = found.iter().filter(|it| it.contains("unreadable")).count();
    // The stream, two topics and a group.
    assert_eq!(all, 4, "{found:#?}");
}

#[test]
fn what_is_observed_covers_both() {
    let applied = manifests(MANIFEST);
    let desired = manifests(&edited(&[
        ("name: orders\n      topics", "name: sales\n      topics"),
        (
            "- name: orders\n            allow",
            "- name: sales\n            allow",
        ),
    ]));
    let both = to_observe(&desired, Some(&applied));
    for address in [
        "topic/orders/events",
        "topic/sales/events",
        "user/svc-orders",
    ] {
        assert!(both.declares(&address.parse().unwrap()), "{address}");
    }
    assert_eq!(to_observe(&desired, None), desired);
    assert_eq!(
        to_observe(&applied, Some(&applied)).streams,
        applied.streams
    );
}
