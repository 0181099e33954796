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
    insta::assert_snapshot!(lab.run(&["apply", "--yes"]).sorted_transcript());
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

/// Two users who change names in a row, each with a token, and then somebody new
/// with a former name.
#[test]
fn tokens_stay_with_their_users_whatever_these_are_called() {
    let lab = Lab::new();
    let users = |entries: &[(&str, &str, &str)]| {
        let mut text = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: shop }\nspec:\n  users:\n".to_owned();
        for (name, previous, password) in entries {
            text += &format!("    - name: {name}\n");
            if !previous.is_empty() {
                text += &format!("      previousName: {previous}\n");
            }
            text += &format!(
                "      password: {{ env: {password} }}\n      tokens: [{{ name: ci, expiry: 30d, writeTo: {{ file: tokens/{password} }} }}]\n"
            );
        }
        lab.served.sandbox.write("topology.yaml", text);
    };
    users(&[
        ("first", "", "SVC_ORDERS_PASSWORD"),
        ("second", "", "AUDITOR_PASSWORD"),
    ]);
    let apply = || {
        let run = lab.run(&["apply", "--yes"]);
        assert_eq!(run.code, 0, "{}", run.transcript());
    };
    apply();
    // Asked in any order, each is asked with its own password.
    users(&[
        ("second", "first", "SVC_ORDERS_PASSWORD"),
        ("third", "second", "AUDITOR_PASSWORD"),
    ]);
    for _ in 0..5 {
        assert_eq!(lab.run(&["diff"]).code, 2);
    }
    apply();
    assert_eq!(lab.run(&["diff"]).code, 0);
    users(&[
        ("second", "", "SVC_ORDERS_PASSWORD"),
        ("third", "", "AUDITOR_PASSWORD"),
        ("first", "", "SVC_ORDERS_NEW"),
    ]);
    apply();
    assert_eq!(lab.run(&["diff"]).code, 0);
    for (place, user) in [
        ("SVC_ORDERS_PASSWORD", "second"),
        ("AUDITOR_PASSWORD", "third"),
        ("SVC_ORDERS_NEW", "first"),
    ] {
        let value = lab.value(&format!("tokens/{place}"));
        assert!(lab.served.lets_in(&value), "{user}");
    }
}

/// One checkout, two servers: neither loses its token to the other.
#[test]
fn a_place_with_a_token_of_another_server_is_left_alone() {
    let lab = Lab::applied();
    let values = [lab.value("tokens/ci"), lab.value("tokens/ops")];
    let sandbox = Sandbox::new();
    let other = crate::served::Served::start(EmbeddedServer::builder(), sandbox);
    let mut run = lab.served.sandbox.run(&[
        "apply",
        "--yes",
        "-f",
        "topology.yaml",
        "--secrets-dir",
        "mounted",
        "--server",
        &other.address(),
    ]);
    assert_eq!(run.code, 3, "{}", run.transcript());
    run.hide(&other.address(), "[OTHER]");
    run.hide(&other.server().address().to_string(), "[OTHER ADDRESS]");
    insta::assert_snapshot!(run.transcript());
    assert_eq!([lab.value("tokens/ci"), lab.value("tokens/ops")], values);
    assert_eq!(lab.run(&["diff"]).code, 0);
}

#[test]
fn who_logs_in_with_a_token_goes_on_with_the_next_one() {
    let lab = Lab::applied();
    let login = lab.served.address_as(&lab.value("tokens/ops"));
    let arguments = [
        "-f",
        "topology.yaml",
        "--secrets-dir",
        "mounted",
        "--server",
    ];
    let rotate = ["apply", "--yes", "--rotate", "token/iggy/ops"];
    let run = lab
        .served
        .sandbox
        .run(&[&rotate[..], &arguments, &[&login]].concat());
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert!(
        run.stderr.contains("login of iggyctl itself"),
        "{}",
        run.stderr
    );
    let old = lab.served.sandbox.run(&["ping", "--server", &login]);
    assert_eq!(old.code, 77);
    let new = lab.served.address_as(&lab.value("tokens/ops"));
    assert_eq!(lab.served.sandbox.run(&["ping", "--server", &new]).code, 0);
}

#[test]
fn what_cannot_be_rotated_is_not_passed_over() {
    let lab = Lab::applied();
    let run = lab.run(&["apply", "--yes", "--rotate", CI, "--skip-password-check"]);
    assert_eq!(run.code, 3, "{}", run.transcript());
    lab.rewrite(
        "- name: svc-orders\n",
        "- name: svc-orders\n      status: inactive\n",
    );
    let run = lab.run(&["plan", "--rotate", CI]);
    assert_eq!(run.code, 3, "{}", run.transcript());
    insta::assert_snapshot!(run.transcript());
    // Nor one of a user who becomes active by the same plan.
    let run = lab.run(&["apply", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    lab.rewrite(
        "- name: svc-orders\n",
        "- name: svc-orders\n      status: active\n",
    );
    let run = lab.run(&["plan", "--rotate", CI]);
    assert_eq!(run.code, 3, "{}", run.transcript());
    assert!(
        run.stdout
            .contains("the user is inactive until this plan is applied"),
        "{}",
        run.transcript()
    );
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
