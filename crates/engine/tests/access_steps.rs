//! Steps about users when replies are lost, and when what permissions speak of
//! is replaced in the very moment they are written.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join;
use iggy::prelude::{Client as _, Identifier, IggyClient, StreamClient as _, TopicClient as _};
use iggy_binary_protocol::codes;
use iggyctl_core::access::{Grants, ServerPermission, StreamGrants, StreamPermission, UserStatus};
use iggyctl_core::address::Address;
use iggyctl_core::diff::diff;
use iggyctl_core::manifest::{SourceFile, Variables, compile};
use iggyctl_core::name::ResourceName;
use iggyctl_core::plan::{Approvals, ApprovedPlan, DestructionGrant, plan};
use iggyctl_core::secret::{Secret, SecretSource};
use iggyctl_core::state::desired::{DesiredState, TopicSettings};
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget, PasswordHashing};
use iggyctl_engine::Secrets;
use iggyctl_engine::apply::{ApplyOutcome, Cancellation, Failure, StepResult, Supplies, apply};
use iggyctl_engine::broker::{BrokerWrite as _, UserRead as _, UserWrite as _};
use iggyctl_engine::connect::{
    Connect as _, ConnectSettings, ConnectionPool, Credentials, ServerAddress, ServerConnector,
};
use iggyctl_engine::delivery::NoSinks;
use iggyctl_engine::observe::{Checks, Reach, observe_and_check};

type Pool = ConnectionPool<ServerConnector>;

async fn start() -> EmbeddedServer {
    EmbeddedServer::builder()
        .password_hashing(PasswordHashing::Fast)
        .start()
        .await
        .unwrap()
}

fn connector(server: &EmbeddedServer) -> ServerConnector {
    let ServerAddress::Remote(remote) = server.connection_string().parse().unwrap() else {
        panic!("the server is remote");
    };
    let settings = ConnectSettings {
        deadline: Duration::from_secs(5),
        request_timeout: Duration::from_secs(5),
    };
    ServerConnector::new(remote, settings)
}

fn name(text: &str) -> ResourceName {
    text.parse().unwrap()
}

fn desired(spec: &str) -> DesiredState {
    let manifest = format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: test }}\nspec:\n{spec}"
    );
    compile(
        &[SourceFile::new("test.yaml", manifest.as_bytes())],
        &Variables::default(),
    )
    .unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"))
    .state
}

/// Each is called as its variable.
fn secrets(desired: &DesiredState) -> Secrets {
    let needed = Secrets::needed(desired).into_iter();
    needed
        .map(|reference| match &reference.source {
            SecretSource::Env(variable) => (reference.clone(), Secret::new(variable.as_str())),
            other => panic!("{other:?}"),
        })
        .collect()
}

async fn approved(pool: &Pool, desired: &DesiredState) -> ApprovedPlan {
    let observed = observe_and_check(pool, desired, checks(&secrets(desired)))
        .await
        .unwrap();
    plan(&diff(desired, &observed), &Approvals::default())
        .approve(false, &DestructionGrant::default())
        .unwrap()
}

async fn run(pool: &Pool, plan: &ApprovedPlan, desired: &DesiredState) -> ApplyOutcome {
    let secrets = secrets(desired);
    let cancellation = Cancellation::default();
    apply(
        plan,
        pool,
        Supplies::new(&secrets, &NoSinks),
        &mut |_| {},
        &cancellation,
    )
    .await
}

fn on_stream(id: u32, word: StreamPermission) -> Grants<u32> {
    let granted = StreamGrants {
        allow: [word].into(),
        ..StreamGrants::default()
    };
    Grants {
        streams: [(id, granted)].into(),
        ..Grants::default()
    }
}

/// One user for each call: created, renamed, made inactive, made active, with
/// another password, and with permissions that are narrowed and then widened.
const EVERY_CALL: &str = "
  streams: [{ name: orders }]
  users:
    - { name: created, password: { env: THE_NEW } }
    - { name: renamed, previousName: named }
    - { name: inactive, status: inactive }
    - { name: active, status: active }
    - { name: rotated, password: { env: THE_NEW }, previousPassword: { env: THE_OLD } }
    - name: granted
      permissions: { streams: [{ name: orders, allow: [send_messages] }] }
