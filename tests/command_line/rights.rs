//! A login that may not do everything: what cannot be read is never a success.

use iggy::prelude::*;
use iggyctl_embedded::EmbeddedServer;
use tokio::runtime::Runtime;

use crate::sandbox::{Run, Sandbox};

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: orders }
spec: { streams: [{ name: orders }] }
";

/// A server with the streams `orders` (id 0) and `billing` (id 1), and the user `bob`.
struct Lab {
    runtime: Runtime,
    server: Option<EmbeddedServer>,
    sandbox: Sandbox,
    address: String,
}

impl Lab {
    fn new(permissions: Option<Permissions>) -> Self {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(async {
            let server = EmbeddedServer::builder().start().await.unwrap();
            let root = IggyClient::from_connection_string(&server.connection_string()).unwrap();
            root.connect().await.unwrap();
            root.create_stream("orders").await.unwrap();
            root.create_stream("billing").await.unwrap();
            root.create_user("bob", "hunter2bob", UserStatus::Active, permissions)
                .await
                .unwrap();
            server
        });
        let mut sandbox = Sandbox::new();
        let address = format!("iggy://bob:hunter2bob@{}", server.address());
        sandbox.mask(address.clone(), "[SERVER]");
        sandbox.mask(server.address().to_string(), "[ADDRESS]");
        sandbox.write("topology.yaml", TOPOLOGY);
        Self {
            runtime,
            server: Some(server),
            sandbox,
            address,
        }
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let server = ["-f", "topology.yaml", "--server", &self.address];
        self.sandbox.run(&[arguments, &server].concat())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }
}

#[test]
fn a_login_that_may_read_nothing_is_never_green() {
    let lab = Lab::new(None);
    let apply = ["apply", "--yes", "--skip-blocked"];
    let run = lab.run(&apply);
    assert_eq!(run.code, 77, "{}", run.transcript());
    insta::assert_snapshot!(run.transcript());
    assert_eq!(lab.run(&["plan", "--skip-blocked"]).code, 77);
    let plan = ["plan", "--skip-blocked", "--detailed-exitcode"];
    assert_eq!(lab.run(&plan).code, 77);
    let run = lab.run(&[&apply[..], &["-o", "json"]].concat());
    assert_eq!(run.code, 77, "{}", run.transcript());
    let outcome: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(outcome["blocked"][0]["reason"]["code"], "notReadable");
    // Without --skip-blocked these are blocked lines like others.
    assert_eq!(lab.run(&["plan"]).code, 3);
    assert_eq!(lab.run(&["apply", "--yes"]).code, 3);
}

#[test]
fn what_can_be_applied_is_before_the_rest_is_said_not_to_be_readable() {
    let billing = StreamPermissions {
        manage_stream: true,
        manage_topics: true,
        ..StreamPermissions::default()
    };
    let lab = Lab::new(Some(Permissions {
        global: GlobalPermissions::default(),
        streams: Some([(1, billing)].into()),
    }));
    let topology = TOPOLOGY.replace("]", ", { name: billing, topics: [{ name: invoices }] }]");
    lab.sandbox.write("topology.yaml", topology);
    let run = lab.run(&["apply", "--yes", "--skip-blocked"]);
    insta::assert_snapshot!(run.transcript());
    let again = lab.run(&["apply", "--yes", "--skip-blocked"]);
    assert_eq!(again.code, 77, "{}", again.transcript());
    let run = lab.run(&["plan", "--only", "stream/billing", "--detailed-exitcode"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
}
