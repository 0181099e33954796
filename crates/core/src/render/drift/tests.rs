use crate::drift::{DriftItem, DriftKind, DriftRecord, DriftReport, DriftVerdict, OtherLedger};
use crate::render::{TextOptions, annotations_text};

fn item(address: &str, kind: DriftKind) -> DriftItem {
    DriftItem {
        address: address.parse().unwrap(),
        attribute: None,
        kind,
        applied: None,
        not_set: false,
        live: None,
        declared: None,
        now: None,
        note: None,
    }
}

fn attribute(address: &str, kind: DriftKind, name: &str, values: [&str; 3]) -> DriftItem {
    let [applied, live, declared] = values.map(|it| Some(it.to_owned()));
    DriftItem {
        attribute: Some(name.to_owned()),
        applied,
        live,
        declared,
        ..item(address, kind)
    }
}

fn items() -> Vec<DriftItem> {
    let mut items = vec![
        attribute(
            "topic/orders/events",
            DriftKind::Changed,
            "messageExpiry",
            ["7d", "1h", "7d"],
        ),
        attribute(
            "topic/orders/events",
            DriftKind::Both,
            "partitions",
            ["3", "6", "4"],
        ),
        item("stream/shop", DriftKind::Deleted),
        item("topic/shop/a", DriftKind::Deleted),
        item("group/shop/a/readers", DriftKind::Deleted),
        item("topic/orders/audit", DriftKind::Recreated),
        item("stream/new", DriftKind::Appeared),
        item("stream/old", DriftKind::CameBack),
        attribute(
            "user/ann",
            DriftKind::Ahead,
            "status",
            ["active", "active", "inactive"],
        ),
        item("user/bob", DriftKind::Ahead),
        item("stream/tmp", DriftKind::NotPruned),
        attribute(
            "topic/x/y",
            DriftKind::Unsettled,
            "compression",
            ["none", "none", "gzip"],
        ),
        item("stream/there", DriftKind::Undeclared),
        DriftItem {
            now: Some("stream/former".parse().unwrap()),
            ..item("stream/there-anew", DriftKind::RenamedAway)
        },
    ];
    items.push(DriftItem {
        now: Some("topic/orders/b".parse().unwrap()),
        ..item("topic/orders/a", DriftKind::Renamed)
    });
    items.push(DriftItem {
        note: Some("the login lacks a right".to_owned()),
        ..item("stream/secret", DriftKind::Unreadable)
    });
    items.extend((0..6).map(|number| {
        let address = format!("topic/many/t{number}");
        attribute(
            &address,
            DriftKind::Changed,
            "messageExpiry",
            ["7d", "1h", "7d"],
        )
    }));
    items
}

fn record() -> DriftRecord {
    DriftRecord {
        revision: 12,
        at_micros: 1_763_647_392_900_000,
        begun_at: crate::wording::time_of_server(1_763_647_392_900_000),
        by: "deploy on runner-7".to_owned(),
        commit: Some("0123abc".to_owned()),
    }
}

fn report(items: Vec<DriftItem>) -> DriftReport {
    let ignores = ["topic/ignored/*:partitions", "stream/never"].map(|it| it.parse().unwrap());
    let notes = vec!["Passwords cannot be read, so they are not compared.".to_owned()];
    let project = Some("shop".to_owned());
    DriftReport::new(
        project,
        "production".to_owned(),
        Ok(record()),
        items,
        &ignores,
        notes,
    )
}

#[test]
fn for_people() {
    let mut items = items();
    items.push(attribute(
        "topic/ignored/a",
        DriftKind::Changed,
        "partitions",
        ["1", "2", "1"],
    ));
    insta::assert_snapshot!(report(items).to_text(TextOptions::default()));
}

#[test]
fn for_a_comment() {
    insta::assert_snapshot!(report(items()).to_markdown());
}

#[test]
fn for_a_workflow() {
    insta::assert_snapshot!(annotations_text(report(items()).annotations(|_| None)));
}

#[test]
fn nothing_to_say() {
    let text = report(Vec::new()).to_text(TextOptions::default());
    assert!(
        text.ends_with("No drift: the server is as it was applied.\n"),
        "{text}"
    );
    let unrecorded = DriftReport::new(
        None,
        "production".to_owned(),
        Err("the server has no ledger".to_owned()),
        vec![item("stream/a", DriftKind::Unrecorded)],
        &[],
        Vec::new(),
    );
    insta::assert_snapshot!(unrecorded.to_text(TextOptions::default()));
}

#[test]
fn another_ledger_is_drift_by_itself() {
    let said = |items, now: Option<&str>| {
        let other = OtherLedger {
            before: "1763647392000000-1".to_owned(),
            now: now.map(str::to_owned),
        };
        report(items).with_other_ledger(Some(other))
    };
    let gone = said(Vec::new(), None);
    assert_eq!(gone.verdict, DriftVerdict::Drift);
    assert_eq!(
        gone.footer(),
        "Drift: the ledger 1763647392000000-1 is gone: this is another server, or what it held \
         was deleted."
    );
    let changed = vec![item("stream/a", DriftKind::Deleted)];
    assert_eq!(
        said(changed, Some("1763647392000000-2")).footer(),
        "Drift: the ledger is 1763647392000000-2 and was 1763647392000000-1: this is another \
         server, or what it held is gone. Drift: 1 change made by hand."
    );
    let same = report(Vec::new()).with_other_ledger(None);
    assert_eq!(same.verdict, DriftVerdict::None);
}

#[test]
fn since_the_last_look() {
    let (before, after) = (items(), items());
    let before = before.into_iter().skip(2).collect();
    let after = after.into_iter().take(4).collect();
    let text = report(after).changes_to_text(&before, TextOptions::default());
    insta::assert_snapshot!(text);
}

#[test]
fn names_are_only_read() {
    let address = "topic/a\u{1b}[31m|`@team <!-- -->/\u{202e}b";
    let evil = DriftItem {
        note: Some("\u{1b}[2J ::error::x @team".to_owned()),
        ..item("stream/a", DriftKind::Unreadable)
    };
    let address = address.replace('\u{1b}', "%1B").parse().unwrap();
    let evil = DriftItem { address, ..evil };
    let report = report(vec![evil]);
    for text in [
        report.to_text(TextOptions::default()),
        report.to_markdown(),
        annotations_text(report.annotations(|_| None)),
        report.to_json().unwrap(),
    ] {
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    let markdown = report.to_markdown();
    assert!(!markdown.contains(" @team"), "{markdown}");
    assert!(!markdown.contains('\u{202e}'), "{markdown}");
}

#[test]
fn a_comment_has_a_limit() {
    let many = (0..10_000).map(|number| {
        let address = format!("topic/orders/{}-{number}", "x".repeat(100));
        item(&address, DriftKind::Deleted)
    });
    let text = report(many.collect()).to_markdown();
    assert!(text.len() <= 60_000, "{}", text.len());
    assert!(text.contains("rows left out"), "{text}");
}