";

async fn before_every_call(pool: &Pool) {
    let root = pool.acquire().await.unwrap();
    root.create_stream(&name("orders")).await.unwrap();
    for user in ["named", "inactive", "active", "rotated", "granted"] {
        let status = match user {
            "active" => UserStatus::Inactive,
            _ => UserStatus::Active,
        };
        root.create_user(&name(user), &Secret::new("THE_OLD"), status)
            .await
            .unwrap();
    }
    let grants = on_stream(0, StreamPermission::PollMessages);
    root.update_permissions(&name("granted"), &grants)
        .await
        .unwrap();
}

async fn logs_in(server: &EmbeddedServer, user: &str, password: &str) -> bool {
    let credentials = Credentials::Password {
        username: user.to_owned(),
        password: Secret::new(password),
    };
    connector(server).log_in_as(&credentials).await.is_ok()
}

/// The calls with how often a plan without faults makes them.
const CALLS: [(u32, u64); 4] = [
    (codes::CREATE_USER_CODE, 1),
    // The name and the status are one command.
    (codes::UPDATE_USER_CODE, 3),
    (codes::CHANGE_PASSWORD_CODE, 1),
    (codes::UPDATE_PERMISSIONS_CODE, 2),
];

#[tokio::test]
async fn a_call_whose_reply_is_lost_is_settled_by_a_look_and_repeated_only_if_not_done() {
    for (command, calls) in CALLS {
        for at in 1..=calls {
            for kind in [FaultKind::LostReply, FaultKind::Disconnect] {
                let server = start().await;
                let pool = Pool::with_limit(connector(&server), 1);
                before_every_call(&pool).await;
                let desired = desired(EVERY_CALL);
                let plan = approved(&pool, &desired).await;
                let faults = FaultPlan::none().once(kind, FaultTarget::Command(command), at);
                server.faults().set(faults);
                server.requests().reset();
                let case = format!("command {command}, the {at}. time, {kind:?}");

                let outcome = run(&pool, &plan, &desired).await;
                assert!(outcome.is_complete(), "{case}: {outcome:#?}");
                let is_repeated = u64::from(kind == FaultKind::Disconnect);
                // The new password replaced by itself: the look.
                let looks = u64::from(command == codes::CHANGE_PASSWORD_CODE);
                assert_eq!(
                    server.requests().count(command),
                    calls + is_repeated + looks,
                    "{case}"
                );
                assert!(approved(&pool, &desired).await.steps().is_empty(), "{case}");
                assert!(logs_in(&server, "created", "THE_NEW").await, "{case}");
                assert!(logs_in(&server, "renamed", "THE_OLD").await, "{case}");
                assert!(!logs_in(&server, "inactive", "THE_OLD").await, "{case}");
                assert!(logs_in(&server, "active", "THE_OLD").await, "{case}");
                assert!(logs_in(&server, "rotated", "THE_NEW").await, "{case}");
                let root = pool.acquire().await.unwrap();
                let granted = root.get_user(&name("granted")).await.unwrap().unwrap();
                let expected = on_stream(0, StreamPermission::SendMessages);
                assert_eq!(granted.grants, expected, "{case}");
            }
        }
    }
}

async fn prune_plan(pool: &Pool, desired: &DesiredState, deletes: bool) -> ApprovedPlan {
    let observed = observe_and_check(pool, desired, checks(&secrets(desired)))
        .await
        .unwrap();
    let old: Address = "user/old".parse().unwrap();
    let allow_destroy: BTreeSet<Address> = deletes.then_some(old).into_iter().collect();
    let approvals = Approvals {
        prune: true,
        allow_destroy: allow_destroy.clone(),
        ..Approvals::default()
    };
    let plan = plan(&diff(desired, &observed), &approvals);
    let removals = plan.mass_deletion.map(|deletion| deletion.removed);
    let grant = DestructionGrant::from_command_line(allow_destroy).expecting(removals);
    plan.approve(false, &grant).unwrap()
}

