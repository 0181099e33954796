//! `iggyctl apply` killed with SIGKILL while a token is created, and then again:
//! one token that works is left, and none that nobody has.

use std::process::Stdio;
use std::time::{Duration, Instant};

use iggyctl_embedded::{EmbeddedServer, Fault, FaultKind, FaultPlan, FaultTarget, PasswordHashing};
use tokio::runtime::Runtime;

use crate::sandbox::{Run, Sandbox};

/// `get_personal_access_tokens` of the wire protocol.
const GET_TOKENS: u32 = 41;
/// `create_personal_access_token` of the wire protocol.
const CREATE_TOKEN: u32 = 42;

/// Longer than any test waits.
const FOR_EVER: Duration = Duration::from_secs(600);

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  users:
    - name: svc-orders
      password: { env: PASSWORD }
      tokens:
        - { name: ci, expiry: 30d, rotateBefore: 1d, writeTo: { file: ci.token } }
";

const PASSWORD: &str = "s3cret-orders";

struct Lab {
    runtime: Runtime,
    server: EmbeddedServer,
    sandbox: Sandbox,
}

impl Lab {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let server = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
        let server = runtime.block_on(server.start()).unwrap();
        let sandbox = Sandbox::new().variable("PASSWORD", PASSWORD);
        sandbox.write("topology.yaml", TOPOLOGY);
        Self {
            runtime,
            server,
            sandbox,
        }
    }

    fn arguments<'a>(&self, server: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let apply = ["apply", "--yes", "--no-verify", "-f", "topology.yaml"];
        [&apply[..], more, &["--server", server]].concat()
    }

    fn apply(&self, more: &[&str]) -> Run {
        let server = self.server.connection_string();
        let run = self.sandbox.run(&self.arguments(&server, more));
        assert_eq!(run.code, 0, "{}", run.transcript());
        run
    }

    /// Killed as soon as `is_there`; then waits until the server has let go of
    /// it, unless a request of it is held for ever.
    fn killed_apply(&self, more: &[&str], is_there: impl Fn() -> bool) {
        let server = self.server.connection_string();
        let mut process = self
            .sandbox
            .command(&self.arguments(&server, more))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until(is_there);
        assert_eq!(process.try_wait().unwrap(), None, "it ended by itself");
        process.kill().unwrap();
        process.wait().unwrap();
    }

    fn value(&self) -> String {
        std::fs::read_to_string(self.sandbox.path().join("ci.token")).unwrap()
    }

    fn logs_in(&self, value: &str) -> bool {
        let server = format!("iggy://{value}@{}", self.server.address());
        self.sandbox.run(&["ping", "--server", &server]).code == 0
    }

    /// The names of the user's tokens on the server.
    fn names(&self) -> Vec<String> {
        let server = format!("iggy://svc-orders:{PASSWORD}@{}", self.server.address());
        let run = self
            .sandbox
            .run(&["token", "list", "-o", "json", "--server", &server]);
        let rows: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A new token, or a valid one that is replaced by name.
    fn begin(is_rotation: bool) -> (Self, Vec<&'static str>, Option<String>) {
        let lab = Self::new();
        if !is_rotation {
            return (lab, Vec::new(), None);
        }
        lab.apply(&[]);
        let before = Some(lab.value());
        (lab, vec!["--rotate", "token/svc-orders/ci"], before)
    }

    /// An apply that knows nothing of it, and what is there then.
    fn converges(self, before: Option<&str>) {
        self.server.faults().clear();
        self.apply(&[]);
        let value = self.value();
        assert!(self.logs_in(&value));
        assert_eq!(self.names().len(), 1, "{:?}", self.names());
        if let Some(before) = before {
            assert_ne!(value, before);
            assert!(!self.logs_in(before));
        }
        let server = self.server.connection_string();
        let again = self
            .sandbox
            .run(&["diff", "-f", "topology.yaml", "--server", &server]);
        assert_eq!(again.code, 0, "{}", again.transcript());
        self.runtime.block_on(self.server.shutdown());
    }
}

fn until(is_there: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_there() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "it does not come"
        );
        std::thread::yield_now();
    }
}

/// The server creates it when nobody waits for it any more.
#[test]
fn killed_before_the_token_is_there() {
    for is_rotation in [false, true] {
        let (lab, more, before) = Lab::begin(is_rotation);
        let held = FaultKind::Delay(Duration::from_millis(500));
        let held = FaultPlan::none().once(held, FaultTarget::Command(CREATE_TOKEN), 1);
        lab.server.faults().set(held);
        lab.server.requests().reset();
        let requests = lab.server.requests();
        lab.killed_apply(&more, || requests.count(CREATE_TOKEN) > 0);
        assert_eq!(lab.names().len(), usize::from(is_rotation));
        until(|| lab.server.testing().connections() == 0);
        // Now there is one whose value nobody has.
        assert_eq!(lab.names().len(), 1 + usize::from(is_rotation));
        lab.converges(before.as_deref());
    }
}

/// The reply is lost, and whoever would get over it is killed.
#[test]
fn killed_after_the_token_is_there() {
    for is_rotation in [false, true] {
        // How often tokens are listed in a run that nothing happens to.
        let (lab, more, _) = Lab::begin(is_rotation);
        lab.server.requests().reset();
        lab.apply(&more);
        let listed = lab.server.requests().count(GET_TOKENS);

        let (lab, more, before) = Lab::begin(is_rotation);
        lab.server.requests().reset();
        let requests = lab.server.requests();
        lab.server.faults().set(
            FaultPlan::none()
                .once(FaultKind::LostReply, FaultTarget::Command(CREATE_TOKEN), 1)
                .with(Fault {
                    kind: FaultKind::Delay(FOR_EVER),
                    target: FaultTarget::Command(GET_TOKENS),
                    at: listed + 1,
                    times: 1,
                }),
        );
        lab.killed_apply(&more, || requests.count(GET_TOKENS) > listed);
        lab.server.faults().clear();
        assert_eq!(lab.names().len(), 1 + usize::from(is_rotation));
        lab.converges(before.as_deref());
    }
}
