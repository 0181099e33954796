//! The lease over the real wire protocol, against the embedded server.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::future::{pending, ready};
use std::time::Duration;

use bytes::Bytes;
use iggy_binary_protocol::codes::{CREATE_CONSUMER_GROUP_CODE, SEND_MESSAGES_CODE};
use iggyctl_core::ledger::{Author, LEASES, STREAM};
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget, PasswordHashing};
use iggyctl_engine::broker::{BrokerErrorKind, MessageProbe as _, PartitionRef, ProbeMessage};
use iggyctl_engine::connect::{ConnectSettings, ConnectionPool, ServerAddress, ServerConnector};
use iggyctl_engine::lease::{
    Acquired, Broken, Busy, Holder, Kept, LeaseError, LeaseRun, LeaseTopic, Released, WhyLost,
    break_lease, lease_name,
};
use iggyctl_engine::ledger::{PooledLedger, ensure_ledger};
use iggyctl_engine::observe::ReadError;
use tokio::time::Instant;

type Pool = ConnectionPool<ServerConnector>;

/// Longer than any test.
const LONG: u64 = 60_000;

async fn start() -> (EmbeddedServer, Pool) {
    let server = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
    let server = server.start().await.unwrap();
    let pool = connect(&server);
    ensure_ledger(&PooledLedger::new(&pool)).await.unwrap();
    (server, pool)
}

fn connect(server: &EmbeddedServer) -> Pool {
    let Ok(ServerAddress::Remote(address)) = server.connection_string().parse() else {
        panic!("the server is remote");
    };
    ConnectionPool::new(ServerConnector::new(address, ConnectSettings::default()))
}

fn topic(pool: &Pool) -> LeaseTopic<'_, ServerConnector> {
    LeaseTopic::new(pool, STREAM.clone(), LEASES.clone())
}

fn run<'a>(pool: &'a Pool, name: &str, duration_millis: u64) -> LeaseRun<'a, ServerConnector> {
    let holder = Holder {
        run: name.to_owned(),
        command: "apply".to_owned(),
        author: Author {
            machine: Some(format!("{name}@test")),
            ..Author::default()
        },
        duration_millis,
    };
    let first = name.bytes().fold(0, |id, byte| id * 256 + u128::from(byte));
    let group = lease_name(Some("orders")).unwrap();
    LeaseRun::new(topic(pool), group, holder, first << 64)
}

async fn acquired(run: &mut LeaseRun<'_, ServerConnector>) -> Acquired {
    run.acquire().await.unwrap().unwrap()
}

async fn busy(run: &mut LeaseRun<'_, ServerConnector>) -> Busy {
    run.acquire().await.unwrap().unwrap_err()
}

fn in_a_minute() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[tokio::test]
async fn one_has_it_and_the_other_is_told_who_until_it_is_released() {
    let (server, pool) = start().await;
    let (mut anna, mut ben) = (run(&pool, "anna", LONG), run(&pool, "ben", LONG));
    let held = acquired(&mut anna).await;
    let told = busy(&mut ben).await;
    assert_eq!(told.epoch, held.epoch);
    assert_eq!(told.since_micros, held.since_micros);
    assert_eq!(told.until_micros, held.since_micros + LONG * 1000);
    assert!(told.now_micros >= held.since_micros);
    let holder = told.holder.unwrap();
    assert_eq!(holder.author.machine.as_deref(), Some("anna@test"));
    let renewed = anna.renew(&held).await.unwrap().unwrap();
    assert!(renewed.offset > held.offset && renewed.sent > held.sent);
    let told = busy(&mut ben).await;
    assert_eq!(told.since_micros, held.since_micros);
    assert!(told.until_micros > held.since_micros + LONG * 1000);
    assert_eq!(anna.release(renewed).await, Released::Done);
    let next = acquired(&mut ben).await;
    assert!(next.epoch > held.epoch, "ids are never used again");
    server.shutdown().await;
}

#[tokio::test]
async fn who_waits_gets_it_when_it_is_released() {
    let (server, pool) = start().await;
    let (mut anna, mut ben) = (run(&pool, "anna", LONG), run(&pool, "ben", LONG));
    let held = acquired(&mut anna).await;
    let (told, mut was_told) = tokio::sync::mpsc::unbounded_channel();
    let waits = ben.acquire_until(in_a_minute(), |busy| told.send(busy.clone()).unwrap());
    let releases = async {
        was_told.recv().await.unwrap();
        anna.release(held).await
    };
    let (got, released) = tokio::join!(waits, releases);
    assert_eq!(released, Released::Done);
    got.unwrap().unwrap();
    server.shutdown().await;
}

