//! Findings about users: when each appears, and when it does not.

use std::collections::BTreeMap;

use crate::access::{Grants, UserStatus};
use crate::check::{Finding, FindingCode, Severity, check, check_declared, check_with_secrets};
use crate::diff::diff;
use crate::manifest::{SourceFile, Variables, compile};
use crate::quantity::MessageExpiry;
use crate::secret::{Secret, SecretSource, TokenSink};
use crate::state::desired::DesiredState;
use crate::state::desired_token::{DesiredToken, TokenDestination};
use crate::state::desired_user::SecretReference;
use crate::state::observed::{AccessReading, ObservedState};
use crate::state::observed_access::{KnownStream, ObservedAccess, ObservedUser, PasswordCheck};
use crate::testing::{declare_stream, name};

/// A topology with a stream `orders` with a topic `events`, and these users.
fn declared(users: &str) -> DesiredState {
    let text = format!(
        "apiVersion: iggyctl.dev/v1alpha1\n\
         kind: IggyTopology\n\
         metadata: {{ name: shop }}\n\
         spec:\n  \
           streams: [{{ name: orders, topics: [{{ name: events, messageExpiry: 7d }}] }}]\n  \
           users:\n{users}"
    );
    let source = SourceFile::new("shop/users.yaml", text.as_bytes());
    compile(&[source], &Variables::default()).unwrap().state
}

/// In every plan, until a manifest says what is meant.
#[test]
fn an_inactive_user_without_a_status_is_named() {
    let code = FindingCode::InactiveUnsaid;
    for (user, live, found) in [
        ("", UserStatus::Inactive, true),
        ("", UserStatus::Active, false),
        (", status: active", UserStatus::Inactive, false),
        (", status: inactive", UserStatus::Inactive, false),
    ] {
        let desired = declared(&format!("    - {{ name: svc-orders{user} }}\n"));
        let mut access = access();
        access.users.insert(name("svc-orders"), user_there(1, live));
        let observed = server(access);
        let findings = check(&diff(&desired, &observed), &desired, &observed);
        let codes: Vec<FindingCode> = findings
            .findings
            .iter()
            .filter_map(|one| one.code.built_in())
            .collect();
        assert_eq!(codes.contains(&code), found, "{user} {live:?}");
    }
}

fn user_there(id: u32, status: UserStatus) -> ObservedUser {
    ObservedUser {
        id,
        created_at_micros: u64::from(id) + 1,
        status,
        grants: Grants::default(),
        password: PasswordCheck::Declared,
        tokens: None,
    }
}

/// A server with root, which we are, and a stream `audit` with a topic `log`.
fn access() -> ObservedAccess {
    let audit = KnownStream {
        name: name("audit"),
        topics: Some(BTreeMap::from([(0, name("log"))])),
    };
    ObservedAccess {
        users: [(name("iggy"), user_there(0, UserStatus::Active))].into(),
        streams: [(0, audit)].into(),
        me: Some(name("iggy")),
        ..ObservedAccess::default()
    }
}

fn server(access: ObservedAccess) -> ObservedState {
    ObservedState {
        access: AccessReading::Read(Box::new(access)),
        ..ObservedState::default()
    }
}

fn planned(desired: &DesiredState, access: ObservedAccess) -> Vec<Finding> {
    let observed = server(access);
    check(&diff(desired, &observed), desired, &observed).findings
}

fn with_code(findings: Vec<Finding>, code: FindingCode) -> Vec<Finding> {
    let mut findings = findings;
    findings.retain(|finding| finding.code == code);
    findings
}

fn messages(findings: Vec<Finding>, code: FindingCode) -> Vec<String> {
    let findings = with_code(findings, code).into_iter();
    findings.map(|finding| finding.message).collect()
}

