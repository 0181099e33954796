//! Plans in files: what is kept, what is refused, and what does not matter.

use iggy::prelude::*;
use iggyctl_embedded::EmbeddedServer;

use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  owns:
    streams: [orders, old]
  streams:
    - name: orders
      topics:
        - name: events
          partitions: 3
          messageExpiry: 7d
          consumerGroups: [billing]
  users:
    - name: svc-orders
      password: { env: SVC_ORDERS_PASSWORD }
      permissions:
        streams:
          - name: orders
            topics:
              - name: events
                allow: [send_messages]
";

const PASSWORD: &str = "a-very-secret-password";

/// `orders/events` is there with one partition, `orders/former` and `old` are empty.
fn lab() -> Served {
    let sandbox = Sandbox::new().variable("SVC_ORDERS_PASSWORD", PASSWORD);
    sandbox.write("topology.yaml", TOPOLOGY);
    let served = Served::start(EmbeddedServer::builder(), sandbox);
    served.by_hand(async |root| {
        root.create_stream("orders").await.unwrap();
        root.create_stream("old").await.unwrap();
        create_topic(&root, "orders", "events").await;
        create_topic(&root, "orders", "former").await;
    });
    served
}

fn named(text: &str) -> Identifier {
    Identifier::named(text).unwrap()
}

async fn create_topic(root: &IggyClient, stream: &str, topic: &str) {
    let options = TopicCreateOptions {
        partitions_count: Some(1),
        ..TopicCreateOptions::default()
    };
    root.create_topic(&named(stream), topic, &options)
        .await
        .unwrap();
}

async fn send(root: &IggyClient, stream: &str, topic: &str) {
    let message = IggyMessage::builder()
        .payload("one".into())
        .build()
        .unwrap();
    let to = Partitioning::partition_id(0);
    root.send_messages(&named(stream), &named(topic), &to, &mut [message])
        .await
        .unwrap();
}

fn plan(served: &Served, more: &[&str]) -> Run {
    let arguments = [
        "plan",
        "-f",
        "topology.yaml",
        "--prune",
        "--out",
        "shop.plan",
    ];
    served.run(&[&arguments[..], more].concat())
}

fn apply(served: &Served, more: &[&str]) -> Run {
    served.run(&[&["apply", "--plan", "shop.plan", "--yes"], more].concat())
}

fn saved(served: &Served) -> String {
    std::fs::read_to_string(served.sandbox.path().join("shop.plan")).unwrap()
}

fn streams(served: &Served) -> Vec<String> {
    served.by_hand(async |root| {
        let streams = root.get_streams().await.unwrap().into_iter();
        let mut names: Vec<String> = streams.map(|stream| stream.name).collect();
        names.sort();
        names
    })
}

#[test]
fn a_plan_is_shown_from_standard_input_and_not_carried_out_from_there() {
    let served = lab();
    assert_eq!(plan(&served, &[]).code, 0);
    let sandbox = &served.sandbox;
    let shown = sandbox.run_with_input(&["show", "-"], &saved(&served));
    assert_eq!(shown.code, 0, "{}", shown.transcript());
    assert_eq!(shown.stdout, sandbox.run(&["show", "shop.plan"]).stdout);
    let other = sandbox.run_with_input(&["show", "-"], TOPOLOGY);
    assert_eq!(other.code, 65, "{}", other.transcript());
    assert!(
        other.stderr.contains("standard input: "),
        "{}",
        other.stderr
    );
    let refused = served.run(&["apply", "--plan", "-", "--yes"]);
    assert_eq!(refused.code, 64, "{}", refused.transcript());
    assert!(refused.stderr.contains("from a file"), "{}", refused.stderr);
}

