//! Users, passwords and access tokens over the real wire protocol, against the
//! embedded server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

mod simulated;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use iggy_binary_protocol::codes;
use iggyctl_core::access::{
    Grants, ServerPermission, StreamGrants, StreamPermission, TopicPermission, UserStatus,
};
use iggyctl_core::name::ResourceName;
use iggyctl_core::secret::Secret;
use iggyctl_core::state::desired::TopicSettings;
use iggyctl_core::state::observed_access::{ObservedUser, PasswordCheck};
use iggyctl_core::state::observed_token::ObservedToken;
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget, PasswordHashing};
use iggyctl_engine::broker::{
    BrokerError, BrokerErrorKind, BrokerRead, BrokerWrite, UserRead, UserWrite,
};
use iggyctl_engine::connect::{
    Connect, ConnectError, ConnectSettings, Credentials, PasswordAnswer, PasswordQuestion,
    ServerAddress, ServerConnector, check_password, check_passwords,
};
use iggyctl_engine::sdk::SdkBroker;

const SETTINGS: ConnectSettings = ConnectSettings {
    deadline: Duration::from_secs(5),
    request_timeout: Duration::from_secs(5),
};

async fn start() -> (EmbeddedServer, ServerConnector, SdkBroker) {
    let server = EmbeddedServer::builder()
        .password_hashing(PasswordHashing::Fast)
        .start()
        .await
        .unwrap();
    let connector = connector(&server.connection_string());
    let root = connector.connect().await.unwrap();
    (server, connector, root)
}

fn connector(address: &str) -> ServerConnector {
    match address.parse().unwrap() {
        ServerAddress::Remote(remote) => ServerConnector::new(remote, SETTINGS),
        ServerAddress::Embedded { .. } => panic!("the server is remote"),
    }
}

