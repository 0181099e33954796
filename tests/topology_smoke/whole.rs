//! A topology that is as declared.

use std::time::Duration;

use iggy::prelude::*;
use iggyctl_embedded::{FaultKind, FaultPlan, FaultTarget};

use crate::lab::Lab;

const ALL: [&str; 17] = [
    "copy",
    "exists/stream/payroll",
    "exists/stream/shop",
    "exists/user/billing",
    "exists/user/checkout",
    "exists/user/intern",
    "join/stream/shop",
    "login/token/checkout/service",
    "login/user/billing",
    "login/user/checkout",
    "login/user/intern",
    "poll/user/billing",
    "poll/user/checkout",
    "round-trip/stream/payroll",
    "round-trip/stream/shop",
    "send/user/billing",
    "send/user/checkout",
];

#[test]
fn everything_that_is_declared_works() {
    let lab = Lab::applied();
    let smoke = lab.smoke(&[]);
    assert_eq!(smoke.run.code, 0, "{}", smoke.run.transcript());
    let mut passed = smoke.ended("passed");
    passed.retain(|name| *name != "send/user/intern");
    assert_eq!(passed, ALL);
    assert_eq!(smoke.ended("skipped"), ["poll/user/intern"]);
    assert_eq!(
        smoke.failure("poll/user/intern"),
        "skipped: the user is inactive"
    );
    assert_eq!(lab.left_behind(), [""; 0]);
    // Each secret by its own name, anywhere.
    let text = smoke.run.transcript();
    assert!(!text.contains("s3cret-"), "{text}");
}

