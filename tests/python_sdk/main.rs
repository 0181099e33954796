//! The Python SDK (`apache-iggy`) as a client of the embedded server.
//!
//! Each test is one script of this folder, run with the server's address; it
//! fails by an exception. The last one is a story of its own.

mod demonstration;
#[path = "../rung/mod.rs"]
mod rung;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use iggyctl_embedded::{EmbeddedServer, TlsIdentity};
use libtest_mimic::{Arguments, Trial};
use rung::{Outcome, Rung};

static RUNG: Rung = Rung {
    name: "python-sdk",
    variable: "IGGYCTL_TEST_PYTHON",
};

const SCRIPTS: [&str; 9] = [
    "login",
    "streams",
    "topics",
    "partitions",
    "groups",
    "users",
    "tokens",
    "stats_and_options",
    "concurrent_creates",
];

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let mut trials: Vec<Trial> = SCRIPTS
        .into_iter()
        .map(|script| {
            RUNG.trial(
                script,
                move |python: PathBuf, server: EmbeddedServer| async move {
                    let outcome = run(&python, script, &server, &[]).await;
                    server.shutdown().await;
                    outcome
                },
            )
        })
        .collect();
    trials.push(RUNG.trial(
        "tls",
        |python: PathBuf, server: EmbeddedServer| async move {
            // It needs one of another kind.
            server.shutdown().await;
            over_tls(python).await
        },
    ));
    trials.push(RUNG.trial(
        "demonstration",
        |python: PathBuf, server: EmbeddedServer| async move {
            // It is about a server that is a process.
            server.shutdown().await;
            demonstration::demonstration(python).await
        },
    ));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A server that speaks TLS, one authority that is its own, and one that is not.
async fn over_tls(python: PathBuf) -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut files = Vec::new();
    let mut identities = Vec::new();
    for name in ["trusted.pem", "other.pem"] {
        let identity = TlsIdentity::self_signed(std::iter::empty::<String>())?;
        let file = folder.path().join(name);
        std::fs::write(&file, identity.authority_pem().unwrap_or_default())?;
        files.push(file.display().to_string());
        identities.push(identity);
    }
    let server = EmbeddedServer::builder()
        .tls(identities.swap_remove(0))
        .start()
        .await?;
    let outcome = run(&python, "tls", &server, &files).await;
    server.shutdown().await;
    outcome
}

async fn run(
    python: &Path,
    script: &str,
    server: &EmbeddedServer,
    arguments: &[String],
) -> Outcome {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/python_sdk")
        .join(script)
        .with_extension("py");
    let output = tokio::process::Command::new(python)
        // No bytecode next to the sources, nothing from the user's own site.
        .args(["-B", "-s"])
        .arg(&file)
        .arg(server.address().to_string())
        .args(arguments)
        .env_remove("PYTHONPATH")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!(
            "{} ended with {}:\n{}{}",
            file.display(),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
        .into())
    }
}
