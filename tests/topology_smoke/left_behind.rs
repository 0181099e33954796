//! Nothing of a run stays on the server, however it ends.

use std::io::Read as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use iggy::prelude::*;
use iggyctl_embedded::{Fault, FaultKind, FaultPlan, FaultTarget};

use crate::lab::Lab;

/// Longer than any test waits.
const FOR_EVER: Duration = Duration::from_secs(600);
/// A run that is younger may only be starting.
const STARTING: Duration = Duration::from_secs(6);

/// Commands of the wire protocol.
const CREATE_USER: u32 = 33;
const DELETE_USER: u32 = 34;
const UPDATE_USER: u32 = 35;
const UPDATE_PERMISSIONS: u32 = 36;
const SEND: u32 = 101;
const DELETE_STREAM: u32 = 203;
const CREATE_TOPIC: u32 = 302;
const CREATE_GROUP: u32 = 602;
const JOIN: u32 = 604;

/// A run that is held at the n-th request of a kind.
struct Held<'a> {
    lab: &'a Lab,
    process: Child,
}

impl<'a> Held<'a> {
    fn at(lab: &'a Lab, command: u32, nth: u64) -> Self {
        lab.server().requests().reset();
        lab.server().faults().set(FaultPlan::none().with(Fault {
            kind: FaultKind::Delay(FOR_EVER),
            target: FaultTarget::Command(command),
            at: nth,
            times: 1,
        }));
        let address = lab.address();
        let mut held = Self {
            lab,
            process: lab
                .sandbox
                .command(&[
                    "smoke",
                    "-f",
                    "smoke.yaml",
                    "-o",
                    "markdown",
                    "--server",
                    &address,
                ])
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        };
        let requests = lab.server().requests();
        held.until(|| requests.count(command) >= nth);
        assert_eq!(held.process.try_wait().unwrap(), None, "it ended by itself");
        held
    }

