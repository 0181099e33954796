//! `deletionPolicy: Retain` of what was last applied, however the thing, the project or the
//! moment changed since.

use iggy::prelude::*;
use iggyctl_embedded::EmbeddedServer;

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

const HEADER: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  owns:
    streams: [orders, 'shop-*']
    users: ['svc-*']
  streams:
    - name: shop-b
    - name: shop-c
    - name: shop-d
";

const SHOP_A: &str = "    - { name: shop-a, deletionPolicy: Retain }\n";

struct Lab {
    served: Served,
}

impl Lab {
    fn new() -> Self {
        Self {
            served: Served::start(EmbeddedServer::builder(), Sandbox::new()),
        }
    }

    fn declare(&self, parts: &[&str]) {
        self.write(&[&[HEADER], parts].concat().concat());
    }

    fn write(&self, text: &str) {
        self.served.sandbox.write("topology.yaml", text);
    }

    fn apply(&self) {
        let run = self.run(&["apply", "--yes", "--ledger"]);
        assert_eq!(run.code, 0, "{}", run.transcript());
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.served
            .run(&[arguments, &["-f", "topology.yaml"]].concat())
    }

    fn rename_stream(&self, from: &str, to: &str) {
        let from = Identifier::named(from).unwrap();
        self.served.by_hand(async |root| {
            let options = StreamUpdateOptions::default();
            root.update_stream(&from, to, &options).await.unwrap();
        });
    }

    fn has_stream(&self, name: &str) -> bool {
        let name = Identifier::named(name).unwrap();
        self.served
            .by_hand(async |root| root.get_stream(&name).await.unwrap().is_some())
    }

    /// A plan that prunes is blocked, with these words.
    fn assert_blocked(&self, address: &str, reason: &str) {
        let run = self.run(&["plan", "--prune"]);
        assert_eq!(run.code, 3, "{}", run.transcript());
        let blocked = format!("! {address}\n      blocked: {reason}\n");
        assert!(run.stdout.contains(&blocked), "{}", run.transcript());
    }
}

#[test]
fn what_was_renamed_by_hand_stays_retained() {
    let lab = Lab::new();
    lab.declare(&[SHOP_A]);
    lab.apply();
    lab.rename_stream("shop-a", "shop-old");
    let reason = "its deletionPolicy is Retain, as stream/shop-a";
    // Whether or not something else gets the name.
    lab.declare(&[]);
    lab.assert_blocked("stream/shop-old", reason);
    lab.declare(&[SHOP_A]);
    lab.apply();
    lab.apply();
    lab.assert_blocked("stream/shop-old", reason);
    // What came in its place is retained as well.
    lab.declare(&[]);
    lab.assert_blocked("stream/shop-old", reason);
    lab.assert_blocked("stream/shop-a", "its deletionPolicy is Retain");
    let named = ["--allow-destroy", "stream/shop-old", "--skip-blocked"];
    let run = lab.run(&[&["apply", "--yes", "--ledger", "--prune"][..], &named].concat());
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert!(!lab.has_stream("shop-old"));
    assert!(lab.has_stream("shop-a"));
}

#[test]
fn what_is_in_something_that_was_renamed_by_hand_stays_retained() {
    let lab = Lab::new();
    let topic = "    - name: orders
      topics: [{ name: dead-letters, deletionPolicy: Retain }]
";
    lab.declare(&[topic]);
    lab.apply();
    lab.rename_stream("orders", "shop-orders");
    lab.declare(&[]);
    lab.assert_blocked(
        "stream/shop-orders",
        "the deletionPolicy of topic/shop-orders/dead-letters (as topic/orders/dead-letters) is \
         Retain",
    );
}

#[test]
fn a_user_that_was_renamed_by_hand_stays_retained() {
    let lab = Lab::new();
    let user = "  users: [{ name: svc-a, deletionPolicy: Retain, password: { env: PASSWORD } }]\n";
    lab.served.sandbox.write("password", "s3cret-password");
    lab.declare(&[&user.replace("env: PASSWORD", "file: password")]);
    lab.apply();
    lab.served.by_hand(async |root| {
        let user = Identifier::named("svc-a").unwrap();
        root.update_user(&user, Some("svc-old"), None, &UserUpdateOptions::default())
            .await
            .unwrap();
    });
    lab.declare(&[]);
    lab.assert_blocked(
        "user/svc-old",
        "its deletionPolicy is Retain, as user/svc-a",
    );
}

