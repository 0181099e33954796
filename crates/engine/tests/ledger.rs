//! The record of applies on the real wire protocol, against the embedded server: with lost
//! replies and connections at every request, and with processes that die in between.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use bytes::Bytes;
use iggyctl_core::access::UserStatus;
use iggyctl_core::check::check;
use iggyctl_core::diff::diff;
use iggyctl_core::ledger::{
    Author, Begun, BegunDocument, DocumentPlace, EndedDocument, LEASES, LedgerError,
    LedgerIdentity, LedgeredCommand, Omitted, Outcome, REVISIONS, Revision, STREAM,
    applied_manifests,
};
use iggyctl_core::manifest::{SourceFile, Variables, compile};
use iggyctl_core::name::ResourceName;
use iggyctl_core::plan::{Approvals, plan};
use iggyctl_core::quantity::MessageExpiry;
use iggyctl_core::render::{ApplyCounts, ApplyReport, PlanReport, Verification};
use iggyctl_core::secret::Secret;
use iggyctl_core::state::desired::TopicSettings;
use iggyctl_core::state::observed::ObservedState;
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget, PasswordHashing};
use iggyctl_engine::broker::{BrokerRead as _, BrokerWrite as _, ProbeMessage, UserWrite as _};
use iggyctl_engine::connect::{
    ConnectSettings, ConnectionPool, Credentials, ServerAddress, ServerConnector,
};
use iggyctl_engine::ledger::{
    FirstEntry, LedgerFailure, LedgerRead as _, LedgerWrite as _, Log, PooledLedger, Recorded,
    Recording, begin, describe, end, ensure_ledger, last_applied, list, read_back,
};

/// `send_messages` and `poll_messages` of the wire protocol.
const SEND: u32 = 101;
const POLL: u32 = 100;

type Pool = ConnectionPool<ServerConnector>;

fn pool(server: &EmbeddedServer) -> Pool {
    let Ok(ServerAddress::Remote(address)) = server.connection_string().parse() else {
        panic!("the server is remote");
    };
    ConnectionPool::new(ServerConnector::new(address, ConnectSettings::default()))
}

async fn start() -> (EmbeddedServer, Pool) {
    let server = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
    let server = server.start().await.unwrap();
    let pool = pool(&server);
    (server, pool)
}

/// What an apply of a project with these topics writes first.
fn document(project: &str, topics: usize) -> BegunDocument {
    let topics: Vec<String> = (0..topics)
        .map(|number| format!("{{ name: events-{number}, partitions: 3, messageExpiry: 7d }}"))
        .collect();
    let text = format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: {project} }}\n\
         spec: {{ streams: [{{ name: {project}, topics: [\n{}\n] }}] }}\n",
        topics.join(",\n")
    );
    let sources = [SourceFile::new("topology.yaml", text)];
    let desired = compile(&sources, &Variables::default()).unwrap().state;
    let observed = ObservedState::default();
    let changes = diff(&desired, &observed);
    let findings = check(&changes, &desired, &observed);
    let plan = plan(&changes, &Approvals::default());
    let report = PlanReport::new(&plan, &changes, &findings);
    let manifests = applied_manifests(&sources, &Variables::default()).unwrap();
    BegunDocument::new(manifests, report, &desired, &observed, None)
}

fn entry(project: &str, ledger: LedgerIdentity) -> Begun {
    Begun {
        run: String::new(),
        project: Some(project.to_owned()),
        author: Author::default(),
        commit: None,
        product: "0.1.0".to_owned(),
        command: LedgeredCommand::Apply,
        server: "iggy://127.0.0.1:8090".to_owned(),
        ledger,
        manifests: "ab".to_owned(),
        steps: 1,
        document: DocumentPlace {
            parts: Vec::new(),
            bytes: 0,
            sha256: String::new(),
        },
    }
}

async fn begin_one(pool: &Pool, project: &str) -> Result<Recording, LedgerFailure> {
    let ledger = PooledLedger::new(pool);
    let identity = ensure_ledger(&ledger).await?;
    begin(&ledger, entry(project, identity), &document(project, 2)).await
}

async fn end_one(pool: &Pool, recording: &Recording) -> Result<(), LedgerFailure> {
    let report = ApplyReport::new(Vec::new(), Vec::new(), Verification::Converged);
    let begun = document("any", 1);
    let desired = iggyctl_core::state::desired::DesiredState::default();
    let after = ObservedState::default();
    let ended = EndedDocument::new(recording.revision, &begun, &report, &desired, Some(&after));
    let counts = ApplyCounts::default();
    end(
        &PooledLedger::new(pool),
        recording,
        Outcome::Applied,
        counts,
        Omitted::default(),
        &ended,
    )
    .await
}

