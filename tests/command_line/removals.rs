//! How many are removed, what `destroy` says, and why naming something allows nothing.

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
    streams: [orders, 'shop-*']
    users: ['svc-*']
  streams:
    - name: orders
      topics: [{ name: events }]
    - name: shop-a
  users:
    - { name: svc-orders, status: active, password: { file: password } }
";

/// All that is declared is there, and the streams `shop-old` and `elsewhere`.
fn lab() -> Served {
    let sandbox = Sandbox::new();
    sandbox.write("topology.yaml", TOPOLOGY);
    sandbox.write("password", "s3cret-password");
    let served = Served::start(EmbeddedServer::builder(), sandbox);
    assert_eq!(run(&served, &["apply", "--yes"]).code, 0);
    served.by_hand(async |root| {
        for stream in ["shop-old", "elsewhere"] {
            root.create_stream(stream).await.unwrap();
        }
    });
    served
}

fn run(served: &Served, arguments: &[&str]) -> Run {
    served.run(&[arguments, &["-f", "topology.yaml"]].concat())
}

/// A number that somebody says is checked, also where nobody asks for it.
#[test]
fn a_number_that_is_expected_is_always_checked() {
    let served = lab();
    let asked = |command: &[&str], number: &str, code: i32, error: &str| {
        let arguments = [command, &["--expect-removals", number]].concat();
        let run = run(&served, &arguments);
        assert_eq!(run.code, code, "{}", run.transcript());
        assert!(run.stderr.contains(error), "{}", run.transcript());
    };
    let one = "1 resource would be removed, and 2 were expected";
    asked(&["plan", "--prune"], "2", 3, one);
    asked(
        &["plan", "--prune", "--out", "shop.plan"],
        "2",
        3,
        "not saved",
    );
    assert!(!served.sandbox.path().join("shop.plan").exists());
    asked(&["plan", "--prune"], "1", 0, "");
    asked(
        &["plan"],
        "1",
        3,
        "0 resources would be removed, and 1 was expected",
    );
    asked(&["plan"], "0", 0, "");
    asked(&["apply", "--yes", "--prune"], "2", 3, one);
    asked(
        &["apply", "--yes"],
        "1",
        3,
        "nothing was changed: 0 resources would be",
    );
    asked(&["plan", "--prune", "--out", "shop.plan"], "1", 0, "Saved");
    for (number, code) in [("2", 3), ("1", 0)] {
        let saved = ["apply", "--plan", "shop.plan", "--yes"];
        let run = served.run(&[&saved[..], &["--expect-removals", number]].concat());
        assert_eq!(run.code, code, "{}", run.transcript());
    }
    asked(
        &["destroy", "--yes"],
        "3",
        3,
        "4 of 4 resources would be removed",
    );
    asked(&["destroy", "--yes"], "4", 0, "");
    // Once more there is nothing left.
    asked(
        &["destroy", "--yes"],
        "4",
        3,
        "0 resources would be removed, and 4 were",
    );
    asked(&["destroy", "--yes"], "0", 0, "");
}

/// A comment or an annotation of a job that fails says why it does.
#[test]
fn every_format_of_a_plan_says_that_another_number_was_expected() {
    let served = lab();
    let said = "1 resource would be removed, and 2 were expected";
    let formats = [
        ("markdown", "⛔"),
        ("github", "::error title=iggyctl%3A"),
        ("html", "<p class=\"notice\">"),
        ("json", "\"unexpectedRemovals\": {"),
    ];
    for (format, sign) in formats {
        let plan = |number| {
            let expected = ["plan", "--prune", "--expect-removals", number, "-o", format];
            run(&served, &expected)
        };
        let wrong = plan("2");
        assert_eq!(wrong.code, 3, "{}", wrong.transcript());
        assert!(wrong.stdout.contains(sign), "{}", wrong.transcript());
        let in_json = "\"removed\": 1,\n    \"expected\": 2";
        let words = if format == "json" { in_json } else { said };
        assert!(wrong.stdout.contains(words), "{}", wrong.transcript());
        let right = plan("1");
        assert_eq!(right.code, 0, "{}", right.transcript());
        assert!(!right.stdout.contains(sign), "{}", right.transcript());
    }
}

/// Who was made inactive before is deleted now, which the plan counts.
#[test]
fn an_inactive_user_that_is_deleted_counts() {
    let served = lab();
    let topology = TOPOLOGY.replace("    - { name: svc-orders", "    - { name: svc-other");
    served.sandbox.write("topology.yaml", topology);
    served.by_hand(async |root| {
        root.delete_stream(&"shop-old".try_into().unwrap())
            .await
            .unwrap()
    });
    assert_eq!(run(&served, &["apply", "--yes", "--prune"]).code, 0);
    let deleted = ["--prune", "--allow-destroy", "user/svc-orders"];
    let expecting = |command: &[&str], number| {
        let number = ["--expect-removals", number];
        run(&served, &[command, &deleted, &number].concat())
    };
    let wrong = expecting(&["plan"], "0");
    assert_eq!(wrong.code, 3, "{}", wrong.transcript());
    assert!(
        wrong.stdout.contains("1 to delete"),
        "{}",
        wrong.transcript()
    );
    let said = "1 resource would be removed, and 0 were expected";
    assert!(wrong.stderr.contains(said), "{}", wrong.transcript());
    let done = expecting(&["apply", "--yes"], "1");
    assert_eq!(done.code, 0, "{}", done.transcript());
}