    fn until(&mut self, is_there: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_there() {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "it does not come"
            );
            assert_eq!(self.process.try_wait().unwrap(), None, "it ended by itself");
            std::thread::yield_now();
        }
    }

    /// With SIGKILL; then waits until the server knows that it is gone.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let begun = Instant::now();
        while self.lab.members_of_leases() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(30), "it is not gone");
            std::thread::yield_now();
        }
    }

    #[cfg(unix)]
    fn signal(&self, signal: &str) {
        let sent = std::process::Command::new("kill")
            .args([signal, &self.process.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }
}

impl Lab {
    /// Members of the groups by which runs say that they are alive.
    fn members_of_leases(&self) -> u32 {
        let left = self.left_behind();
        self.by_hand(async |root| {
            let lease = Identifier::named("lease").unwrap();
            let mut members = 0;
            for stream in left {
                let stream = Identifier::named(&stream).unwrap();
                let group = root.get_consumer_group(&stream, &lease, &lease).await;
                members += group.ok().flatten().map_or(0, |group| group.members_count);
            }
            members
        })
    }
}

/// Kills a run there, and lets the next one clean up.
fn killed_at(command: u32, nth: u64) {
    let lab = Lab::applied();
    Held::at(&lab, command, nth).kill();
    let left = lab.left_behind();
    assert!(
        !left.is_empty(),
        "command {command} {nth}: nothing was left"
    );
    lab.server().testing().advance_clock(STARTING);
    let smoke = lab.smoke(&[]);
    assert_eq!(smoke.run.code, 0, "{}", smoke.run.transcript());
    assert_eq!(lab.left_behind(), [""; 0], "command {command} {nth}");
    // What is real is as it was.
    let diff = lab.run(&["diff", "-f", "smoke.yaml"]);
    assert_eq!(diff.code, 0, "{}", diff.transcript());
}

#[test]
fn the_next_run_removes_what_a_killed_one_left() {
    let places = [
        // The stream of the lease is there, and nothing says that it is alive.
        (CREATE_TOPIC, 1),
        (CREATE_GROUP, 1),
        (JOIN, 1),
        // The copy is being made.
        (CREATE_TOPIC, 2),
        (CREATE_USER, 2),
        (UPDATE_PERMISSIONS, 2),
        // It is used.
        (SEND, 1),
        (JOIN, 3),
        // It is removed.
        (UPDATE_USER, 2),
        (DELETE_STREAM, 1),
        (DELETE_STREAM, 3),
        (DELETE_USER, 2),
    ];
    // Each waits for the dead one to come back, which takes no processor.
    for some in places.chunks(4) {
        std::thread::scope(|scope| {
            for (command, nth) in some {
                scope.spawn(move || killed_at(*command, *nth));
            }
        });
    }
}

#[test]
fn what_a_running_one_uses_is_not_removed() {
    let lab = Lab::applied();
    let held = Held::at(&lab, SEND, 1);
    let used = lab.left_behind();
    assert!(used.len() > 3, "{used:?}");
    lab.server().testing().advance_clock(STARTING);
    let smoke = lab.smoke(&[]);
    assert_eq!(smoke.run.code, 0, "{}", smoke.run.transcript());
    assert_eq!(lab.left_behind(), used);
    held.kill();
    lab.server().testing().advance_clock(STARTING);
    let smoke = lab.smoke(&["--scenario", "round-trip/*"]);
    assert_eq!(smoke.run.code, 0, "{}", smoke.run.transcript());
    assert_eq!(lab.left_behind(), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_in_order() {
    for (signal, command, nth) in [
        ("-INT", CREATE_USER, 2),
        ("-TERM", SEND, 1),
        ("-INT", JOIN, 3),
    ] {
        let lab = Lab::applied();
        let mut held = Held::at(&lab, command, nth);
        held.signal(signal);
        let mut report = String::new();
        let stdout = held.process.stdout.as_mut().unwrap();
        stdout.read_to_string(&mut report).unwrap();
        let ended = held.process.wait().unwrap();
        assert_eq!(ended.code(), Some(1), "{signal} {command}");
        // Some checks had passed, and yet it is no success.
        assert!(report.starts_with("## ⚠️"), "{report}");
        assert!(report.contains("interrupted: "), "{report}");
        assert_eq!(lab.left_behind(), [""; 0], "{signal} {command}");
    }
}

/// The clean-up hangs, and a person does not want to wait for it.
#[cfg(unix)]
#[test]
fn a_second_signal_cuts_the_clean_up_short() {
    let lab = Lab::applied();
    let mut held = Held::at(&lab, DELETE_STREAM, 1);
    let begun = Instant::now();
    let ended = loop {
        match held.process.try_wait().unwrap() {
            Some(ended) => break ended,
            None => {
                assert!(begun.elapsed() < Duration::from_secs(20), "it waits");
                // Signals that come together are one.
                held.signal("-INT");
                std::thread::yield_now();
            }
        }
    };
    assert_eq!(ended.code(), Some(1));
    assert!(!lab.left_behind().is_empty());
    lab.server().faults().clear();
    lab.server().testing().advance_clock(STARTING);
    let smoke = lab.smoke(&["--scenario", "round-trip/*"]);
    assert_eq!(smoke.run.code, 0, "{}", smoke.run.transcript());
    assert_eq!(lab.left_behind(), [""; 0]);
}

/// The server gives the number of a deleted stream or user to the next one: by then
/// nobody may be there who could use it.
#[test]
fn sessions_end_and_rights_go_before_anything_is_deleted() {
    for (command, nth) in [(DELETE_STREAM, 1), (DELETE_USER, 1)] {
        let lab = Lab::applied();
        let held = Held::at(&lab, command, nth);
        lab.by_hand(async |root| {
            let users = root.get_users().await.unwrap();
            let temporary: Vec<_> = users
                .into_iter()
                .filter(|user| user.username.starts_with("iggyctl-smoke-"))
                .collect();
            assert_eq!(temporary.len(), 3);
            for user in &temporary {
                assert_eq!(user.status, UserStatus::Inactive);
                let name = Identifier::named(&user.username).unwrap();
                let details = root.get_user(&name).await.unwrap().unwrap();
                let streams = details.permissions.and_then(|it| it.streams);
                assert!(streams.is_none_or(|streams| streams.is_empty()));
            }
            for client in root.get_clients().await.unwrap() {
                assert_eq!(client.user_id, Some(0), "{client:?}");
            }
        });
        held.kill();
    }
}
