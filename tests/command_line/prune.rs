//! Removing users that no manifest declares, from the command line.

use iggy::prelude::*;
use iggyctl_embedded::EmbeddedServer;

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

const HEADER: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
";

const OWNS: &str = "  owns: { users: ['svc-*', deployer] }\n";

const USERS: &str = "  streams: [{ name: orders }]
  users:
    - name: svc-orders
      password: { env: SVC_ORDERS_PASSWORD }
";

const BILLING: &str = "    - name: svc-billing
      password: { env: SVC_BILLING_PASSWORD }
      permissions: { streams: [{ name: orders, allow: [poll_messages] }] }
";

struct Lab {
    served: Served,
}

impl Lab {
    /// With `svc-orders` and `svc-billing`, and with `mallory`, whom nobody owns.
    fn new() -> Self {
        let sandbox = Sandbox::new()
            .variable("SVC_ORDERS_PASSWORD", "s3cret-orders")
            .variable("SVC_BILLING_PASSWORD", "s3cret-billing");
        let lab = Self {
            served: Served::start(EmbeddedServer::builder(), sandbox),
        };
        lab.declare(&[OWNS, USERS, BILLING]);
        assert_eq!(lab.run(&["apply", "--yes"]).code, 0);
        let everything = Permissions {
            global: GlobalPermissions {
                manage_servers: true,
                read_servers: true,
                manage_users: true,
                read_users: true,
                manage_streams: true,
                read_streams: true,
                manage_topics: true,
                read_topics: true,
                poll_messages: true,
                send_messages: true,
            },
            streams: None,
        };
        for user in ["mallory", "deployer"] {
            let permissions = Some(everything.clone());
            lab.served.by_hand(async |root| {
                root.create_user(user, "s3cret-by-hand", UserStatus::Active, permissions)
                    .await
                    .unwrap();
            });
        }
        lab
    }

    fn declare(&self, parts: &[&str]) {
        let topology = format!("{HEADER}{}", parts.concat());
        self.served.sandbox.write("topology.yaml", topology);
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.run_as(&self.served.server().connection_string(), arguments)
    }

    fn run_as(&self, server: &str, arguments: &[&str]) -> Run {
        let server = ["-f", "topology.yaml", "--server", server];
        let mut run = self.served.sandbox.run(&[arguments, &server].concat());
        let address = self.served.server().address().to_string();
        let masked = server[3].replace(&address, "[ADDRESS]");
        run.hide(&masked, "[SERVER]");
        run
    }

    /// What the server has of a user.
    fn user(&self, name: &str) -> Option<UserInfoDetails> {
        let named = Identifier::named(name).unwrap();
        self.served
            .by_hand(async |root| root.get_user(&named).await.unwrap())
    }
}

const DEPLOYER: &str = "    - name: deployer\n";

