//! With a server: a plan without changes, and a thousand topics.

use std::time::{Duration, Instant};

use iggy::prelude::{
    AutoLogin, Client, Credentials, Identifier, IggyDuration, IggyExpiry, StreamClient, TcpClient,
    TcpClientConfig, TcpClientReconnectionConfig, TopicClient, TopicCreateOptions,
};
use iggyctl_core::manifest::{SourceFile, Variables, compile};
use iggyctl_core::plan::{Approvals, DestructionGrant, Plan};
use iggyctl_core::render::{PlanReport, TextOptions};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::{check, diff, plan};
use iggyctl_embedded::EmbeddedServer;
use iggyctl_engine::Secrets;
use iggyctl_engine::apply::{Cancellation, Supplies, apply};
use iggyctl_engine::connect::{ConnectSettings, ConnectionPool, ServerAddress, ServerConnector};
use iggyctl_engine::delivery::NoSinks;
use iggyctl_engine::observe::observe;
use tokio::runtime::Runtime;

use crate::Line;
use crate::topology::manifest;

const RUNS: usize = 7;

/// Both sides run on a thread of their own, as the program does, and the
/// server on another one, as it always is.
pub(crate) fn runtimes() -> (Runtime, Runtime) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let servers = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    (runtime, servers)
}

pub(crate) fn plan_without_changes() -> Vec<Line> {
    let (runtime, servers) = runtimes();
    let text = manifest(100, 100, 3);
    let server = start(&servers);
    let pool = pool(&server);
    runtime.block_on(apply_text(&text, &pool));
    drop(pool);
    let (mut ours, mut floor, mut requests) = (Vec::new(), Vec::new(), (0, 0));
    let mut server_part = Vec::new();
    for _ in 0..RUNS {
        server.requests().reset();
        let started = Instant::now();
        let pool = self::pool(&server);
        let (plan, _) = runtime.block_on(plan_text(&text, &pool));
        ours.push(started.elapsed());
        assert!(plan.is_empty(), "nothing differs");
        drop(pool);
        requests.0 = server.requests().total();

        let desired = load(&text);
        let started = Instant::now();
        let pool = self::pool(&server);
        let observed = runtime
            .block_on(observe(&pool, &desired))
            .expect("an observation");
        let changes = diff::diff(&desired, &observed);
        assert!(plan::plan(&changes, &Approvals::default()).is_empty());
        server_part.push(started.elapsed());
        drop(pool);

        server.requests().reset();
        let started = Instant::now();
        runtime.block_on(read_streams(&server, 100));
        floor.push(started.elapsed());
        requests.1 = server.requests().total();
    }
    servers.block_on(server.shutdown());
    vec![
        Line::times(
            "plan without changes, 100 × 100 × 3: observe, diff and plan (floor: the bare SDK reading 100 streams)",
            server_part,
            floor.clone(),
            "≤ 1.10",
        ),
        Line::times(
            "the same with reading and validating 10,000 topics of YAML and rendering",
            ours,
            floor,
            "",
        ),
        Line::numbers(
            "its requests, login included",
            "requests",
            requests.0 as f64,
            requests.1 as f64,
            "equal",
        ),
    ]
}

pub(crate) fn create_topics() -> Vec<Line> {
    let (runtime, servers) = runtimes();
    let text = manifest(10, 100, 3);
    let (mut ours, mut with_plan) = (Vec::new(), Vec::new());
    let mut floors: [Vec<Duration>; 4] = Default::default();
    for _ in 0..RUNS {
        let server = start(&servers);
        let started = Instant::now();
        let pool = self::pool(&server);
        runtime.block_on(apply_text(&text, &pool));
        with_plan.push(started.elapsed());
        drop(pool);
        servers.block_on(server.shutdown());

        let server = start(&servers);
        let (plan, _) = runtime.block_on(plan_text(&text, &self::pool(&server)));
        let started = Instant::now();
        let pool = self::pool(&server);
        runtime.block_on(apply_plan(plan, &pool));
        ours.push(started.elapsed());
        drop(pool);
        servers.block_on(server.shutdown());
        for (floor, connections) in floors.iter_mut().zip([1, 2, 4, 8]) {
            let server = start(&servers);
            let started = Instant::now();
            runtime.block_on(create_bare(&server, connections));
            floor.push(started.elapsed());
            servers.block_on(server.shutdown());
        }
    }
    // As fast as it can: the number of connections that was best.
    let best = floors
        .into_iter()
        .min_by_key(|times| crate::median(&mut times.clone()))
        .expect("four ways");
    vec![
        Line::times(
            "apply 1,000 topics in 10 streams (floor: the bare SDK, best of 1, 2, 4, 8 connections)",
            ours,
            best.clone(),
            "≤ 1.10",
        ),
        Line::times(
            "the same with reading YAML, observe, plan and rendering",
            with_plan,
            best,
            "",
        ),
    ]
}

