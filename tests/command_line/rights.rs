//! A login that may not do everything: what cannot be read is never a success.

use iggy::prelude::*;
use iggyctl_embedded::EmbeddedServer;

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: orders }
spec: { streams: [{ name: orders }] }
";

/// A server with the streams `orders` (id 0) and `billing` (id 1), and the user `bob`.
const BOB: &str = "bob:hunter2bob";

struct Lab {
    served: Served,
}

impl Lab {
    fn new(permissions: Option<Permissions>) -> Self {
        let mut served = Served::start(EmbeddedServer::builder(), Sandbox::new());
        served.by_hand(async |root| {
            root.create_stream("orders").await.unwrap();
            root.create_stream("billing").await.unwrap();
            root.create_user("bob", "hunter2bob", UserStatus::Active, permissions)
                .await
                .unwrap();
        });
        served
            .sandbox
            .mask(format!("iggy://{BOB}@[ADDRESS]"), "[SERVER]");
        served.sandbox.write("topology.yaml", TOPOLOGY);
        Self { served }
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let address = self.served.address_as(BOB);
        let server = ["-f", "topology.yaml", "--server", &address];
        self.served.sandbox.run(&[arguments, &server].concat())
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
    lab.served.sandbox.write("topology.yaml", topology);
    let run = lab.run(&["apply", "--yes", "--skip-blocked"]);
    insta::assert_snapshot!(run.transcript());
    let again = lab.run(&["apply", "--yes", "--skip-blocked"]);
    assert_eq!(again.code, 77, "{}", again.transcript());
    let run = lab.run(&["plan", "--only", "stream/billing", "--detailed-exitcode"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
}