#[test]
fn rights_on_the_whole_server_are_a_warning_where_they_change_something() {
    let severities = |permissions: &str| {
        let user = format!("    - {{ name: ann, permissions: {{ {permissions} }} }}\n");
        let found = check_declared(&declared(&user)).findings;
        let found = with_code(found, FindingCode::ServerWideRights).into_iter();
        found.map(|finding| finding.severity).collect::<Vec<_>>()
    };
    assert_eq!(severities("allow: [read_streams]"), [Severity::Note]);
    assert_eq!(severities("allow: [send_messages]"), [Severity::Note]);
    assert_eq!(severities("preset: readOnly"), [Severity::Note]);
    for word in ["servers", "users", "streams", "topics"] {
        let allow = format!("allow: [poll_messages, manage_{word}]");
        assert_eq!(severities(&allow), [Severity::Warning], "{word}");
    }
    assert_eq!(severities("preset: admin"), [Severity::Warning]);
    assert_eq!(severities("streams: [{ name: orders, preset: admin }]"), []);
    assert_eq!(severities(""), []);
}

#[test]
fn rights_on_the_whole_server_say_how_far_they_reach() {
    let message = |words: &str| {
        let user = format!("    - {{ name: ann, permissions: {{ allow: [{words}] }} }}\n");
        let found = check_declared(&declared(&user)).findings;
        messages(found, FindingCode::ServerWideRights).join("\n")
    };
    assert_eq!(
        message("read_users"),
        "user/ann has read_users on the whole server"
    );
    assert!(message("read_topics").ends_with("also those that others create later"));
    assert!(message("read_topics, manage_users").ends_with("it can give itself everything"));
}

#[test]
fn a_plan_says_it_when_permissions_are_written() {
    let desired = declared("    - { name: ann, permissions: { preset: readOnly } }\n");
    let code = FindingCode::ServerWideRights;
    assert_eq!(messages(planned(&desired, access()), code).len(), 1);
    // There without permissions: they change.
    let mut there = access();
    let ann = user_there(1, UserStatus::Active);
    there.users.insert(name("ann"), ann);
    assert_eq!(messages(planned(&desired, there.clone()), code).len(), 1);
    // There as declared.
    let scope = crate::access::Scope::Server;
    let ann = there.users.get_mut(&name("ann")).unwrap();
    ann.grants = crate::access::Preset::ReadOnly.grants(&scope);
    assert_eq!(messages(planned(&desired, there), code).len(), 0);
}

const IN_VAIN: &str = "
    - name: ann
      permissions:
        streams:
          - { name: 'old-*', preset: consumer }
          - name: orders
            topics:
              - { name: 'dead-*', allow: [poll_messages] }
              - { name: 'eve*', allow: [poll_messages] }
              - { name: retries, optional: true, allow: [poll_messages] }
          - { name: nowhere, optional: true, preset: consumer }
          - name: audit
            topics:
              - { name: log, optional: true, allow: [poll_messages] }
              - { name: gone, optional: true, allow: [poll_messages] }
";

