//! Users and their permissions from the command line: what is planned, done and
//! blocked, and that no password is ever shown.

use iggy::prelude::*;
use iggyctl_embedded::EmbeddedServer;

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams:
    - name: orders
      topics: [{ name: events }, { name: dead-letters }]
    - name: billing-invoices
  users:
    - name: svc-orders
      password: { env: SVC_ORDERS_PASSWORD }
      permissions:
        streams:
          - name: orders
            topics:
              - { name: events, preset: producer }
              - { name: dead-letters, allow: [poll_messages] }
    - name: auditor
      status: active
      password: { file: secrets/auditor }
      permissions:
        streams: [{ name: 'billing-*', preset: readOnly }]
";

/// Every secret of these tests, none of which may be seen anywhere.
const SECRETS: [&str; 4] = [
    "s3cret-orders",
    "s3cret-auditor",
    "s3cret-new",
    "s3cret-mallory",
];

struct Lab {
    served: Served,
}

impl Lab {
    fn new() -> Self {
        let sandbox = Sandbox::new()
            .variable("SVC_ORDERS_PASSWORD", SECRETS[0])
            .variable("AUDITOR_NEW", SECRETS[2]);
        sandbox.write("topology.yaml", TOPOLOGY);
        sandbox.write("secrets/auditor", format!("{}\n", SECRETS[1]));
        Self {
            served: Served::start(EmbeddedServer::builder(), sandbox),
        }
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let run = self
            .served
            .run(&[arguments, &["-f", "topology.yaml"]].concat());
        for secret in SECRETS {
            let seen = format!("{}{}", run.stdout, run.stderr).contains(secret);
            assert!(!seen, "{secret} is in the output of {arguments:?}");
        }
        run
    }

    fn rewrite(&self, from: &str, to: &str) {
        assert!(TOPOLOGY.contains(from), "{from}");
        self.served
            .sandbox
            .write("topology.yaml", TOPOLOGY.replace(from, to));
    }

    fn logs_in(&self, user: &str, password: &str) -> bool {
        self.served.lets_in(&format!("{user}:{password}"))
    }
}

fn named(name: &str) -> Identifier {
    Identifier::named(name).unwrap()
}

#[test]
fn users_are_created_and_converge() {
    let lab = Lab::new();
    insta::assert_snapshot!(lab.run(&["apply", "--yes"]).sorted_transcript());
    insta::assert_snapshot!(lab.run(&["diff"]).transcript());
    assert!(lab.logs_in("svc-orders", SECRETS[0]));
    assert!(lab.logs_in("auditor", SECRETS[1]));
    assert!(!lab.logs_in("auditor", SECRETS[0]));
    let json = lab.run(&["plan", "-o", "json"]);
    assert_eq!(json.code, 0, "{}", json.transcript());
}

#[test]
fn what_was_changed_by_hand_is_shown_and_repaired() {
    let lab = Lab::new();
    assert_eq!(lab.run(&["apply", "--yes"]).code, 0);
    lab.served.by_hand(async |root| {
        // The stream is replaced by another one, which gets its number.
        root.delete_stream(&named("orders")).await.unwrap();
        root.create_stream("other").await.unwrap();
        root.update_user(
            &named("auditor"),
            None,
            Some(UserStatus::Inactive),
            &UserUpdateOptions::default(),
        )
        .await
        .unwrap();
    });
    insta::assert_snapshot!(lab.run(&["diff"]).transcript());
    insta::assert_snapshot!(lab.run(&["apply", "--yes"]).sorted_transcript());
    assert_eq!(lab.run(&["diff"]).code, 0);
}

#[test]
fn a_password_is_rotated_with_the_previous_one() {
    let lab = Lab::new();
    assert_eq!(lab.run(&["apply", "--yes"]).code, 0);
    let old = "password: { file: secrets/auditor }";
    lab.rewrite(old, "password: { env: AUDITOR_NEW }");
    insta::assert_snapshot!(
        "a password that nobody knows",
        lab.run(&["plan"]).transcript()
    );
    lab.rewrite(
        old,
        "password: { env: AUDITOR_NEW }\n      previousPassword: { file: secrets/auditor }",
    );
    insta::assert_snapshot!("a rotation", lab.run(&["apply", "--yes"]).transcript());
    assert!(lab.logs_in("auditor", SECRETS[2]));
    assert!(!lab.logs_in("auditor", SECRETS[1]));
    assert_eq!(lab.run(&["diff"]).code, 0);
}

#[test]
fn a_missing_secret_is_found_before_anything_is_changed() {
    let lab = Lab::new();
    lab.rewrite("{ env: SVC_ORDERS_PASSWORD }", "{ env: NOBODY_SET_IT }");
    lab.served.sandbox.write("secrets/auditor", "");
    let run = lab.run(&["apply", "--yes"]);
    assert_eq!(run.code, 65, "{}", run.transcript());
    insta::assert_snapshot!(run.transcript());
    let streams = lab
        .served
        .by_hand(async |root| root.get_streams().await.unwrap().len());
    assert_eq!(streams, 0);
    // Without the check, only what the steps need is asked for.
    lab.served
        .sandbox
        .write("topology.yaml", TOPOLOGY.replace("  users:", "  x-users:"));
    let run = lab.run(&["plan", "--skip-password-check"]);
    assert_eq!(run.code, 65, "an unknown field: {}", run.transcript());
}

