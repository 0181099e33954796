use std::collections::BTreeSet;

use super::{Finding, FindingCode, check, check_declared};
use crate::diff::diff;
use crate::manifest::{SourceFile, Variables, compile};
use crate::quantity::{ByteSize, MaxTopicSize, MessageExpiry};
use crate::state::desired::{DesiredState, DesiredTopic};
use crate::state::observed::{ObservedState, ObservedTopic};
use crate::testing::{declare_stream, declare_topic, name, there_group, there_topic};

const GIB: u64 = 1 << 30;

fn size(bytes: u64) -> Option<MaxTopicSize> {
    Some(MaxTopicSize::from_bytes(bytes))
}

/// The codes for a topic of a stream that is renamed on the way, so that the
/// live topic is found under another name, too.
fn codes(
    declare: impl Fn(&mut DesiredTopic),
    there: Option<fn(&mut ObservedTopic)>,
) -> Vec<String> {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    declare_stream(&mut desired, "new").previous_name = Some(name("old"));
    declare(declare_topic(&mut desired, "new", "t"));
    there_topic(&mut observed, "old", "other");
    if let Some(there) = there {
        there(there_topic(&mut observed, "old", "t"));
    }
    let findings = check(&diff(&desired, &observed), &desired, &observed);
    findings
        .findings
        .iter()
        .filter(|finding| finding.address.topic().is_some())
        .map(|finding| finding.code.to_string())
        .collect()
}

#[test]
fn each_risk_has_its_code() {
    let none: Vec<String> = Vec::new();
    // Partitions.
    let six = |topic: &mut DesiredTopic| topic.partitions = Some(6);
    assert_eq!(codes(six, Some(|live| live.partitions = 3)), ["IGW0001"]);
    assert_eq!(codes(six, Some(|live| live.partitions = 0)), none);
    assert_eq!(codes(six, Some(|live| live.partitions = 9)), none);
    assert_eq!(codes(six, None), none);
    // Preallocation: 65 segments of 1 GiB.
    let many = |topic: &mut DesiredTopic| topic.partitions = Some(65);
    let preallocating = |live: &mut ObservedTopic| {
        live.partitions = 64;
        live.settings.preallocate_segments = Some(true);
    };
    assert_eq!(codes(many, Some(preallocating)), ["IGW0001", "IGW0007"]);
    assert_eq!(codes(many, Some(|live| live.partitions = 64)), ["IGW0001"]);
    // Expiry.
    let hour = MessageExpiry::from_micros(3_600_000_000);
    let one_hour = move |topic: &mut DesiredTopic| topic.settings.message_expiry = Some(hour);
    assert_eq!(codes(one_hour, Some(|_| ())), ["IGW0002"]);
    let second = |live: &mut ObservedTopic| {
        live.settings.message_expiry = Some(MessageExpiry::from_micros(1_000_000));
    };
    assert_eq!(codes(one_hour, Some(second)), none);
    // Size.
    let five = |topic: &mut DesiredTopic| topic.settings.max_topic_size = size(5 * GIB);
    assert_eq!(codes(five, Some(|_| ())), ["IGW0003"]);
    let two = |live: &mut ObservedTopic| live.settings.max_topic_size = size(2 * GIB);
    assert_eq!(codes(five, Some(two)), none);
}

#[test]
fn an_empty_topic_is_not_counted() {
    let message = |messages: u64| {
        let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
        let hour = Some(MessageExpiry::from_micros(3_600_000_000));
        declare_topic(&mut desired, "s", "t")
            .settings
            .message_expiry = hour;
        let live = there_topic(&mut observed, "s", "t");
        live.messages = messages;
        live.size_bytes = messages * 1024;
        let findings = check(&diff(&desired, &observed), &desired, &observed);
        findings.findings[0].message.clone()
    };
    assert!(message(0).ends_with("the topic holds no messages now"));
    assert!(message(1).contains("the topic holds 1 message in 1KiB, "));
    assert!(message(2).contains("the topic holds 2 messages in 2KiB, "));
}

