use std::collections::{BTreeMap, BTreeSet};

use super::{
    Applied, Away, DriftClass, DriftItem, DriftKind, Left, LeftAttribute, Settled, drift,
    to_observe,
};
use crate::access::UserStatus;
use crate::address::Address;
use crate::diff::Incarnation;
use crate::manifest::{SourceFile, Variables, compile};
use crate::quantity::MessageExpiry;
use crate::state::desired::DesiredState;
use crate::state::observed::{AccessReading, ObservationGap, ObservedState};
use crate::state::observed_access::{KnownStream, ObservedAccess, ObservedUser, PasswordCheck};
use crate::testing::{name, there_group, there_stream, there_topic};

pub(super) const MANIFEST: &str = "
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

pub(super) fn manifests(text: &str) -> DesiredState {
    let file = SourceFile::new("topology.yaml", text.as_bytes());
    compile(&[file], &Variables::default()).unwrap().state
}

/// A server as the manifest wants it.
pub(super) fn server() -> ObservedState {
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

pub(super) fn user(live: &mut ObservedState) -> &mut ObservedUser {
    let AccessReading::Read(access) = &mut live.access else {
        panic!("users are read");
    };
    access.users.get_mut(&name("svc-orders")).unwrap()
}

pub(super) struct Record {
    pub(super) state: DesiredState,
    pub(super) incarnations: BTreeMap<Address, Incarnation>,
    pub(super) unsettled: BTreeSet<Address>,
    pub(super) left: Left,
    pub(super) away: BTreeSet<Away>,
    pub(super) removed: BTreeSet<Address>,
    pub(super) passed_over: BTreeSet<Address>,
}

pub(super) fn record() -> Record {
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
        left: Left::default(),
        away: BTreeSet::new(),
        removed: BTreeSet::new(),
        passed_over: BTreeSet::new(),
    }
}

