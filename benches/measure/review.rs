//! A change that is reviewed: 100 of 10,000 topics, by the program itself, from the start of
//! the process to its end. The floor is the plan as text.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use iggyctl_embedded::EmbeddedServer;

use crate::Line;
use crate::server::runtimes;
use crate::topology::manifest;

const RUNS: usize = 5;

/// What is run, by name and arguments; `OUT` is a file that is written.
const REVIEWS: [(&str, &[&str]); 6] = [
    ("as JSON", &["plan", "-f", "new.yaml", "-o", "json"]),
    ("as markdown", &["plan", "-f", "new.yaml", "-o", "markdown"]),
    ("as a page", &["plan", "-f", "new.yaml", "-o", "html"]),
    ("saved", &["plan", "-f", "new.yaml", "--out", "saved.plan"]),
    ("shown from the file", &["show", "saved.plan"]),
    (
        "drift from what was applied last",
        &["drift", "-f", "new.yaml"],
    ),
];

struct Review<'a> {
    folder: &'a Path,
    address: String,
    server: &'a EmbeddedServer,
}

/// How one run went.
struct Ran {
    time: Duration,
    printed: usize,
    requests: u64,
}

impl Review<'_> {
    fn run(&self, arguments: &[&str], expected: &[i32]) -> Ran {
        self.server.requests().reset();
        let mut command = Command::new(env!("CARGO_BIN_EXE_iggyctl"));
        command.args(arguments).current_dir(self.folder);
        if arguments[0] != "show" {
            command.args(["--server", &self.address]);
        }
        let started = Instant::now();
        let output = command.output().expect("the program starts");
        let time = started.elapsed();
        let code = output.status.code().expect("a code");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(expected.contains(&code), "{arguments:?}: {code}\n{said}");
        Ran {
            time,
            printed: output.stdout.len(),
            requests: self.server.requests().total(),
        }
    }
}

pub(crate) fn measure() -> Vec<Line> {
    let (_, servers) = runtimes();
    let server = servers
        .block_on(EmbeddedServer::builder().start())
        .expect("a server");
    let folder = tempfile::tempdir().expect("a folder");
    let review = Review {
        folder: folder.path(),
        address: server.connection_string(),
        server: &server,
    };
    let old = manifest(100, 100, 3);
    // The first topic of each stream.
    let new = old.replace(
        "topic-0\n          partitions: 3\n          messageExpiry: 7d",
        "topic-0\n          partitions: 3\n          messageExpiry: 9d",
    );
    let write = |name, text: &str| fs::write(folder.path().join(name), text).expect("a file");
    write("old.yaml", &old);
    write("new.yaml", &new);
    let created = review.run(&["apply", "-f", "old.yaml", "--ledger", "--yes"], &[0]);
    let plan = ["plan", "-f", "new.yaml"];
    let mut floors: Vec<Duration> = Vec::new();
    let mut text = None;
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); REVIEWS.len()];
    let mut sizes = vec![(0, 0); REVIEWS.len()];
    for _ in 0..RUNS {
        let ran = review.run(&plan, &[0]);
        floors.push(ran.time);
        text = Some(ran);
        for (index, (_, arguments)) in REVIEWS.iter().enumerate() {
            let ran = review.run(arguments, &[0, 2]);
            times[index].push(ran.time);
            sizes[index] = (ran.printed, ran.requests);
        }
    }
    let text = text.expect("a run");
    let saved = fs::metadata(folder.path().join("saved.plan")).expect("a file");
    let applied = review.run(
        &["apply", "--plan", "saved.plan", "--ledger", "--yes"],
        &[0],
    );
    let mut lines = vec![size_line(
        "plan of 100 changes among 10,000 topics, as text",
        &text,
    )];
    for ((name, _), (times, (printed, requests))) in
        REVIEWS.iter().zip(times.into_iter().zip(sizes))
    {
        let name = format!("{name}: {} kB, {requests} requests", printed.div_ceil(1000));
        lines.push(Line::times(name, times, floors.clone(), ""));
    }
    let floor = floors[0].as_secs_f64() * 1e3;
    for (name, ran) in [
        ("apply --plan of the 100 changes, with a ledger", applied),
        ("apply of all 10,000, with a ledger", created),
    ] {
        let name = format!("{name}: {} requests", ran.requests);
        lines.push(Line::numbers(
            name,
            "ms",
            ran.time.as_secs_f64() * 1e3,
            floor,
            "",
        ));
    }
    let (bytes, text) = (saved.len() as f64, new.len() as f64);
    lines.push(Line::numbers(
        "the saved plan (floor: the manifests)",
        "bytes",
        bytes,
        text,
        "",
    ));
    servers.block_on(server.shutdown());
    lines
}

fn size_line(name: &str, ran: &Ran) -> Line {
    let name = format!(
        "{name}: {} kB, {} requests",
        ran.printed.div_ceil(1000),
        ran.requests
    );
    let time = vec![ran.time];
    Line::times(name, time.clone(), time, "")
}