#[tokio::test]
async fn an_owner_that_died_keeps_nobody_waiting_for_longer_than_the_lease_lasts() {
    let (server, pool) = start().await;
    let died = acquired(&mut run(&pool, "died", 300)).await;
    let mut ben = run(&pool, "ben", LONG);
    let got = ben.acquire_until(in_a_minute(), |_| {}).await;
    let got = got.unwrap().unwrap();
    assert!(got.epoch > died.epoch);
    let waited = Duration::from_micros(got.since_micros - died.since_micros);
    assert!(waited > Duration::from_millis(300), "{waited:?}");
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_kept_outlives_its_duration_many_times() {
    let (server, pool) = start().await;
    let (mut anna, mut ben) = (run(&pool, "anna", 200), run(&pool, "ben", 200));
    let held = acquired(&mut anna).await;
    let mut ends = held.since_micros + 1_000_000;
    let tries = async {
        loop {
            let told = busy(&mut ben).await;
            if told.now_micros > ends {
                break;
            }
        }
        ends = 0;
    };
    let Kept::Stopped(held) = anna.keep(held, tries).await else {
        panic!("it is lost");
    };
    assert_eq!(ends, 0);
    assert_eq!(anna.release(held).await, Released::Done);
    server.shutdown().await;
}

#[tokio::test]
async fn an_owner_that_stalls_finds_out_who_took_it_and_takes_nothing_back() {
    let (server, pool) = start().await;
    let (mut anna, mut ben) = (run(&pool, "anna", 100), run(&pool, "ben", LONG));
    let held = acquired(&mut anna).await;
    let taken = ben.acquire_until(in_a_minute(), |_| {}).await;
    let taken = taken.unwrap().unwrap();
    let lost = anna.renew(&held).await.unwrap().unwrap_err();
    assert_eq!(lost.why, WhyLost::Late);
    let by = lost.taken_by.unwrap();
    assert_eq!(by.author.machine.as_deref(), Some("ben@test"));
    assert_eq!(anna.release(held).await, Released::WasGone);
    let taken = ben.renew(&taken).await.unwrap().unwrap();
    let Kept::Stopped(taken) = ben.keep(taken, ready(())).await else {
        panic!("it is lost");
    };
    assert_eq!(ben.release(taken).await, Released::Done);
    server.shutdown().await;
}

#[tokio::test]
async fn a_person_breaks_a_lease_and_its_owner_hears_who_it_was() {
    let (server, pool) = start().await;
    let mut anna = run(&pool, "anna", 600);
    let held = acquired(&mut anna).await;
    let group = lease_name(Some("orders")).unwrap();
    let groups = topic(&pool).groups().await.unwrap();
    assert_eq!(groups[&group], held.epoch);
    let topic = topic(&pool);
    let broken = break_lease(&topic, &group, held.epoch, "carl".to_owned(), 7).await;
    assert_eq!(broken, Ok(Broken::Done));
    let broken = break_lease(&topic, &group, held.epoch, "carl".to_owned(), 8).await;
    assert_eq!(broken, Ok(Broken::WasGone));
    let Kept::Lost(_, loss) = anna.keep(held, pending()).await else {
        panic!("it is not lost");
    };
    assert_eq!(
        loss.why,
        WhyLost::Broken {
            by: "carl".to_owned()
        }
    );
    assert_eq!(loss.taken_by, None);
    acquired(&mut run(&pool, "ben", LONG)).await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_ends_it_when_it_may_be_somebody_elses() {
    let (server, pool) = start().await;
    let mut anna = run(&pool, "anna", 300);
    let held = acquired(&mut anna).await;
    let before = Instant::now();
    let hangs = FaultKind::Delay(Duration::from_secs(600));
    server
        .faults()
        .set(FaultPlan::none().always(hangs, FaultTarget::Command(SEND_MESSAGES_CODE)));
    let Kept::Expired(..) = anna.keep(held, pending()).await else {
        panic!("it is still kept");
    };
    let waited = before.elapsed();
    assert!(waited <= Duration::from_secs(5), "{waited:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn lost_replies_lose_no_lease() {
    let (server, pool) = start().await;
    for (round, target) in [
        FaultTarget::Command(CREATE_CONSUMER_GROUP_CODE),
        FaultTarget::Command(SEND_MESSAGES_CODE),
    ]
    .into_iter()
    .enumerate()
    {
        let mut anna = run(&pool, &format!("anna{round}"), LONG);
        server
            .faults()
            .set(FaultPlan::none().once(FaultKind::LostReply, target, 1));
        let held = acquired(&mut anna).await;
        assert_eq!(anna.release(held).await, Released::Done);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn notes_are_read_back_over_many_requests_and_past_what_is_none() {
    let (server, pool) = start().await;
    let (mut anna, mut ben) = (run(&pool, "anna", LONG), run(&pool, "ben", LONG));
    let held = acquired(&mut anna).await;
    let broker = pool.acquire().await.unwrap();
    let here = PartitionRef {
        stream: &STREAM,
        topic: &LEASES,
        partition: 0,
    };
    for id in 1..=250 {
        let message = ProbeMessage {
            id,
            payload: Bytes::from_static(b"{\"version\":99}"),
            mark: None,
        };
        broker.send_message(here, &message).await.unwrap();
    }
    let told = busy(&mut ben).await;
    assert_eq!(told.since_micros, held.since_micros);
    anna.renew(&held).await.unwrap().unwrap();
    server.shutdown().await;
}

#[tokio::test]
async fn without_a_ledger_it_says_so() {
    let server = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
    let server = server.start().await.unwrap();
    let pool = connect(&server);
    let Err(LeaseError::Server(ReadError::Broker(error))) = run(&pool, "a", LONG).acquire().await
    else {
        panic!("there is a lease");
    };
    assert_eq!(error.kind, BrokerErrorKind::NotFound);
    server.shutdown().await;
}
