//! A server with something of everything, and manifests for every outcome.

use std::net::TcpListener;

use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget, PasswordHashing};

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

/// `create_topic` of the wire protocol.
const CREATE_TOPIC: u32 = 302;

/// What is on the server.
pub(crate) const SAME: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  owns: { streams: [orders] }
  streams:
    - name: orders
      topics:
        - { name: events, partitions: 2, segmentSize: 256MiB, messageExpiry: 30d, consumerGroups: [billing] }
        - { name: copy, partitions: 2, messageExpiry: 30d }
        - { name: dead, partitions: 1, messageExpiry: 30d }
  users:
    - name: svc-orders
      password: { file: password }
      permissions:
        streams:
          - { name: orders, topics: [{ name: events, allow: [poll_messages] }] }
";

/// That one topic more than eight partitions is refused.
const POLICY: &str = "\
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

const CASES: &str = "\
policies: [partitions.yaml]
cases:
  - name: CASE
    files: [../wide.yaml]
    expect: [{ rule: partitions/few, address: topic/orders/dead }]
";

pub(crate) struct Lab {
    served: Served,
    /// Takes connections and never says anything.
    silent: TcpListener,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new();
        for (name, content) in [
            ("same.yaml", SAME.to_owned()),
            (
                "pending.yaml",
                SAME.replace("name: copy, partitions: 2", "name: copy, partitions: 3"),
            ),
            ("blocked.yaml", SAME.replace("256MiB", "512MiB")),
            (
                "wide.yaml",
                SAME.replace("name: dead, partitions: 1", "name: dead, partitions: 64"),
            ),
            (
                "wrong.yaml",
                SAME.replace("partitions: 2", "partitions: many"),
            ),
            (
                "new.yaml",
                topology("    - { name: new, topics: [{ name: first }] }\n"),
            ),
            ("empty.yaml", topology("    - name: empty\n")),
            (
                "secret.yaml",
                SAME.replace("file: password", "env: NO_SUCH_VARIABLE")
                    .replace("svc-orders", "svc-new"),
            ),
            ("password", "s3cret-of-orders".to_owned()),
            ("policies/partitions.yaml", POLICY.to_owned()),
            ("policies/good.cases.yaml", CASES.to_owned()),
            (
                "bad.cases.yaml",
                CASES
                    .replace("[partitions", "[policies/partitions")
                    .replace("../", "")
                    .replace("/dead", "/copy"),
            ),
            (
                "home/.config/iggyctl/config.yaml",
                "contexts:\n  staging: { server: 'iggy://127.0.0.1:1' }\n".to_owned(),
            ),
        ] {
            sandbox.write(name, content);
        }
        let server = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
        let lab = Self {
            served: Served::start(server, sandbox),
            silent: TcpListener::bind("127.0.0.1:0").unwrap(),
        };
        for command in [
            "apply -f same.yaml --yes --server @server",
            "plan -f empty.yaml --server @server --out stale.plan",
            "apply -f empty.yaml --yes --server @server",
            "produce orders/events -m one -m two -m three -p 0 --server @server",
            "produce orders/dead -m lost -H dead-letter-stream=orders -H dead-letter-topic=events \
             -H dead-letter-partition:uint32=0 -H dead-letter-offset:uint64=1 \
             -H dead-letter-attempts:uint32=5 -H dead-letter-error=no --server @server",
            "offsets set orders/events --group billing -p 0 --offset 0 --yes --server @server",
            "token create here --expiry 1d --write-to here.token --server @server",
            "plan -f same.yaml --server @server --out same.plan",
            "plan -f pending.yaml --server @server --out pending.plan",
            "plan -f blocked.yaml --server @server --out blocked.plan --skip-blocked",
        ] {
            let arguments = lab.fill_in(command);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let run = lab.run(&arguments);
            assert_eq!(run.code, 0, "{}", run.transcript());
        }
        lab.served.sandbox.write("cut-off.plan", "{\"iggyctl\":");
        lab
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.served.sandbox.run(arguments)
    }

    /// The arguments of a row: `@server` with root's login, `@stranger` with a wrong password,
    /// `@nobody` where nobody listens, `@silent` where nobody answers,
    /// `@failing` with a server that from now on hangs up instead of creating a topic.
    pub(crate) fn fill_in(&self, arguments: &str) -> Vec<String> {
        let of = |login: &str| self.served.address_as(login);
        arguments
            .split_whitespace()
            .map(|argument| match argument {
                "@server" => self.served.address(),
                "@stranger" => of("iggy:not-the-password"),
                "@reader" => of("svc-orders:s3cret-of-orders"),
                "@nobody" => "iggy://iggy:iggy@127.0.0.1:1".to_owned(),
                "@failing" => {
                    let create = FaultTarget::Command(CREATE_TOPIC);
                    let faults = FaultPlan::none().always(FaultKind::Disconnect, create);
                    self.served.server().faults().set(faults);
                    self.served.address()
                }
                "@silent" => format!("iggy://iggy:iggy@{}", self.silent.local_addr().unwrap()),
                other => other.to_owned(),
            })
            .collect()
    }
}

fn topology(streams: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: other }}\n\
         spec:\n  streams:\n{streams}"
    )
}
