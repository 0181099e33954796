//! What an apply takes over: it was made by hand, or by an apply that was not recorded.

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, PasswordHashing};
use insta::assert_snapshot;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::drift::{edit, named};
use crate::drift_from_record::create_topic;
use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams:
    - name: orders
      topics:
        - name: events
          messageExpiry: 7d
          consumerGroups: [billing]
        - name: audit
        - name: new
";

const HISTORY: [&str; 3] = ["history", "show", "1"];

/// A server on which all but `new` was made by hand, and the context `prod` with a ledger.
fn by_hand() -> Served {
    let sandbox = Sandbox::new().variable("IGGYCTL_CONFIG", "config.yaml");
    sandbox.write("topology.yaml", TOPOLOGY);
    let builder = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
    let served = Served::start(builder, sandbox);
    served.by_hand(async |root| {
        root.create_stream("orders").await.unwrap();
        create_topic(&root, "orders", "events").await;
        create_topic(&root, "orders", "audit").await;
        let (orders, events) = (named("orders"), named("events"));
        root.create_consumer_group(&orders, &events, "billing")
            .await
            .unwrap();
    });
    let server = served.address();
    context(&served, &server);
    served
}

fn context(served: &Served, server: &str) {
    let text = format!("contexts:\n  prod:\n    server: {server}\n    ledger: true\n");
    served.sandbox.write("config.yaml", text);
}

/// With the context, and as it has to end.
fn run(served: &Served, arguments: &[&str], code: i32) -> Run {
    let run = served
        .sandbox
        .run(&[arguments, &["--context", "prod"]].concat());
    assert_eq!(run.code, code, "{}", run.transcript());
    run
}

fn plan(served: &Served, more: &[&str]) -> Run {
    run(
        served,
        &[&["plan", "-f", "topology.yaml"], more].concat(),
        0,
    )
}

fn apply(served: &Served, more: &[&str]) -> Run {
    let apply = ["apply", "-f", "topology.yaml", "--yes"];
    run(served, &[&apply[..], more].concat(), 0)
}

fn report(served: &Served, more: &[&str]) -> Value {
    let report = plan(served, &[&["-o", "json"], more].concat()).stdout;
    let report: Value = serde_json::from_str(&report).unwrap();
    let schema = include_str!("../../schemas/plan.v1.json");
    let schema = serde_json::from_str(schema).unwrap();
    let validator: Validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&report), "{report}");
    report
}

/// What a plan says to adopt.
fn adopted(served: &Served) -> Vec<String> {
    let report = report(served, &[]);
    let adopted = report["adopted"].as_array().unwrap().iter();
    adopted.map(|it| it.as_str().unwrap().to_owned()).collect()
}

fn nothing() -> Vec<String> {
    Vec::new()
}

#[test]
fn what_was_made_by_hand_is_said_until_it_is_applied() {
    let served = by_hand();
    assert_snapshot!("before", plan(&served, &[]).transcript());
    assert_snapshot!("markdown", plan(&served, &["-o", "markdown"]).stdout);
    let all = [
        "stream/orders",
        "topic/orders/audit",
        "topic/orders/events",
        "group/orders/events/billing",
    ];
    assert_eq!(adopted(&served), all);
    assert_snapshot!("apply", apply(&served, &[]).sorted_transcript());
    assert_eq!(adopted(&served), nothing());
    let after = plan(&served, &[]);
    assert!(!after.stdout.contains("adopt"), "{}", after.transcript());
    // Neither does it say so for ever, nor does it record what it has recorded.
    let again = apply(&served, &[]);
    assert!(!again.stderr.contains("Recorded"), "{}", again.transcript());
    let shown = run(&served, &HISTORY, 0).stdout;
    assert!(
        shown.contains("  ~ topic/orders/events  adopts\n"),
        "{shown}"
    );
    let shown = run(&served, &[&HISTORY[..], &["-o", "json"]].concat(), 0).stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["plan"]["adopted"], json!(all));
}