impl Record {
    pub(super) fn applied(&self) -> Applied<'_> {
        Applied {
            state: &self.state,
            incarnations: &self.incarnations,
            unsettled: &self.unsettled,
            left: &self.left,
            away: &self.away,
            removed: &self.removed,
            passed_over: &self.passed_over,
            at_micros: 1_800_000_000_000_000,
        }
    }

    fn items(&self, manifest: &str, live: &ObservedState) -> Vec<DriftItem> {
        drift(&manifests(manifest), Some(&self.applied()), live)
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

pub(super) fn edited(edits: &[(&str, &str)]) -> String {
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

/// A record of an apply that did nothing of this manifest, on this server.
fn record_without_steps(manifest: &str, live: &ObservedState, previous: &Record) -> Record {
    let state = manifests(manifest);
    let Settled {
        incarnations,
        unsettled,
        left,
    } = Settled::of(&state, live, Some(&previous.applied()));
    Record {
        away: Away::of(&state, live, &previous.applied()),
        state,
        incarnations,
        unsettled,
        left,
        removed: BTreeSet::new(),
        passed_over: BTreeSet::new(),
    }
}

#[test]
fn what_an_apply_left_is_compared_with_what_it_was() {
    let longer = edited(&[
        ("7d", "9d"),
        ("name: audit", "name: audit\n        - name: late"),
    ]);
    let record = record_without_steps(&longer, &server(), &record());
    let items = said(&record.items(&longer, &server()));
    assert_eq!(
        items,
        [
            "topic/orders/events messageExpiry ahead 7d 7d 9d",
            "topic/orders/late - ahead - - -",
        ]
    );
    let after = |text: &str| {
        let mut live = server();
        expiry(&mut live, text);
        said(&record.items(&longer, &live))[0].clone()
    };
    assert_eq!(
        after("1h"),
        "topic/orders/events messageExpiry both 7d 1h 9d"
    );
    assert_eq!(
        after("9d"),
        "topic/orders/events messageExpiry adopted 7d 9d 9d"
    );
    // Git went back to what was there all along.
    let mut live = server();
    expiry(&mut live, "1h");
    assert_eq!(
        said(&record.items(MANIFEST, &live)),
        ["topic/orders/events messageExpiry changed 7d 1h 7d"]
    );
    // Another attribute of the same topic.
    let mut live = server();
    there_topic(&mut live, "orders", "events").partitions = 9;
    assert!(
        said(&record.items(&longer, &live))
            .contains(&"topic/orders/events partitions changed 3 9 3".to_owned())
    );
    // Somebody makes what was left out, as it is declared.
    let mut live = server();
    there_topic(&mut live, "orders", "late");
    let made = said(&record.items(&longer, &live));
    assert_eq!(made.len(), 2);
    assert!(
        made.contains(&"topic/orders/late - adopted - - -".to_owned()),
        "{made:?}"
    );
}

#[test]
fn to_leave_alone_what_was_changed_by_hand_does_not_make_it_applied() {
    let mut live = server();
    expiry(&mut live, "1h");
    let topics = &mut live.streams.get_mut(&name("orders")).unwrap().topics;
    topics.remove(&name("audit"));
    user(&mut live).status = UserStatus::Inactive;
    let drifted = [
        "topic/orders/audit - deleted - - -",
        "topic/orders/events messageExpiry changed 7d 1h 7d",
        "user/svc-orders status changed active inactive active",
    ];
    let mut record = record();
    for _ in 0..3 {
        assert_eq!(said(&record.items(MANIFEST, &live)), drifted);
        record = record_without_steps(MANIFEST, &live, &record);
    }
}

#[test]
fn grants_that_an_apply_left_are_compared_with_what_they_were() {
    let more = edited(&[(
        "allow: [read_stream]",
        "allow: [read_stream, send_messages]",
    )]);
    let record = record_without_steps(&more, &server(), &record());
    let scope = "user/svc-orders permissions stream/orders";
    let said = |live: &ObservedState| said(&record.items(&more, live));
    let is = |live: &ObservedState, words: &str| {
        let items = said(live);
        assert_eq!(items.len(), 1);
        assert!(
            items[0].starts_with(&format!("{scope} {words}")),
            "{items:?}"
        );
    };
    is(&server(), "ahead read_stream");
    let mut live = server();
    user(&mut live).grants.streams.clear();
    is(&live, "both read_stream nothing");
    // Granted by hand, as Git declares it.
    let mut live = server();
    let granted = user(&mut live).grants.streams.values_mut().next().unwrap();
    granted
        .allow
        .insert(crate::access::StreamPermission::SendMessages);
    is(&live, "adopted read_stream");
}

#[test]
fn of_an_attribute_that_was_being_changed_nobody_can_tell_and_of_the_others_they_can() {
    let mut record = record();
    let unknown = LeftAttribute {
        live: None,
        recorded: None,
        declared: "7d".to_owned(),
    };
    let events: Address = "topic/orders/events".parse().unwrap();
    let attributes = record.left.attributes.entry(events).or_default();
    attributes.insert("messageExpiry".to_owned(), unknown);
    assert_eq!(record.items(MANIFEST, &server()), Vec::new());
    let mut live = server();
    expiry(&mut live, "1h");
    there_topic(&mut live, "orders", "events").partitions = 9;
    assert_eq!(
        said(&record.items(MANIFEST, &live)),
        [
            "topic/orders/events messageExpiry unsettled - 1h 7d",
            "topic/orders/events partitions changed 3 9 3",
        ]
    );
}

#[test]
fn a_rename_that_was_left_out_is_ahead_and_one_by_hand_is_drift() {
    let renamed = edited(&[("name: audit", "name: log\n          previousName: audit")]);
    let record = record_without_steps(&renamed, &server(), &record());
    assert_eq!(
        said(&record.items(&renamed, &server())),
        ["topic/orders/log name ahead audit audit log now topic/orders/audit"]
    );
    let mut live = server();
    let topics = &mut live.streams.get_mut(&name("orders")).unwrap().topics;
    let audit = topics.remove(&name("audit")).unwrap();
    topics.insert(name("other"), audit);
    assert_eq!(
        said(&record.items(&renamed, &live)),
        ["topic/orders/log - renamed - - - now topic/orders/other"]
    );
}

#[test]
fn what_was_renamed_by_hand_is_not_forgotten_when_another_one_is_made() {
    let mut live = server();
    let topics = &mut live.streams.get_mut(&name("orders")).unwrap().topics;
    let audit = topics.remove(&name("audit")).unwrap();
    topics.insert(name("audit-2025"), audit);
    let renamed = ["topic/orders/audit - renamed - - - now topic/orders/audit-2025"];
    assert_eq!(said(&record().items(MANIFEST, &live)), renamed);
    // Left alone it stays so.
    let mut record = record_without_steps(MANIFEST, &live, &record());
    assert_eq!(said(&record.items(MANIFEST, &live)), renamed);
    // An apply makes it anew.
    let audit = there_topic(&mut live, "orders", "audit");
    audit.id = 7;
    audit.created_at_micros = 1_790_000_000_000_000;
    let address: Address = "topic/orders/audit".parse().unwrap();
    let now = Incarnation::of(&live, &address).unwrap();
    record.incarnations.insert(address, now);
    let away = ["topic/orders/audit - renamedAway - - - now topic/orders/audit-2025"];
    let items = record.items(MANIFEST, &live);
    assert_eq!(said(&items), away);
    assert_eq!(items[0].kind.class(), DriftClass::Information);
    // And once more, for other reasons.
    record = record_without_steps(MANIFEST, &live, &record);
    assert_eq!(said(&record.items(MANIFEST, &live)), away);
    // Until it is declared, or gone.
    let declared = edited(&[("name: audit", "name: audit\n        - name: audit-2025")]);
    assert_eq!(said(&record.items(&declared, &live)), Vec::<String>::new());
    let topics = &mut live.streams.get_mut(&name("orders")).unwrap().topics;
    topics.remove(&name("audit-2025"));
    assert_eq!(said(&record.items(MANIFEST, &live)), Vec::<String>::new());
    let record = record_without_steps(MANIFEST, &live, &record);
    assert_eq!(record.away, BTreeSet::new());
}