#[test]
fn entries_that_mean_nothing_are_listed_together() {
    let desired = declared(IN_VAIN);
    // Without a server whatever is named may be there.
    assert_eq!(
        messages(check_declared(&desired).findings, FindingCode::GrantUnused),
        [
            "it grants nothing: no declared stream matches `old-*`; no declared topic of `orders` \
             matches `dead-*`"
        ]
    );
    let found = messages(planned(&desired, access()), FindingCode::GrantUnused);
    let [message] = found.as_slice() else {
        panic!("{found:?}");
    };
    for part in [
        "no declared stream matches `old-*`",
        "no declared topic of `orders` matches `dead-*`",
        "the topic `retries` of `orders` is optional",
        "the stream `nowhere` is optional",
        "the topic `gone` of `audit` is optional",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(message.matches(';').count(), 4, "{message}");
}

#[test]
fn a_topic_that_was_not_read_may_be_there_and_a_lost_name_is_not() {
    let desired = declared(IN_VAIN);
    let mut unread = access();
    unread.streams.get_mut(&0).unwrap().topics = None;
    let found = messages(planned(&desired, unread), FindingCode::GrantUnused).join("\n");
    assert!(!found.contains("`gone`"), "{found}");

    let mut desired = declared(IN_VAIN);
    declare_stream(&mut desired, "nowhere-else").previous_name = Some(name("nowhere"));
    let mut renamed = access();
    let topics = Some(BTreeMap::new());
    let nowhere = KnownStream {
        name: name("nowhere"),
        topics,
    };
    renamed.streams.insert(1, nowhere);
    let mut observed = server(renamed);
    crate::testing::there_stream(&mut observed, "nowhere");
    let found = check(&diff(&desired, &observed), &desired, &observed).findings;
    let found = messages(found, FindingCode::GrantUnused).join("\n");
    assert!(
        found.contains("the stream `nowhere` is optional"),
        "{found}"
    );
}

#[test]
fn a_grant_that_means_something_is_not_said_to_mean_nothing() {
    let desired = declared(
        "    - name: ann
      permissions:
        streams:
          - { name: 'ord*', preset: consumer }
          - { name: audit, optional: true, preset: consumer }
          - { name: '*', topics: [{ name: 'ev*', allow: [poll_messages] }] }
",
    );
    let code = FindingCode::GrantUnused;
    assert_eq!(messages(check_declared(&desired).findings, code).len(), 0);
    assert_eq!(messages(planned(&desired, access()), code).len(), 0);
}

const TWO_PASSWORDS: &str = "
    - { name: ann, password: { env: ANN } }
    - { name: ben, password: { env: BEN } }
    - { name: cyd, password: { file: secrets/cyd } }
    - { name: dan, password: { file: ./secrets/cyd } }
";

#[test]
fn one_source_for_two_users_is_seen_without_secrets() {
    let desired = declared(TWO_PASSWORDS);
    let code = FindingCode::PasswordShared;
    assert_eq!(
        messages(check_declared(&desired).findings, code),
        ["user/cyd has the same password as user/dan"]
    );
    assert_eq!(messages(planned(&desired, access()), code).len(), 1);
}

#[test]
fn a_file_of_the_same_name_beside_another_manifest_is_another_file() {
    let mut desired = declared(TWO_PASSWORDS);
    let dan = desired.users.get_mut(&name("dan")).unwrap();
    dan.password.as_mut().unwrap().origin.file = "elsewhere/users.yaml".into();
    let found = check_declared(&desired).findings;
    assert_eq!(messages(found, FindingCode::PasswordShared).len(), 0);
}

#[test]
fn equal_values_are_seen_with_the_secrets_and_never_shown() {
    let desired = declared(TWO_PASSWORDS);
    let value = |reference: &SecretReference| match &reference.source {
        SecretSource::Env(_) => "s3cret",
        _ => "another",
    };
    let secrets: BTreeMap<SecretReference, Secret> = desired
        .users
        .values()
        .filter_map(|user| user.password.clone())
        .map(|reference| (reference.clone(), Secret::new(value(&reference))))
        .collect();
    let lookup = |reference: &SecretReference| secrets.get(reference);
    let found = |access: ObservedAccess| {
        let observed = server(access);
        let changes = diff(&desired, &observed);
        let found = check_with_secrets(&changes, &desired, &observed, &lookup);
        assert!(!format!("{found:?}").contains("s3cret"));
        messages(found.findings, FindingCode::PasswordShared)
    };
    assert_eq!(
        found(access()),
        [
            "user/ann has the same password as user/ben",
            "user/cyd has the same password as user/dan"
        ]
    );
    // Once accepted, no plan speaks of it until one of them changes.
    let mut there = access();
    for (id, user) in (1..).zip(["ann", "ben", "cyd", "dan"]) {
        let user_there = user_there(id, UserStatus::Active);
        there.users.insert(name(user), user_there);
    }
    assert_eq!(found(there.clone()).len(), 0);
    let ben = there.users.get_mut(&name("ben")).unwrap();
    ben.password = PasswordCheck::Previous;
    // Its previous password is not declared, so nothing changes it.
    assert_eq!(found(there.clone()).len(), 0);
    there.users.remove(&name("ben"));
    assert_eq!(found(there), ["user/ben has the same password as user/ann"]);
}

#[test]
fn the_default_password_of_root_is_said_until_the_plan_that_changes_it() {
    let default = |access: ObservedAccess| ObservedAccess {
        default_password: true,
        ..access
    };
    let code = FindingCode::DefaultRootPassword;
    let others = declared("    - { name: ann, password: { env: ANN } }\n");
    let found = with_code(planned(&others, default(access())), code);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].address.to_string(), "user/iggy");
    assert_eq!(found[0].severity, Severity::Warning);
    // Another password, and another user with the same one.
    assert_eq!(messages(planned(&others, access()), code).len(), 0);
    let mut somebody = default(access());
    let ann = user_there(1, UserStatus::Active);
    somebody.users.insert(name("ann"), ann);
    somebody.me = Some(name("ann"));
    assert_eq!(messages(planned(&others, somebody), code).len(), 0);
    // A plan without users says nothing about them.
    let no_users = declared("    []\n");
    let found = planned(&no_users, default(access()));
    assert_eq!(messages(found, code).len(), 0);

    let root = declared(
        "    - name: iggy
      password: { env: NEW }
      previousPassword: { env: OLD }
",
    );
    let mut changing = default(access());
    let iggy = changing.users.get_mut(&name("iggy")).unwrap();
    iggy.password = PasswordCheck::Previous;
    assert_eq!(messages(planned(&root, changing), code).len(), 0);
    // Declared, and it is the default one.
    let found = planned(&root, default(access()));
    assert_eq!(messages(found, code).len(), 1);
}

