//! Access tokens of manifests from the command line: how they are planned,
//! delivered, replaced, and found missing.

use iggyctl_embedded::{EmbeddedServer, PasswordHashing};

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  users:
    - name: svc-orders
      password: { env: SVC_ORDERS_PASSWORD }
      tokens:
        - name: ci
          expiry: 30d
          rotateBefore: 5d
          writeTo: { file: tokens/ci }
    - name: auditor
      password: { env: AUDITOR_PASSWORD }
      tokens:
        - name: reports
          expiry: 90d
          writeTo: { secretKeyRef: { name: auditor, key: token } }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyAccessToken
metadata: { name: ops }
spec:
  user: iggy
  expiry: 12h
  writeTo: { file: tokens/ops }
";

const CI: &str = "token/svc-orders/ci";

struct Lab {
    served: Served,
}

impl Lab {
    fn new() -> Self {
        let sandbox = Sandbox::new()
            .variable("SVC_ORDERS_PASSWORD", "s3cret-orders")
            .variable("SVC_ORDERS_NEW", "s3cret-new")
            .variable("AUDITOR_PASSWORD", "s3cret-auditor");
        sandbox.write("topology.yaml", TOPOLOGY);
        let server = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
        Self {
            served: Served::start(server, sandbox),
        }
    }

    /// With everything applied.
    fn applied() -> Self {
        let lab = Self::new();
        let run = lab.run(&["apply", "--yes"]);
        assert_eq!(run.code, 0, "{}", run.transcript());
        lab
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let more = ["-f", "topology.yaml", "--secrets-dir", "mounted"];
        self.served.run(&[arguments, &more].concat())
    }

    fn rewrite(&self, from: &str, to: &str) {
        assert!(TOPOLOGY.contains(from), "{from}");
        self.served
            .sandbox
            .write("topology.yaml", TOPOLOGY.replace(from, to));
    }

    fn value(&self, path: &str) -> String {
        std::fs::read_to_string(self.served.sandbox.path().join(path)).unwrap()
    }
}

#[test]
fn tokens_are_delivered_and_converge() {
    let lab = Lab::new();
    insta::assert_snapshot!(lab.run(&["apply", "--yes"]).transcript());
    insta::assert_snapshot!(lab.run(&["diff"]).transcript());
    for path in ["tokens/ci", "tokens/ops", "mounted/auditor/token"] {
        assert!(lab.served.lets_in(&lab.value(path)), "{path}");
    }
}

#[test]
fn a_token_that_is_not_here_is_replaced_only_by_name() {
    let lab = Lab::applied();
    let before = lab.value("tokens/ci");
    let others = [lab.value("tokens/ops"), lab.value("mounted/auditor/token")];
    std::fs::remove_file(lab.served.sandbox.path().join("tokens/ci")).unwrap();
    let run = lab.run(&["apply", "--yes"]);
    insta::assert_snapshot!(run.transcript());
    assert!(lab.served.lets_in(&before));
    let run = lab.run(&["apply", "--yes", "--rotate", CI]);
    insta::assert_snapshot!(run.transcript());
    assert!(lab.served.lets_in(&lab.value("tokens/ci")));
    assert!(!lab.served.lets_in(&before));
    assert_eq!(
        others,
        [lab.value("tokens/ops"), lab.value("mounted/auditor/token")]
    );
    insta::assert_snapshot!(lab.run(&["diff"]).transcript());
}

#[test]
fn a_token_that_ends_soon_is_replaced_and_goes_on_meanwhile() {
    let lab = Lab::applied();
    let before = lab.value("tokens/ci");
    lab.rewrite(
        "expiry: 30d\n          rotateBefore: 5d",
        "expiry: 80d\n          rotateBefore: 40d",
    );
    insta::assert_snapshot!(lab.run(&["apply", "--yes", "--no-verify"]).transcript());
    assert!(lab.served.lets_in(&before));
    assert!(lab.served.lets_in(&lab.value("tokens/ci")));
    // Another expiry is for the next one.
    lab.rewrite("expiry: 30d", "expiry: 60d");
    insta::assert_snapshot!(lab.run(&["diff"]).transcript());
}

#[test]
fn a_value_that_the_server_does_not_take_is_found() {
    let lab = Lab::applied();
    let path = lab.served.sandbox.path().join("tokens/ci");
    std::fs::write(path, "not the one").unwrap();
    insta::assert_snapshot!(lab.run(&["diff"]).transcript());
    // That of somebody else is not the one either.
    let path = lab.served.sandbox.path().join("tokens/ci");
    std::fs::write(path, lab.value("tokens/ops")).unwrap();
    assert!(lab.run(&["diff"]).stdout.contains("IGW0018"));
}

#[test]
fn tokens_follow_a_rename_and_a_rotated_password() {
    let lab = Lab::applied();
    let before = lab.value("tokens/ci");
    lab.rewrite(
        "name: svc-orders\n      password: { env: SVC_ORDERS_PASSWORD }",
        "name: svc-shop\n      previousName: svc-orders\n      password: { env: SVC_ORDERS_NEW }\n      previousPassword: { env: SVC_ORDERS_PASSWORD }",
    );
    let run = lab.run(&["apply", "--yes", "--rotate", "token/svc-shop/ci"]);
    insta::assert_snapshot!(run.transcript());
    assert!(!lab.served.lets_in(&before));
    assert!(lab.served.lets_in(&lab.value("tokens/ci")));
    assert_eq!(lab.run(&["diff"]).code, 0);
}

#[test]
fn what_cannot_be_delivered_is_not_created() {
    let lab = Lab::new();
    lab.served.sandbox.write("tokens/ci", "precious");
    lab.rewrite("      password: { env: AUDITOR_PASSWORD }\n", "");
    let run = lab.run(&["apply", "--yes"]);
    assert_eq!(run.code, 3, "{}", run.transcript());
    insta::assert_snapshot!(run.transcript());
    assert_eq!(lab.value("tokens/ci"), "precious");
    // Without a folder for secrets there is nowhere to write one to.
    let lab = Lab::new();
    let run = lab.served.sandbox.run(&[
        "plan",
        "-f",
        "topology.yaml",
        "--server",
        &lab.served.address(),
    ]);
    assert_eq!(run.code, 3, "{}", run.transcript());
    insta::assert_snapshot!(run.transcript());
}

#[test]
fn mistakes_about_tokens_are_said() {
    let lab = Lab::new();
    lab.rewrite(
        "rotateBefore: 5d\n          writeTo: { file: tokens/ci }",
        "rotateBefore: 31d\n          writeTo: { file: ./tokens/ops }\n        - name: deploy~2\n          writeTo: { env: TOKEN }\n        - name: 123\n          writeTo: tokens/x",
    );
    insta::assert_snapshot!(lab.run(&["plan"]).transcript());
    lab.rewrite(
        "rotateBefore: 5d\n          writeTo: { file: tokens/ci }",
        "rotateBefore: 30d\n          writeTo: { file: ./tokens/ops }",
    );
    let run = lab.served.sandbox.run(&["validate", "-f", "topology.yaml"]);
    insta::assert_snapshot!(run.transcript());
    lab.rewrite("", "");
    for address in ["token/svc-orders/cd", "user/svc-orders"] {
        let run = lab.run(&["plan", "--rotate", address]);
        assert_eq!(run.code, 64, "{}", run.transcript());
    }
}
