//! Drift where the last apply was recorded: whose each difference is.

use iggy::prelude::*;
use iggy_binary_protocol::codes;
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget, PasswordHashing};
use insta::assert_snapshot;
use serde_json::Value;

use crate::drift::{READS, TOPOLOGY, applied, apply, drift, edit, expire_by_hand, named};
use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

const HOUR: u64 = 3_600_000_000;

pub(crate) fn recorded() -> Served {
    applied(&["--ledger"])
}

/// What is said, a line for each item.
fn items(run: &Run) -> String {
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let text = |item: &Value, field: &str| item[field].as_str().unwrap_or("-").to_owned();
    let items = report["items"].as_array().unwrap().iter().map(|item| {
        let fields = [
            "address",
            "attribute",
            "kind",
            "applied",
            "live",
            "declared",
        ];
        fields.map(|field| text(item, field)).join(" | ") + "\n"
    });
    items.collect()
}

pub(crate) fn look(served: &Served, code: i32) -> String {
    let run = drift(served, &["-o", "json"]);
    assert_eq!(run.code, code, "{}", run.transcript());
    items(&run)
}

pub(crate) async fn create_topic(root: &IggyClient, stream: &str, topic: &str) {
    let options = TopicCreateOptions {
        partitions_count: Some(1),
        ..TopicCreateOptions::default()
    };
    let stream = named(stream);
    root.create_topic(&stream, topic, &options).await.unwrap();
}

#[test]
fn whose_each_difference_is() {
    let served = recorded();
    assert_eq!(look(&served, 0), "");
    edit(&served, "partitions: 3", "partitions: 6");
    assert_snapshot!("Git is ahead", look(&served, 2));
    expire_by_hand(&served, HOUR);
    assert_snapshot!("and the server was changed", look(&served, 8));
    edit(&served, "messageExpiry: 7d", "messageExpiry: 2d");
    assert_snapshot!("both changed it", look(&served, 8));
    apply(&served, &["--ledger"]);
    assert_eq!(look(&served, 0), "");
}

#[test]
fn everything_that_somebody_can_do_by_hand() {
    let served = recorded();
    served.by_hand(async |root| {
        let orders = named("orders");
        let audit = named("audit");
        root.delete_topic(&orders, &audit).await.unwrap();
        create_topic(&root, "orders", "audit").await;
        create_topic(&root, "orders", "more").await;
        root.create_stream("tmp-one").await.unwrap();
        root.create_stream("of-others").await.unwrap();
        let (events, billing) = (named("events"), named("billing"));
        root.delete_consumer_group(&orders, &events, &billing)
            .await
            .unwrap();
        let user = named("svc-orders");
        let permissions = Permissions {
            global: GlobalPermissions {
                read_servers: true,
                ..GlobalPermissions::default()
            },
            streams: None,
        };
        root.update_permissions(&user, Some(permissions))
            .await
            .unwrap();
        // Nobody can see this.
        root.change_password(&user, "a-very-secret-password", "another-one")
            .await
            .unwrap();
    });
    assert_snapshot!(look(&served, 8));
    let text = drift(&served, &[]).stdout;
    assert!(text.starts_with("Compared with revision 1 of 20"), "{text}");
    assert!(text.contains("Passwords cannot be read"), "{text}");
    let github = drift(&served, &["-o", "github"]).stdout;
    assert!(
        github.contains("::error file=topology.yaml,line=14"),
        "{github}"
    );
}

fn rename_audit_by_hand(served: &Served) {
    served.by_hand(async |root| {
        let options = TopicUpdateOptions::default();
        let (orders, audit) = (named("orders"), named("audit"));
        root.update_topic(&orders, &audit, "audit-2025", &options)
            .await
            .unwrap();
    });
}

#[test]
fn what_is_deleted_or_renamed_by_hand_is_said_with_what_was_in_it() {
    let served = recorded();
    rename_audit_by_hand(&served);
    assert_snapshot!("renamed", look(&served, 8));
    served.by_hand(async |root| root.delete_stream(&named("orders")).await.unwrap());
    let text = drift(&served, &[]);
    assert_eq!(text.code, 8);
    assert!(
        text.stdout
            .contains("deleted, with 2 topics and 1 consumer group"),
        "{}",
        text.stdout
    );
}

#[test]
fn what_an_apply_removed_and_is_back_came_back() {
    let served = recorded();
    edit(
        &served,
        "        - name: audit\n          partitions: 1\n",
        "",
    );
    // As for a plan: without --prune there is nothing to do.
    let plan = served.run(&["plan", "-f", "topology.yaml", "--detailed-exitcode"]);
    assert_eq!(plan.code, 0, "{}", plan.transcript());
    assert_snapshot!("no longer declared", look(&served, 0));
    apply(&served, &["--ledger", "--prune"]);
    assert_eq!(look(&served, 0), "");
    served.by_hand(async |root| create_topic(&root, "orders", "audit").await);
    assert_snapshot!("created again by a client", look(&served, 8));
}

