use std::collections::BTreeSet;

use super::{FindingCode, check};
use crate::diff::diff;
use crate::quantity::{ByteSize, MaxTopicSize, MessageExpiry};
use crate::state::desired::{DesiredState, DesiredTopic};
use crate::state::observed::{ObservedState, ObservedTopic};
use crate::testing::{declare_stream, declare_topic, name, there_topic};

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
