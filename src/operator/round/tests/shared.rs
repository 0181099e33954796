//! Who may have what on a server for which there are several server objects.

use std::sync::Arc;

use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::Kind;
use iggyctl_core::state::observed::ObservedState;
use iggyctl_core::state::{DeletionPolicy, Incarnation};
use iggyctl_core::testing::there_stream;
use jiff::Timestamp;
use serde_json::json;

use super::super::{Decision, Member, Subject, decide, prepare};
use super::cluster::object;
use crate::operator::model::{Declared, Defaults, Object};
use crate::operator::resources::status::{Claim, TopologyStatus};

/// A stream of a server object with tenants, or of one without.
fn stream(of: &str, age: i64, is_shared: bool) -> Object {
    let mut spec = json!({ "name": "new" });
    if is_shared {
        spec["serverRef"] = json!({ "kind": "ClusterIggyServer", "name": "shared" });
    }
    object(Kind::IggyStream, of, age, spec)
}

/// With a claim, which has the number of the stream or none.
fn claiming(mut object: Object, which: Option<Incarnation>) -> Object {
    object.status = Arc::new(TopologyStatus {
        claims: vec![Claim {
            address: address().to_string(),
            server: "server".to_owned(),
            id: which.map(|it| i64::from(it.id)),
            created_at_microseconds: which.map(|it| i64::try_from(it.created_at_micros).unwrap()),
            deletion_policy: Some(DeletionPolicy::Retain),
        }],
        ..TopologyStatus::default()
    });
    object
}

fn address() -> Address {
    "stream/new".parse().unwrap()
}

/// In the round of the server object of the first one, or of the second one.
fn decided(objects: [Object; 2], round_of: usize, observed: &ObservedState) -> Decision {
    let subject = Subject {
        identity: "server".to_owned(),
        aliases: Some(Vec::new()),
        is_another: false,
        is_the_same: true,
        replacement_acknowledged: false,
        defaults: Defaults::default(),
        creating: std::sync::Arc::default(),
        login_namespace: None,
        now: Timestamp::UNIX_EPOCH,
    };
    let members: Vec<Member> = objects
        .into_iter()
        .enumerate()
        .map(|(place, object)| {
            let declared = Declared::of(&object).map(Arc::new);
            let mut member = Member::new(Arc::new(object), declared, &subject);
            member.is_foreign = place != round_of;
            member
        })
        .collect();
    let preparation = prepare(&members);
    // It is looked at by who gets it in the end.
    assert!(preparation.to_observe.declares(&address()));
    decide(&members, &preparation, observed, &subject)
}

/// Whoever has tenants says who may declare what. With a login that may do nothing, nobody
/// keeps a name from those.
#[test]
fn names_are_not_blocked_by_who_makes_nothing() {
    let nothing = ObservedState::default();
    let gone = Incarnation {
        id: 77,
        created_at_micros: 7,
    };
    for blocking in [
        stream("blocking", 0, false),
        claiming(stream("blocking", 0, false), None),
        claiming(stream("blocking", 0, false), Some(gone)),
    ] {
        for round_of in [0, 1] {
            let objects = [blocking.clone(), stream("own", 9, true)];
            let decision = decided(objects, round_of, &nothing);
            assert_eq!(decision.contest.winners[&address()], 1);
            assert_eq!(decision.grants[1].held.len(), round_of);
        }
    }
}

#[test]
fn what_is_there_stays_with_who_made_it() {
    let mut observed = ObservedState::default();
    there_stream(&mut observed, "new");
    let live = Incarnation::of(&observed, &address());
    for round_of in [0, 1] {
        let holder = claiming(stream("holder", 9, false), live);
        let decision = decided([holder, stream("own", 0, true)], round_of, &observed);
        assert_eq!(decision.contest.winners[&address()], 0);
    }
}

/// Among server objects of the same kind it is age, and who was about to make something.
#[test]
fn without_tenants_all_are_the_same() {
    let nothing = ObservedState::default();
    for is_shared in [false, true] {
        let young = claiming(stream("young", 9, is_shared), None);
        let objects = [stream("old", 0, is_shared), young];
        assert_eq!(decided(objects, 1, &nothing).contest.winners[&address()], 1);
    }
}

/// What one of another server object lets go, one that declares it goes on with: once that is gone
/// nobody knows any more whose it was.
#[test]
fn what_another_one_lets_go_is_handed_over() {
    let mut observed = ObservedState::default();
    there_stream(&mut observed, "new");
    let live = Incarnation::of(&observed, &address());
    let holder = || claiming(stream("holder", 0, false), live);
    let mut deleted = holder();
    deleted.deleted_at = Some(Timestamp::UNIX_EPOCH);
    let mut renamed = holder();
    renamed.spec = Arc::new(json!({ "name": "other" }));
    for going in [deleted, renamed] {
        let mut paused = going.clone();
        paused.requests.pause = true;
        let decision = decided([going, stream("next", 9, false)], 1, &observed);
        assert!(decision.grants[1].adopted.contains(&address()));
        assert!(decision.grants[1].held.contains_key(&address()));
        let decision = decided([paused, stream("next", 9, false)], 1, &observed);
        assert!(!decision.grants[1].held.contains_key(&address()));
    }
    // Another one of that name is nobody's.
    let former = live.map(|live| Incarnation { id: 99, ..live });
    let mut deleted = claiming(stream("holder", 0, false), former);
    deleted.deleted_at = Some(Timestamp::UNIX_EPOCH);
    let decision = decided([deleted, stream("next", 9, false)], 1, &observed);
    assert!(decision.grants[1].refused.contains(&address()));
}