#[test]
fn what_an_apply_could_not_do_waits_for_the_next_one() {
    let served = recorded();
    let more = "name: audit\n          partitions: 1\n        - name: late\n";
    edit(&served, "name: audit\n          partitions: 1\n", more);
    let refused = FaultTarget::Command(codes::CREATE_TOPIC_CODE);
    let plan = FaultPlan::none().always(FaultKind::UnsupportedOptionKey, refused);
    served.server().faults().set(plan);
    let run = served.run(&["apply", "-f", "topology.yaml", "--ledger", "--yes"]);
    assert_ne!(run.code, 0, "{}", run.transcript());
    served.server().faults().clear();
    assert_snapshot!(look(&served, 2));
}

#[test]
fn another_machine_sees_the_same_and_changes_nothing() {
    let served = recorded();
    expire_by_hand(&served, HOUR);
    let elsewhere = Sandbox::new();
    elsewhere.write("topology.yaml", TOPOLOGY);
    let address = served.address();
    let requests = served.server().requests();
    requests.reset();
    let run = elsewhere.run(&[
        "drift",
        "-f",
        "topology.yaml",
        "--server",
        &address,
        "-o",
        "json",
    ]);
    assert_eq!(run.code, 8, "{}", run.transcript());
    assert!(items(&run).contains("messageExpiry | changed | 7d | 1h | 7d"));
    for (code, count) in requests.counts() {
        assert!(READS.contains(&code), "{code} was sent {count} times");
    }
    let ignored = elsewhere.run(&[
        "drift",
        "-f",
        "topology.yaml",
        "--server",
        &address,
        "--ignore",
        "topic/**:messageExpiry",
    ]);
    assert_eq!(ignored.code, 0, "{}", ignored.transcript());
}

/// As many as a plan sends, and a few for the record, however much is declared.
#[test]
fn the_requests_are_those_of_a_plan_and_of_the_ledger() {
    let mut text = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: many }\nspec:\n  streams:\n".to_owned();
    for stream in 0..20 {
        text.push_str(&format!("    - name: stream-{stream}\n      topics:\n"));
        for topic in 0..20 {
            text.push_str(&format!("        - name: topic-{topic}\n"));
        }
    }
    let sandbox = Sandbox::new();
    sandbox.write("topology.yaml", text);
    let builder = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
    let served = Served::start(builder, sandbox);
    apply(&served, &["--ledger"]);
    let requests = served.server().requests();
    let sent = |command: &str| {
        requests.reset();
        let run = served.run(&[command, "-f", "topology.yaml"]);
        assert_eq!(run.code, 0, "{}", run.transcript());
        let mut counts = requests.counts();
        let of_ledger = counts.remove(&codes::POLL_MESSAGES_CODE).unwrap_or(0);
        // Connections are as many as pay, which depends on how fast the server is.
        counts.remove(&codes::LOGIN_REGISTER_CODE);
        (counts, of_ledger)
    };
    let (plan, _) = sent("plan");
    let (drift, polls) = sent("drift");
    let reads = codes::GET_STREAM_CODE;
    // The stream of the ledger is one more.
    assert_eq!(
        drift.get(&reads).copied(),
        plan.get(&reads).map(|it| it + 1)
    );
    // The last entry of what began and of what ended, and their documents.
    assert_eq!(polls, 4);
}

#[test]
fn what_was_left_out_or_blocked_is_compared_with_what_it_was() {
    let served = recorded();
    edit(&served, "messageExpiry: 7d", "messageExpiry: 9d");
    edit(&served, "partitions: 3", "partitions: 1");
    let more = "name: audit\n          partitions: 2\n        - name: late\n";
    edit(&served, "name: audit\n          partitions: 1\n", more);
    apply(
        &served,
        &["--ledger", "--skip-blocked", "--only", "topic/orders/audit"],
    );
    let history = served.run(&["history"]).stdout;
    let said = "applied in part (1 of 3; 2 left out)";
    assert!(history.contains(said), "{history}");
    assert_snapshot!("nobody changed what was left out", look(&served, 2));
    expire_by_hand(&served, HOUR);
    assert_snapshot!("somebody changed what was left out", look(&served, 8));
    edit(&served, "messageExpiry: 9d", "messageExpiry: 1h");
    apply(&served, &["--ledger", "--skip-blocked"]);
    let history = served.run(&["history", "-o", "json"]);
    let history: Value = serde_json::from_str(&history.stdout).unwrap();
    let last = &history["revisions"][0];
    assert_eq!(last["outcome"], "partial");
    assert_eq!(last["omitted"]["blocked"], 1);
    let text = served.run(&["history"]).stdout;
    let said = "applied in part (1 of 2; 1 blocked)";
    assert!(text.contains(said), "{text}");
    // Blocked are the partitions, and nothing else of that topic.
    assert_snapshot!("what was blocked waits", look(&served, 2));
    expire_by_hand(&served, 2 * HOUR);
    assert_snapshot!("and something else of it was changed", look(&served, 8));
}

