//! `iggyctl smoke` leaves nothing behind, however it ends, and takes nothing from others
//! that run at the same time.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget, PasswordHashing};

use crate::sandbox::{DevServer, Sandbox};
use crate::served::Served;

/// `send_messages` of the wire protocol.
const SEND: u32 = 101;
/// `get_consumer_groups` of the wire protocol: how runs look for each other.
const LOOK: u32 = 601;
/// Longer than any test waits.
const FOR_EVER: Duration = Duration::from_secs(600);

fn served() -> Served {
    let builder = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
    Served::start(builder, Sandbox::new())
}

/// Everything on the server but root, by name.
fn belongings(served: &Served) -> Vec<String> {
    served.by_hand(async |root| {
        let streams = root.get_streams().await.unwrap();
        let users = root.get_users().await.unwrap();
        let streams = streams.into_iter().map(|stream| stream.name);
        let users = users.into_iter().map(|user| user.username);
        streams.chain(users.filter(|name| name != "iggy")).collect()
    })
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A run that hangs in the middle of a scenario with users.
fn hanging(served: &Served) -> Child {
    let delay = FaultKind::Delay(FOR_EVER);
    let plan = FaultPlan::none().always(delay, FaultTarget::Command(SEND));
    served.server().faults().set(plan);
    let address = served.address();
    let arguments = ["smoke", "--scenario", "multi-tenant", "--server", &address];
    let process = served
        .sandbox
        .command(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("it makes streams and users", || {
        let names = belongings(served);
        ["tenant-3-tcp", "sends-3-tcp", "reads-3-tcp"]
            .iter()
            .all(|end| names.iter().any(|name| name.ends_with(end)))
    });
    process
}

/// A run that has a stream and a user, and waits for a restart of the server that does not
/// end before the run does.
fn waiting(served: &Served) -> Child {
    let began = served.sandbox.path().join("restart-began");
    let restart = "touch restart-began; while kill -0 $PPID; do sleep 1; done";
    let address = served.address();
    let arguments = ["smoke", "--server", &address, "--time-limit", "1h"];
    let scenario = ["--scenario", "login-after-restart", "--restart-command"];
    let process = served
        .sandbox
        .command(&[&arguments[..], &scenario, &[restart]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("it waits for the restart", || began.exists());
    process
}

/// Leaves its connections open, and it neither goes on nor tidies up.
fn stopped(process: &Child) {
    let told = Command::new("kill")
        .args(["-STOP", &process.id().to_string()])
        .status()
        .unwrap();
    assert!(told.success());
}

#[test]
fn what_a_killed_run_left_goes_with_the_next_one() {
    let served = served();
    let mut process = hanging(&served);
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(!belongings(&served).is_empty());
    served.server().faults().clear();
    // A lease that is younger may be of a run that is only just starting.
    served
        .server()
        .testing()
        .advance_clock(Duration::from_secs(10));
    until("the server notices that its connections are gone", || {
        let run = served.run(&["smoke", "--scenario", "basic"]);
        assert_eq!(run.code, 0, "{}", run.transcript());
        belongings(&served).is_empty()
    });
}

#[test]
fn a_run_that_is_told_to_end_leaves_nothing() {
    let served = served();
    let mut process = hanging(&served);
    // Of this test's own process, by its number.
    let told = Command::new("kill")
        .args(["-TERM", &process.id().to_string()])
        .status()
        .unwrap();
    assert!(told.success());
    let status = process.wait().unwrap();
    assert_eq!(status.code(), Some(1));
    assert_eq!(belongings(&served), Vec::<String>::new());
}

#[test]
fn a_run_takes_nothing_from_one_that_is_alive() {
    let served = served();
    let mut process = hanging(&served);
    stopped(&process);
    served
        .server()
        .testing()
        .advance_clock(Duration::from_secs(10));
    let before = belongings(&served);
    served.server().faults().clear();
    let run = served.run(&["smoke", "--scenario", "basic"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    let after = belongings(&served);
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(before, after);
}

/// How many are in the group of a lease.
fn members(served: &Served, lease: &str) -> u32 {
    let (stream, topic) = (Identifier::named(lease), Identifier::named("lease"));
    let (stream, topic) = (stream.unwrap(), topic.unwrap());
    served.by_hand(async |root| {
        let groups = root.get_consumer_groups(&stream, &topic).await.unwrap();
        groups.iter().map(|group| group.members_count).sum()
    })
}

/// As after a restart of the server: the group has no members until the run that is alive
/// has found its way back.
#[test]
fn a_run_takes_nothing_from_one_that_lost_its_connection_for_a_moment() {
    let served = served();
    let mut process = waiting(&served);
    let testing = served.server().testing();
    testing.advance_clock(Duration::from_secs(10));
    let before = belongings(&served);
    let lease = before
        .iter()
        .find(|name| name.len() == "iggyctl-smoke-".len() + 8)
        .unwrap();
    // However long the machine takes to let it join again, too few looks are made meanwhile.
    let delay = FaultKind::Delay(Duration::from_secs(2));
    let plan = FaultPlan::none().always(delay, FaultTarget::Command(LOOK));
    served.server().faults().set(plan);
    testing
        .set_group_members(lease, "lease", "lease", 0)
        .unwrap();
    let run = served.run(&["smoke", "--scenario", "basic"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    let after = belongings(&served);
    served.server().faults().clear();
    until("it joins again", || members(&served, lease) == 1);
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(before, after);
}

#[test]
fn a_scenario_that_does_not_end_is_cut_off() {
    let served = served();
    let delay = FaultKind::Delay(FOR_EVER);
    let plan = FaultPlan::none().always(delay, FaultTarget::Command(SEND));
    served.server().faults().set(plan);
    let limit = ["--time-limit", "500ms", "--scenario", "getting-started"];
    let run = served.run(&[&["smoke"], &limit[..]].concat());
    assert_eq!(run.code, 7, "{}", run.transcript());
    assert!(
        run.stdout.contains("did not end within 500 ms"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("0 passed, 1 timed out"),
        "{}",
        run.stdout
    );
    assert_eq!(belongings(&served), Vec::<String>::new());
}

#[test]
fn a_name_that_is_none_and_a_server_that_is_none_have_their_exit_codes() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["smoke", "--server", "embedded", "--scenario", "basics"]);
    assert_eq!(run.code, 64, "{}", run.transcript());
    assert!(
        run.stderr.contains("there is no scenario `basics`"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("getting-started"), "{}", run.stderr);
    let nobody = "iggy://iggy:iggy@127.0.0.1:1";
    let run = sandbox.run(&["smoke", "--server", nobody]);
    assert_eq!(run.code, 69, "{}", run.transcript());
    let served = served();
    let stranger = served.address_as("iggy:wrong-password");
    let run = served.sandbox.run(&["smoke", "--server", &stranger]);
    assert_eq!(run.code, 77, "{}", run.transcript());
}

#[test]
fn a_login_that_may_not_create_streams_is_told_so() {
    let served = served();
    served.by_hand(async |root| {
        let status = UserStatus::Active;
        root.create_user("reader", "s3cret-reader", status, None)
            .await
            .unwrap();
    });
    let reader = served.address_as("reader:s3cret-reader");
    let run = served.sandbox.run(&["smoke", "--server", &reader]);
    assert_eq!(run.code, 77, "{}", run.transcript());
    assert!(run.stderr.contains("manage streams"), "{}", run.stderr);
}

/// Of this test's own processes, by their numbers.
fn signal(process: u32, signal: &str) {
    let told = Command::new("kill")
        .args([signal, &process.to_string()])
        .status()
        .unwrap();
    assert!(told.success());
}

/// How long a canary takes to end on a server that was stopped in the middle of a run;
/// with `insists`, it is told so more than once.
fn ends_on_a_server_that_hangs(arguments: &[&str], insists: bool) -> Duration {
    let sandbox = Sandbox::new();
    let server = DevServer::start(&sandbox, &[]);
    sandbox.write(
        "topology.yaml",
        "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams:
    - name: shop
      topics: [{ name: orders, partitions: 1 }]
",
    );
    let apply = [
        "apply",
        "--yes",
        "-f",
        "topology.yaml",
        "--server",
        &server.connection_string,
    ];
    let run = sandbox.run(&apply);
    assert_eq!(run.code, 0, "{}", run.transcript());
    let common = [
        "smoke",
        "--server",
        &server.connection_string,
        "-o",
        "json",
        "--repeat",
        "1ms",
    ];
    let mut canary = sandbox
        .command(&[&common[..], arguments].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(canary.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let reading = std::thread::spawn(move || lines.count());
    signal(server.process_id(), "-STOP");
    let began = Instant::now();
    signal(canary.id(), "-INT");
    until("it ends", || {
        if insists {
            // Signals that come together are one.
            let _ = Command::new("kill")
                .args(["-INT", &canary.id().to_string()])
                .output();
        }
        canary.try_wait().unwrap().is_some()
    });
    let took = began.elapsed();
    signal(server.process_id(), "-CONT");
    reading.join().unwrap();
    took
}

#[cfg(unix)]
#[test]
fn a_run_on_a_server_that_hangs_can_be_ended() {
    for arguments in [&["--scenario", "basic"][..], &["-f", "topology.yaml"]] {
        let took = ends_on_a_server_that_hangs(arguments, false);
        assert!(took < Duration::from_secs(15), "{arguments:?}: {took:?}");
        let took = ends_on_a_server_that_hangs(arguments, true);
        assert!(took < Duration::from_secs(5), "{arguments:?}: {took:?}");
    }
}