async fn revisions(pool: &Pool, project: Option<Option<&str>>) -> Vec<Recorded> {
    list(&PooledLedger::new(pool), project, 100).await.unwrap()
}

fn message(payload: &'static [u8]) -> ProbeMessage {
    ProbeMessage {
        id: 7,
        payload: Bytes::from_static(payload),
        mark: None,
    }
}

#[tokio::test]
async fn it_is_made_once_and_found_again() {
    let (server, pool) = start().await;
    let ledger = PooledLedger::new(&pool);
    assert_eq!(describe(&ledger).await, Ok(None));
    assert_eq!(last_applied(&ledger, None).await, Ok(None));
    let identity = ensure_ledger(&ledger).await.unwrap();
    server.requests().reset();
    assert_eq!(ensure_ledger(&ledger).await, Ok(identity));
    assert_eq!(server.requests().total(), 1, "one read where it is there");
    assert_eq!(describe(&ledger).await, Ok(Some(identity)));
    assert_eq!(revisions(&pool, None).await, []);
    let admin = pool.acquire().await.unwrap();
    let stream = admin.get_stream(&STREAM).await.unwrap().unwrap();
    let expiry = |topic: &ResourceName| stream.topics[topic].settings.message_expiry;
    assert_eq!(expiry(&REVISIONS), Some(MessageExpiry::NEVER));
    assert_eq!(expiry(&LEASES).unwrap().to_string(), "7d");
    // One that was deleted and made again is another one.
    admin.delete_stream(&STREAM).await.unwrap();
    drop(admin);
    assert_ne!(ensure_ledger(&ledger).await, Ok(identity));
    server.shutdown().await;
}

