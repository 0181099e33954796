//! Users: a plan without changes, and creating some.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

use iggy::prelude::{
    Identifier, Permissions, StreamClient, StreamPermissions, UserClient, UserStatus,
};
use iggyctl_core::manifest::{SourceFile, Variables, compile};
use iggyctl_core::plan::{Approvals, DestructionGrant};
use iggyctl_core::secret::Secret;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::{diff, plan};
use iggyctl_embedded::EmbeddedServer;
use iggyctl_engine::Secrets;
use iggyctl_engine::apply::{Cancellation, Supplies, apply};
use iggyctl_engine::connect::{ConnectionPool, ServerConnector};
use iggyctl_engine::delivery::NoSinks;
use iggyctl_engine::observe::observe;

use crate::Line;
use crate::server::{client, pool, runtimes, start};

const RUNS: usize = 5;
const PASSWORD: &str = "bench-password";

/// This many users who may each read one stream.
fn manifest(users: usize) -> DesiredState {
    let mut text = String::from(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {name: bench}\nspec:\n  streams: [{name: orders}]\n  users:\n",
    );
    for user in 0..users {
        writeln!(
            text,
            "    - {{name: user-{user}, status: active, password: {{env: PASSWORD}}, permissions: {{streams: [{{name: orders, allow: [read_stream]}}]}}}}"
        )
        .expect("a text");
    }
    let source = SourceFile::new("bench.yaml", text.as_bytes());
    compile(&[source], &Variables::default())
        .expect("a valid manifest")
        .state
}

fn secrets(desired: &DesiredState) -> Secrets {
    Secrets::needed(desired)
        .into_iter()
        .map(|reference| (reference.clone(), Secret::new(PASSWORD)))
        .collect()
}

async fn converge(desired: &DesiredState, pool: &ConnectionPool<ServerConnector>) {
    let observed = observe(pool, desired).await.expect("an observation");
    let plan = plan::plan(&diff::diff(desired, &observed), &Approvals::default());
    let approved = plan
        .approve(false, &DestructionGrant::default())
        .expect("nothing is blocked");
    let secrets = secrets(desired);
    let outcome = apply(
        &approved,
        pool,
        Supplies::new(&secrets, &NoSinks),
        &mut |_| {},
        &Cancellation::default(),
    )
    .await;
    assert!(outcome.is_complete());
}

pub(crate) fn plan_without_changes() -> Vec<Line> {
    let (runtime, servers) = runtimes();
    let server = start(&servers);
    let desired = manifest(200);
    runtime.block_on(converge(&desired, &pool(&server)));
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let started = Instant::now();
        let observed = runtime
            .block_on(observe(&pool(&server), &desired))
            .expect("an observation");
        let changes = diff::diff(&desired, &observed);
        assert!(plan::plan(&changes, &Approvals::default()).is_empty());
        ours.push(started.elapsed());

        let started = Instant::now();
        runtime.block_on(read_users(&server, 200));
        floor.push(started.elapsed());
    }
    servers.block_on(server.shutdown());
    vec![Line::times(
        "plan without changes of 200 users, passwords not checked (floor: the bare SDK reading them)",
        ours,
        floor,
        "",
    )]
}

async fn read_users(server: &EmbeddedServer, users: usize) {
    let client = client(server).await;
    client.get_stream(&named("orders")).await.expect("a reply");
    client.get_users().await.expect("a reply");
    for user in 0..users {
        let user = named(&format!("user-{user}"));
        client
            .get_user(&user)
            .await
            .expect("a reply")
            .expect("a user");
    }
}

pub(crate) fn create() -> Vec<Line> {
    let (runtime, servers) = runtimes();
    let desired = manifest(50);
    let mut ours = Vec::new();
    let mut floors: [Vec<Duration>; 3] = Default::default();
    for _ in 0..RUNS {
        let server = start(&servers);
        let started = Instant::now();
        runtime.block_on(converge(&desired, &pool(&server)));
        ours.push(started.elapsed());
        servers.block_on(server.shutdown());
        for (floor, connections) in floors.iter_mut().zip([1, 2, 4]) {
            let server = start(&servers);
            let started = Instant::now();
            runtime.block_on(create_bare(&server, connections));
            floor.push(started.elapsed());
            servers.block_on(server.shutdown());
        }
    }
    let best = floors
        .into_iter()
        .min_by_key(|times| crate::median(&mut times.clone()))
        .expect("three ways");
    vec![Line::times(
        "plan and apply of 50 users (floor: the bare SDK creating them with their permissions, best of 1, 2, 4 connections)",
        ours,
        best,
        "",
    )]
}

async fn create_bare(server: &EmbeddedServer, connections: usize) {
    let first = client(server).await;
    let created = first.create_stream("orders").await.expect("a stream");
    let stream = usize::try_from(created.id).expect("a small number");
    let mut clients = vec![first];
    for _ in 1..connections {
        clients.push(client(server).await);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for (index, client) in clients.into_iter().enumerate() {
        tasks.spawn(async move {
            for user in (index..50).step_by(connections) {
                let read = StreamPermissions {
                    read_stream: true,
                    ..StreamPermissions::default()
                };
                let permissions = Permissions {
                    streams: Some(BTreeMap::from([(stream, read)])),
                    ..Permissions::default()
                };
                let name = format!("user-{user}");
                client
                    .create_user(&name, PASSWORD, UserStatus::Active, Some(permissions))
                    .await
                    .expect("a user");
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("the task ends");
    }
}

fn named(name: &str) -> Identifier {
    Identifier::named(name).expect("a name")
}