#[test]
fn the_report_is_for_people() {
    let lab = Lab::applied();
    let run = lab.run(&["smoke", "-f", "smoke.yaml"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    for line in [
        "ok    login/token/checkout/service",
        "ok    copy",
        "18 passed, 1 skipped",
    ] {
        assert!(run.stdout.contains(line), "{}", run.transcript());
    }
}

/// Checks on the copy begin when it is made; the time that it took is that of `copy`.
#[test]
fn the_copy_takes_the_time_that_it_takes() {
    const CREATE_USER: u32 = 33;
    let lab = Lab::applied();
    let delay = FaultKind::Delay(Duration::from_millis(300));
    let plan = FaultPlan::none().always(delay, FaultTarget::Command(CREATE_USER));
    lab.server().faults().set(plan);
    let smoke = lab.smoke(&["--scenario", "copy"]);
    assert_eq!(smoke.run.code, 0, "{}", smoke.run.transcript());
    let took = &smoke.report["scenarios"][0]["durationMilliseconds"];
    assert!(took.as_f64().unwrap() >= 300.0, "{took}");
}

/// Real topics are only read, and no offset is stored.
#[test]
fn the_real_topics_stay_as_they_were() {
    let lab = Lab::applied();
    let shop = || Identifier::named("shop").unwrap();
    let orders = || Identifier::named("orders").unwrap();
    lab.by_hand(async |root| {
        let mut messages = [IggyMessage::builder()
            .payload("an order".into())
            .build()
            .unwrap()];
        let partition = Partitioning::partition_id(0);
        root.send_messages(&shop(), &orders(), &partition, &mut messages)
            .await
            .unwrap();
    });
    let before = lab.server().requests();
    before.reset();
    let smoke = lab.smoke(&[]);
    assert_eq!(smoke.run.code, 0, "{}", smoke.run.transcript());
    // `store_consumer_offset` of the wire protocol.
    assert_eq!(lab.server().requests().count(121), 0);
    lab.by_hand(async |root| {
        let topic = root.get_topic(&shop(), &orders()).await.unwrap().unwrap();
        assert_eq!(topic.messages_count, 1);
        let salaries = Identifier::named("salaries").unwrap();
        let payroll = Identifier::named("payroll").unwrap();
        let topic = root.get_topic(&payroll, &salaries).await.unwrap().unwrap();
        assert_eq!(topic.messages_count, 0);
        let reader = Consumer::new(Identifier::named("iggyctl-smoke").unwrap());
        let offset = root
            .get_consumer_offset(&reader, &shop(), &orders(), Some(0))
            .await
            .unwrap();
        assert!(offset.is_none(), "{offset:?}");
    });
}

/// What cannot be tried is not taken for something that works.
#[test]
fn what_is_not_here_is_skipped_with_its_reason() {
    let mut lab = Lab::applied();
    lab.forget("CHECKOUT_PASSWORD");
    std::fs::remove_file(lab.sandbox.path().join("tokens/checkout")).unwrap();
    let smoke = lab.smoke(&[]);
    let reason = smoke.failure("login/user/checkout");
    assert!(reason.starts_with("skipped: "), "{reason}");
    assert!(reason.contains("CHECKOUT_PASSWORD"), "{reason}");
    let token = smoke.failure("login/token/checkout/service");
    assert!(token.starts_with("skipped: "), "{token}");
    let poll = smoke.failure("poll/user/checkout");
    assert!(poll.starts_with("skipped: "), "{poll}");
    // Rights are tried all the same, by a temporary user.
    assert_eq!(smoke.statuses()["send/user/checkout"], "passed");
}

/// With a token, a user is tried whose password is not here.
#[test]
fn a_token_stands_in_for_a_password_that_is_not_here() {
    let mut lab = Lab::applied();
    lab.forget("CHECKOUT_PASSWORD");
    let tried = ["login/*checkout*", "poll/*checkout", "send/*checkout"];
    let tried: Vec<&str> = tried.iter().flat_map(|it| ["--scenario", *it]).collect();
    let smoke = lab.smoke(&tried);
    assert_eq!(
        smoke.ended("passed"),
        [
            "login/token/checkout/service",
            "poll/user/checkout",
            "send/user/checkout",
        ]
    );
    assert_eq!(smoke.ended("skipped"), ["login/user/checkout"]);
}

#[test]
fn only_what_is_named_is_tried() {
    let lab = Lab::applied();
    let smoke = lab.smoke(&["--scenario", "login/*"]);
    assert_eq!(smoke.run.code, 0, "{}", smoke.run.transcript());
    assert!(smoke.statuses().keys().all(|it| it.starts_with("login/")));
    assert_eq!(smoke.statuses().len(), 4);
    let run = lab.run(&["smoke", "-f", "smoke.yaml", "--scenario", "logon/*"]);
    assert_eq!(run.code, 64, "{}", run.transcript());
    assert_eq!(lab.left_behind(), [""; 0]);
}

/// Who only looks makes nothing, and a name that is none is refused before that.
#[test]
fn nothing_is_made_that_no_check_needs() {
    /// Commands of the wire protocol.
    const CREATE_USER: u32 = 33;
    const CREATE_STREAM: u32 = 202;
    let lab = Lab::applied();
    let requests = lab.server().requests();
    requests.reset();
    let looking = ["login/*", "exists/*", "poll/*"];
    let looking: Vec<&str> = looking.iter().flat_map(|it| ["--scenario", *it]).collect();
    let smoke = lab.smoke(&looking);
    assert_eq!(smoke.run.code, 0, "{}", smoke.run.transcript());
    // One that is known only when the server was asked.
    let unknown = [
        "smoke",
        "-f",
        "smoke.yaml",
        "--scenario",
        "poll/user/nobody",
    ];
    let run = lab.run(&unknown);
    assert_eq!(run.code, 64, "{}", run.transcript());
    assert_eq!(requests.count(CREATE_STREAM), 0);
    assert_eq!(requests.count(CREATE_USER), 0);
    // What is counted is what a copy takes.
    let smoke = lab.smoke(&["--scenario", "copy"]);
    assert_eq!(smoke.run.code, 0, "{}", smoke.run.transcript());
    assert!(requests.count(CREATE_STREAM) > 0);
    assert!(requests.count(CREATE_USER) > 0);

    // Not even a server is needed to refuse these.
    for unknown in ["logon/*", "login/user/nobody", "copies"] {
        let nobody = [
            "--server",
            "iggy://iggy:iggy@127.0.0.1:1",
            "--scenario",
            unknown,
        ];
        let smoke = ["smoke", "-f", "smoke.yaml"];
        let run = lab.sandbox.run(&[&smoke[..], &nobody].concat());
        assert_eq!(run.code, 64, "{}", run.transcript());
    }
}

#[test]
fn a_canary_goes_through_the_real_topics_and_says_what_it_is() {
    let lab = Lab::applied();
    let smoke = lab.smoke(&["--canary", "--scenario", "canary/*"]);
    assert_eq!(smoke.run.code, 0, "{}", smoke.run.transcript());
    assert_eq!(
        smoke.ended("passed"),
        ["canary/user/billing", "canary/user/checkout"]
    );
    let polled = lab.by_hand(async |root| {
        root.poll_messages(
            &Identifier::named("shop").unwrap(),
            &Identifier::named("orders").unwrap(),
            Some(0),
            &Consumer::default(),
            &PollingStrategy::first(),
            10,
            false,
        )
        .await
        .unwrap()
    });
    assert_eq!(polled.messages.len(), 1);
    let headers = polled.messages[0].user_headers_map().unwrap().unwrap();
    let names: Vec<String> = headers.keys().map(|key| key.to_string()).collect();
    assert!(
        names.iter().any(|name| name.contains("iggyctl-smoke")),
        "{names:?}"
    );
}

/// Rights on the whole server are tried on the copy without being given to anybody.
#[test]
fn no_temporary_user_gets_a_right_on_the_whole_server() {
    let lab = Lab::of(
        "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams:
    - name: shop
      topics: [{ name: orders, partitions: 1 }]
  users:
    - name: billing
      status: active
      password: { env: BILLING_PASSWORD }
      permissions:
        allow: [send_messages, manage_users]
",
    );
    let run = lab.run(&["apply", "--yes", "-f", "smoke.yaml"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    let smoke = lab.smoke(&[]);
    assert_eq!(smoke.run.code, 0, "{}", smoke.run.transcript());
    assert_eq!(smoke.statuses()["send/user/billing"], "passed");
    assert_eq!(
        smoke.report["notes"],
        serde_json::json!([
            "user/billing has send_messages on the whole server: its temporary user has what \
             that means for messages on the copied streams alone",
            "user/billing has manage_users on the whole server, which no temporary user gets",
        ])
    );
}

/// A pattern may match what cannot be tried; a name asks for it.
#[test]
fn what_is_named_has_to_run() {
    let lab = Lab::applied();
    let smoke = lab.smoke(&["--scenario", "poll/*"]);
    assert_eq!(smoke.run.code, 0, "{}", smoke.run.transcript());
    let smoke = lab.smoke(&["--scenario", "poll/user/intern"]);
    assert_eq!(smoke.run.code, 7, "{}", smoke.run.transcript());
    assert_eq!(smoke.ended("failed"), ["poll/user/intern"]);
}

/// As many topics as nobody wants to wait for: a sample is tried, and it is said.
#[test]
fn a_big_topology_is_sampled() {
    let mut manifest = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: big }
spec:
  streams:
    - name: big
      topics:
"
    .to_owned();
    for topic in 0..300 {
        manifest.push_str(&format!("        - {{ name: topic-{topic} }}\n"));
    }
    let lab = Lab::of(&manifest);
    let run = lab.run(&["apply", "--yes", "-f", "smoke.yaml"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    let smoke = lab.smoke(&[]);
    assert_eq!(smoke.run.code, 0, "{}", smoke.run.transcript());
    assert_eq!(
        smoke.report["notes"],
        serde_json::json!(["of 300 topics, 200 are copied, evenly spread; --all copies each"])
    );
    let smoke = lab.smoke(&["--all"]);
    assert_eq!(smoke.run.code, 0, "{}", smoke.run.transcript());
    assert_eq!(smoke.report["notes"], serde_json::Value::Null);
    assert_eq!(lab.left_behind(), [""; 0]);
}

/// Users that cannot be read are not taken for missing, and not for working.
#[test]
fn a_login_that_may_not_read_users_tries_what_it_can() {
    let lab = Lab::applied();
    lab.by_hand(async |root| {
        let permissions = Permissions {
            global: GlobalPermissions {
                manage_streams: true,
                ..GlobalPermissions::default()
            },
            streams: None,
        };
        root.create_user("ops", "s3cret-ops", UserStatus::Active, Some(permissions))
            .await
            .unwrap();
    });
    let address = lab.address().replace("iggy:iggy", "ops:s3cret-ops");
    let run = lab
        .sandbox
        .run(&["smoke", "-f", "smoke.yaml", "--server", &address]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    for line in [
        "skip  exists/user/billing ",
        "ok    exists/stream/shop ",
        "ok    poll/user/billing ",
        "skip  send/user/billing ",
        "ok    round-trip/stream/shop ",
    ] {
        assert!(run.stdout.contains(line), "{line}: {}", run.transcript());
    }
    assert_eq!(lab.left_behind(), [""; 0]);
}
