//! Access tokens: replaced only by who may, revoked only when nobody declares them.

use std::collections::BTreeMap;
use std::sync::Arc;

use iggyctl_core::access::{Grants, UserStatus};
use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::Kind;
use iggyctl_core::plan::Approvals;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::{AccessReading, ObservedState};
use iggyctl_core::state::observed_access::{ObservedAccess, ObservedUser, PasswordCheck};
use iggyctl_core::state::observed_token::{ObservedToken, SinkContent};
use iggyctl_core::state::{DeletionPolicy, Incarnation};
use iggyctl_core::testing::name;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::{Decision, Member, Subject, compare_alone, decide, prepare};
use super::cluster::{Cluster, compared, object};
use crate::operator::model::{Declared, Defaults, Object};
use crate::operator::resources::status::{Claim, TopologyStatus};

fn address() -> Address {
    "token/svc/ci".parse().unwrap()
}

fn user() -> Object {
    let password = json!({ "secretKeyRef": { "name": "svc", "key": "password" } });
    object(
        Kind::IggyUser,
        "svc",
        0,
        json!({ "password": password, "adoption": "Adopt" }),
    )
}

fn token(of: &str, more: Value) -> Object {
    let place = json!({ "secretKeyRef": { "name": of, "key": "token" } });
    let mut spec = json!({ "user": "svc", "name": "ci", "writeTo": place });
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    object(Kind::IggyAccessToken, of, 1, spec)
}

fn holding(mut object: Object) -> Object {
    object.status = Arc::new(TopologyStatus {
        claims: vec![Claim {
            address: address().to_string(),
            server: "server".to_owned(),
            id: None,
            created_at_microseconds: None,
            deletion_policy: Some(DeletionPolicy::Delete),
        }],
        ..TopologyStatus::default()
    });
    object
}

fn deleted(mut object: Object) -> Object {
    object.deleted_at = Some(Timestamp::UNIX_EPOCH);
    object.has_finalizer = true;
    object
}

/// The server has the token, and its value is in no Secret.
fn elsewhere() -> ObservedState {
    let live = ObservedUser {
        id: 1,
        created_at_micros: 1,
        status: UserStatus::Active,
        grants: Grants::default(),
        password: PasswordCheck::Declared,
        tokens: Some(BTreeMap::from([(
            name("ci"),
            ObservedToken {
                expires_at_micros: None,
            },
        )])),
    };
    ObservedState {
        access: AccessReading::Read(Box::new(ObservedAccess {
            users: [(name("svc"), live)].into(),
            sinks: [((name("svc"), name("ci")), SinkContent::Empty)].into(),
            ..ObservedAccess::default()
        })),
        ..ObservedState::default()
    }
}

fn decided(objects: Vec<Object>) -> (Vec<Member>, Decision) {
    decided_with(objects, &elsewhere())
}

fn subject() -> Subject {
    Subject {
        identity: "server".to_owned(),
        aliases: Some(Vec::new()),
        is_another: false,
        is_the_same: false,
        replacement_acknowledged: false,
        defaults: Defaults::default(),
        creating: std::sync::Arc::default(),
        login_namespace: None,
        now: Timestamp::UNIX_EPOCH,
    }
}

fn decided_with(objects: Vec<Object>, observed: &ObservedState) -> (Vec<Member>, Decision) {
    let subject = subject();
    let members: Vec<Member> = objects
        .into_iter()
        .map(|object| {
            let declared = Declared::of(&object).map(Arc::new);
            Member::new(Arc::new(object), declared, &subject)
        })
        .collect();
    let preparation = prepare(&members);
    let mut decision = decide(&members, &preparation, observed, &subject);
    decision.forbid_users(&members, observed, &subject);
    decision.settle_tokens(&members, observed);
    (members, decision)
}

fn is_replaced(decision: &Decision) -> bool {
    let token = decision.executed.token(&name("svc"), &name("ci"));
    token.is_some_and(|token| token.rotate)
}

#[test]
fn one_whose_value_is_nowhere_is_replaced_only_by_who_may() {
    let nobody = json!({});
    for (object, may) in [
        (token("ci", nobody.clone()), false),
        (token("ci", json!({ "adoption": "Adopt" })), true),
        (holding(token("ci", nobody.clone())), true),
    ] {
        let (_, decision) = decided(vec![object, user()]);
        assert_eq!(is_replaced(&decision), may);
        assert_eq!(decision.grants[0].refused.contains(&address()), !may);
        assert_eq!(decision.grants[0].held.contains_key(&address()), may);
    }
    // That of an object that goes is its successor's.
    let going = deleted(holding(token("first", nobody.clone())));
    let (_, decision) = decided(vec![token("second", nobody), going, user()]);
    assert!(is_replaced(&decision));
}