#[test]
fn what_is_adopted_as_it_is_is_no_change() {
    let served = by_hand();
    edit(&served, "        - name: new\n", "");
    edit(&served, "          messageExpiry: 7d\n", "");
    let diff = run(&served, &["diff", "-f", "topology.yaml"], 0);
    assert_snapshot!(diff.stdout);
    let report = report(&served, &["--detailed-exitcode"]);
    assert_eq!(report["changes"], json!([]));
    assert_eq!(report["summary"]["update"], 0);
    assert_eq!(report["summary"]["unchanged"], 4);
    let applied = apply(&served, &["--detailed-exitcode"]);
    let recorded = "Recorded as revision 1.";
    assert!(
        applied.stderr.contains(recorded),
        "{}",
        applied.transcript()
    );
    assert_eq!(adopted(&served), nothing());
}

#[test]
fn without_a_ledger_nothing_is_said() {
    let served = by_hand();
    let arguments = ["plan", "-f", "topology.yaml", "-o", "json"];
    let report: Value = serde_json::from_str(&served.run(&arguments).stdout).unwrap();
    assert_eq!(report.get("adopted"), None);
    // An apply that is not recorded takes nothing over.
    let applied = served.run(&["apply", "-f", "topology.yaml", "--yes"]);
    assert_eq!(applied.code, 0, "{}", applied.transcript());
    assert!(
        !applied.stdout.contains("adopt"),
        "{}",
        applied.transcript()
    );
    assert_eq!(adopted(&served).len(), 5);
    // One that is recorded says it without the context as well.
    let applied = served.run(&["apply", "-f", "topology.yaml", "--yes", "--ledger"]);
    assert_eq!(applied.code, 0, "{}", applied.transcript());
    assert!(
        applied.stdout.contains("  · topic/orders/new  adopts\n"),
        "{}",
        applied.transcript()
    );
    assert_eq!(adopted(&served), nothing());
    // Manifests without a project are never recorded.
    let alone = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: orders }\nspec: {}\n";
    served.sandbox.write("topology.yaml", alone);
    let report = plan(&served, &["-o", "json"]).stdout;
    assert!(!report.contains("adopted"), "{report}");
}

#[test]
fn what_only_leaves_out_is_adopted_later() {
    let served = by_hand();
    let only = apply(&served, &["--only", "topic/orders/events"]);
    let lines = only.stdout.lines().filter(|it| it.ends_with("  adopts"));
    let lines: Vec<&str> = lines.collect();
    let group = "  · group/orders/events/billing  adopts";
    assert_eq!(lines, ["  ~ topic/orders/events  adopts", group]);
    assert_eq!(adopted(&served), ["stream/orders", "topic/orders/audit"]);
    apply(&served, &["--only", "topic/orders/new"]);
    assert_eq!(adopted(&served), ["stream/orders", "topic/orders/audit"]);
    // The manifests are those that were recorded, and no step is left.
    let whole = apply(&served, &[]);
    assert!(
        whole.stdout.contains("No changes."),
        "{}",
        whole.transcript()
    );
    let recorded = "Recorded as revision 3.";
    assert!(whole.stderr.contains(recorded), "{}", whole.transcript());
    assert_eq!(adopted(&served), nothing());
}

#[test]
fn another_one_of_the_name_is_adopted_anew() {
    let served = by_hand();
    apply(&served, &[]);
    served.by_hand(async |root| {
        let (orders, audit) = (named("orders"), named("audit"));
        root.delete_topic(&orders, &audit).await.unwrap();
        create_topic(&root, "orders", "audit").await;
        create_topic(&root, "orders", "more").await;
    });
    assert_eq!(adopted(&served), ["topic/orders/audit"]);
    edit(&served, "- name: new", "- name: new\n        - name: more");
    assert_eq!(
        adopted(&served),
        ["topic/orders/audit", "topic/orders/more"]
    );
    apply(&served, &[]);
    assert_eq!(adopted(&served), nothing());
    // Another name does not make it another one.
    let renamed = "- name: log\n          previousName: audit";
    edit(&served, "- name: audit", renamed);
    assert_eq!(adopted(&served), nothing());
    // What was not declared for a while was released.
    apply(&served, &[]);
    edit(&served, renamed, "- name: log");
    edit(&served, "        - name: more\n", "");
    apply(&served, &[]);
    edit(&served, "- name: new", "- name: new\n        - name: more");
    assert_eq!(adopted(&served), ["topic/orders/more"]);
}

