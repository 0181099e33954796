//! The same walk-through with the Python SDK, which goes on where the Rust consumer
//! stopped, and the other way round.

#[path = "../../../tests/rung/mod.rs"]
mod rung;
use std::path::{Path, PathBuf};

use examples_running::Program;
use iggyctl_embedded::EmbeddedServer;
use libtest_mimic::{Arguments, Failed};
use rung::{Outcome, Rung};

static RUNG: Rung = Rung {
    name: "python-sdk",
    variable: "IGGYCTL_TEST_PYTHON",
};

fn main() -> std::process::ExitCode {
    let trial = RUNG.trial("getting_started", walk_through);
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

async fn walk_through(python: PathBuf, server: EmbeddedServer) -> Outcome {
    examples_running::apply(&server, include_str!("../topology.yaml")).await;
    let uri = server.connection_string();
    let script = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("python")
            .join(name);
        // No bytecode next to the sources, nothing from the user's own site.
        Program::start(&python, &["-B", "-s", &path.to_string_lossy()], &uri)
    };

    let mut producer = script("producer.py");
    let mut sent = producer.lines(2).await;
    sent.extend(producer.interrupt().await);
    assert_eq!(&sent[..2], ["sent 1", "sent 2"]);

    let mut consumer = script("consumer.py");
    let seen = consumer.lines(sent.len()).await;
    assert!(consumer.interrupt().await.is_empty());
    for (number, line) in seen.iter().enumerate() {
        let id = number + 1;
        let begin = format!("offset {number}: {id}, message {id}, 20");
        assert!(line.starts_with(&begin), "{line}");
    }

    // The Rust ones go on: the next offset, nothing twice.
    let mut producer = Program::start(env!("CARGO_BIN_EXE_producer"), &[], &uri);
    let line = producer.line().await;
    let offset = sent.len();
    assert_eq!(line, format!("sent 1: partition 0, offset {offset}"));
    let more = 1 + producer.interrupt().await.len();
    let mut consumer = Program::start(env!("CARGO_BIN_EXE_consumer"), &[], &uri);
    let seen = consumer.lines(more).await;
    assert!(consumer.interrupt().await.is_empty());
    assert!(
        seen[0].starts_with(&format!("offset {offset}: 1, message 1, 20")),
        "{seen:?}"
    );

    // And back.
    let mut producer = script("producer.py");
    producer.line().await;
    producer.interrupt().await;
    let line = script("consumer.py").line().await;
    let begin = format!("offset {}: 1, message 1, 20", offset + more);
    match line.starts_with(&begin) {
        true => {
            server.shutdown().await;
            Ok(())
        }
        false => Err(Failed::from(format!("expected `{begin}`, got `{line}`"))),
    }
}