pub(crate) fn start(servers: &Runtime) -> EmbeddedServer {
    servers
        .block_on(EmbeddedServer::builder().start())
        .expect("a server")
}

pub(crate) fn pool(server: &EmbeddedServer) -> ConnectionPool<ServerConnector> {
    let Ok(ServerAddress::Remote(address)) = server.connection_string().parse() else {
        panic!("the connection string is an address");
    };
    ConnectionPool::new(ServerConnector::new(address, ConnectSettings::default()))
}

fn load(text: &str) -> DesiredState {
    let source = SourceFile::new("bench.yaml", text.as_bytes());
    compile(&[source], &Variables::default())
        .expect("a valid manifest")
        .state
}

async fn plan_text(text: &str, pool: &ConnectionPool<ServerConnector>) -> (Plan, DesiredState) {
    let desired = load(text);
    let observed = observe(pool, &desired).await.expect("an observation");
    let changes = diff::diff(&desired, &observed);
    let findings = check::check(&changes, &desired, &observed);
    let plan = plan::plan(&changes, &Approvals::default());
    let report = PlanReport::new(&plan, &changes, &findings);
    std::hint::black_box(report.to_text(TextOptions::default()));
    (plan, desired)
}

async fn apply_text(text: &str, pool: &ConnectionPool<ServerConnector>) {
    let (plan, _) = plan_text(text, pool).await;
    apply_plan(plan, pool).await;
}

async fn apply_plan(plan: Plan, pool: &ConnectionPool<ServerConnector>) {
    let approved = plan
        .approve(false, &DestructionGrant::default())
        .expect("nothing is blocked");
    let outcome = apply(
        &approved,
        pool,
        Supplies::new(&Secrets::default(), &NoSinks),
        &mut |_| {},
        &Cancellation::default(),
    )
    .await;
    assert!(outcome.is_complete());
}

pub(crate) async fn client(server: &EmbeddedServer) -> TcpClient {
    let client = TcpClient::create(std::sync::Arc::new(TcpClientConfig {
        server_address: server.address().to_string(),
        auto_login: AutoLogin::Enabled(Credentials::UsernamePassword(
            "iggy".to_owned(),
            "iggy".to_owned().into(),
        )),
        reconnection: TcpClientReconnectionConfig {
            enabled: false,
            ..TcpClientReconnectionConfig::default()
        },
        ..TcpClientConfig::default()
    }))
    .expect("a client");
    client.connect().await.expect("a login");
    client
}

async fn read_streams(server: &EmbeddedServer, streams: usize) {
    let client = client(server).await;
    for stream in 0..streams {
        let name = Identifier::named(&format!("stream-{stream}")).expect("a name");
        let stream = client.get_stream(&name).await.expect("a reply");
        assert_eq!(stream.expect("a stream").topics.len(), 100);
    }
}

async fn create_bare(server: &EmbeddedServer, connections: usize) {
    let first = client(server).await;
    for stream in 0..10 {
        first
            .create_stream(&format!("stream-{stream}"))
            .await
            .expect("a stream");
    }
    let mut clients = vec![first];
    for _ in 1..connections {
        clients.push(client(server).await);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for (index, client) in clients.into_iter().enumerate() {
        tasks.spawn(async move {
            for number in (index..1000).step_by(connections) {
                let stream =
                    Identifier::named(&format!("stream-{}", number / 100)).expect("a name");
                let options = TopicCreateOptions {
                    partitions_count: Some(3),
                    message_expiry: Some(IggyExpiry::ExpireDuration(IggyDuration::from(
                        7 * 24 * 3600 * 1_000_000,
                    ))),
                    ..TopicCreateOptions::default()
                };
                client
                    .create_topic(&stream, &format!("topic-{}", number % 100), &options)
                    .await
                    .expect("a topic");
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("the task ends");
    }
}
