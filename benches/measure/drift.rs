//! Drift of 10,000 topics beside a plan of the same manifests, as processes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Line;
use crate::server::{runtimes, start};
use crate::topology::manifest;

const RUNS: usize = 5;

pub(crate) fn measure() -> Vec<Line> {
    let (_, servers) = runtimes();
    let server = start(&servers);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("topology.yaml");
    std::fs::write(&file, manifest(100, 100, 3)).expect("a file");
    let address = server.connection_string();
    run(&["apply", "--ledger", "--yes"], &file, &address);
    let (mut ours, mut floor, mut requests) = (Vec::new(), Vec::new(), (0, 0));
    for _ in 0..RUNS {
        server.requests().reset();
        ours.push(run(&["drift"], &file, &address));
        requests.0 = server.requests().total();
        server.requests().reset();
        floor.push(run(&["plan"], &file, &address));
        requests.1 = server.requests().total();
    }
    servers.block_on(server.shutdown());
    vec![
        Line::times(
            "drift of 100 × 100 × 3 from a record, nothing found (floor: `iggyctl plan` of the same)",
            ours,
            floor,
            "",
        ),
        Line::numbers(
            "its requests: those of the plan, and those for the record; login included",
            "requests",
            requests.0 as f64,
            requests.1 as f64,
            "",
        ),
    ]
}

fn run(command: &[&str], file: &Path, address: &str) -> Duration {
    let started = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_iggyctl"))
        .args(command)
        .arg("-f")
        .arg(file)
        .args(["--server", address])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("a process");
    assert!(status.success(), "{command:?}: {status}");
    started.elapsed()
}