fn assert_stale(served: &Served, line: &str) {
    let before = streams(served);
    let refused = apply(served, &[]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert_eq!(refused.stdout, "");
    assert!(
        refused.stderr.contains("nothing was changed"),
        "{}",
        refused.stderr
    );
    let lines: Vec<&str> = refused.stderr.lines().map(str::trim).collect();
    assert!(lines.contains(&line), "{}", refused.stderr);
    assert_eq!(streams(served), before);
}

#[test]
fn an_unrelated_change_and_more_messages_do_not_matter() {
    let served = lab();
    let planned = plan(&served, &[]);
    assert_eq!(planned.code, 0, "{}", planned.stderr);
    served.by_hand(async |root| {
        root.create_stream("elsewhere").await.unwrap();
        create_topic(&root, "orders", "others").await;
        send(&root, "orders", "events").await;
        root.create_user("somebody", "some-password", UserStatus::Active, None)
            .await
            .unwrap();
    });
    let applied = apply(&served, &[]);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    assert_eq!(streams(&served), ["elsewhere", "orders"]);
    assert!(served.lets_in(&format!("svc-orders:{PASSWORD}")));
    let left = served.run(&["diff", "-f", "topology.yaml"]);
    assert_eq!(left.code, 0, "{}", left.stdout);
    // What it depended on has moved by its own steps.
    let again = apply(&served, &[]);
    assert_eq!(again.code, 4, "{}", again.stderr);
}

#[test]
fn what_the_plan_depends_on_must_not_have_moved() {
    let served = lab();
    assert_eq!(plan(&served, &[]).code, 0);
    served.by_hand(async |root| {
        root.create_partitions(&named("orders"), &named("events"), 5)
            .await
            .unwrap();
    });
    assert_stale(&served, "topic/orders/events: partitions 1 → 6");

    let refused = apply(&served, &["-o", "json"]);
    assert_eq!(refused.code, 4);
    let document: serde_json::Value = serde_json::from_str(&refused.stdout).unwrap();
    let steps = document["steps"].as_array().unwrap();
    assert!(steps.len() > 3);
    assert!(steps.iter().all(|step| step["status"] == "notAttempted"));
}

#[test]
fn what_was_empty_and_is_not_any_more_is_not_deleted() {
    let served = lab();
    assert_eq!(plan(&served, &[]).code, 0);
    served.by_hand(async |root| send(&root, "orders", "former").await);
    assert_stale(
        &served,
        "topic/orders/former: it was empty, and holds messages now",
    );
    served.by_hand(async |root| create_topic(&root, "old", "letters").await);
    assert_stale(&served, "stream/old: 1 topic more: letters");
}

#[test]
fn another_one_of_the_same_name_is_another_one() {
    let served = lab();
    assert_eq!(plan(&served, &[]).code, 0);
    served.by_hand(async |root| {
        root.delete_stream(&named("old")).await.unwrap();
        root.create_stream("old").await.unwrap();
    });
    assert_stale(&served, "stream/old: another one of that name");
}

#[test]
fn who_gets_permissions_on_what_is_deleted_makes_it_stale() {
    let served = lab();
    assert_eq!(plan(&served, &[]).code, 0);
    served.by_hand(async |root| {
        let old = root.get_stream(&named("old")).await.unwrap().unwrap();
        let permissions = Permissions {
            global: GlobalPermissions::default(),
            streams: Some(
                [(
                    old.id as usize,
                    StreamPermissions {
                        read_stream: true,
                        ..StreamPermissions::default()
                    },
                )]
                .into(),
            ),
        };
        root.create_user(
            "somebody",
            "some-password",
            UserStatus::Active,
            Some(permissions),
        )
        .await
        .unwrap();
    });
    let refused = apply(&served, &[]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(
        refused
            .stderr
            .contains("user/somebody: permissions on the stream")
    );
}

#[test]
fn the_file_holds_no_secret_and_is_for_its_owner_only() {
    let served = lab();
    assert_eq!(plan(&served, &[]).code, 0);
    let text = saved(&served);
    assert!(text.contains("SVC_ORDERS_PASSWORD"));
    assert!(!text.contains(PASSWORD));
    assert!(!text.contains("iggy:iggy"), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let file = served.sandbox.path().join("shop.plan");
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let left: Vec<_> = std::fs::read_dir(served.sandbox.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".iggyctl-plan-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_is_shown_is_what_was_shown() {
    let served = lab();
    for format in ["text", "json", "markdown", "github"] {
        let planned = plan(&served, &["-o", format]);
        assert_eq!(planned.code, 0, "{}", planned.stderr);
        let shown = served.sandbox.run(&["show", "shop.plan", "-o", format]);
        assert_eq!(shown.code, 0, "{}", shown.stderr);
        assert_eq!(shown.stdout, planned.stdout, "{format}");
        assert!(
            shown.stderr.contains("Saved by iggyctl"),
            "{}",
            shown.stderr
        );
    }
    let page = served.sandbox.run(&["show", "shop.plan", "-o", "html"]);
    assert_eq!(page.code, 0, "{}", page.stderr);
    assert!(page.stdout.contains("topic/orders/events"));
}

#[test]
fn what_is_no_plan_as_it_was_written_is_refused() {
    let served = lab();
    assert_eq!(plan(&served, &[]).code, 0);
    let text = saved(&served);
    for (content, code) in [
        (text.replacen("events", "evenTs", 1), "saved-plan/changed"),
        (text[..text.len() / 2].to_owned(), "saved-plan/changed"),
        (
            text.replacen("\"formatVersion\":1", "\"formatVersion\":2", 1),
            "saved-plan/newer",
        ),
        (TOPOLOGY.to_owned(), "saved-plan/not-a-plan"),
        (String::new(), "saved-plan/not-a-plan"),
    ] {
        served.sandbox.write("shop.plan", content);
        for refused in [
            apply(&served, &[]),
            served.sandbox.run(&["show", "shop.plan"]),
        ] {
            assert_eq!(refused.code, 65, "{}", refused.stderr);
            assert!(refused.stderr.contains(code), "{}", refused.stderr);
            assert_eq!(refused.stdout, "");
        }
    }
    std::fs::remove_file(served.sandbox.path().join("shop.plan")).unwrap();
    assert_eq!(apply(&served, &[]).code, 65);
}

#[test]
fn a_plan_is_for_its_server_and_with_what_was_allowed_then() {
    let served = lab();
    assert_eq!(plan(&served, &[]).code, 0);
    for more in [
        ["--allow-destroy", "stream/old"],
        ["-f", "topology.yaml"],
        ["--only", "stream/old"],
        ["--policy", "policies"],
    ] {
        assert_eq!(apply(&served, &more).code, 64, "{more:?}");
    }
    assert_eq!(apply(&served, &["--prune"]).code, 64);
    assert_eq!(served.run(&["apply", "--yes"]).code, 64);
    let nobody_asks = served.run(&["apply", "--plan", "shop.plan"]);
    assert_eq!(nobody_asks.code, 64, "{}", nobody_asks.stderr);

    let other = Served::start(EmbeddedServer::builder(), Sandbox::new());
    other.sandbox.write("shop.plan", saved(&served));
    let refused = apply(&other, &[]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("the plan was made for"));
}

#[test]
fn what_needs_an_approval_keeps_the_one_of_the_plan() {
    let served = lab();
    served.by_hand(async |root| send(&root, "orders", "former").await);
    assert_eq!(plan(&served, &[]).code, 3);
    let blocked = apply(&served, &[]);
    assert_eq!(blocked.code, 3, "{}", blocked.stderr);
    let allowed = plan(&served, &["--allow-destroy", "topic/orders/former"]);
    assert_eq!(allowed.code, 0, "{}", allowed.stdout);
    // More of what is to be lost anyway does not matter.
    served.by_hand(async |root| send(&root, "orders", "former").await);
    let applied = apply(&served, &[]);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    let left = served.run(&["diff", "-f", "topology.yaml", "--prune"]);
    assert_eq!(left.code, 0, "{}", left.stdout);
}

fn policy(expression: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyPolicy\nmetadata: {{ name: team }}\nspec:\n  \
         rules:\n    - name: rule\n      match: {{ kinds: [topic] }}\n      \
         expression: {expression}\n      message: it is not so\n"
    )
}

#[test]
fn a_plan_is_held_to_the_policies_of_where_it_is_applied() {
    let served = lab();
    let sandbox = &served.sandbox;
    sandbox.write("team.yaml", policy("has(resource.compression)"));
    let refused = plan(&served, &["--policy", "team.yaml"]);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("was not saved"),
        "{}",
        refused.stderr
    );
    assert!(!sandbox.path().join("shop.plan").exists());

    let config = format!(
        "contexts:\n  shop:\n    server: {}\n    policies: [rules]\n",
        served.address()
    );
    sandbox.write("home/.config/iggyctl/config.yaml", config);
    let rules = policy("has(resource.messageExpiry)");
    sandbox.write("home/.config/iggyctl/rules/team.yaml", &rules);
    // Made without the context, so nobody held it to them.
    assert_eq!(plan(&served, &[]).code, 0);
    let apply = ["apply", "--plan", "shop.plan", "--yes", "--context", "shop"];
    let refused = sandbox.run(&apply);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains("not held to the policies"));
    sandbox.write("team.yaml", &rules);
    assert_eq!(plan(&served, &["--policy", "team.yaml"]).code, 0);
    let applied = sandbox.run(&apply);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
}

#[test]
fn only_a_plan_is_replaced_by_a_plan() {
    let served = lab();
    let plan = |out: &str| served.run(&["plan", "-f", "topology.yaml", "--out", out]);
    let before = std::fs::read(served.sandbox.path().join("topology.yaml")).unwrap();
    let folder = served.sandbox.path().display().to_string();
    std::os::unix::fs::symlink("topology.yaml", served.sandbox.path().join("link")).unwrap();
    for out in ["topology.yaml", "link", &folder] {
        let run = plan(out);
        assert_eq!(run.code, 64, "{}", run.transcript());
        assert!(run.stderr.contains("and stays"), "{}", run.transcript());
    }
    let after = std::fs::read(served.sandbox.path().join("topology.yaml")).unwrap();
    assert_eq!(before, after);
    for _ in 0..2 {
        let run = plan("new.plan");
        assert!([0, 3].contains(&run.code), "{}", run.transcript());
        assert_eq!(
            served.run(&["show", "new.plan"]).code,
            64,
            "it takes no server"
        );
        assert_eq!(served.sandbox.run(&["show", "new.plan"]).code, 0);
    }
}