#[test]
fn a_literal_password_is_refused_and_not_repeated() {
    let lab = Lab::new();
    lab.rewrite("{ env: SVC_ORDERS_PASSWORD }", SECRETS[0]);
    let run = lab.run(&["plan"]);
    assert_eq!(run.code, 65, "{}", run.transcript());
    insta::assert_snapshot!(run.transcript());
}

#[test]
fn a_plan_shows_what_a_pattern_means() {
    let lab = Lab::new();
    let streams =
        "[{ name: ledger-eu, topics: [{ name: entries }] }, { name: ledger-us }, { name: other }]";
    lab.served.sandbox.write(
        "topology.yaml",
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: a }}\nspec:\n  \
             streams: {streams}\n  users:\n    - name: auditor\n      \
             password: {{ env: SVC_ORDERS_PASSWORD }}\n      \
             permissions: {{ streams: [{{ name: 'ledger-*', allow: [read_stream] }}] }}\n"
        ),
    );
    let run = lab.run(&["plan"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    insta::assert_snapshot!(run.transcript());
}

/// One is blocked since its password is not the live one; no other is suggested.
#[test]
fn what_is_blocked_for_another_reason_is_not_allowed_by_its_name() {
    let lab = Lab::new();
    assert_eq!(lab.run(&["apply", "--yes"]).code, 0);
    lab.rewrite("{ env: SVC_ORDERS_PASSWORD }", "{ env: AUDITOR_NEW }");
    let run = lab.run(&["plan", "--allow-destroy", "user/svc-orders"]);
    assert_eq!(run.code, 3, "{}", run.transcript());
    assert!(
        run.stderr
            .contains("it is blocked for a reason that this does not allow"),
        "{}",
        run.transcript()
    );
    assert!(!run.stderr.contains("did you mean"), "{}", run.stderr);
}

/// Of two that are missing the first in the manifest is first, not in the alphabet.
#[cfg(unix)]
#[test]
fn passwords_that_no_server_takes_are_found_before_anything_is_changed() {
    let long = "x".repeat(101);
    let sandbox = crate::sandbox::Sandbox::new()
        .variable("SHORT", "S3")
        .variable("LONG", &long)
        .variable("FITS", "abc");
    let users = [
        ("one", "{ env: SHORT }"),
        ("two", "{ env: ZZZ }"),
        ("three", "{ env: LONG }"),
        ("four", "{ file: pw }"),
        ("five", "{ env: AAA }"),
        ("six", "{ env: FITS }"),
        ("seven", "{ env: NOT_TEXT }"),
    ];
    let users: String = users
        .iter()
        .map(|(name, source)| format!("    - {{ name: user-{name}, password: {source} }}\n"))
        .collect();
    sandbox.write("pw", "ab\n");
    sandbox.write(
        "topology.yaml",
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: a }}\n\
             spec:\n  users:\n{users}"
        ),
    );
    let mut command = sandbox.command(&[
        "apply",
        "-f",
        "topology.yaml",
        "--yes",
        "--server",
        "embedded",
    ]);
    command.env(
        "NOT_TEXT",
        std::os::unix::ffi::OsStrExt::from_bytes(b"S3CRET\xff".as_slice()) as &std::ffi::OsStr,
    );
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(65), "{said}");
    assert!(!said.contains("S3") && !said.contains(&long), "{said}");
    insta::assert_snapshot!(said);
}