/// The calls that remove a user, each once.
const REMOVALS: [u32; 3] = [
    codes::UPDATE_PERMISSIONS_CODE,
    codes::UPDATE_USER_CODE,
    codes::DELETE_USER_CODE,
];

#[tokio::test]
async fn who_is_pruned_is_gone_although_a_reply_is_lost() {
    for command in REMOVALS {
        for kind in [FaultKind::LostReply, FaultKind::Disconnect] {
            let server = start().await;
            let pool = Pool::with_limit(connector(&server), 1);
            {
                let root = pool.acquire().await.unwrap();
                root.create_stream(&name("orders")).await.unwrap();
                for user in ["old", "kept"] {
                    root.create_user(&name(user), &Secret::new("THE_OLD"), UserStatus::Active)
                        .await
                        .unwrap();
                    let grants = on_stream(0, StreamPermission::PollMessages);
                    root.update_permissions(&name(user), &grants).await.unwrap();
                }
            }
            let case = format!("command {command}, {kind:?}");
            // Root is inside it, too.
            let desired = desired(
                "
  owns: { users: ['*'] }
  users: [{ name: kept }, { name: new, password: { env: THE_NEW } }]
",
            );
            let plan = prune_plan(&pool, &desired, true).await;
            server
                .faults()
                .set(FaultPlan::none().once(kind, FaultTarget::Command(command), 1));
            server.requests().reset();

            let outcome = run(&pool, &plan, &desired).await;
            assert!(outcome.is_complete(), "{case}: {outcome:#?}");
            for other in REMOVALS {
                let is_repeated = other == command && kind == FaultKind::Disconnect;
                assert_eq!(
                    server.requests().count(other),
                    1 + u64::from(is_repeated),
                    "{case}"
                );
            }
            let users = server.access().users;
            let left: BTreeSet<&str> = users.values().map(|user| user.name.as_str()).collect();
            assert_eq!(left, ["iggy", "kept", "new"].into(), "{case}");
            // Its number was not free when the new one was made.
            assert_eq!(users[&3].name, "new", "{case}");
            assert!(logs_in(&server, "kept", "THE_OLD").await, "{case}");
            assert!(
                prune_plan(&pool, &desired, false).await.steps().is_empty(),
                "{case}"
            );
        }
    }
}

#[tokio::test]
async fn nobody_is_deleted_when_another_user_could_not_be_created() {
    let server = start().await;
    let pool = Pool::with_limit(connector(&server), 1);
    let old = name("old");
    {
        let root = pool.acquire().await.unwrap();
        root.create_user(&old, &Secret::new("THE_OLD"), UserStatus::Active)
            .await
            .unwrap();
    }
    let desired = desired(
        "
  owns: { users: [old] }
  users: [{ name: new, password: { env: THE_NEW } }]
",
    );
    let refused = FaultTarget::Command(codes::CREATE_USER_CODE);
    let faults = FaultPlan::none().once(FaultKind::UnsupportedOptionKey, refused, 1);
    let plan = prune_plan(&pool, &desired, true).await;
    server.faults().set(faults);
    assert!(!run(&pool, &plan, &desired).await.is_complete());
    // Otherwise the next apply would give its number to the new one.
    assert_eq!(server.access().users[&1].name, "old");
    assert!(!logs_in(&server, "old", "THE_OLD").await);

    let plan = prune_plan(&pool, &desired, true).await;
    assert!(run(&pool, &plan, &desired).await.is_complete());
    let users = server.access().users;
    assert_eq!(users.keys().copied().collect::<Vec<_>>(), [0, 2]);
    assert_eq!(users[&2].name, "new");
}