#[test]
fn what_another_project_has_recorded_is_adopted() {
    let served = by_hand();
    apply(&served, &[]);
    edit(&served, "name: shop", "name: desk");
    assert_eq!(adopted(&served).len(), 5);
    apply(&served, &[]);
    assert_eq!(adopted(&served), nothing());
    edit(&served, "name: desk", "name: shop");
    assert_eq!(adopted(&served), nothing());
}

#[test]
fn a_saved_plan_says_what_it_said() {
    let served = by_hand();
    let printed = plan(&served, &["--out", "shop.plan"]).stdout;
    assert!(
        printed.contains("  ~ topic/orders/events  adopts\n"),
        "{printed}"
    );
    for format in ["text", "json", "markdown"] {
        let printed = plan(&served, &["-o", format]).stdout;
        let shown = served.sandbox.run(&["show", "shop.plan", "-o", format]);
        assert_eq!(shown.stdout, printed);
    }
    let carried_out = run(&served, &["apply", "--plan", "shop.plan", "--yes"], 0);
    assert!(
        carried_out.stdout.contains(&printed),
        "{}",
        carried_out.transcript()
    );
    assert_eq!(adopted(&served), nothing());
}

#[test]
fn what_is_removed_is_not_adopted() {
    let served = by_hand();
    let user = "  users:\n    - name: svc-orders\n  streams:\n";
    edit(&served, "  streams:\n", user);
    served.by_hand(async |root| {
        let created = root.create_user("svc-orders", "hunter2bob", UserStatus::Active, None);
        created.await.unwrap();
    });
    let all = [
        "stream/orders",
        "topic/orders/audit",
        "topic/orders/events",
        "group/orders/events/billing",
        "user/svc-orders",
    ];
    assert_eq!(adopted(&served), all);
    let destroy = ["destroy", "-f", "topology.yaml", "--yes", "--skip-blocked"];
    let user = ["--allow-destroy", "user/svc-orders"];
    let only = ["--only", "user/svc-orders", "--expect-removals", "1"];
    let destroyed = run(&served, &[&destroy[..], &user, &only].concat(), 0);
    let said = destroyed.transcript();
    assert!(
        said.contains("Recorded") && !said.contains("adopt"),
        "{said}"
    );
    // A new user would need a password.
    edit(&served, "  users:\n    - name: svc-orders\n", "");
    assert_eq!(adopted(&served), all[..4]);
}

#[test]
fn a_login_that_may_not_read_the_ledger_is_told_what_is_not_known() {
    let mut served = by_hand();
    served.by_hand(async |root| {
        let global = GlobalPermissions {
            read_servers: true,
            ..GlobalPermissions::default()
        };
        let orders = StreamPermissions {
            read_stream: true,
            ..StreamPermissions::default()
        };
        let id = root.get_stream(&named("orders")).await.unwrap().unwrap().id;
        let permissions = Permissions {
            global,
            streams: Some([(id as usize, orders)].into()),
        };
        root.create_user("bob", "hunter2bob", UserStatus::Active, Some(permissions))
            .await
            .unwrap();
    });
    let bob = served.address_as("bob:hunter2bob");
    let root = served.address();
    context(&served, &bob);
    // As long as there is none, that is known.
    assert_eq!(adopted(&served).len(), 4);
    context(&served, &root);
    apply(&served, &[]);
    context(&served, &bob);
    served.sandbox.mask("bob:hunter2bob", "[LOGIN]");
    let planned = plan(&served, &[]);
    assert_snapshot!(planned.transcript());
    assert_eq!(report(&served, &[]).get("adopted"), None);
}
