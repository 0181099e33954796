//! A server that has the topology of the example, and what a smoke test says about it.

use std::collections::BTreeMap;

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, PasswordHashing};
use tokio::runtime::Runtime;

use crate::sandbox::{Run, Sandbox};

/// How the names of everything begin that a run makes.
const RESERVED: &str = "iggyctl-smoke-";

pub(crate) struct Lab {
    pub(crate) runtime: Runtime,
    server: Option<EmbeddedServer>,
    pub(crate) sandbox: Sandbox,
}

/// A report of a run.
pub(crate) struct Smoke {
    pub(crate) run: Run,
    pub(crate) report: serde_json::Value,
}

impl Lab {
    /// The topology of `examples/smoke.yaml`, applied.
    pub(crate) fn applied() -> Self {
        let lab = Self::empty();
        let run = lab.run(&["apply", "--yes", "-f", "smoke.yaml"]);
        assert_eq!(run.code, 0, "{}", run.transcript());
        lab
    }

    /// The same, not applied.
    pub(crate) fn empty() -> Self {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/smoke.yaml");
        Self::of(&std::fs::read_to_string(manifest).unwrap())
    }

    /// Another topology, not applied.
    pub(crate) fn of(manifest: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let server = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
        let server = runtime.block_on(server.start()).unwrap();
        let mut sandbox = Sandbox::new()
            .variable("CHECKOUT_PASSWORD", "s3cret-checkout")
            .variable("BILLING_PASSWORD", "s3cret-billing")
            .variable("INTERN_PASSWORD", "s3cret-intern");
        sandbox.mask(server.connection_string(), "[SERVER]");
        sandbox.mask(server.address().to_string(), "[ADDRESS]");
        sandbox.write("smoke.yaml", manifest);
        Self {
            runtime,
            server: Some(server),
            sandbox,
        }
    }

    /// From now on commands are run without this variable.
    pub(crate) fn forget(&mut self, variable: &str) {
        self.sandbox.forget(variable);
    }

    pub(crate) fn server(&self) -> &EmbeddedServer {
        self.server.as_ref().unwrap()
    }

    pub(crate) fn address(&self) -> String {
        self.server().connection_string()
    }

    /// Runs a command as root.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let address = self.address();
        self.sandbox
            .run(&[arguments, &["--server", &address]].concat())
    }

    /// A smoke test of the topology.
    pub(crate) fn smoke(&self, more: &[&str]) -> Smoke {
        let smoke = ["smoke", "-f", "smoke.yaml", "-o", "json"];
        let run = self.run(&[&smoke[..], more].concat());
        let report = serde_json::from_str(&run.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", run.transcript()));
        Smoke { run, report }
    }

    /// Something done by hand, as root.
    pub(crate) fn by_hand<T>(&self, work: impl AsyncFnOnce(IggyClient) -> T) -> T {
        self.runtime.block_on(async {
            let root = IggyClient::from_connection_string(&self.address()).unwrap();
            root.connect().await.unwrap();
            work(root).await
        })
    }

    /// What of smoke tests is on the server.
    pub(crate) fn left_behind(&self) -> Vec<String> {
        self.by_hand(async |root| {
            let streams = root.get_streams().await.unwrap();
            let users = root.get_users().await.unwrap();
            let names = streams
                .into_iter()
                .map(|stream| stream.name)
                .chain(users.into_iter().map(|user| user.username));
            names.filter(|name| name.starts_with(RESERVED)).collect()
        })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }
}

impl Smoke {
    /// Names of checks with their status.
    pub(crate) fn statuses(&self) -> BTreeMap<&str, &str> {
        let checks = self.report["scenarios"].as_array().unwrap().iter();
        checks
            .map(|check| {
                (
                    check["name"].as_str().unwrap(),
                    check["status"].as_str().unwrap(),
                )
            })
            .collect()
    }

    /// The names of those that ended so.
    pub(crate) fn ended(&self, status: &str) -> Vec<&str> {
        let all = self.statuses().into_iter();
        all.filter(|(_, ended)| *ended == status)
            .map(|(name, _)| name)
            .collect()
    }

    /// What a check that failed says: step, expected, found.
    pub(crate) fn failure(&self, name: &str) -> String {
        let checks = self.report["scenarios"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == name).unwrap();
        let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
        match check["status"].as_str().unwrap() {
            "skipped" => format!("skipped: {}", text("reason")),
            _ => format!(
                "{}: expected {}; found {}",
                text("step"),
                text("expected"),
                text("found")
            ),
        }
    }
}