#[tokio::test]
async fn a_tombstone_is_left_alone_until_it_is_named() {
    let server = start().await;
    let pool = Pool::with_limit(connector(&server), 1);
    before_every_call(&pool).await;
    let desired = desired("\n  owns: { users: [named, granted, nobody] }\n");
    let plan = prune_plan(&pool, &desired, false).await;
    assert_eq!(plan.plan().summary.deactivate, 2);
    assert!(run(&pool, &plan, &desired).await.is_complete());
    assert!(prune_plan(&pool, &desired, false).await.steps().is_empty());
    let root = pool.acquire().await.unwrap();
    let granted = root.get_user(&name("granted")).await.unwrap().unwrap();
    assert_eq!(granted.grants, Grants::default());
    drop(root);
    assert!(!logs_in(&server, "granted", "THE_OLD").await);
    assert!(logs_in(&server, "rotated", "THE_OLD").await);
}

/// Long enough for somebody else to do something while a request waits.
const WAITS: FaultKind = FaultKind::Delay(Duration::from_millis(300));

/// Applies a rule about `orders` and its topic `events`; somebody does something
/// when the names are looked up and the write is on its way.
async fn replaced_meanwhile(
    rule: &str,
    is_reply_lost: bool,
    meanwhile: impl AsyncFnOnce(&IggyClient),
) -> (EmbeddedServer, ApplyOutcome, Grants<u32>) {
    let server = start().await;
    let pool = Pool::with_limit(connector(&server), 1);
    {
        let root = pool.acquire().await.unwrap();
        let (orders, events) = (name("orders"), name("events"));
        root.create_stream(&orders).await.unwrap();
        root.create_topic(&orders, &events, 1, &TopicSettings::default())
            .await
            .unwrap();
        root.create_user(&name("bob"), &Secret::new("THE_OLD"), UserStatus::Active)
            .await
            .unwrap();
    }
    let desired = desired(&format!(
        "
  users:
    - name: bob
      permissions: {{ allow: [read_servers], streams: [{rule}] }}
"
    ));
    let plan = approved(&pool, &desired).await;
    let command = codes::UPDATE_PERMISSIONS_CODE;
    let target = FaultTarget::Command(command);
    let mut faults = FaultPlan::none().once(WAITS, target, 1);
    if is_reply_lost {
        faults = faults.once(FaultKind::LostReply, target, 1);
    }
    server.faults().set(faults);
    server.requests().reset();
    let somebody = async {
        let client = IggyClient::from_connection_string(&server.connection_string()).unwrap();
        client.connect().await.unwrap();
        while server.requests().count(command) == 0 {
            tokio::task::yield_now().await;
        }
        meanwhile(&client).await;
        // Otherwise nothing was replaced in between.
        assert!(server.access().users[&1].permissions.is_none());
    };
    let (outcome, ()) = join(run(&pool, &plan, &desired), somebody).await;
    let root = pool.acquire().await.unwrap();
    let bob = root.get_user(&name("bob")).await.unwrap().unwrap();
    (server, outcome, bob.grants)
}

fn only_on_the_server() -> Grants<u32> {
    Grants {
        server: [ServerPermission::ReadServers].into(),
        ..Grants::default()
    }
}

fn moved(outcome: &ApplyOutcome) -> String {
    match &outcome.steps[0].result {
        StepResult::Failed(Failure::Moved { expected, found }) => {
            assert!(found.contains("taken back"), "{found}");
            expected.clone()
        }
        other => panic!("{other:?}"),
    }
}

const ON_THE_STREAM: &str = "{ name: orders, allow: [poll_messages] }";
const ON_THE_TOPIC: &str = "{ name: orders, topics: [{ name: events, allow: [poll_messages] }] }";

fn named(text: &str) -> Identifier {
    Identifier::named(text).unwrap()
}

#[tokio::test]
async fn permissions_on_a_stream_that_was_replaced_are_taken_back() {
    // By its like, which gets its number, too.
    let (server, outcome, grants) = replaced_meanwhile(ON_THE_STREAM, false, async |client| {
        client.delete_stream(&named("orders")).await.unwrap();
        client.create_stream("orders").await.unwrap();
    })
    .await;
    assert_eq!(moved(&outcome), "stream/orders to stay");
    assert_eq!(grants, only_on_the_server());
    let sent = server.requests().count(codes::UPDATE_PERMISSIONS_CODE);
    assert_eq!(sent, 2);

    // By another one, which gets the number.
    let (_server, outcome, grants) = replaced_meanwhile(ON_THE_STREAM, false, async |client| {
        client.delete_stream(&named("orders")).await.unwrap();
        client.create_stream("secret").await.unwrap();
    })
    .await;
    assert_eq!(moved(&outcome), "stream/orders to stay");
    assert_eq!(grants, only_on_the_server());
}