const NONE: [usize; 0] = [];

#[test]
fn one_is_revoked_when_nobody_declares_it() {
    let revoked = |objects: Vec<Object>| {
        let (members, decision) = decided(objects);
        let revocations = decision.revocations(&members);
        revocations.map(|(place, _)| place).collect::<Vec<_>>()
    };
    let going = |more| deleted(holding(token("first", more)));
    assert_eq!(revoked(vec![going(json!({})), user()]), [0]);
    // Whatever becomes of other things.
    let defaults = json!({ "driftPolicy": "Report" });
    assert_eq!(revoked(vec![going(defaults), user()]), [0]);
    let second = token("second", json!({}));
    assert_eq!(revoked(vec![going(json!({})), second, user()]), NONE);
    let only_looks = json!({ "management": "ObserveOnly" });
    assert_eq!(revoked(vec![going(only_looks), user()]), NONE);
    let mut forced = going(json!({}));
    forced.requests.force_release = true;
    assert_eq!(revoked(vec![forced, user()]), NONE);
    // One that it never held is somebody else's.
    assert_eq!(
        revoked(vec![deleted(token("first", json!({}))), user()]),
        NONE
    );
    // Its spec no longer has it.
    let mut other = holding(token("first", json!({})));
    other.spec = Arc::new(json!({
        "user": "svc", "name": "other",
        "writeTo": { "secretKeyRef": { "name": "first", "key": "token" } },
    }));
    assert_eq!(revoked(vec![other, user()]), [0]);
}

/// Whoever only looks says neither which password is tried nor which Secret is read.
#[test]
fn of_two_that_declare_one_it_is_looked_at_for_who_has_it() {
    let place = |name: &str| json!({ "secretKeyRef": { "name": name, "key": "it" } });
    let looking = object(
        Kind::IggyTopology,
        "audit",
        0,
        json!({ "management": "ObserveOnly", "users": [{
            "name": "svc",
            "password": place("theirs"),
            "tokens": [{ "name": "ci", "writeTo": place("theirs") }],
        }] }),
    );
    let read = |objects: Vec<Object>| {
        let (members, decision) = decided(objects);
        let read = prepare(&members).to_observe;
        // What is said of it is not about what it says itself: that was not looked at.
        let report = |state: &DesiredState| compared(state, &Approvals::default(), &elsewhere()).1;
        let looked = compare_alone(&members, &decision, &read, |state, _| {
            let says = format!("{:?} {:?}", state.users, state.tokens);
            assert_eq!(says.contains("theirs"), members.len() == 1, "{says}");
            report(state)
        });
        assert_eq!(looked.len(), 1);
        let password = read.users[&name("svc")].password.clone().unwrap();
        let token = read.token(&name("svc"), &name("ci")).unwrap();
        let of_password = format!("{password:?}").contains("theirs");
        assert_eq!(
            of_password,
            format!("{:?}", token.write_to.sink).contains("theirs")
        );
        of_password
    };
    assert!(!read(vec![looking.clone(), user(), token("ci", json!({}))]));
    assert!(!read(vec![user(), token("ci", json!({})), looking.clone()]));
    assert!(read(vec![looking]));
}

/// For a server that several namespaces share.
fn shared(mut object: Object) -> Object {
    let mut spec = object.spec.as_ref().clone();
    spec["serverRef"] = json!({ "kind": "ClusterIggyServer", "name": "shared" });
    object.spec = Arc::new(spec);
    object
}

/// With all its permissions said, so that it may be taken over there.
fn shared_user() -> Object {
    let mut user = shared(user());
    let mut spec = user.spec.as_ref().clone();
    spec["permissions"] = json!({});
    user.spec = Arc::new(spec);
    user
}