fn name(text: &str) -> ResourceName {
    text.parse().unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

fn login(user: &str, password: &str) -> Credentials {
    Credentials::Password {
        username: user.to_owned(),
        password: secret(password),
    }
}

async fn create(root: &impl UserWrite, user: &str) {
    root.create_user(&name(user), &secret("right"), UserStatus::Active)
        .await
        .unwrap();
}

async fn user(root: &impl UserRead, user: &str) -> ObservedUser {
    root.get_user(&name(user)).await.unwrap().unwrap()
}

fn poll_of(stream: u32) -> Grants<u32> {
    let granted = StreamGrants {
        allow: [StreamPermission::PollMessages].into(),
        topics: BTreeMap::new(),
    };
    Grants {
        server: [].into(),
        streams: [(stream, granted)].into(),
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, ConnectError>) -> u32 {
    match result {
        Err(ConnectError::CredentialsRefused { code, .. }) => code,
        other => panic!("expected a refused login, found {other:?}"),
    }
}

fn kind<T: std::fmt::Debug>(result: Result<T, BrokerError>) -> BrokerErrorKind {
    result.unwrap_err().kind
}

#[tokio::test]
async fn a_user_is_read_back_as_it_was_written() {
    let (_server, _, root) = start().await;
    create(&root, "bob").await;
    let bob = user(&root, "bob").await;
    assert_eq!((bob.id, bob.status), (1, UserStatus::Active));
    assert_eq!(bob.grants, Grants::default());
    assert_eq!(bob.password, PasswordCheck::NotChecked);
    assert_eq!(bob.tokens, None);
    assert!(bob.created_at_micros > 1);
    assert_eq!(root.get_user(&name("nobody")).await.unwrap(), None);

    let granted = StreamGrants {
        allow: [StreamPermission::ReadStream, StreamPermission::SendMessages].into(),
        topics: [(3, TopicPermission::ALL.iter().copied().collect())].into(),
    };
    let grants = Grants {
        server: [ServerPermission::ReadUsers].into(),
        streams: [(0, granted), (u32::MAX, StreamGrants::default())].into(),
    };
    root.update_permissions(&name("bob"), &grants)
        .await
        .unwrap();
    assert_eq!(user(&root, "bob").await.grants, grants.clone().normal());
    assert_eq!(user(&root, "bob").await.grants.streams.len(), 1);
    root.update_permissions(&name("bob"), &Grants::default())
        .await
        .unwrap();
    assert_eq!(user(&root, "bob").await.grants, Grants::default());

    root.set_user_status(&name("bob"), UserStatus::Inactive)
        .await
        .unwrap();
    root.rename_user(&name("bob"), &name("abe")).await.unwrap();
    let renamed = user(&root, "abe").await;
    assert_eq!(renamed.status, UserStatus::Inactive);
    assert_eq!(
        (renamed.id, renamed.created_at_micros),
        (bob.id, bob.created_at_micros)
    );
    let listed = root.list_users().await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|user| (user.name.as_str(), user.id, user.status))
        .collect();
    let expected = [
        ("abe", 1, UserStatus::Inactive),
        ("iggy", 0, UserStatus::Active),
    ];
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn a_name_of_digits_is_a_name_and_not_an_id() {
    let (_server, _, root) = start().await;
    create(&root, "bob").await;
    create(&root, "001").await;
    assert_eq!(user(&root, "001").await.id, 2);
    root.delete_user(&name("001")).await.unwrap();
    assert_eq!(user(&root, "bob").await.id, 1);
    assert_eq!(root.get_user(&name("001")).await.unwrap(), None);
}

#[tokio::test]
async fn what_cannot_be_done_says_why_and_changes_nothing() {
    let (_server, _, root) = start().await;
    create(&root, "bob").await;
    let again = root
        .create_user(&name("bob"), &secret("right"), UserStatus::Active)
        .await;
    assert_eq!(kind(again), BrokerErrorKind::AlreadyExists);
    let taken = root.rename_user(&name("bob"), &name("iggy")).await;
    assert_eq!(kind(taken), BrokerErrorKind::AlreadyExists);
    let gone = name("gone");
    for missing in [
        root.rename_user(&gone, &name("here")).await,
        root.set_user_status(&gone, UserStatus::Active).await,
        root.update_permissions(&gone, &poll_of(0)).await,
        root.delete_user(&gone).await,
        root.delete_token(&gone).await,
    ] {
        assert_eq!(kind(missing), BrokerErrorKind::NotFound);
    }
    for (refused, code) in [
        (root.delete_user(&name("iggy")).await, 48),
        (
            root.update_permissions(&name("iggy"), &poll_of(0)).await,
            49,
        ),
        (
            root.create_user(&name("ab"), &secret("right"), UserStatus::Active)
                .await,
            43,
        ),
        (
            root.create_user(&name("abc"), &secret("no"), UserStatus::Active)
                .await,
            44,
        ),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.code, Some(code), "{error}");
        assert!(
            matches!(error.kind, BrokerErrorKind::Refused { .. }),
            "{error}"
        );
    }
    assert_eq!(root.list_users().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_password_changes_for_who_knows_it() {
    let (_server, connector, root) = start().await;
    create(&root, "bob").await;
    let bob = name("bob");
    let wrong = root
        .change_password(&bob, &secret("wrong"), &secret("better"))
        .await
        .unwrap_err();
    assert!(wrong.is_about_the_password(), "{wrong}");
    root.change_password(&bob, &secret("right"), &secret("better"))
        .await
        .unwrap();
    assert_eq!(
        refusal(connector.log_in_as(&login("bob", "right")).await),
        42
    );
    // The SDK goes on with the new one when it changed its own.
    let own = connector.log_in_as(&login("bob", "better")).await.unwrap();
    own.change_password(&bob, &secret("better"), &secret("best"))
        .await
        .unwrap();
    assert_eq!(own.me().await.unwrap().user_id, Some(1));
    connector.log_in_as(&login("bob", "best")).await.unwrap();
}

#[tokio::test]
async fn who_has_no_right_is_told_so() {
    let (_server, connector, root) = start().await;
    create(&root, "bob").await;
    let bob = connector.log_in_as(&login("bob", "right")).await.unwrap();
    let unauthorized = BrokerErrorKind::Unauthorized;
    assert_eq!(kind(bob.list_users().await), unauthorized);
    assert_eq!(kind(bob.get_user(&name("iggy")).await), unauthorized);
    for refused in [
        bob.create_user(&name("eve"), &secret("right"), UserStatus::Active)
            .await,
        bob.rename_user(&name("iggy"), &name("eve")).await,
        bob.set_user_status(&name("bob"), UserStatus::Inactive)
            .await,
        bob.update_permissions(&name("bob"), &poll_of(0)).await,
        bob.change_password(&name("iggy"), &secret("iggy"), &secret("mine"))
            .await,
        bob.delete_user(&name("bob")).await,
    ] {
        assert_eq!(kind(refused), unauthorized);
    }
    // The own entry and the own tokens need no right.
    assert_eq!(user(&bob, "bob").await.id, 1);
    assert_eq!(bob.own_tokens().await.unwrap(), BTreeMap::new());

    let grants = Grants {
        server: [ServerPermission::ReadUsers].into(),
        streams: BTreeMap::new(),
    };
    root.update_permissions(&name("bob"), &grants)
        .await
        .unwrap();
    assert_eq!(bob.list_users().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_freed_id_goes_to_the_next_user() {
    let (_server, connector, root) = start().await;
    create(&root, "bob").await;
    let bob = user(&root, "bob").await;
    let session = connector.log_in_as(&login("bob", "right")).await.unwrap();
    root.delete_user(&name("bob")).await.unwrap();
    assert_eq!(
        refusal(connector.log_in_as(&login("bob", "right")).await),
        42
    );
    create(&root, "eve").await;
    let eve = user(&root, "eve").await;
    assert_eq!(eve.id, bob.id);
    assert_ne!(eve.created_at_micros, bob.created_at_micros);
    // The connection of the deleted user reads what only eve may read.
    assert_eq!(user(&session, "eve").await.id, eve.id);
}

#[tokio::test]
async fn a_token_is_listed_without_its_value_and_logs_in() {
    let (_server, connector, root) = start().await;
    create(&root, "bob").await;
    let bob = connector.log_in_as(&login("bob", "right")).await.unwrap();
    let token = bob.create_token(&name("ci"), None).await.unwrap();
    bob.create_token(&name("short"), Some(3_600_000_000))
        .await
        .unwrap();
    let again = bob.create_token(&name("ci"), None).await;
    assert_eq!(kind(again), BrokerErrorKind::AlreadyExists);
    let tokens = bob.own_tokens().await.unwrap();
    let never = ObservedToken {
        expires_at_micros: None,
    };
    assert_eq!(tokens[&name("ci")], never);
    let created = user(&root, "bob").await.created_at_micros;
    let ends = tokens[&name("short")].expires_at_micros.unwrap();
    assert!(ends >= created + 3_600_000_000, "{ends} {created}");
    assert_eq!(tokens.len(), 2);
    assert!(root.own_tokens().await.unwrap().is_empty());

    let with_token = Credentials::Token(token);
    let session = connector.log_in_as(&with_token).await.unwrap();
    assert_eq!(session.me().await.unwrap().user_id, Some(1));
    session.delete_token(&name("ci")).await.unwrap();
    assert_eq!(refusal(connector.log_in_as(&with_token).await), 53);
    assert_eq!(bob.own_tokens().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_duration_that_would_mean_never_is_refused() {
    let (server, _, root) = start().await;
    server.requests().reset();
    for expiry in [0, u64::MAX] {
        let refused = root.create_token(&name("ci"), Some(expiry)).await;
        assert_eq!(refused.unwrap_err().code, Some(56));
    }
    let sent = server
        .requests()
        .count(codes::CREATE_PERSONAL_ACCESS_TOKEN_CODE);
    assert_eq!(sent, 0);
}

#[tokio::test]
async fn a_lost_reply_is_an_unknown_outcome_for_every_write() {
    let (server, _, root) = start().await;
    let lose = || {
        let plan = FaultPlan::none().once(FaultKind::LostReply, FaultTarget::Writes, 1);
        server.faults().set(plan);
    };
    let unknown = |result: Result<(), BrokerError>| {
        let error = result.unwrap_err();
        assert!(
            matches!(error.kind, BrokerErrorKind::OutcomeUnknown { .. }),
            "{error}"
        );
    };
    let (bob, abe, ci) = (name("bob"), name("abe"), name("ci"));
    let (old, new) = (secret("right"), secret("better"));
    lose();
    unknown(root.create_user(&bob, &old, UserStatus::Active).await);
    lose();
    unknown(root.rename_user(&bob, &abe).await);
    lose();
    unknown(root.set_user_status(&abe, UserStatus::Inactive).await);
    lose();
    unknown(root.change_password(&abe, &old, &new).await);
    lose();
    unknown(root.update_permissions(&abe, &poll_of(5)).await);
    let done = user(&root, "abe").await;
    assert_eq!(
        (done.status, done.grants),
        (UserStatus::Inactive, poll_of(5))
    );
    lose();
    unknown(root.delete_user(&abe).await);
    assert_eq!(root.list_users().await.unwrap().len(), 1);
    lose();
    unknown(root.create_token(&ci, None).await.map(drop));
    assert_eq!(root.own_tokens().await.unwrap().len(), 1);
    lose();
    unknown(root.delete_token(&ci).await);
    assert!(root.own_tokens().await.unwrap().is_empty());
}

#[tokio::test]
async fn every_method_is_one_request() {
    let (server, _, root) = start().await;
    let (bob, abe, ci) = (name("bob"), name("abe"), name("ci"));
    let (old, new) = (secret("right"), secret("better"));
    server.requests().reset();
    root.create_user(&bob, &old, UserStatus::Active)
        .await
        .unwrap();
    root.rename_user(&bob, &abe).await.unwrap();
    root.set_user_status(&abe, UserStatus::Active)
        .await
        .unwrap();
    root.change_password(&abe, &old, &new).await.unwrap();
    root.update_permissions(&abe, &poll_of(0)).await.unwrap();
    root.list_users().await.unwrap();
    root.get_user(&abe).await.unwrap();
    root.delete_user(&abe).await.unwrap();
    root.create_token(&ci, None).await.unwrap();
    root.own_tokens().await.unwrap();
    root.delete_token(&ci).await.unwrap();
    assert_eq!(server.requests().total(), 11);
}

#[tokio::test]
async fn what_is_granted_is_enforced_and_follows_the_id() {
    let (_server, connector, root) = start().await;
    create(&root, "bob").await;
    let (orders, events) = (name("orders"), name("events"));
    root.create_stream(&orders).await.unwrap();
    root.create_topic(&orders, &events, 1, &TopicSettings::default())
        .await
        .unwrap();
    let bob = connector.log_in_as(&login("bob", "right")).await.unwrap();
    assert_eq!(
        kind(bob.get_topic(&orders, &events).await),
        BrokerErrorKind::Unauthorized
    );
    let id = root.get_stream(&orders).await.unwrap().unwrap().id;
    let granted = StreamGrants {
        allow: [StreamPermission::ReadTopics].into(),
        topics: BTreeMap::new(),
    };
    let grants = Grants {
        server: [].into(),
        streams: [(id, granted)].into(),
    };
    root.update_permissions(&name("bob"), &grants)
        .await
        .unwrap();
    assert!(bob.get_topic(&orders, &events).await.unwrap().is_some());
    root.rename_stream(&orders, &name("sales")).await.unwrap();
    let renamed = bob.get_topic(&name("sales"), &events).await.unwrap();
    assert!(renamed.is_some());
}

fn question(user: &str, declared: &str, previous: Option<&str>) -> PasswordQuestion {
    PasswordQuestion {
        user: name(user),
        status: UserStatus::Active,
        declared: secret(declared),
        previous: previous.map(secret),
        lists_tokens: false,
    }
}

#[tokio::test]
async fn passwords_are_checked_by_logging_in() {
    let (server, connector, root) = start().await;
    let mut questions = Vec::new();
    for number in 0..12 {
        let user = format!("user-{number:02}");
        create(&root, &user).await;
        questions.push(match number % 3 {
            0 => question(&user, "right", None),
            1 => question(&user, "newer", Some("right")),
            _ => question(&user, "newer", Some("other")),
        });
    }
    create(&root, "asleep").await;
    root.set_user_status(&name("asleep"), UserStatus::Inactive)
        .await
        .unwrap();
    questions.push(PasswordQuestion {
        status: UserStatus::Inactive,
        ..question("asleep", "right", None)
    });
    questions.push(question("user-00-short", "no", None));
    server.requests().reset();
    let checks = check_passwords(&connector, questions).await.unwrap();
    let logins = server.requests().count(codes::LOGIN_REGISTER_CODE);
    assert_eq!(logins, 4 + 4 * 2 + 4 * 2);
    assert_eq!(checks.len(), 14);
    assert_eq!(checks[&name("user-00")].password, PasswordCheck::Declared);
    assert_eq!(checks[&name("user-04")].password, PasswordCheck::Previous);
    assert_eq!(checks[&name("user-11")].password, PasswordCheck::Neither);
    for unverifiable in ["asleep", "user-00-short"] {
        assert!(
            matches!(
                checks[&name(unverifiable)].password,
                PasswordCheck::Unverifiable { .. }
            ),
            "{checks:?}"
        );
    }
}

/// Counts the logins that are under way.
#[derive(Default)]
struct Counting {
    server: simulated::Simulated,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Connect for Counting {
    type Broker = simulated::Simulated;

    async fn connect(&self) -> Result<Self::Broker, ConnectError> {
        self.server.connect().await
    }

    async fn log_in_as(&self, credentials: &Credentials) -> Result<Self::Broker, ConnectError> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        self.now.fetch_sub(1, Ordering::SeqCst);
        self.server.log_in_as(credentials).await
    }
}

#[tokio::test]
async fn at_most_four_logins_are_under_way() {
    let counting = Counting::default();
    let questions = (0..50)
        .map(|number| question(&format!("user-{number}"), "one", Some("two")))
        .collect();
    let checks = check_passwords(&counting, questions).await.unwrap();
    assert_eq!(checks.len(), 50);
    assert!(
        checks
            .values()
            .all(|check| check.password == PasswordCheck::Neither)
    );
    assert_eq!(counting.most.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_refused_login_is_not_an_unreachable_server() {
    let (server, connector, root) = start().await;
    create(&root, "bob").await;
    let bob = name("bob");
    let answer = check_password(&connector, &bob, &secret("wrong")).await;
    assert_eq!(answer.unwrap(), PasswordAnswer::NotLive);
    let answer = check_password(&connector, &bob, &secret("right")).await;
    assert_eq!(answer.unwrap(), PasswordAnswer::Live);
    drop(root);
    server.shutdown().await;
    let answer = check_password(&connector, &bob, &secret("right")).await;
    assert!(
        matches!(answer, Err(ConnectError::NothingListens { .. })),
        "{answer:?}"
    );
    let many = vec![
        question("bob", "right", None),
        question("eve", "right", None),
    ];
    let checks = check_passwords(&connector, many).await;
    assert!(
        matches!(checks, Err(ConnectError::NothingListens { .. })),
        "{checks:?}"
    );
}

/// The same calls with the same answers on both.
async fn story<C: Connect>(connector: &C) -> Vec<String> {
    let mut said = Vec::new();
    let mut say = |what: String| said.push(what);
    let root = connector.connect().await.unwrap();
    let (bob, eve, ci) = (name("bob"), name("eve"), name("ci"));
    let (old, new) = (secret("right"), secret("better"));
    let outcome = |result: Result<(), BrokerError>| {
        format!("{:?}", result.map_err(|error| error.kind.to_string()))
    };
    say(outcome(
        root.create_user(&bob, &old, UserStatus::Active).await,
    ));
    say(outcome(
        root.create_user(&bob, &old, UserStatus::Active).await,
    ));
    say(outcome(root.change_password(&bob, &new, &old).await));
    say(outcome(root.change_password(&bob, &old, &new).await));
    say(outcome(root.update_permissions(&bob, &poll_of(4)).await));
    say(outcome(
        root.update_permissions(&name("iggy"), &poll_of(4)).await,
    ));
    say(outcome(root.delete_user(&name("iggy")).await));
    say(outcome(root.rename_user(&bob, &eve).await));
    say(outcome(root.delete_user(&bob).await));
    let session = connector.log_in_as(&login("eve", "better")).await.unwrap();
    let token = session.create_token(&ci, None).await.unwrap();
    say(outcome(session.create_token(&ci, None).await.map(drop)));
    say(format!("{:?}", session.own_tokens().await.unwrap()));
    let with_token = Credentials::Token(token);
    let by_token = connector.log_in_as(&with_token).await.unwrap();
    say(format!("{:?}", by_token.me().await.unwrap().user_id));
    say(outcome(
        root.set_user_status(&eve, UserStatus::Inactive).await,
    ));
    say(refusal(connector.log_in_as(&with_token).await.map(drop)).to_string());
    say(refusal(connector.log_in_as(&login("eve", "better")).await.map(drop)).to_string());
    let observed = user(&root, "eve").await;
    say(format!(
        "{} {:?} {:?}",
        observed.id, observed.status, observed.grants
    ));
    say(outcome(root.delete_user(&eve).await));
    say(refusal(connector.log_in_as(&with_token).await.map(drop)).to_string());
    say(root.list_users().await.unwrap().len().to_string());
    said
}

#[tokio::test]
async fn the_double_of_other_tests_answers_as_the_server_does() {
    let (_server, connector, _) = start().await;
    let double = simulated::Simulated::new(BTreeMap::new());
    assert_eq!(story(&double).await, story(&connector).await);
}