/// What an apply found and left is not what it applied.
#[test]
fn what_no_apply_has_set_is_not_said_to_be_applied() {
    let served = recorded();
    let more = "name: audit\n          maxTopicSize: 1GiB\n";
    edit(&served, "name: audit\n", more);
    edit(&served, "messageExpiry: 7d", "messageExpiry: 9d");
    apply(&served, &["--ledger", "--only", "topic/orders/events"]);
    served.by_hand(async |root| {
        let options = TopicUpdateOptions {
            max_topic_size: Some(MaxTopicSize::from(2 << 30)),
            ..TopicUpdateOptions::default()
        };
        root.update_topic(&named("orders"), &named("audit"), "audit", &options)
            .await
            .unwrap();
    });
    expire_by_hand(&served, HOUR);
    let run = drift(&served, &[]);
    assert_eq!(run.code, 8, "{}", run.transcript());
    for said in [
        "maxTopicSize: now 2GiB, unlimited at the last apply, which did not set it, declared 1GiB\n",
        "messageExpiry: now 1h, applied 9d\n",
    ] {
        assert!(run.stdout.contains(said), "{}", run.stdout);
    }
}

#[test]
fn an_apply_of_something_else_does_not_hide_what_was_changed_by_hand() {
    let served = recorded();
    expire_by_hand(&served, HOUR);
    edit(&served, "partitions: 1", "partitions: 2");
    apply(&served, &["--ledger", "--only", "topic/orders/audit"]);
    let items = look(&served, 8);
    let line = "topic/orders/events | messageExpiry | changed | 7d | 1h | 7d\n";
    assert_eq!(items, line);
}

#[test]
fn what_was_renamed_by_hand_is_not_forgotten_when_an_apply_makes_another_one() {
    let served = recorded();
    rename_audit_by_hand(&served);
    for _ in 0..2 {
        apply(&served, &["--ledger"]);
        let said = look(&served, 0);
        assert_eq!(said, "topic/orders/audit | - | renamedAway | - | - | -\n");
        edit(&served, "messageExpiry: 7d", "messageExpiry: 7d # again");
    }
    let text = drift(&served, &[]).stdout;
    assert!(text.contains("is in topic/orders/audit-2025"), "{text}");
    served.by_hand(async |root| {
        let (orders, audit) = (named("orders"), named("audit-2025"));
        root.delete_topic(&orders, &audit).await.unwrap();
    });
    assert_eq!(look(&served, 0), "");
}

#[test]
fn a_record_is_of_a_project() {
    let served = recorded();
    let stream =
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: alone }\nspec: {}\n";
    served.sandbox.write("alone.yaml", stream);
    for command in ["apply", "destroy"] {
        let run = served.run(&[command, "-f", "alone.yaml", "--yes", "--ledger"]);
        assert_eq!(run.code, 64, "{}", run.transcript());
        let said = "a record is kept of a project";
        assert!(run.stderr.contains(said), "{}", run.stderr);
        assert!(run.stderr.contains("kind: IggyTopology"), "{}", run.stderr);
    }
    let plan = served.run(&["plan", "-f", "alone.yaml", "--out", "alone.plan"]);
    assert_eq!(plan.code, 0, "{}", plan.transcript());
    let saved = served.run(&["apply", "--plan", "alone.plan", "--yes", "--ledger"]);
    assert_eq!(saved.code, 64, "{}", saved.transcript());
    let run = served.run(&["drift", "-f", "alone.yaml"]);
    assert_eq!(run.code, 2, "{}", run.transcript());
    let said = "these manifests have none";
    assert!(run.stdout.contains(said), "{}", run.stdout);
    let run = served.run(&["history", "--limit", "0"]);
    assert_eq!(run.code, 64, "{}", run.transcript());
    // With a name it is recorded.
    let project = "---\napiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: alone }\nspec: {}\n";
    served
        .sandbox
        .write("alone.yaml", format!("{stream}{project}"));
    let run = served.run(&["apply", "-f", "alone.yaml", "--yes", "--ledger"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
}

fn set_status(served: &Served, status: UserStatus) {
    served.by_hand(async |root| {
        let user = named("svc-orders");
        let options = UserUpdateOptions::default();
        root.update_user(&user, None, Some(status), &options)
            .await
            .unwrap();
    });
}

/// The manifests say nothing about it, so nobody is said to have changed it.
#[test]
fn what_no_manifest_declares_is_not_compared() {
    let served = recorded();
    set_status(&served, UserStatus::Inactive);
    assert_eq!(look(&served, 0), "");
    edit(
        &served,
        "name: svc-orders\n",
        "name: svc-orders\n      status: active\n",
    );
    let items = look(&served, 2);
    assert_eq!(
        items,
        "user/svc-orders | status | ahead | - | inactive | active\n"
    );
    set_status(&served, UserStatus::Active);
    apply(&served, &["--ledger"]);
    set_status(&served, UserStatus::Inactive);
    let items = look(&served, 8);
    assert_eq!(
        items,
        "user/svc-orders | status | changed | active | inactive | active\n"
    );
}
