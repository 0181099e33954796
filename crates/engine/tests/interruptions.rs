//! A server that restarts, and one that stops answering: how long an apply and
//! an observation stay with them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

use std::net::SocketAddr;
use std::time::Duration;

use iggyctl_core::diff::diff;
use iggyctl_core::manifest::{SourceFile, Variables, compile};
use iggyctl_core::plan::{Approvals, ApprovedPlan, DestructionGrant, plan};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};
use iggyctl_engine::Secrets;
use iggyctl_engine::apply::{ApplyEvent, Cancellation, Failure, StepResult, Supplies, apply};
use iggyctl_engine::broker::BrokerErrorKind;
use iggyctl_engine::connect::{ConnectSettings, ConnectionPool, ServerAddress, ServerConnector};
use iggyctl_engine::delivery::NoSinks;
use iggyctl_engine::observe::{ReadError, observe};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// `get_stream`, `create_stream` and `create_topic` of the wire protocol.
const GET_STREAM: u32 = 200;
const CREATE_STREAM: u32 = 202;
const CREATE_TOPIC: u32 = 302;

/// Longer than any test waits.
const FOR_EVER: FaultKind = FaultKind::Delay(Duration::from_secs(600));

type Pool = ConnectionPool<ServerConnector>;

fn pool(server: &EmbeddedServer, request_timeout: Duration) -> Pool {
    let ServerAddress::Remote(remote) = server.connection_string().parse().unwrap() else {
        panic!("the server is remote");
    };
    let settings = ConnectSettings {
        request_timeout,
        ..ConnectSettings::default()
    };
    ConnectionPool::new(ServerConnector::new(remote, settings))
}

fn desired() -> DesiredState {
    let manifest = b"\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: test }
spec: { streams: [{ name: orders, topics: [{ name: a }, { name: b }] }] }
";
    compile(
        &[SourceFile::new("test.yaml", manifest)],
        &Variables::default(),
    )
    .unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"))
    .state
}

async fn approved(pool: &Pool) -> ApprovedPlan {
    let desired = desired();
    let observed = observe(pool, &desired).await.unwrap();
    plan(&diff(&desired, &observed), &Approvals::default())
        .approve(false, &DestructionGrant::default())
        .unwrap()
}

/// Starts a server in `folder` on an address that was used before.
async fn start_again(folder: &std::path::Path, address: SocketAddr) -> EmbeddedServer {
    EmbeddedServer::builder()
        .data_dir(folder)
        .listen(address)
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn an_apply_outlives_a_restart_of_the_server() {
    /// Connections that are hung up on while the server is away. One attempt
    /// makes at most five: the SDK's, and what is made to find out what is there.
    const HUNG_UP: u32 = 20;

    let folder = tempfile::tempdir().unwrap();
    // A topic is never answered, so that the restart finds the apply in its middle.
    let server = EmbeddedServer::builder()
        .data_dir(folder.path())
        .faults(FaultPlan::none().always(FOR_EVER, FaultTarget::Command(CREATE_TOPIC)))
        .start()
        .await
        .unwrap();
    let address = server.address();
    let pool = pool(&server, Duration::from_secs(30));
    let plan = approved(&pool).await;

    let (reached_the_topic, topic_is_reached) = oneshot::channel();
    let restart = async {
        topic_is_reached.await.unwrap();
        server.shutdown().await;
        let listener = TcpListener::bind(address).await.unwrap();
        for _ in 0..HUNG_UP {
            drop(listener.accept().await.unwrap());
        }
        drop(listener);
        start_again(folder.path(), address).await
    };
    let mut reached_the_topic = Some(reached_the_topic);
    let mut on_event = |event: ApplyEvent<'_>| {
        if let ApplyEvent::StepStarted { step } = event
            && step.id.0 == 1
        {
            let _ = reached_the_topic.take().unwrap().send(());
        }
    };
    let cancellation = Cancellation::default();
    let (outcome, server) = futures::future::join(
        apply(
            &plan,
            &pool,
            Supplies::new(&Secrets::default(), &NoSinks),
            &mut on_event,
            &cancellation,
        ),
        restart,
    )
    .await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert!(approved(&pool).await.steps().is_empty());
    server.shutdown().await;
}

#[tokio::test]
async fn a_read_without_an_answer_is_sent_once() {
    let server = EmbeddedServer::builder()
        .faults(FaultPlan::none().always(FOR_EVER, FaultTarget::Command(GET_STREAM)))
        .start()
        .await
        .unwrap();
    let pool = pool(&server, Duration::from_millis(300));
    let error = observe(&pool, &desired()).await.unwrap_err();
    let ReadError::Broker(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(
        error.kind,
        BrokerErrorKind::OutcomeUnknown {
            reason: "no reply within 300ms".to_owned()
        }
    );
    assert_eq!(server.requests().count(GET_STREAM), 1);
}

#[tokio::test]
async fn a_call_and_the_read_after_it_are_sent_once_when_nothing_answers() {
    for faults in [
        // The call hangs, and the server can be read: not done so far.
        FaultPlan::none().always(FOR_EVER, FaultTarget::Command(CREATE_STREAM)),
        // The reply is lost, and then the read hangs.
        FaultPlan::none()
            .always(FaultKind::LostReply, FaultTarget::Command(CREATE_STREAM))
            .always(FOR_EVER, FaultTarget::Command(GET_STREAM)),
        // Both hang.
        FaultPlan::none()
            .always(FOR_EVER, FaultTarget::Command(CREATE_STREAM))
            .always(FOR_EVER, FaultTarget::Command(GET_STREAM)),
    ] {
        let server = EmbeddedServer::builder().start().await.unwrap();
        let pool = pool(&server, Duration::from_millis(300));
        let plan = approved(&pool).await;
        server.faults().set(faults.clone());
        server.requests().reset();
        let outcome = apply(
            &plan,
            &pool,
            Supplies::new(&Secrets::default(), &NoSinks),
            &mut |_| {},
            &Cancellation::default(),
        )
        .await;
        assert!(
            matches!(
                &outcome.steps[0].result,
                StepResult::Failed(Failure::OutcomeUnknown { .. })
            ),
            "{faults:?}: {outcome:#?}"
        );
        assert_eq!(server.requests().count(CREATE_STREAM), 1, "{faults:?}");
        assert_eq!(server.requests().count(GET_STREAM), 1, "{faults:?}");
    }
}