#[test]
fn a_user_that_is_no_longer_declared_becomes_a_tombstone() {
    let lab = Lab::new();
    lab.declare(&[OWNS, USERS, DEPLOYER]);
    // Nothing is taken from anybody who was not asked for.
    let run = lab.run(&["diff"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    insta::assert_snapshot!("not asked for", run.transcript());

    insta::assert_snapshot!(
        "pruned",
        lab.run(&["apply", "--yes", "--prune"]).transcript()
    );
    let billing = lab.user("svc-billing").unwrap();
    assert_eq!(billing.status, UserStatus::Inactive);
    assert_eq!(billing.permissions, None);
    for kept in ["iggy", "mallory", "deployer", "svc-orders"] {
        assert_eq!(lab.user(kept).unwrap().status, UserStatus::Active, "{kept}");
    }
    insta::assert_snapshot!("pruned before", lab.run(&["diff", "--prune"]).transcript());

    // It comes back with what it is declared to have.
    lab.declare(&[OWNS, USERS, BILLING, DEPLOYER]);
    assert_eq!(lab.run(&["apply", "--yes", "--prune"]).code, 0);
    let billing = lab.user("svc-billing").unwrap();
    assert!(billing.permissions.is_some());
    // Its status is not declared.
    assert_eq!(billing.status, UserStatus::Inactive);
}

#[test]
fn it_is_documented_as_it_is() {
    let lab = Lab::new();
    lab.declare(&[OWNS, USERS, DEPLOYER]);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/access.md");
    let documentation = std::fs::read_to_string(path).unwrap();
    let arguments: [&[&str]; 2] = [
        &["--prune"],
        &["--prune", "--allow-destroy", "user/svc-billing"],
    ];
    for arguments in arguments {
        let shown = lab.run(&[&["plan"], arguments].concat()).stdout;
        let block = format!(
            "```console\n$ iggyctl plan -f topology.yaml {}\n{shown}```\n",
            arguments.join(" ")
        );
        assert!(documentation.contains(&block), "{block}");
    }
}

#[test]
fn a_user_is_deleted_only_by_its_name() {
    let lab = Lab::new();
    lab.declare(&[OWNS, USERS, DEPLOYER]);
    let name_it = ["--allow-destroy", "user/svc-billing"];
    // Without pruning the name alone does nothing, and that is said.
    let run = lab.run(&[&["plan"][..], &name_it].concat());
    insta::assert_snapshot!("named, not pruned", run.transcript());

    let run = lab.run(&[&["apply", "--yes", "--prune"][..], &name_it].concat());
    assert_eq!(run.code, 0, "{}", run.transcript());
    insta::assert_snapshot!("deleted", run.transcript());
    assert!(lab.user("svc-billing").is_none());
    assert_eq!(lab.run(&["diff", "--prune"]).code, 0);
    let json = lab.run(&["plan", "--prune", "-o", "json"]);
    assert!(
        json.stdout.contains("\"prune\": true"),
        "{}",
        json.transcript()
    );

    // Whom nobody owns is nobody's to delete.
    let mallory = ["plan", "--prune", "--allow-destroy", "user/mallory"];
    insta::assert_snapshot!("not owned", lab.run(&mallory).transcript());
}

#[test]
fn the_login_of_the_command_is_not_pruned() {
    let lab = Lab::new();
    let own = format!(
        "iggy://deployer:s3cret-by-hand@{}",
        lab.served.server().address()
    );
    let run = lab.run_as(&own, &["apply", "--yes", "--prune"]);
    assert_eq!(run.code, 3, "{}", run.transcript());
    insta::assert_snapshot!(run.transcript());
    assert_eq!(lab.user("deployer").unwrap().status, UserStatus::Active);
    // Without pruning it is in nobody's way.
    assert_eq!(lab.run_as(&own, &["diff"]).code, 0);
}

#[test]
fn without_anything_owned_nothing_is_pruned() {
    let lab = Lab::new();
    lab.declare(&[USERS]);
    let run = lab.run(&["apply", "--yes", "--prune"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    insta::assert_snapshot!(run.transcript());
    assert_eq!(lab.user("svc-billing").unwrap().status, UserStatus::Active);
}

#[test]
fn users_that_may_not_be_read_are_not_taken_for_none() {
    let lab = Lab::new();
    lab.declare(&[OWNS, "  streams: [{ name: orders }]\n"]);
    lab.served.by_hand(async |root| {
        let permissions = Permissions {
            global: GlobalPermissions {
                read_streams: true,
                ..GlobalPermissions::default()
            },
            streams: None,
        };
        root.create_user(
            "reader",
            "s3cret-reader",
            UserStatus::Active,
            Some(permissions),
        )
        .await
        .unwrap();
    });
    let own = format!(
        "iggy://reader:s3cret-reader@{}",
        lab.served.server().address()
    );
    assert_eq!(lab.run_as(&own, &["plan"]).code, 0);
    let run = lab.run_as(&own, &["plan", "--prune"]);
    assert_ne!(run.code, 0, "{}", run.transcript());
    insta::assert_snapshot!(run.transcript());
}