#[tokio::test]
async fn what_was_applied_last_is_read_per_project() {
    let (server, pool) = start().await;
    let orders = begin_one(&pool, "orders").await.unwrap();
    end_one(&pool, &orders).await.unwrap();
    let billing = begin_one(&pool, "billing").await.unwrap();
    end_one(&pool, &billing).await.unwrap();
    let again = begin_one(&pool, "orders").await.unwrap();
    assert_eq!(orders.revision.to_string(), "1");
    assert_eq!(again.revision.to_string(), "3");
    let ledger = PooledLedger::new(&pool);
    let applied = last_applied(&ledger, Some("billing"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(applied.revision, billing.revision);
    assert!(applied.ending.is_some());
    let desired = applied.state.compile().unwrap();
    assert!(desired.declares(&"topic/billing/events-1".parse().unwrap()));
    assert_eq!(applied.state.unsettled.len(), 0);
    let applied = last_applied(&ledger, Some("orders"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((applied.revision, applied.ending), (again.revision, None));
    assert_eq!(applied.state.unsettled.len(), 3, "it never ended");
    assert_eq!(last_applied(&ledger, Some("other")).await, Ok(None));
    assert_eq!(last_applied(&ledger, None).await, Ok(None));
    let numbers = |recorded: Vec<Recorded>| -> Vec<String> {
        recorded.iter().map(|it| it.revision.to_string()).collect()
    };
    assert_eq!(numbers(revisions(&pool, None).await), ["3", "2", "1"]);
    let of_orders = revisions(&pool, Some(Some("orders"))).await;
    assert_eq!(numbers(of_orders), ["3", "1"]);
    assert_eq!(numbers(revisions(&pool, Some(None)).await), [""; 0]);
    let (recorded, begun, ended) = read_back(&ledger, orders.revision).await.unwrap();
    assert!(recorded.at_micros > 0 && recorded.ending.is_some() && ended.is_some());
    assert_eq!(begun, document("orders", 2));
    let none = read_back(&ledger, Revision::at(3)).await;
    let revision = Revision::at(3);
    assert_eq!(
        none.unwrap_err(),
        LedgerFailure::NoSuchRevision { revision }
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_long_history_is_read_from_its_end() {
    let (server, pool) = start().await;
    let first = begin_one(&pool, "orders").await.unwrap();
    end_one(&pool, &first).await.unwrap();
    for _ in 0..150 {
        let other = begin_one(&pool, "billing").await.unwrap();
        end_one(&pool, &other).await.unwrap();
    }
    server.requests().reset();
    let ledger = PooledLedger::new(&pool);
    let last = last_applied(&ledger, Some("billing"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(last.revision.to_string(), "151");
    // The stream, an entry of each kind, and two documents.
    assert_eq!(
        server.requests().total(),
        5,
        "{:?}",
        server.requests().counts()
    );
    let found = last_applied(&ledger, Some("orders"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.revision, first.revision);
    assert!(found.ending.is_some());
    let all = list(&ledger, None, 1000).await.unwrap();
    assert_eq!(all.len(), 151);
    assert!(all.iter().all(|recorded| recorded.ending.is_some()));
    assert_eq!(list(&ledger, None, 20).await.unwrap(), all[..20]);
    server.shutdown().await;
}

/// Every write of a first apply: the stream, three topics, two documents, two entries.
const WRITES: u64 = 8;

#[tokio::test]
async fn a_lost_reply_at_any_request_leaves_one_whole_record() {
    for kind in [FaultKind::LostReply, FaultKind::Disconnect] {
        for at in 1..=WRITES {
            let (server, pool) = start().await;
            let plan = FaultPlan::none().once(kind, FaultTarget::Writes, at);
            server.faults().set(plan);
            let recording = begin_one(&pool, "orders").await.unwrap();
            end_one(&pool, &recording).await.unwrap();
            let found = revisions(&pool, None).await;
            assert_eq!(found.len(), 1, "{kind:?} at {at}");
            assert_eq!(found[0].revision, recording.revision);
            assert!(found[0].ending.is_some(), "{kind:?} at {at}");
            let ledger = PooledLedger::new(&pool);
            let applied = last_applied(&ledger, Some("orders"))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(applied.state.manifests, document("orders", 2).manifests);
            server.shutdown().await;
        }
    }
}

#[tokio::test]
async fn a_lost_read_is_made_again() {
    let (server, pool) = start().await;
    let recording = begin_one(&pool, "orders").await.unwrap();
    end_one(&pool, &recording).await.unwrap();
    for at in 1..=4 {
        let target = FaultTarget::Command(POLL);
        let plan = FaultPlan::none().once(FaultKind::Disconnect, target, at);
        server.faults().set(plan);
        let ledger = PooledLedger::new(&pool);
        let applied = last_applied(&ledger, Some("orders")).await.unwrap();
        assert!(applied.unwrap().ending.is_some(), "{at}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_process_that_dies_between_two_requests_leaves_what_can_be_read() {
    // What is sent of one record: document, entry, document, entry.
    for sent in 0..4 {
        let (server, pool) = start().await;
        ensure_ledger(&PooledLedger::new(&pool)).await.unwrap();
        let (kind, target) = (FaultKind::Disconnect, FaultTarget::Command(SEND));
        let plan = FaultPlan::none().with(iggyctl_embedded::Fault {
            kind,
            target,
            at: sent + 1,
            times: u64::MAX,
        });
        server.faults().set(plan);
        let begun = begin_one(&pool, "orders").await;
        assert_eq!(begun.is_ok(), sent >= 2, "{sent}");
        if let Ok(recording) = begun {
            assert!(end_one(&pool, &recording).await.is_err());
        }
        server.faults().clear();
        let found = revisions(&pool, None).await;
        let expected: &[Option<&str>] = if sent >= 2 { &[None] } else { &[] };
        let ends: Vec<_> = found
            .iter()
            .map(|it| it.ending.as_ref().map(|_| "ended"))
            .collect();
        assert_eq!(ends, expected, "{sent}");
        // The next one goes on from there.
        let next = begin_one(&pool, "orders").await.unwrap();
        end_one(&pool, &next).await.unwrap();
        assert_eq!(revisions(&pool, None).await.len(), expected.len() + 1);
        server.shutdown().await;
    }
}

#[tokio::test]
async fn an_entry_without_its_document_is_listed_and_said_to_be_unreadable() {
    let (server, pool) = start().await;
    let recording = begin_one(&pool, "orders").await.unwrap();
    end_one(&pool, &recording).await.unwrap();
    let admin = pool.acquire().await.unwrap();
    admin.delete_topic(&STREAM, &REVISIONS).await.unwrap();
    drop(admin);
    assert_eq!(revisions(&pool, None).await.len(), 1);
    let ledger = PooledLedger::new(&pool);
    let missing = last_applied(&ledger, Some("orders")).await;
    assert!(matches!(missing, Err(LedgerFailure::NotALedger { .. })));
    // Made again, it is empty.
    ensure_ledger(&ledger).await.unwrap();
    let revision = recording.revision;
    let gone = last_applied(&ledger, Some("orders")).await;
    assert_eq!(gone, Err(LedgerFailure::DocumentGone { revision }));
    ledger.append(Log::Documents, &message(b"x")).await.unwrap();
    let changed = last_applied(&ledger, Some("orders")).await;
    let error = LedgerError::Changed;
    assert_eq!(changed, Err(LedgerFailure::Record { revision, error }));
    server.shutdown().await;
}

#[tokio::test]
async fn what_others_write_into_it_is_told_apart() {
    let (server, pool) = start().await;
    let recording = begin_one(&pool, "orders").await.unwrap();
    let ledger = PooledLedger::new(&pool);
    ledger
        .append(Log::Begun, &message(b"garbage"))
        .await
        .unwrap();
    ledger
        .append(Log::Ended, &message(b"garbage"))
        .await
        .unwrap();
    end_one(&pool, &recording).await.unwrap();
    let found = revisions(&pool, None).await;
    assert_eq!(found.len(), 2);
    let garbage = FirstEntry::Unreadable(LedgerError::NotARecord);
    assert_eq!(found[0].first, garbage);
    let applied = last_applied(&ledger, Some("orders"))
        .await
        .unwrap()
        .unwrap();
    assert!(applied.ending.is_some());
    // A newer iggyctl may have applied the same project.
    let newer = message(br#"{"formatVersion":2}"#);
    ledger.append(Log::Begun, &newer).await.unwrap();
    let refused = last_applied(&ledger, Some("orders")).await;
    let error = LedgerError::Newer { found: 2 };
    let revision = Revision::at(2);
    assert_eq!(refused, Err(LedgerFailure::Record { revision, error }));
    server.shutdown().await;
}

#[tokio::test]
async fn a_record_of_another_ledger_is_refused() {
    let (server, pool) = start().await;
    let ledger = PooledLedger::new(&pool);
    let found = ensure_ledger(&ledger).await.unwrap();
    let written: LedgerIdentity = "1-1".parse().unwrap();
    let recording = begin(&ledger, entry("orders", written), &document("orders", 1))
        .await
        .unwrap();
    let refused = last_applied(&ledger, Some("orders")).await;
    let copied = LedgerFailure::Copied {
        revision: recording.revision,
        written,
        found,
    };
    assert_eq!(refused, Err(copied));
    server.shutdown().await;
}

#[tokio::test]
async fn two_at_once_get_two_numbers() {
    let (server, one) = start().await;
    let other = pool(&server);
    let (first, second) = tokio::join!(begin_one(&one, "orders"), begin_one(&other, "orders"));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_ne!(first.revision, second.revision);
    let ends = tokio::join!(end_one(&one, &first), end_one(&other, &second));
    assert_eq!(ends, (Ok(()), Ok(())));
    let found = revisions(&one, None).await;
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|recorded| recorded.ending.is_some()));
    server.shutdown().await;
}

#[tokio::test]
async fn whoever_may_not_write_it_is_told_so() {
    let (server, pool) = start().await;
    let admin = pool.acquire().await.unwrap();
    let password = Secret::new("s3cret-orders");
    let nobody: ResourceName = "nobody".parse().unwrap();
    let active = UserStatus::Active;
    admin.create_user(&nobody, &password, active).await.unwrap();
    drop(admin);
    let Ok(ServerAddress::Remote(mut address)) = server.connection_string().parse() else {
        panic!("the server is remote");
    };
    address.credentials = Some(Credentials::Password {
        username: "nobody".to_owned(),
        password,
    });
    let theirs = ConnectionPool::new(ServerConnector::new(address, ConnectSettings::default()));
    let refused = begin_one(&theirs, "orders").await.unwrap_err();
    let LedgerFailure::NotAllowed { what, .. } = &refused else {
        panic!("{refused}");
    };
    assert!(["read", "write"].contains(what));
    assert_eq!(describe(&PooledLedger::new(&pool)).await, Ok(None));
    server.shutdown().await;
}

#[tokio::test]
async fn a_stream_of_somebody_else_is_not_taken_for_a_ledger() {
    let (server, pool) = start().await;
    let admin = pool.acquire().await.unwrap();
    admin.create_stream(&STREAM).await.unwrap();
    let settings = TopicSettings::default();
    let history = &iggyctl_core::ledger::HISTORY;
    admin
        .create_topic(&STREAM, history, 1, &settings)
        .await
        .unwrap();
    drop(admin);
    let ledger = PooledLedger::new(&pool);
    let refused = ensure_ledger(&ledger).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the stream iggyctl is no ledger: its topic history has 1 partitions instead of 2"
    );
    assert!(ledger.ledger_stream().await.unwrap().is_some());
    server.shutdown().await;
}