#[test]
fn a_size_is_held_against_partitions_and_segments_as_they_will_be() {
    let none: Vec<String> = Vec::new();
    let declare = |topic: &mut DesiredTopic| {
        topic.partitions = Some(6);
        topic.settings.max_topic_size = size(5 * GIB);
    };
    assert_eq!(codes(declare, None), ["IGW0004"]);
    let small_segments = |topic: &mut DesiredTopic| {
        declare(topic);
        topic.settings.segment_size = Some(ByteSize::new(GIB / 2).unwrap());
    };
    assert_eq!(codes(small_segments, None), none);
    // Only the partitions change; the size is the server's.
    let six = |topic: &mut DesiredTopic| topic.partitions = Some(6);
    let live = |live: &mut ObservedTopic| {
        live.partitions = 5;
        live.settings.max_topic_size = size(5 * GIB);
    };
    assert_eq!(codes(six, Some(live)), ["IGW0001", "IGW0004"]);
    // What does not change was accepted before.
    let converged = |live: &mut ObservedTopic| {
        live.partitions = 6;
        live.settings.max_topic_size = size(5 * GIB);
    };
    assert_eq!(codes(declare, Some(converged)), none);
}

#[test]
fn codes_are_distinct_and_explained() {
    let texts: BTreeSet<&str> = FindingCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(texts.len(), FindingCode::ALL.len());
    for code in FindingCode::ALL {
        assert!(code.explanation().len() > 80, "{code}");
    }
}

#[test]
fn a_chain_of_renames_that_cannot_act_is_said() {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    declare_stream(&mut desired, "registered").previous_name = Some(name("signups"));
    declare_stream(&mut desired, "signups").previous_name = Some(name("leads"));
    there_topic(&mut observed, "signups", "t");
    let of = |observed: &ObservedState| check(&diff(&desired, observed), &desired, observed);
    let findings = of(&observed).findings;
    let [finding] = findings.as_slice() else {
        panic!("{findings:?}");
    };
    assert_eq!(finding.code, FindingCode::RenameIgnored);
    assert_eq!(finding.address.to_string(), "stream/registered");
    for part in ["stream/signups keeps its own name", "stream/leads"] {
        assert!(finding.message.contains(part), "{}", finding.message);
    }
    // With all that it needs, the chain acts.
    there_topic(&mut observed, "leads", "t");
    let acting = of(&observed).findings;
    assert!(
        acting
            .iter()
            .all(|finding| finding.code == FindingCode::RenameBreaksClients),
        "{acting:?}"
    );
    assert_eq!(acting.len(), 2);
}

fn declared_codes(topics: &str, users: &str) -> Vec<String> {
    let text = format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: shop }}\nspec:\n  \
         streams: [{{ name: orders, topics: [{topics}] }}]\n{users}"
    );
    let source = SourceFile::new("shop.yaml", text);
    let state = compile(&[source], &Variables::default()).unwrap().state;
    let findings = check_declared(&state).findings;
    let line = |finding: &Finding| format!("{} {}", finding.code, finding.address);
    findings.iter().map(line).collect()
}

