//! Applies against a server process that is stopped (SIGSTOP) at a moment that
//! the test chooses: it holds its connections and answers nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use insta::assert_snapshot;

use crate::sandbox::{DevServer, Run, Sandbox};

/// A request as its header names it (`iggy_binary_protocol` 0.11.0, consensus):
/// what changes something has an operation of its own; the rest shares one, and
/// has a code.
#[derive(Clone, Copy, PartialEq)]
enum Request {
    Write { operation: u8 },
    Read { code: u32 },
}

const GET_STREAM: Request = Request::Read { code: 200 };
const CREATE_TOPIC: Request = Request::Write { operation: 132 };

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: orders }
spec: { streams: [{ name: orders, topics: [{ name: a }, { name: b }] }] }
";

/// A server of its own process behind a proxy that stops it when a request of one
/// kind comes by.
struct Lab {
    sandbox: Sandbox,
    address: String,
    stopped: Receiver<()>,
    // Ended with SIGKILL when the lab is dropped.
    _server: DevServer,
}

impl Lab {
    fn stopping_at(request: Request) -> Self {
        let mut sandbox = Sandbox::new();
        sandbox.write("topology.yaml", TOPOLOGY);
        let server = DevServer::start(&sandbox, &[]);
        let upstream: SocketAddr = server.address().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("iggy://iggy:iggy@{}", listener.local_addr().unwrap());
        sandbox.mask(address.clone(), "[SERVER]");
        sandbox.mask(listener.local_addr().unwrap().to_string(), "[ADDRESS]");
        let (sender, stopped) = channel();
        let process_id = server.process_id();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(upstream).unwrap();
                let mut replies = (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || std::io::copy(&mut replies.0, &mut replies.1));
                let sender = sender.clone();
                thread::spawn(move || {
                    pass_requests(client, server, request, &|| {
                        signal(process_id, "STOP");
                        // Nobody listens in tests that do not wait for it.
                        let _ = sender.send(());
                    })
                });
            }
        });
        Self {
            sandbox,
            address,
            stopped,
            _server: server,
        }
    }

    /// An apply that has run into the stopped server.
    fn hanging_apply(&self) -> Child {
        let arguments = ["apply", "--yes", "-f", "topology.yaml", "--server"];
        let process = self
            .sandbox
            .command(&[&arguments[..], &[&self.address]].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        self.stopped.recv_timeout(Duration::from_secs(30)).unwrap();
        process
    }

    fn apply_with_timeout(&self) -> Run {
        self.sandbox.run(&[
            "apply",
            "--yes",
            "--timeout",
            "2s",
            "-f",
            "topology.yaml",
            "--server",
            &self.address,
        ])
    }
}

/// Passes frames on, and calls `stop` before each `request`.
fn pass_requests(
    mut client: TcpStream,
    mut server: TcpStream,
    request: Request,
    stop: &dyn Fn(),
) -> Option<()> {
    let number = |header: &[u8], at: usize| {
        Some(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?))
    };
    loop {
        // Offsets of consensus/header.rs; the size is of the whole frame.
        let mut frame = vec![0; 256];
        client.read_exact(&mut frame).ok()?;
        let size = number(&frame, 48)? as usize;
        let passing = match frame[176] {
            2 => Request::Read {
                code: number(&frame, 196)?,
            },
            operation => Request::Write { operation },
        };
        if passing == request {
            stop();
        }
        frame.resize(size.max(256), 0);
        client.read_exact(&mut frame[256..]).ok()?;
        server.write_all(&frame).ok()?;
    }
}

fn signal(process_id: u32, name: &str) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), process_id.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

#[test]
fn a_timeout_while_reading_ends_in_time_and_changes_nothing() {
    let lab = Lab::stopping_at(GET_STREAM);
    let started = Instant::now();
    let run = lab.apply_with_timeout();
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    assert_snapshot!(run.transcript());
}

#[test]
fn a_timeout_in_the_middle_of_an_apply_waits_a_moment_and_reports() {
    let lab = Lab::stopping_at(CREATE_TOPIC);
    let started = Instant::now();
    let run = lab.apply_with_timeout();
    // 2 s of --timeout and 5 s for what was sent.
    assert!(
        started.elapsed() < Duration::from_secs(12),
        "{:?}",
        started.elapsed()
    );
    assert_snapshot!(run.transcript());
}

#[test]
fn an_interrupt_waits_a_moment_and_a_second_one_does_not() {
    for second in [false, true] {
        let lab = Lab::stopping_at(CREATE_TOPIC);
        let mut process = lab.hanging_apply();
        signal(process.id(), "INT");
        let mut messages = BufReader::new(process.stderr.take().unwrap());
        let mut shown = String::new();
        while !shown.contains("Interrupted") {
            assert_ne!(messages.read_line(&mut shown).unwrap(), 0, "{shown}");
        }
        let interrupted = Instant::now();
        if second {
            signal(process.id(), "INT");
        }
        messages.read_to_string(&mut shown).unwrap();
        let output = process.wait_with_output().unwrap();
        let waited = interrupted.elapsed();
        assert_eq!(output.status.code(), Some(6), "{shown}");
        if second {
            assert!(waited < Duration::from_secs(4), "{waited:?}");
        } else {
            assert!(waited > Duration::from_secs(4), "{waited:?}");
            assert!(waited < Duration::from_secs(10), "{waited:?}");
        }
        let stdout = lab
            .sandbox
            .masked(String::from_utf8(output.stdout).unwrap());
        assert_snapshot!("what_an_interrupted_apply_reports", stdout);
    }
}

#[test]
fn an_interrupt_before_the_first_step_ends_the_process() {
    let lab = Lab::stopping_at(GET_STREAM);
    let mut process = lab.hanging_apply();
    signal(process.id(), "INT");
    let status = process.wait().unwrap();
    assert_eq!(status.signal(), Some(2), "{status}");
}
