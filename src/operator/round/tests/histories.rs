//! Any history: of any server, with any former statuses, objects come and go, are changed and
//! paused, somebody else changes the server, and the operator is killed, in any order.

use std::sync::Arc;

use iggyctl_core::access::UserStatus;
use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::{Adoption, DriftPolicy, Kind, Management};
use iggyctl_core::plan::Approvals;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::AccessReading;
use iggyctl_core::state::observed_access::{ObservedUser, PasswordCheck};
use iggyctl_core::state::{DeletionPolicy, Incarnation};
use iggyctl_core::testing::{name, there_group, there_stream, there_topic};
use jiff::Timestamp;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::super::{is_settled, time};
use super::cluster::{Cluster, compared, object};
use crate::operator::model::{Declared, Object};
use crate::operator::resources::status::{
    Claim, Condition, ConditionStatus, Conflict, TopologyStatus,
};

/// What somebody else does on the server.
#[derive(Debug, Clone)]
enum ByHand {
    MakeStream(&'static str),
    MakeTopic(&'static str, &'static str),
    MakeGroup(&'static str, &'static str),
    MakeUser(&'static str),
    RemoveStream(&'static str),
    RemoveTopic(&'static str, &'static str),
    RemoveGroup(&'static str, &'static str),
    RemoveUser(&'static str),
    Disable(&'static str),
    Partitions(&'static str, &'static str, u32),
    Expiry(&'static str, &'static str),
    Send(&'static str, &'static str),
}

#[derive(Debug, Clone)]
enum Event {
    ByHand(ByHand),
    Create(Object),
    /// Of one of the objects, where it is of the same kind.
    Edit(usize, Object),
    Delete(usize),
    Pause(usize, bool),
    Round,
    /// Killed after so many writes.
    Killed(usize),
}

/// What an object is said to hold.
#[derive(Debug, Clone)]
struct Former {
    address: &'static str,
    /// Whether it is what the server has now, another one, or one that was about to be made.
    which: u8,
    policy: DeletionPolicy,
    is_conflict: bool,
}

const STREAMS: [&str; 2] = ["one", "two"];
/// A topic that no object ever declares.
const THEIRS: &str = "theirs";
const ADDRESSES: [&str; 10] = [
    "stream/one",
    "stream/two",
    "topic/one/x",
    "topic/one/y",
    "topic/two/x",
    "topic/two/z",
    "group/one/x/g",
    "group/two/x/g",
    "user/ann",
    "user/bob",
];

fn of<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = T> + use<T> {
    select(values.to_vec())
}

fn by_hand() -> impl Strategy<Value = ByHand> {
    let stream = || of(&STREAMS);
    let topic = || of(&["x", "y", "z", THEIRS]);
    let user = || of(&["ann", "bob"]);
    prop_oneof![
        stream().prop_map(ByHand::MakeStream),
        (stream(), topic()).prop_map(|(stream, topic)| ByHand::MakeTopic(stream, topic)),
        (stream(), topic()).prop_map(|(stream, topic)| ByHand::MakeGroup(stream, topic)),
        user().prop_map(ByHand::MakeUser),
        stream().prop_map(ByHand::RemoveStream),
        (stream(), topic()).prop_map(|(stream, topic)| ByHand::RemoveTopic(stream, topic)),
        (stream(), topic()).prop_map(|(stream, topic)| ByHand::RemoveGroup(stream, topic)),
        user().prop_map(ByHand::RemoveUser),
        user().prop_map(ByHand::Disable),
        (stream(), topic(), 1..5_u32)
            .prop_map(|(stream, topic, count)| ByHand::Partitions(stream, topic, count)),
        (stream(), topic()).prop_map(|(stream, topic)| ByHand::Expiry(stream, topic)),
        (stream(), topic()).prop_map(|(stream, topic)| ByHand::Send(stream, topic)),
    ]
}

fn a_topic(topic: &'static str) -> impl Strategy<Value = Value> {
    let policy = option::of(of(&["Retain", "Delete", "DeleteIfEmpty"]));
    let groups = subsequence(vec!["g", "h"], 0..=2);
    let expiry = option::of(of(&["7d", "2d"]));
    let partitions = option::of(1..4_u32);
    (partitions, expiry, groups, policy, any::<bool>()).prop_map(
        move |(partitions, expiry, groups, policy, may_shrink)| {
            let mut declared = json!({ "name": topic, "consumerGroups": groups });
            let more = [
                ("partitions", json!(partitions)),
                ("messageExpiry", json!(expiry)),
                ("deletionPolicy", json!(policy)),
                ("allowPartitionShrink", json!(may_shrink)),
            ];
            for (field, value) in more.into_iter().filter(|(_, value)| !value.is_null()) {
                declared[field] = value;
            }
            declared
        },
    )
}

/// An object of any kind but that of tokens, whose name is given later.
fn an_object() -> impl Strategy<Value = Object> {
    let kinds = [
        Kind::IggyStream,
        Kind::IggyTopology,
        Kind::IggyTopic,
        Kind::IggyConsumerGroup,
        Kind::IggyUser,
    ];
    let lifecycle = (
        of(&["Full", "Full", "Full", "CreateOnly", "ObserveOnly"]),
        of(&["Correct", "Correct", "Report"]),
        of(&["Refuse", "Adopt"]),
        of(&["Retain", "Delete", "DeleteIfEmpty"]),
    );
    let topics = (a_topic("x"), a_topic("y"), a_topic("z"), 0..8_u8);
    let user = (of(&["ann", "bob"]), option::of(of(&["active", "inactive"])));
    (of(&kinds), of(&STREAMS), topics, user, lifecycle, 0..5_i64).prop_map(
        |(kind, stream, (x, y, z, which), (user, status), lifecycle, age)| {
            let (management, drift, adoption, deletion) = lifecycle;
            let topics = [x, y, z].into_iter().enumerate();
            let topics: Vec<Value> = topics
                .filter(|(place, _)| which & (1 << place) != 0)
                .map(|(_, topic)| topic)
                .collect();
            let first = topics.first().cloned().unwrap_or(json!({ "name": "x" }));
            let mut user = json!({ "name": user, "status": status, "password": {
                "secretKeyRef": { "name": "users", "key": user },
            } });
            if status.is_none() {
                user.as_object_mut().unwrap().remove("status");
            }
            let mut spec = match kind {
                Kind::IggyStream => json!({ "name": stream, "topics": topics }),
                Kind::IggyTopology => {
                    json!({ "streams": [{ "name": stream, "topics": topics }], "users": [user] })
                }
                Kind::IggyTopic => {
                    let mut topic = first;
                    topic["stream"] = json!(stream);
                    topic
                }
                Kind::IggyConsumerGroup => {
                    json!({ "stream": stream, "topic": first["name"], "name": "g" })
                }
                _ => user,
            };
            spec["management"] = json!(management);
            spec["driftPolicy"] = json!(drift);
            spec["adoption"] = json!(adoption);
            spec["deletionPolicy"] = json!(deletion);
            object(kind, "", age, spec)
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => by_hand().prop_map(Event::ByHand),
        3 => an_object().prop_map(Event::Create),
        2 => (0..6_usize, an_object()).prop_map(|(which, object)| Event::Edit(which, object)),
        1 => (0..6_usize).prop_map(Event::Delete),
        1 => (0..6_usize, any::<bool>()).prop_map(|(which, pause)| Event::Pause(which, pause)),
        3 => Just(Event::Round),
        2 => (0..8_usize).prop_map(Event::Killed),
    ]
}

fn former() -> impl Strategy<Value = Former> {
    let policies = [
        DeletionPolicy::Retain,
        DeletionPolicy::Delete,
        DeletionPolicy::DeleteIfEmpty,
    ];
    (of(&ADDRESSES), 0..3_u8, of(&policies), any::<bool>()).prop_map(
        |(address, which, policy, is_conflict)| Former {
            address,
            which,
            policy,
            is_conflict,
        },
    )
}

/// An object with what it says of itself.
fn with_status() -> impl Strategy<Value = (Object, Vec<Former>, bool)> {
    (
        an_object(),
        prop::collection::vec(former(), 0..5),
        any::<bool>(),
    )
}

impl Cluster {
    fn do_by_hand(&mut self, what: &ByHand) {
        let server = &mut self.server;
        match what {
            ByHand::MakeStream(stream) => {
                there_stream(server, stream);
            }
            ByHand::MakeTopic(stream, topic) => {
                there_topic(server, stream, topic);
            }
            ByHand::MakeGroup(stream, topic) => there_group(server, stream, topic, "g"),
            ByHand::RemoveStream(stream) => {
                server.streams.remove(&name(stream));
            }
            ByHand::RemoveTopic(stream, topic) => {
                let stream = server.streams.get_mut(&name(stream));
                stream.and_then(|stream| stream.topics.remove(&name(topic)));
            }
            ByHand::RemoveGroup(stream, topic) => {
                let stream = server.streams.get_mut(&name(stream));
                let topic = stream.and_then(|stream| stream.topics.get_mut(&name(topic)));
                let groups = topic.and_then(|topic| topic.groups.as_mut());
                groups.and_then(|groups| groups.remove(&name("g")));
            }
            ByHand::Partitions(stream, topic, count) => {
                self.change_topic(stream, topic, |topic| topic.partitions = *count);
            }
            ByHand::Expiry(stream, topic) => self.change_topic(stream, topic, |topic| {
                topic.settings.message_expiry = Some("1h".parse().unwrap());
            }),
            ByHand::Send(stream, topic) => {
                self.change_topic(stream, topic, |topic| topic.messages = 3);
            }
            ByHand::MakeUser(user) => {
                let made = ObservedUser {
                    id: 7,
                    created_at_micros: 0,
                    status: UserStatus::Active,
                    grants: iggyctl_core::access::Grants::default(),
                    password: PasswordCheck::Declared,
                    tokens: None,
                };
                if let AccessReading::Read(access) = &mut self.server.access {
                    access.users.entry(name(user)).or_insert(made);
                }
            }
            ByHand::RemoveUser(user) => {
                if let AccessReading::Read(access) = &mut self.server.access {
                    access.users.remove(&name(user));
                }
            }
            ByHand::Disable(user) => {
                if let AccessReading::Read(access) = &mut self.server.access
                    && let Some(user) = access.users.get_mut(&name(user))
                {
                    user.status = UserStatus::Inactive;
                }
            }
        }
        self.stamp();
    }

    fn change_topic(
        &mut self,
        stream: &str,
        topic: &str,
        change: impl Fn(&mut iggyctl_core::state::observed::ObservedTopic),
    ) {
        let stream = self.server.streams.get_mut(&name(stream));
        if let Some(topic) = stream.and_then(|stream| stream.topics.get_mut(&name(topic))) {
            change(topic);
        }
    }

    /// One more object, with a name of its own.
    fn add(&mut self, mut object: Object, number: usize) {
        object.key.name = format!("object-{number}");
        object.uid = format!("uid-{number}");
        self.objects.push(object);
    }

    /// What an object says of itself, from a time of which nothing else is known.
    fn said_formerly(&self, object: &Object, former: &[Former], settled: bool) -> TopologyStatus {
        let mut status = TopologyStatus::default();
        for one in former {
            let live = Incarnation::of(&self.server, &one.address.parse().unwrap());
            let another = Incarnation {
                id: 9,
                created_at_micros: 9,
            };
            let which = match one.which {
                0 => live,
                1 => Some(another),
                _ => None,
            };
            let id = which.map(|it| i64::from(it.id));
            let created = which.and_then(|it| i64::try_from(it.created_at_micros).ok());
            let address = one.address.to_owned();
            // A list is keyed by the address.
            let mut claims = status.claims.iter().map(|it| &it.address);
            let mut conflicts = status.conflicts.iter().map(|it| &it.address);
            if claims.any(|it| *it == address) || conflicts.any(|it| *it == address) {
                continue;
            }
            match one.is_conflict {
                true => status.conflicts.push(Conflict {
                    address,
                    held_by: "IggyStream team/gone".to_owned(),
                    id,
                    created_at_microseconds: created,
                }),
                false => status.claims.push(Claim {
                    address,
                    server: "server".to_owned(),
                    id,
                    created_at_microseconds: created,
                    deletion_policy: Some(one.policy),
                }),
            }
        }
        if settled {
            status.conditions.push(Condition {
                kind: "Synced".to_owned(),
                status: ConditionStatus::True,
                observed_generation: Some(object.generation),
                last_transition_time: time(Timestamp::UNIX_EPOCH),
                reason: "Applied".to_owned(),
                message: String::new(),
            });
        }
        status
    }

    fn happens(&mut self, event: Event, number: usize) {
        let count = self.objects.len();
        let at = |which: usize| (count > 0).then(|| which % count);
        match event {
            Event::ByHand(what) => self.do_by_hand(&what),
            Event::Create(object) => self.add(object, number),
            Event::Edit(which, object) => {
                if let Some(which) = at(which)
                    && self.objects[which].key.kind == object.key.kind
                {
                    self.objects[which].spec = object.spec;
                    self.objects[which].generation += 1;
                }
            }
            Event::Delete(which) => {
                if let Some(which) = at(which) {
                    let name = self.objects[which].key.name.clone();
                    self.delete(&name);
                }
            }
            Event::Pause(which, pause) => {
                if let Some(which) = at(which) {
                    self.objects[which].requests.pause = pause;
                }
            }
            Event::Round => self.round().unwrap(),
            Event::Killed(writes) => {
                self.lives = Some(writes);
                let _ = self.round();
                self.lives = None;
            }
        }
    }

    /// Whether the topic that no object declares is there, by stream.
    fn theirs(&self) -> Vec<&'static str> {
        let has = |stream: &&str| {
            let stream = self.server.streams.get(&name(stream));
            stream.is_some_and(|stream| stream.topics.contains_key(&name(THEIRS)))
        };
        STREAMS.into_iter().filter(has).collect()
    }
}

/// What an object declares and holds at rest is what the server has; what it does not hold it
/// does not get, by the rules.
fn is_as_permitted(cluster: &Cluster) -> Result<(), TestCaseError> {
    let read: Vec<(&Object, Declared)> = cluster
        .objects
        .iter()
        .map(|object| (object, Declared::of(object).unwrap()))
        .collect();
    let mut all = DesiredState::default();
    for (_, declared) in &read {
        all.join(&declared.state);
    }
    // What is not there waits for whoever declares it, be it one that is paused.
    let all = all.keeping(|address| Incarnation::of(&cluster.server, address).is_some());
    for (object, declared) in &read {
        let name = &object.key.name;
        if object.deleted_at.is_some() || object.requests.pause {
            continue;
        }
        let policies = declared.policies(cluster.defaults);
        let reason = cluster.reason(name);
        let holds = |object: &Object, address: &Address| {
            let mut claims = object.status.claims.iter();
            claims.any(|claim| claim.address == address.to_string())
        };
        if policies.management == Management::ObserveOnly {
            prop_assert!(object.status.claims.is_empty(), "{} holds", name);
            continue;
        }
        let mut lacks = false;
        for address in declared.state.declared() {
            let live = Incarnation::of(&cluster.server, &address);
            let is_held = holds(object, &address);
            lacks |= !is_held || live.is_none();
            let competes = |(other, theirs): &&(&Object, Declared)| {
                other.key.name != *name
                    && other.deleted_at.is_none()
                    && theirs.policies(cluster.defaults).management != Management::ObserveOnly
                    && theirs.state.declares(&address)
            };
            let is_wanted_by_others = read.iter().any(|it| competes(&it));
            let is_held_by_others = read
                .iter()
                .any(|(other, _)| other.key.name != *name && holds(other, &address));
            // The status of one that is paused is left as it is, whatever it says it holds.
            let is_held_twice = read.iter().any(|(other, _)| {
                other.key.name != *name && !other.requests.pause && holds(other, &address)
            });
            prop_assert!(!is_held || !is_held_twice, "{} twice", address);
            let parents = address.with_ancestors().skip(1);
            let is_alone = parents
                .into_iter()
                .any(|parent| Incarnation::of(&cluster.server, &parent).is_none());
            let mut ancestors = address.with_ancestors();
            let is_refused = policies.adoption == Adoption::Refuse
                && ancestors.any(|it| {
                    let is_there = Incarnation::of(&cluster.server, &it).is_some();
                    is_there && !holds(object, &it)
                });
            let is_elsewhere = is_wanted_by_others || is_held_by_others;
            let is_explained = is_elsewhere || is_refused || is_alone;
            if is_held {
                // Nothing is held that is not there, but for what waits for what it is in, and
                // what is only reported to be gone.
                let is_left = policies.drift_policy == DriftPolicy::Report && is_settled(object);
                prop_assert!(
                    live.is_some() || is_alone || is_left,
                    "{} holds {}, which is not there: {:?}",
                    name,
                    address,
                    object.status
                );
            } else {
                prop_assert!(
                    is_explained,
                    "{} does not get {}: {:?}",
                    name,
                    address,
                    object.status
                );
            }
        }
        // Of what it holds nothing is left to do.
        let mut own = declared.state.keeping(|address| holds(object, address));
        own.complete_from(&all);
        let approvals = Approvals {
            allow_destroy: declared.may_shrink.clone(),
            ..Approvals::default()
        };
        let (plan, report) = compared(&own, &approvals, &cluster.server);
        let steps = plan.steps.iter();
        let left: Vec<String> = steps
            .filter(|step| holds(object, &step.address))
            .map(|step| step.address.to_string())
            .collect();
        let mut blocked = report.blocked.iter();
        let is_blocked = blocked.any(|line| holds(object, &line.address));
        let may_differ = match policies.management {
            Management::CreateOnly => true,
            _ => policies.drift_policy == DriftPolicy::Report && is_settled(object),
        };
        prop_assert!(
            left.is_empty() || may_differ,
            "{} is left for {}: {:?}",
            left.join(", "),
            name,
            object.status
        );
        let differs = cluster.is_true(name, "Drifted");
        match reason {
            "Applied" => prop_assert!(!lacks && !is_blocked, "{}: {:?}", name, object.status),
            "Conflicted" | "PartiallyConflicted" | "AdoptionRefused" => {
                prop_assert!(lacks, "{}: {:?}", name, object.status);
            }
            "Blocked" => prop_assert!(lacks || is_blocked, "{}: {:?}", name, object.status),
            // It was taken out of the spec, and has something of others in it.
            "HoldsData" | "Deleting" => {
                let mut claims = object.status.claims.iter();
                let is_left = |claim: &Claim| {
                    let address = claim.address.parse().unwrap();
                    !declared.state.declares(&address)
                };
                prop_assert!(claims.any(is_left), "{}: {:?}", name, object.status);
            }
            "DriftFound" => prop_assert!(differs && may_differ, "{}", name),
            _ => prop_assert!(false, "{} is at rest with {:?}", name, object.status),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_comes_to_what_is_permitted(
        server in prop::collection::vec(by_hand(), 0..6),
        objects in prop::collection::vec(with_status(), 0..4),
        events in prop::collection::vec(event(), 0..14),
        fewest_marked in select(vec![1, 3, usize::MAX]),
    ) {
        let mut cluster = Cluster::new(Vec::new());
        cluster.fewest_marked = fewest_marked;
        // With a ledger: that a server without one was emptied is a decision of a person.
        cluster.is_the_same = true;
        for what in &server {
            cluster.do_by_hand(what);
        }
        for (number, (mut object, former, settled)) in objects.into_iter().enumerate() {
            object.status = Arc::new(cluster.said_formerly(&object, &former, settled));
            cluster.add(object, number);
        }
        for (number, event) in events.into_iter().enumerate() {
            let theirs = cluster.theirs();
            let is_by_hand = matches!(event, Event::ByHand(_));
            cluster.happens(event, 100 + number);
            // Nobody declares it, so no object deletes it.
            prop_assert!(is_by_hand || cluster.theirs() == theirs);
        }
        let theirs = cluster.theirs();
        cluster.settle().unwrap();
        prop_assert_eq!(cluster.theirs(), theirs);
        let writes = cluster.writes;
        cluster.round().unwrap();
        prop_assert_eq!(cluster.writes, writes);
        is_as_permitted(&cluster)?;
    }
}