#[test]
fn what_another_project_declared_last_stays_retained() {
    let lab = Lab::new();
    lab.declare(&[SHOP_A]);
    lab.apply();
    lab.write(&HEADER.replace("name: shop }", "name: store }"));
    let reason = "its deletionPolicy is Retain, by the record of the project shop";
    lab.assert_blocked("stream/shop-a", reason);
    // Also once it has a record of its own.
    lab.apply();
    lab.assert_blocked("stream/shop-a", reason);
    let named = ["--allow-destroy", "stream/shop-a"];
    let run = lab.run(&[&["apply", "--yes", "--ledger", "--prune"][..], &named].concat());
    assert_eq!(run.code, 0, "{}", run.transcript());
    // Another one of that name was never anybody's.
    lab.served.by_hand(async |root| {
        root.create_stream("shop-a").await.unwrap();
    });
    let run = lab.run(&["plan", "--prune"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
}

/// What another project retains is not known without its record.
#[test]
fn a_record_that_cannot_be_read_is_made_anew_as_is_said() {
    let lab = Lab::new();
    lab.declare(&[SHOP_A]);
    lab.apply();
    lab.served.by_hand(async |root| {
        let (ledger, documents) = ("iggyctl", "revisions");
        let named = |name| Identifier::named(name).unwrap();
        root.purge_topic(&named(ledger), &named(documents))
            .await
            .unwrap();
    });
    let store = HEADER.replace("name: shop }", "name: store }");
    lab.write(&store);
    lab.apply();
    let run = lab.run(&["plan", "--prune"]);
    assert_ne!(run.code, 0, "{}", run.transcript());
    let said = "revision 1 is: apply that one again with --ledger, without --prune";
    assert!(run.stderr.contains(said), "{}", run.transcript());
    lab.declare(&[SHOP_A]);
    lab.apply();
    lab.write(&store);
    let reason = "its deletionPolicy is Retain, by the record of the project shop";
    lab.assert_blocked("stream/shop-a", reason);
}

/// What a topology says holds as if each thing in it said so.
#[test]
fn what_a_topology_retains_stays_by_itself() {
    let lab = Lab::new();
    let header = HEADER.replace("  streams:\n", "  deletionPolicy: Retain\n  streams:\n");
    lab.served.sandbox.write("password", "s3cret-password");
    let user = "  users: [{ name: svc-a, password: { file: password } }]\n";
    let more = "    - { name: shop-a }\n    - { name: shop-e, deletionPolicy: Delete }\n";
    let topics = |topics: &str| format!("    - name: orders\n      topics: [{topics}]\n");
    lab.write(&[&header, more, &topics("{ name: events }"), user].concat());
    lab.apply();
    lab.write(&[&header, &*topics("")].concat());
    let run = lab.run(&["plan", "--prune"]);
    assert_eq!(run.code, 3, "{}", run.transcript());
    for address in ["stream/shop-a", "topic/orders/events", "user/svc-a"] {
        let blocked = format!("! {address}\n      blocked: its deletionPolicy is Retain\n");
        assert!(run.stdout.contains(&blocked), "{}", run.transcript());
    }
    assert!(
        run.stdout.contains("- stream/shop-e"),
        "{}",
        run.transcript()
    );
    // `destroy` goes by the manifests.
    let run = lab.run(&["destroy", "--yes", "--expect-removals", "0"]);
    for address in ["stream/shop-b", "stream/orders"] {
        let blocked = format!("! {address}\n      blocked: its deletionPolicy is Retain\n");
        assert!(run.stdout.contains(&blocked), "{}", run.transcript());
    }
    assert!(lab.has_stream("shop-b"));
}

#[test]
fn what_is_declared_otherwise_by_now_is_not_retained() {
    let lab = Lab::new();
    lab.declare(&[SHOP_A]);
    lab.apply();
    let renamed = "    - { name: shop-z, previousName: shop-a, deletionPolicy: Delete }\n";
    lab.declare(&[renamed]);
    lab.apply();
    lab.declare(&[]);
    let run = lab.run(&["plan", "--prune"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
}

#[test]
fn a_plan_that_was_saved_before_is_stale() {
    let lab = Lab::new();
    lab.declare(&["    - name: shop-a\n"]);
    lab.apply();
    lab.declare(&[]);
    let out = ["plan", "--prune", "--out", "shop.plan"];
    assert_eq!(lab.run(&out).code, 0);
    lab.declare(&[SHOP_A]);
    lab.apply();
    let carry_out = ["apply", "--plan", "shop.plan", "--yes"];
    let run = lab.served.run(&carry_out);
    assert_eq!(run.code, 4, "{}", run.transcript());
    insta::assert_snapshot!(run.transcript());
    assert!(lab.has_stream("shop-a"));

    // What was named when the plan was made may go.
    lab.declare(&[]);
    let named = [&out[..], &["--allow-destroy", "stream/shop-a"]].concat();
    assert_eq!(lab.run(&named).code, 0);
    let run = lab.served.run(&carry_out);
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert!(!lab.has_stream("shop-a"));
}

#[test]
fn what_only_left_out_stays_retained() {
    let lab = Lab::new();
    lab.declare(&[SHOP_A]);
    lab.apply();
    // Its manifest says nothing of it any more, and is not applied.
    lab.declare(&["    - name: shop-a\n"]);
    let only = ["apply", "--yes", "--ledger", "--only", "stream/shop-b"];
    let run = lab.run(&only);
    assert_eq!(run.code, 0, "{}", run.transcript());
    lab.declare(&[]);
    lab.assert_blocked("stream/shop-a", "its deletionPolicy is Retain");
    // Applied, it is released.
    lab.declare(&["    - name: shop-a\n"]);
    lab.apply();
    lab.declare(&[]);
    let run = lab.run(&["plan", "--prune"]);
    assert!(
        run.stdout.contains("- stream/shop-a"),
        "{}",
        run.transcript()
    );
}

#[test]
fn an_older_checkout_does_not_destroy_what_was_applied_as_retained() {
    let lab = Lab::new();
    lab.declare(&[SHOP_A]);
    lab.apply();
    let destroy = [
        "destroy",
        "--yes",
        "--ledger",
        "--expect-removals",
        "3",
        "--skip-blocked",
    ];
    lab.declare(&["    - name: shop-a\n"]);
    let run = lab.run(&destroy);
    let blocked = "! stream/shop-a\n      blocked: its deletionPolicy is Retain\n";
    assert!(run.stdout.contains(blocked), "{}", run.transcript());
    assert!(lab.has_stream("shop-a"));
    assert!(!lab.has_stream("shop-b"));
    // Unless it says otherwise.
    lab.declare(&["    - { name: shop-a, deletionPolicy: Delete }\n"]);
    let destroy = ["destroy", "--yes", "--ledger", "--expect-removals", "1"];
    let run = lab.run(&destroy);
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert!(!lab.has_stream("shop-a"));
}