#[test]
fn grants_left_over_block_what_they_would_open() {
    let lab = Lab::new();
    lab.served.by_hand(async |root| {
        root.create_user("mallory", SECRETS[3], UserStatus::Active, None)
            .await
            .unwrap();
        root.create_stream("gone").await.unwrap();
        let mut streams = std::collections::BTreeMap::new();
        streams.insert(
            0,
            StreamPermissions {
                read_stream: true,
                ..StreamPermissions::default()
            },
        );
        let permissions = Permissions {
            global: GlobalPermissions::default(),
            streams: Some(streams),
        };
        root.update_permissions(&named("mallory"), Some(permissions))
            .await
            .unwrap();
        root.delete_stream(&named("gone")).await.unwrap();
    });
    let run = lab.run(&["apply", "--yes"]);
    assert_eq!(run.code, 3, "{}", run.transcript());
    insta::assert_snapshot!("blocked", run.transcript());
    let run = lab.run(&["apply", "--yes", "--allow-destroy", "user/mallory"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    // What a right that is left over would be on is created after that is gone.
    let place = |step: &str| run.stderr.find(step).unwrap();
    let gone = place("user/mallory: set permissions");
    assert!(gone < place("create stream"), "{}", run.transcript());
    insta::assert_snapshot!("allowed", run.sorted_transcript());
    let mallory = lab
        .served
        .by_hand(async |root| root.get_user(&named("mallory")).await.unwrap());
    assert_eq!(mallory.unwrap().permissions, None);
    assert_eq!(lab.run(&["diff"]).code, 0);
}

#[test]
fn grants_left_over_also_block_what_a_held_up_rename_creates() {
    let lab = Lab::new();
    let leftover = |topology: &str| lab.served.sandbox.write("topology.yaml", topology);
    lab.served.by_hand(async |root| {
        root.create_stream("signups").await.unwrap();
        root.create_stream("gone").await.unwrap();
        root.create_user("mallory", SECRETS[3], UserStatus::Active, None)
            .await
            .unwrap();
        let read = StreamPermissions {
            read_stream: true,
            ..StreamPermissions::default()
        };
        let permissions = Permissions {
            global: GlobalPermissions::default(),
            streams: Some(std::collections::BTreeMap::from([(1, read)])),
        };
        root.update_permissions(&named("mallory"), Some(permissions))
            .await
            .unwrap();
        root.delete_stream(&named("gone")).await.unwrap();
    });
    // `signups` is declared itself, so `registered` does not take it over but is created.
    leftover(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: shop }\nspec:\n  streams:\n    - { name: registered, previousName: signups }\n    - { name: signups }\n",
    );
    let run = lab.run(&["plan"]);
    assert_eq!(run.code, 3, "{}", run.transcript());
    assert!(run.stdout.contains("user/mallory"), "{}", run.transcript());
}

#[test]
fn a_grant_on_nothing_is_blocked_unless_it_is_optional() {
    let lab = Lab::new();
    lab.rewrite(
        "{ name: events, preset: producer }",
        "{ name: event, preset: producer }",
    );
    let run = lab.run(&["plan"]);
    assert_eq!(run.code, 3, "{}", run.transcript());
    insta::assert_snapshot!(run.transcript());
    lab.rewrite(
        "{ name: events, preset: producer }",
        "{ name: event, preset: producer, optional: true }",
    );
    assert_eq!(lab.run(&["plan"]).code, 0);
}

#[test]
fn nobody_is_locked_out_unless_named() {
    let lab = Lab::new();
    assert_eq!(lab.run(&["apply", "--yes"]).code, 0);
    lab.served.by_hand(async |root| {
        let permissions = Permissions {
            global: GlobalPermissions {
                manage_users: true,
                manage_streams: true,
                ..GlobalPermissions::default()
            },
            streams: None,
        };
        root.update_permissions(&named("auditor"), Some(permissions))
            .await
            .unwrap();
    });
    let own = format!(
        "iggy://auditor:{}@{}",
        SECRETS[1],
        lab.served.server().address()
    );
    let plan = |more: &[&str]| {
        let arguments = ["plan", "-f", "topology.yaml", "--server", &own];
        let mut run = lab.served.sandbox.run(&[&arguments, more].concat());
        run.hide(&own, "[OWN LOGIN]");
        run
    };
    let run = plan(&[]);
    assert_eq!(run.code, 3, "{}", run.transcript());
    insta::assert_snapshot!("own login", run.transcript());
    let run = plan(&["--allow-destroy", "user/auditor"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
}

#[test]
fn the_own_password_is_rotated_and_the_rest_goes_on_with_the_new_one() {
    let lab = Lab::new();
    lab.served.sandbox.write("secrets/root", "iggy\n");
    lab.served.sandbox.write(
        "topology.yaml",
        TOPOLOGY.replace(
            "  users:\n",
            "  users:\n    - name: iggy\n      password: { env: AUDITOR_NEW }\n      previousPassword: { file: secrets/root }\n",
        ),
    );
    let run = lab.run(&["apply", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    insta::assert_snapshot!(run.sorted_transcript());
    assert_eq!(lab.run(&["plan"]).code, 77, "the old password is refused");
    assert!(lab.logs_in("iggy", SECRETS[2]));
    let new = lab
        .served
        .address()
        .replace("iggy:iggy@", &format!("iggy:{}@", SECRETS[2]));
    let run = lab
        .served
        .sandbox
        .run(&["diff", "-f", "topology.yaml", "--server", &new]);
    assert_eq!(run.code, 0, "{}", run.transcript());
}

#[test]
fn of_root_only_name_and_password_can_be_declared() {
    let lab = Lab::new();
    lab.served.sandbox.write(
        "topology.yaml",
        TOPOLOGY.replace(
            "  users:\n",
            "  users:\n    - name: iggy\n      status: inactive\n      permissions: { preset: readOnly }\n",
        ),
    );
    let run = lab.run(&["plan"]);
    assert_eq!(run.code, 3, "{}", run.transcript());
    insta::assert_snapshot!(run.transcript());
}