#[tokio::test]
async fn permissions_on_a_topic_that_was_replaced_are_taken_back() {
    let (_server, outcome, grants) = replaced_meanwhile(ON_THE_TOPIC, false, async |client| {
        let (stream, topic) = (named("orders"), named("events"));
        client.delete_topic(&stream, &topic).await.unwrap();
        let options = iggy::prelude::TopicCreateOptions::default();
        client
            .create_topic(&stream, "events", &options)
            .await
            .unwrap();
    })
    .await;
    assert_eq!(moved(&outcome), "topic/orders/events to stay");
    assert_eq!(grants, only_on_the_server());
}

#[tokio::test]
async fn permissions_on_a_stream_that_was_replaced_are_taken_back_after_a_lost_reply() {
    let (server, outcome, grants) = replaced_meanwhile(ON_THE_STREAM, true, async |client| {
        client.delete_stream(&named("orders")).await.unwrap();
        client.create_stream("secret").await.unwrap();
    })
    .await;
    assert_eq!(moved(&outcome), "stream/orders");
    assert_eq!(grants, only_on_the_server());
    let sent = server.requests().count(codes::UPDATE_PERMISSIONS_CODE);
    assert_eq!(sent, 2);
}

#[tokio::test]
async fn permissions_stay_when_something_else_was_replaced() {
    let (server, outcome, grants) = replaced_meanwhile(ON_THE_TOPIC, false, async |client| {
        client.create_stream("other").await.unwrap();
    })
    .await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert!(grants.streams[&0].topics.contains_key(&0));
    let sent = server.requests().count(codes::UPDATE_PERMISSIONS_CODE);
    assert_eq!(sent, 1);
}

/// The user as `password` left it, and the outcome of making it active.
async fn activated(password: &str, spec: &str) -> (EmbeddedServer, ApplyOutcome) {
    let server = start().await;
    let pool = ConnectionPool::new(connector(&server));
    {
        let root = pool.acquire().await.unwrap();
        let password = Secret::new(password);
        root.create_user(&name("ann"), &password, UserStatus::Inactive)
            .await
            .unwrap();
    }
    let desired = desired(spec);
    let plan = approved(&pool, &desired).await;
    let outcome = run(&pool, &plan, &desired).await;
    if outcome.is_complete() {
        assert!(approved(&pool, &desired).await.steps().is_empty());
    }
    (server, outcome)
}

#[tokio::test]
async fn a_user_is_made_active_only_with_its_declared_password() {
    const ALONE: &str = "  users: [{ name: ann, status: active, password: { env: NEW } }]";
    const ROTATED: &str = "  users: [{ name: ann, status: active, password: { env: NEW }, previousPassword: { env: OLD } }]";
    for (live, spec, lets_in) in [
        ("NEW", ALONE, true),
        ("LOST", ALONE, false),
        ("OLD", ROTATED, true),
        ("NEW", ROTATED, true),
        ("LOST", ROTATED, false),
    ] {
        let (server, outcome) = activated(live, spec).await;
        assert_eq!(outcome.is_complete(), lets_in, "{live}: {outcome:?}");
        assert_eq!(logs_in(&server, "ann", "NEW").await, lets_in, "{live}");
        assert!(!logs_in(&server, "ann", "OLD").await, "{live}");
        assert!(!logs_in(&server, "ann", "LOST").await, "{live}");
        server.shutdown().await;
    }
}

fn checks(secrets: &Secrets) -> Checks<'_, NoSinks> {
    Checks {
        reach: Reach::Declared,
        secrets: Some(secrets),
        sinks: &NoSinks,
    }
}
