//! A scenario that cannot fail is a defect: each one is run on a server that does
//! something wrong where only that scenario looks, and exactly it fails.

use std::collections::BTreeSet;

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, FaultPlan, Misbehavior, PasswordHashing};
use serde_json::Value;

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

/// What each scenario notices. Three are about servers that are broken in other ways:
/// see the end of this file, and `smoke_restart`.
const NOTICES: &[(&str, Misbehavior)] = &[
    ("getting-started", Misbehavior::ReverseMessages),
    ("basic", Misbehavior::ForgetOffsets),
    ("message-headers/plain", Misbehavior::DropHeaders),
    ("message-headers/typed-headers", Misbehavior::DropHeaders),
    (
        "message-headers/message-compression",
        Misbehavior::CorruptPayloads,
    ),
    ("message-headers/message-type", Misbehavior::DropHeaders),
    ("message-envelope", Misbehavior::CorruptPayloads),
    ("multi-tenant", Misbehavior::PermitEverything),
    ("new-sdk", Misbehavior::DuplicateMessages),
    ("consumer-groups", Misbehavior::ForgetOffsets),
    ("stream-builder", Misbehavior::CorruptPayloads),
    ("sink-data-producer", Misbehavior::DuplicateMessages),
    ("partitioning", Misbehavior::IgnorePartitions),
    ("dead-letters", Misbehavior::DropHeaders),
    ("replay", Misbehavior::ReverseMessages),
    ("encryption", Misbehavior::CorruptPayloads),
    ("late-topic", Misbehavior::LoseMessages),
];
const ELSEWHERE: [&str; 3] = ["tcp-tls", "persistence", "login-after-restart"];

fn served() -> Served {
    let builder = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
    Served::start(builder, Sandbox::new())
}

fn report(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.transcript()))
}