#[test]
fn what_is_destroyed_is_not_said_to_be_undeclared() {
    let served = lab();
    for only in ["topic/orders/events", "user/svc-orders", "stream/orders"] {
        let run = run(&served, &["destroy", "--only", only]);
        assert!(!run.stderr.contains("no manifest"), "{}", run.transcript());
        assert!(!run.stdout.contains("no manifest"), "{}", run.transcript());
    }
    let all = ["destroy", "--yes", "--expect-removals", "4"];
    let again = [
        "destroy",
        "--yes",
        "--allow-destroy",
        "stream/orders",
        "--allow-destroy",
        "topic/orders/events",
        "--allow-destroy",
        "user/svc-orders",
        "--allow-destroy",
        "stream/elsewhere",
    ];
    insta::assert_snapshot!("destroyed", run(&served, &all).sorted_transcript());
    insta::assert_snapshot!("destroyed again", run(&served, &again).transcript());
}

/// Comments of both on one pull request are two comments.
#[test]
fn every_format_says_that_it_was_a_removal() {
    let served = lab();
    let formats: [(&str, &[&str]); 4] = [
        (
            "markdown",
            &[
                "<!-- iggyctl destroy: shop/",
                "Removal of `shop`",
                "nothing is left to remove",
            ],
        ),
        (
            "html",
            &["<title>Removal of shop", "nothing is left to remove"],
        ),
        ("json", &["\"destroys\": true"]),
        ("github", &["title=iggyctl destroy::Destroy: "]),
    ];
    for (format, words) in formats {
        let all = ["destroy", "--yes", "--expect-removals", "4", "-o", format];
        let refused = run(&served, &["destroy", "--yes", "-o", format]);
        assert_eq!(refused.code, 3, "{}", refused.transcript());
        let done = run(&served, &all);
        assert_eq!(done.code, 0, "{}", done.transcript());
        let nothing = run(&served, &["destroy", "--yes", "-o", format]);
        assert_eq!(nothing.code, 0, "{}", nothing.transcript());
        for word in words {
            assert!(done.stdout.contains(word), "{word}: {}", done.transcript());
            assert!(
                nothing.stdout.contains(word),
                "{word}: {}",
                nothing.transcript()
            );
        }
        for run in [refused, done, nothing] {
            for word in ["Apply", "apply:", "as declared", "no manifest declares"] {
                let said = run.stdout.contains(word) || run.stderr.contains(word);
                assert!(!said, "{word}: {}", run.transcript());
            }
        }
        let arguments = ["apply", "--yes"];
        assert_eq!(run(&served, &arguments).code, 0);
    }
}

#[test]
fn the_reason_why_nothing_is_allowed_is_the_true_one() {
    let served = lab();
    let topology = TOPOLOGY.replace("    - name: shop-a\n", "");
    served.sandbox.write("topology.yaml", topology);
    let warned = |flags: &[&str], address: &str, reason: &str| {
        let named = ["--allow-destroy", address];
        let run = run(&served, &[&["plan"], flags, &named].concat());
        assert_eq!(run.code, 0, "{}", run.transcript());
        let warning = format!("--allow-destroy {address} allows nothing: {reason}\n");
        assert!(run.stderr.contains(&warning), "{}", run.transcript());
    };
    let not_owned = "no manifest declares it, and no `owns` names it, so it is never removed";
    let not_there = "the server has nothing of that name";
    for flags in [&["--prune"][..], &[]] {
        warned(flags, "stream/elsewhere", not_owned);
        warned(flags, "user/mallory", not_there);
        warned(flags, "stream/shop-none", not_there);
        warned(flags, "topic/orders/none", not_there);
        warned(
            flags,
            "stream/orders",
            "no step of this plan loses its data",
        );
    }
    warned(
        &[],
        "stream/shop-a",
        "no manifest declares it; it is deleted with --prune",
    );
    warned(
        &["--prune", "--only", "stream/orders"],
        "stream/shop-a",
        "--only leaves it out",
    );
}

/// A topic of a stream that is declared as a whole is removed with it, and not by itself.
#[test]
fn only_names_what_is_removed_by_itself() {
    let served = lab();
    let run = run(
        &served,
        &["destroy", "--yes", "--only", "topic/orders/events"],
    );
    assert_eq!(run.code, 64, "{}", run.transcript());
    let said = "topic/orders/events is removed only with stream/orders";
    assert!(run.stderr.contains(said), "{}", run.transcript());
}
