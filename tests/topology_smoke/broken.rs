//! Each kind of check is able to fail: something is broken by hand, or by a fault of the
//! server, and exactly the checks about it fail.

use std::collections::BTreeMap;

use iggy::prelude::*;
use iggyctl_embedded::{FaultKind, FaultPlan, FaultTarget, Misbehavior};

use crate::lab::{Lab, Smoke};

/// Commands of the wire protocol.
const POLL: u32 = 100;
const SEND: u32 = 101;
const CREATE_TOPIC: u32 = 302;
const JOIN: u32 = 604;

fn named(name: &str) -> Identifier {
    Identifier::named(name).unwrap()
}

/// The checks that fail, with exit code 7, and nothing is left.
fn failed(lab: &Lab, smoke: &Smoke, expected: &[&str]) {
    assert_eq!(smoke.run.code, 7, "{}", smoke.run.transcript());
    let all: Vec<String> = smoke
        .ended("failed")
        .into_iter()
        .map(|name| format!("{name}: {}", smoke.failure(name)))
        .collect();
    assert_eq!(smoke.ended("failed"), expected, "{all:#?}");
    lab.server().faults().clear();
    assert_eq!(lab.left_behind(), [""; 0]);
}

/// Gives billing these rights on topics of the stream `shop`, and nothing else.
fn grant(lab: &Lab, topics: &[(&str, TopicPermissions)]) {
    lab.by_hand(async |root| {
        let shop = root.get_stream(&named("shop")).await.unwrap().unwrap();
        let mut by_id = BTreeMap::new();
        for (name, permissions) in topics {
            let topic = root.get_topic(&named("shop"), &named(name)).await;
            by_id.insert(topic.unwrap().unwrap().id as usize, permissions.clone());
        }
        let stream = StreamPermissions {
            topics: Some(by_id),
            ..StreamPermissions::default()
        };
        let permissions = Permissions {
            streams: Some([(shop.id as usize, stream)].into()),
            ..Permissions::default()
        };
        root.update_permissions(&named("billing"), Some(permissions))
            .await
            .unwrap();
    });
}

fn read() -> TopicPermissions {
    TopicPermissions {
        read_topic: true,
        ..TopicPermissions::default()
    }
}

fn send() -> TopicPermissions {
    TopicPermissions {
        send_messages: true,
        ..TopicPermissions::default()
    }
}

#[test]
fn a_grant_that_was_removed_by_hand() {
    let lab = Lab::applied();
    grant(&lab, &[("dead-letters", send())]);
    let smoke = lab.smoke(&[]);
    failed(&lab, &smoke, &["exists/user/billing", "poll/user/billing"]);
    assert_eq!(
        smoke.failure("poll/user/billing"),
        "read topics as user/billing: expected topic/shop/orders allowed; found topic/shop/orders \
         denied"
    );
}

#[test]
fn a_grant_that_was_added_by_hand() {
    let lab = Lab::applied();
    grant(&lab, &[("orders", read()), ("dead-letters", read())]);
    let smoke = lab.smoke(&[]);
    failed(&lab, &smoke, &["exists/user/billing", "poll/user/billing"]);
    assert_eq!(
        smoke.failure("poll/user/billing"),
        "read topics as user/billing: expected topic/shop/dead-letters denied; found \
         topic/shop/dead-letters allowed"
    );
}

#[test]
fn a_password_that_was_changed_by_hand() {
    let lab = Lab::applied();
    lab.by_hand(async |root| {
        root.change_password(&named("billing"), "s3cret-billing", "an0ther-one")
            .await
            .unwrap();
    });
    let smoke = lab.smoke(&[]);
    failed(&lab, &smoke, &["exists/user/billing", "login/user/billing"]);
    let polls = smoke.failure("poll/user/billing");
    assert!(polls.starts_with("skipped: there is no login"), "{polls}");
}

#[test]
fn a_user_that_was_deactivated_or_activated_by_hand() {
    for (user, status, expected) in [
        (
            "billing",
            UserStatus::Inactive,
            vec!["exists/user/billing", "login/user/billing"],
        ),
        (
            "intern",
            UserStatus::Active,
            vec!["exists/user/intern", "login/user/intern"],
        ),
    ] {
        let lab = Lab::applied();
        lab.by_hand(async |root| {
            root.update_user(
                &named(user),
                None,
                Some(status),
                &UserUpdateOptions::default(),
            )
            .await
            .unwrap();
        });
        let smoke = lab.smoke(&[]);
        failed(&lab, &smoke, &expected);
    }
}