#[test]
fn partitions_out_of_proportion() {
    let none: Vec<String> = Vec::new();
    let bounded = |rest: &str| format!("{{ name: t, messageExpiry: 7d, {rest} }}");
    for (topic, found) in [
        ("partitions: 1000", false),
        ("partitions: 1001", true),
        ("partitions: 0", false),
        ("partitions: 0, consumerGroups: [g]", true),
        ("consumerGroups: [g]", false),
    ] {
        let expected = match found {
            true => vec!["IGW0024 topic/orders/t".to_owned()],
            false => none.clone(),
        };
        assert_eq!(declared_codes(&bounded(topic), ""), expected, "{topic}");
    }
    // In a plan: what is created, and what gets more.
    let many = |topic: &mut DesiredTopic| topic.partitions = Some(1001);
    assert_eq!(codes(many, None), ["IGW0024"]);
    assert_eq!(
        codes(many, Some(|live| live.partitions = 1000)),
        ["IGW0001", "IGW0024"]
    );
    assert_eq!(codes(many, Some(|live| live.partitions = 1001)), none);
    // Members that will have nothing to do are seen on the server only.
    let three = |topic: &mut DesiredTopic| topic.partitions = Some(3);
    for (members, found) in [(3, false), (4, true)] {
        let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
        three(declare_topic(&mut desired, "s", "t"));
        there_topic(&mut observed, "s", "t").partitions = 2;
        there_group(&mut observed, "s", "t", "g");
        let topic = there_topic(&mut observed, "s", "t");
        topic.partitions = 2;
        let group = topic.groups.as_mut().unwrap().get_mut(&name("g")).unwrap();
        group.members = members;
        let findings = check(&diff(&desired, &observed), &desired, &observed).findings;
        let is_there = findings
            .iter()
            .any(|finding| finding.code == FindingCode::PartitionsOutOfProportion);
        assert_eq!(is_there, found, "{members}");
    }
}

#[test]
fn topics_that_keep_everything() {
    let none: Vec<String> = Vec::new();
    for (topics, found) in [
        ("{ name: t }", vec!["topic/orders/t"]),
        ("{ name: t }, { name: u }", vec!["topic/orders/t"]),
        ("{ name: t, messageExpiry: 7d }", vec![]),
        ("{ name: t, maxTopicSize: 5GiB }", vec![]),
        (
            "{ name: t, messageExpiry: never, maxTopicSize: 5GiB }",
            vec![],
        ),
        (
            "{ name: t, messageExpiry: never }, { name: u, maxTopicSize: unlimited }",
            vec!["topic/orders/t", "topic/orders/u"],
        ),
    ] {
        let expected: Vec<String> = found.iter().map(|it| format!("IGW0025 {it}")).collect();
        assert_eq!(declared_codes(topics, ""), expected, "{topics}");
    }
    // In a plan: what a manifest says so, and what loses its last end.
    let never =
        |topic: &mut DesiredTopic| topic.settings.message_expiry = Some(MessageExpiry::NEVER);
    assert_eq!(codes(never, None), ["IGW0025"]);
    assert_eq!(codes(|_| (), None), none);
    let limited = |live: &mut ObservedTopic| {
        live.settings.message_expiry = Some(MessageExpiry::from_micros(1_000_000));
    };
    assert_eq!(codes(never, Some(limited)), ["IGW0025"]);
    let limited_by_size = |live: &mut ObservedTopic| {
        live.settings.message_expiry = Some(MessageExpiry::from_micros(1_000_000));
        live.settings.max_topic_size = size(5 * GIB);
    };
    assert_eq!(codes(never, Some(limited_by_size)), none);
    assert_eq!(codes(never, Some(|_| ())), none);
}

#[test]
fn groups_that_nobody_may_join() {
    let topic = "{ name: t, messageExpiry: 7d, consumerGroups: [g] }";
    let user = |permissions: &str| {
        format!("  users: [{{ name: svc, password: {{ env: PASSWORD }}{permissions} }}]\n")
    };
    let on_topic = |allow: &str| {
        user(&format!(
            ", permissions: {{ streams: [{{ name: orders, topics: [{{ name: t, {allow} }}] }}] }}"
        ))
    };
    for (users, found) in [
        (String::new(), false),
        (user(""), false),
        (user(", permissions: {}"), true),
        (on_topic("allow: [send_messages]"), true),
        (on_topic("allow: [poll_messages]"), true),
        (on_topic("allow: [read_topic]"), false),
        (on_topic("preset: consumer"), false),
        (user(", permissions: { allow: [read_streams] }"), false),
    ] {
        let codes = declared_codes(topic, &users);
        let is_there = codes.contains(&"IGW0026 group/orders/t/g".to_owned());
        assert_eq!(is_there, found, "{users} {codes:?}");
    }
}