/// Neither is one of a user that an object declares and does not get, nor one of the login of
/// the operator, even where somebody may have all of its names.
#[test]
fn one_of_the_own_login_is_not_given_out() {
    let adopting = || shared(token("ci", json!({ "adoption": "Adopt" })));
    let refusing = || {
        let mut user = shared(user());
        let mut spec = user.spec.as_ref().clone();
        spec["adoption"] = json!("Refuse");
        user.spec = Arc::new(spec);
        user
    };
    let (_, decision) = decided(vec![adopting(), refusing()]);
    assert!(
        decision.grants[1]
            .refused
            .contains(&Address::User(name("svc")))
    );
    assert!(decision.grants[0].forbidden.contains_key(&address()));
    assert!(decision.executed.tokens.is_empty());
    let mut observed = elsewhere();
    let AccessReading::Read(access) = &mut observed.access else {
        panic!("users are read");
    };
    access.me = Some(name("svc"));
    let (_, decision) = decided_with(vec![adopting(), shared_user()], &observed);
    // Nor may anybody say what its password is.
    let svc = Address::User(name("svc"));
    assert!(decision.grants[1].forbidden.contains_key(&svc));
    assert!(decision.executed.users.is_empty());
    assert!(decision.grants[0].forbidden.contains_key(&address()));
    assert!(decision.executed.tokens.is_empty());
    // Whoever has the server alone may have them.
    let own = token("ci", json!({ "adoption": "Adopt" }));
    let (_, decision) = decided_with(vec![own, user()], &observed);
    assert!(is_replaced(&decision));
}

#[test]
fn one_of_a_user_of_others_is_not_given_out() {
    let adopting = || token("ci", json!({ "adoption": "Adopt" }));
    let forbidden = |objects: Vec<Object>| {
        let (_, decision) = decided(objects);
        assert_eq!(
            is_replaced(&decision),
            decision.grants[0].forbidden.is_empty()
        );
        !decision.grants[0].forbidden.is_empty()
    };
    assert!(!forbidden(vec![shared(adopting()), shared_user()]));
    // A user that was there before may have more rights than anybody here.
    assert!(forbidden(vec![shared(adopting()), shared(user())]));
    let mut others = shared_user();
    others.key.namespace = "others".to_owned();
    assert!(forbidden(vec![shared(adopting()), others]));
    // One that no object declares.
    let (_, decision) = decided(vec![shared(adopting())]);
    assert!(decision.grants[0].forbidden.contains_key(&address()));
}

/// It was its own before the user became somebody else's, and is still on the server.
#[test]
fn one_that_may_be_had_no_more_is_still_to_be_revoked() {
    let claims = |objects: Vec<Object>| {
        let (members, decision) = decided(objects);
        let cluster = Cluster::new(Vec::new());
        let concluded = cluster.concluded(&members, &decision, &subject());
        let claims = concluded[0].status.claims.iter();
        (
            decision.grants[0].forbidden.contains_key(&address()),
            claims.map(|it| it.address.clone()).collect::<Vec<_>>(),
        )
    };
    let held = || shared(holding(token("ci", json!({}))));
    let (is_forbidden, claimed) = claims(vec![held()]);
    assert!(is_forbidden);
    assert_eq!(claimed, ["token/svc/ci"]);
    // One that it never had is not claimed.
    let (is_forbidden, claimed) = claims(vec![shared(token("ci", json!({})))]);
    assert!(is_forbidden);
    assert_eq!(claimed, NONE_CLAIMED);
    // Nor one of a namespace that may have none, which a deletion lets go.
    let (members, decision) = decided(vec![deleted(held())]);
    assert_eq!(decision.revocations(&members).count(), 1);
}

const NONE_CLAIMED: [&str; 0] = [];

/// Where a server object without tenants is for the same server, its objects keep the tokens of
/// users that they have, and keep nobody from others.
#[test]
fn one_stays_with_who_has_its_user() {
    let live = Incarnation {
        id: 1,
        created_at_micros: 1,
    };
    let mut owner = user();
    owner.status = Arc::new(TopologyStatus {
        claims: vec![Claim {
            address: "user/svc".to_owned(),
            server: "server".to_owned(),
            id: Some(i64::from(live.id)),
            created_at_microseconds: Some(1),
            deletion_policy: Some(DeletionPolicy::Retain),
        }],
        ..TopologyStatus::default()
    });
    let winner = |objects: Vec<Object>| {
        let (_, decision) = decided(objects);
        decision.contest.winners[&address()]
    };
    let theirs = || shared(token("theirs", json!({})));
    let held = || holding(token("ci", json!({})));
    assert_eq!(winner(vec![theirs(), held(), owner]), 1);
    assert_eq!(winner(vec![theirs(), held(), user()]), 0);
    assert_eq!(winner(vec![theirs(), held()]), 0);
}