#[test]
fn a_token_that_was_revoked_by_hand() {
    let lab = Lab::applied();
    let address = lab
        .address()
        .replace("iggy:iggy", "checkout:s3cret-checkout");
    let run = lab
        .sandbox
        .run(&["token", "delete", "service", "--yes", "--server", &address]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    let smoke = lab.smoke(&[]);
    failed(
        &lab,
        &smoke,
        &["exists/user/checkout", "login/token/checkout/service"],
    );
}

/// The value of a token of somebody else.
#[test]
fn a_token_that_is_of_another_user() {
    let lab = Lab::applied();
    let value = lab.by_hand(async |root| {
        root.create_personal_access_token("other", PersonalAccessTokenExpiry::NeverExpire)
            .await
            .unwrap()
            .token
    });
    std::fs::write(lab.sandbox.path().join("tokens/checkout"), value).unwrap();
    let smoke = lab.smoke(&["--scenario", "login/*"]);
    failed(&lab, &smoke, &["login/token/checkout/service"]);
}

#[test]
fn a_group_that_was_deleted_by_hand() {
    let lab = Lab::applied();
    lab.by_hand(async |root| {
        root.delete_consumer_group(&named("shop"), &named("orders"), &named("shipping"))
            .await
            .unwrap();
    });
    let smoke = lab.smoke(&[]);
    failed(&lab, &smoke, &["exists/stream/shop"]);
    let found = smoke.failure("exists/stream/shop");
    assert!(found.contains("group/shop/orders/shipping"), "{found}");
}

#[test]
fn a_setting_that_was_changed_by_hand() {
    let lab = Lab::applied();
    lab.by_hand(async |root| {
        let options = TopicUpdateOptions {
            message_expiry: Some(IggyExpiry::ExpireDuration(IggyDuration::from(
                3_600_000_000,
            ))),
            ..TopicUpdateOptions::default()
        };
        root.update_topic(&named("shop"), &named("orders"), "orders", &options)
            .await
            .unwrap();
    });
    let smoke = lab.smoke(&[]);
    failed(&lab, &smoke, &["exists/stream/shop"]);
    let found = smoke.failure("exists/stream/shop");
    assert!(found.contains("topic/shop/orders"), "{found}");
}

#[test]
fn a_topic_that_was_deleted_by_hand() {
    let lab = Lab::applied();
    lab.by_hand(async |root| {
        root.delete_topic(&named("shop"), &named("orders"))
            .await
            .unwrap();
    });
    let smoke = lab.smoke(&[]);
    failed(
        &lab,
        &smoke,
        &[
            "exists/stream/shop",
            "exists/user/billing",
            "exists/user/checkout",
            "poll/user/billing",
            "poll/user/checkout",
        ],
    );
    // Not there is not the same as denied.
    let found = smoke.failure("poll/user/checkout");
    assert!(found.contains("not found"), "{found}");
}

/// A refusal for another reason is no denial, and no success either.
#[test]
fn a_server_that_refuses_to_read() {
    let lab = Lab::applied();
    let refused =
        FaultPlan::none().always(FaultKind::UnsupportedOptionKey, FaultTarget::Command(POLL));
    lab.server().faults().set(refused);
    let smoke = lab.smoke(&[]);
    failed(
        &lab,
        &smoke,
        &[
            "join/stream/shop",
            "poll/user/billing",
            "poll/user/checkout",
            "round-trip/stream/payroll",
            "round-trip/stream/shop",
            "send/user/billing",
            "send/user/checkout",
        ],
    );
}

#[test]
fn a_server_that_refuses_to_take_messages() {
    let lab = Lab::applied();
    let refused =
        FaultPlan::none().always(FaultKind::UnsupportedOptionKey, FaultTarget::Command(SEND));
    lab.server().faults().set(refused);
    let smoke = lab.smoke(&["--canary"]);
    failed(
        &lab,
        &smoke,
        &[
            "canary/user/billing",
            "canary/user/checkout",
            "join/stream/shop",
            "round-trip/stream/payroll",
            "round-trip/stream/shop",
            "send/user/billing",
            "send/user/checkout",
            "send/user/intern",
        ],
    );
}

#[test]
fn a_canary_that_may_not_send_any_more() {
    let lab = Lab::applied();
    grant(&lab, &[("orders", read())]);
    let smoke = lab.smoke(&["--canary"]);
    failed(
        &lab,
        &smoke,
        &["canary/user/billing", "exists/user/billing"],
    );
}

#[test]
fn a_group_that_cannot_be_joined() {
    let lab = Lab::applied();
    // The first one to join is the run itself, by which the next one knows that it lives.
    lab.server()
        .faults()
        .set(FaultPlan::none().with(iggyctl_embedded::Fault {
            kind: FaultKind::UnsupportedOptionKey,
            target: FaultTarget::Command(JOIN),
            at: 2,
            times: u64::MAX,
        }));
    let smoke = lab.smoke(&[]);
    failed(&lab, &smoke, &["join/stream/shop"]);
}

/// The copy is what is declared, or everything on it means nothing.
#[test]
fn a_copy_that_cannot_be_made() {
    let lab = Lab::applied();
    // The first topic is that of the lease.
    lab.server()
        .faults()
        .set(FaultPlan::none().with(iggyctl_embedded::Fault {
            kind: FaultKind::UnsupportedOptionKey,
            target: FaultTarget::Command(CREATE_TOPIC),
            at: 2,
            times: u64::MAX,
        }));
    let smoke = lab.smoke(&[]);
    failed(&lab, &smoke, &["copy"]);
    for name in [
        "send/user/billing",
        "round-trip/stream/shop",
        "join/stream/shop",
    ] {
        let skipped = smoke.failure(name);
        assert!(
            skipped.starts_with("skipped: there is no copy"),
            "{skipped}"
        );
    }
}

/// A user that nobody manages holds permissions on a stream that is gone: the copy would
/// get its number.
#[test]
fn a_copy_that_would_be_open_to_somebody_else_is_not_made() {
    let lab = Lab::applied();
    lab.by_hand(async |root| {
        root.create_user("ghost", "s3cret-ghost", UserStatus::Active, None)
            .await
            .unwrap();
        let stream = StreamPermissions {
            read_stream: true,
            ..StreamPermissions::default()
        };
        // Two are there, and the next is that of the lease.
        let permissions = Permissions {
            streams: Some((3..6).map(|id| (id, stream.clone())).collect()),
            ..Permissions::default()
        };
        root.update_permissions(&named("ghost"), Some(permissions))
            .await
            .unwrap();
    });
    let smoke = lab.smoke(&[]);
    assert_eq!(smoke.run.code, 0, "{}", smoke.run.transcript());
    for name in [
        "copy",
        "send/user/billing",
        "round-trip/stream/shop",
        "join/stream/shop",
    ] {
        let skipped = smoke.failure(name);
        assert!(skipped.starts_with("skipped: "), "{name}: {skipped}");
    }
    assert_eq!(smoke.statuses()["poll/user/billing"], "passed");
    assert_eq!(lab.left_behind(), [""; 0]);
}

fn misbehaving(misbehavior: Misbehavior) -> Lab {
    let lab = Lab::applied();
    let plan = FaultPlan::none().misbehave(misbehavior, "iggyctl-smoke-");
    lab.server().faults().set(plan);
    lab
}

#[test]
fn a_server_that_lets_everybody_do_everything() {
    let lab = misbehaving(Misbehavior::PermitEverything);
    let smoke = lab.smoke(&[]);
    failed(
        &lab,
        &smoke,
        &[
            // It lists the tokens of root.
            "exists/user/checkout",
            "poll/user/billing",
            "poll/user/checkout",
            "send/user/billing",
            "send/user/checkout",
            "send/user/intern",
        ],
    );
    assert_eq!(
        smoke.failure("send/user/checkout"),
        "send with the rights of user/checkout: expected topic/payroll/salaries denied; \
         topic/shop/dead-letters denied; found topic/payroll/salaries allowed; \
         topic/shop/dead-letters allowed"
    );
}

#[test]
fn a_server_that_changes_what_it_keeps() {
    let lab = misbehaving(Misbehavior::CorruptPayloads);
    let smoke = lab.smoke(&[]);
    failed(
        &lab,
        &smoke,
        &[
            "round-trip/stream/payroll",
            "round-trip/stream/shop",
            "send/user/billing",
            "send/user/checkout",
        ],
    );
    let found = smoke.failure("round-trip/stream/payroll");
    assert!(found.contains("there with another payload"), "{found}");
}

/// What is confirmed is not where it should be.
#[test]
fn a_server_that_keeps_messages_elsewhere() {
    let lab = misbehaving(Misbehavior::IgnorePartitions);
    let smoke = lab.smoke(&[]);
    failed(
        &lab,
        &smoke,
        &[
            "join/stream/shop",
            "round-trip/stream/payroll",
            "round-trip/stream/shop",
        ],
    );
    let found = smoke.failure("round-trip/stream/payroll");
    assert!(
        found.contains("partition 1: confirmed and not there"),
        "{found}"
    );
}

#[test]
fn a_server_that_keeps_messages_twice() {
    let lab = misbehaving(Misbehavior::DuplicateMessages);
    let smoke = lab.smoke(&[]);
    failed(
        &lab,
        &smoke,
        &[
            "join/stream/shop",
            "round-trip/stream/payroll",
            "round-trip/stream/shop",
            "send/user/billing",
            "send/user/checkout",
        ],
    );
    let found = smoke.failure("join/stream/shop");
    assert!(found.contains("came 2 times"), "{found}");
}