/// The names of scenarios that ended so.
fn ended(report: &Value, status: &str) -> BTreeSet<String> {
    let scenarios = report["scenarios"].as_array().unwrap();
    scenarios
        .iter()
        .filter(|scenario| scenario["status"] == status)
        .map(|scenario| scenario["name"].as_str().unwrap().to_owned())
        .collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Whether the server has nothing but root.
fn is_empty(served: &Served) -> bool {
    served.by_hand(async |root| {
        let streams = root.get_streams().await.unwrap();
        let users = root.get_users().await.unwrap();
        streams.is_empty() && users.len() == 1
    })
}

/// Runs it with another scenario, which does not fail, on a server that misbehaves.
fn notices(scenario: &str) {
    let (_, misbehavior) = NOTICES.iter().find(|(name, _)| *name == scenario).unwrap();
    let served = served();
    let other = match scenario {
        "basic" => "getting-started",
        _ => "basic",
    };
    // As the streams of a scenario are named.
    let streams = format!("-{}-", scenario.replace('/', "-"));
    let plan = FaultPlan::none().misbehave(*misbehavior, streams);
    served.server().faults().set(plan);
    let arguments = ["smoke", "--scenario", scenario, "--scenario", other];
    let more = ["-o", "json", "--time-limit", "12s"];
    let run = served.run(&[&arguments[..], &more].concat());
    assert_eq!(run.code, 7, "{}", run.transcript());
    let report = report(&run);
    assert_eq!(ended(&report, "failed"), names(&[scenario]), "{report:#}");
    assert_eq!(ended(&report, "passed"), names(&[other]), "{report:#}");
    let scenarios = report["scenarios"].as_array().unwrap();
    let failed = scenarios
        .iter()
        .find(|it| it["status"] == "failed")
        .unwrap();
    for said in ["step", "expected", "found"] {
        assert!(!failed[said].as_str().unwrap().is_empty(), "{failed:#}");
    }
    assert!(is_empty(&served), "something was left behind");

    // The same run on the same server, when it does nothing wrong.
    served.server().faults().clear();
    let run = served.run(&["smoke", "--scenario", scenario]);
    assert_eq!(run.code, 0, "{}", run.transcript());
}

macro_rules! each_scenario {
    ($($test:ident => $scenario:literal,)*) => {
        $(#[test]
        fn $test() {
            notices($scenario);
        })*

        /// Every scenario has a test that sees it fail.
        const TESTED: &[&str] = &[$($scenario),*];
    };
}

each_scenario! {
    getting_started_notices_another_order => "getting-started",
    basic_notices_offsets_that_are_not_stored => "basic",
    plain_headers_are_missed => "message-headers/plain",
    typed_headers_are_missed => "message-headers/typed-headers",
    compression_notices_other_payloads => "message-headers/message-compression",
    a_type_that_is_gone_is_noticed => "message-headers/message-type",
    envelopes_notice_other_payloads => "message-envelope",
    tenants_notice_that_everything_is_permitted => "multi-tenant",
    the_new_sdk_notices_messages_that_come_twice => "new-sdk",
    groups_notice_offsets_that_are_not_stored => "consumer-groups",
    the_stream_builder_notices_other_payloads => "stream-builder",
    sinks_notice_records_that_come_twice => "sink-data-producer",
    partitions_that_are_ignored_are_noticed => "partitioning",
    dead_letters_without_reasons_are_noticed => "dead-letters",
    replay_notices_another_order => "replay",
    encryption_notices_other_payloads => "encryption",
    a_late_topic_that_loses_messages_is_noticed => "late-topic",
}

#[test]
fn all_scenarios_pass_on_an_embedded_server_and_each_can_fail() {
    let run = Sandbox::new().run(&["smoke", "--server", "embedded", "-o", "json"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    let passed = ended(&report(&run), "passed");
    let mut can_fail = names(TESTED);
    can_fail.extend(names(&ELSEWHERE));
    assert_eq!(passed, can_fail);
    assert_eq!(TESTED.len(), NOTICES.len());
}

/// A port that takes whatever comes: TLS where it begins so, plain text otherwise.
#[test]
fn tls_that_is_optional_is_noticed() {
    let identity = iggyctl_embedded::TlsIdentity::self_signed(["localhost"]).unwrap();
    let authority = identity.authority_pem().unwrap().to_owned();
    let secured = EmbeddedServer::builder()
        .password_hashing(PasswordHashing::Fast)
        .tls(identity);
    let secured = Served::start(secured, Sandbox::new());
    let file = secured.sandbox.write("authority.pem", authority);
    let with_tls = |port: u16| {
        format!(
            "iggy://iggy:iggy@127.0.0.1:{port}?tls=true&tls_ca_file={}",
            file.display()
        )
    };
    let arguments = [
        "smoke",
        "--scenario",
        "tcp-tls",
        "--scenario",
        "basic",
        "-o",
        "json",
    ];
    let good = with_tls(secured.server().address().port());
    let run = secured
        .sandbox
        .run(&[&arguments[..], &["--server", &good]].concat());
    assert_eq!(run.code, 0, "{}", run.transcript());

    let plain = served();
    let port = takes_both(secured.server().address(), plain.server().address());
    let bad = with_tls(port);
    let run = secured
        .sandbox
        .run(&[&arguments[..], &["--server", &bad]].concat());
    assert_eq!(run.code, 7, "{}", run.transcript());
    let report = report(&run);
    assert_eq!(ended(&report, "failed"), names(&["tcp-tls"]));
    assert_eq!(ended(&report, "passed"), names(&["basic"]));
    assert!(run.stdout.contains("log in without TLS"), "{}", run.stdout);
}

/// Listens as long as the process lives.
fn takes_both(secured: std::net::SocketAddr, plain: std::net::SocketAddr) -> u16 {
    use std::net::{Shutdown, TcpListener, TcpStream};
    /// How a handshake of TLS begins.
    const HANDSHAKE: u8 = 0x16;

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut first = [0];
                if !matches!(client.peek(&mut first), Ok(1)) {
                    return;
                }
                let to = if first == [HANDSHAKE] { secured } else { plain };
                let Ok(server) = TcpStream::connect(to) else {
                    return;
                };
                let (from, into) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let up = std::thread::spawn(move || pass_on(from, into));
                pass_on(server, client);
                let _ = up.join();
            });
        }
    });
    fn pass_on(mut from: TcpStream, mut into: TcpStream) {
        let _ = std::io::copy(&mut from, &mut into);
        let _ = into.shutdown(Shutdown::Write);
    }
    port
}
