//! A server, a folder with manifests as a team has them, and a platform with comments.

use iggyctl_embedded::EmbeddedServer;
use serde_json::Value;

use crate::platform::Platform;
use crate::runner::Workflow;
use crate::sandbox::Sandbox;
use crate::served::Served;

/// What is on the server already.
pub(crate) const BEFORE: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams:
    - name: orders
      topics:
        - { name: events, partitions: 4, segmentSize: 256MiB, messageExpiry: 30d }
";

/// A rule that one of the manifests breaks.
pub(crate) const POLICY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyPolicy
metadata: { name: partitions }
spec:
  rules:
    - name: few
      match: { kinds: [topic] }
      expression: resource.?partitions.orValue(1) <= 8
      message: more than 8 partitions
";

pub(crate) struct Lab {
    pub(crate) served: Served,
    pub(crate) platform: Platform,
    /// With name and password of root.
    address: String,
}

impl Lab {
    /// With a topic more than the server has.
    pub(crate) fn new() -> Self {
        let served = Served::start(EmbeddedServer::builder(), Sandbox::new());
        let lab = Self {
            address: served.address(),
            served,
            platform: Platform::start(),
        };
        lab.declare(BEFORE);
        let apply = ["apply", "-f", "topology", "--yes"];
        let run = lab.served.run(&apply);
        assert_eq!(run.code, 0, "{}", run.transcript());
        lab.declare(&lab.with("new", 1));
        lab
    }

    /// What is there, and a topic more.
    pub(crate) fn with(&self, topic: &str, partitions: u32) -> String {
        format!(
            "{BEFORE}        - {{ name: {topic}, partitions: {partitions}, messageExpiry: 1d }}\n"
        )
    }

    pub(crate) fn declare(&self, manifest: &str) {
        self.served.sandbox.write("topology/shop.yaml", manifest);
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.served.sandbox
    }

    /// A run of the workflow, whose step has the address of the server in its environment.
    pub(crate) fn workflow(&self, event: &Value) -> Workflow<'_> {
        Workflow::of(self.sandbox(), &self.platform, event)
            .variable("IGGY_CONNECTION_STRING", &self.address)
    }

    /// Whether the server has what the manifests declare.
    pub(crate) fn is_as_declared(&self) -> bool {
        self.served.run(&["diff", "-f", "topology"]).code == 0
    }
}