fn with_token(users: &str, expiry: MessageExpiry) -> DesiredState {
    let mut desired = declared(users);
    let origin = desired.users[&name("ann")].origin.clone();
    let token = DesiredToken {
        expiry,
        rotate_before: None,
        write_to: TokenDestination {
            sink: TokenSink::File("ci.token".to_owned()),
            origin: origin.clone(),
        },
        rotate: false,
        origin,
    };
    let tokens = desired.tokens.entry(name("ann")).or_default();
    tokens.insert(name("ci"), token);
    desired
}

const A_DAY: MessageExpiry = MessageExpiry::from_micros(86_400_000_000);

#[test]
fn tokens_of_a_user_that_cannot_log_in() {
    let code = FindingCode::TokensOfInactiveUser;
    let count = |users: &str, live: UserStatus| {
        let desired = with_token(users, A_DAY);
        let declared = messages(check_declared(&desired).findings, code).len();
        let mut there = access();
        there.users.insert(name("ann"), user_there(1, live));
        (declared, messages(planned(&desired, there), code).len())
    };
    let (active, inactive) = (UserStatus::Active, UserStatus::Inactive);
    let unsaid = "    - { name: ann }\n";
    assert_eq!(count(unsaid, active), (0, 0));
    assert_eq!(count(unsaid, inactive), (0, 1));
    let off = "    - { name: ann, status: inactive }\n";
    assert_eq!(count(off, active), (1, 1));
    let on = "    - { name: ann, status: active }\n";
    assert_eq!(count(on, inactive), (0, 0));
    let none = declared(off);
    assert_eq!(messages(check_declared(&none).findings, code).len(), 0);
}

#[test]
fn a_token_without_an_end() {
    let code = FindingCode::TokenNeverExpires;
    let ann = "    - { name: ann }\n";
    let found = check_declared(&with_token(ann, MessageExpiry::NEVER)).findings;
    let found = with_code(found, code);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].address.to_string(), "token/ann/ci");
    let found = check_declared(&with_token(ann, A_DAY)).findings;
    assert_eq!(messages(found, code).len(), 0);
}
