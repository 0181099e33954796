//! What would be lost, in words.

use jiff::Timestamp;

use crate::address::Address;
use crate::diff::{GroupStake, Stake};
use crate::quantity::bytes_text;
use crate::wording::counted;

/// How many groups a line names before it only counts.
const NAMED_GROUPS: usize = 3;

/// `12 messages in 3 MiB, the oldest of 2026-01-01T00:00:00Z; group/a/b/c with 2 members,
/// 7 messages not read`. What the server cannot tell is called unknown.
pub(super) fn stake_text(address: &Address, stake: &Stake) -> String {
    let Stake {
        messages,
        bytes,
        oldest_micros,
        topics,
        unasked,
        groups,
        groups_unknown,
    } = stake;
    if let (Address::ConsumerGroup(..), [group]) = (address, groups.as_slice()) {
        return readers_text(group);
    }
    let mut parts = Vec::new();
    if *topics > 0 {
        parts.push(counted(*topics, "topic"));
    }
    parts.push(messages_text(*messages, *bytes, *oldest_micros));
    parts.extend(groups.iter().take(NAMED_GROUPS).map(group_text));
    if groups.len() > NAMED_GROUPS {
        let more = groups.len() - NAMED_GROUPS;
        parts.push(format!("{more} more consumer groups"));
    }
    if *groups_unknown > 0 {
        let of = counted(*groups_unknown, "topic");
        parts.push(format!("the consumer groups of {of} are unknown"));
    }
    if !unasked.is_empty() {
        let topics = counted(unasked.len(), "topic");
        let first = unasked.first().map(ToString::to_string).unwrap_or_default();
        parts.push(format!(
            "{topics} that no manifest declares, such as {first}"
        ));
    }
    parts.push("offsets of consumers without a group: unknown".to_owned());
    parts.join("; ")
}

fn messages_text(messages: u64, bytes: u64, oldest_micros: Option<u64>) -> String {
    if messages == 0 {
        return match bytes {
            0 => "no messages".to_owned(),
            bytes => format!("no messages in {}", bytes_text(bytes)),
        };
    }
    let oldest = oldest_micros
        .and_then(|micros| i64::try_from(micros).ok())
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .and_then(|oldest| oldest.round(jiff::Unit::Second).ok())
        .map_or_else(
            || "the oldest of an unknown time".to_owned(),
            |oldest| format!("the oldest of {oldest}"),
        );
    let messages = counted(messages, "message");
    format!("{messages} in {}, {oldest}", bytes_text(bytes))
}

fn group_text(group: &GroupStake) -> String {
    format!("{} with {}", group.address, readers_text(group))
}

fn readers_text(group: &GroupStake) -> String {
    let GroupStake {
        address: _,
        members,
        lag,
    } = group;
    let lag = lag.map_or_else(
        || "lag unknown".to_owned(),
        |lag| format!("{} not read", counted(lag, "message")),
    );
    format!("{} and {lag}", counted(*members, "member"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_said_to_be_unknown() {
        let group = |lag| GroupStake {
            address: "group/a/b/c".parse().unwrap(),
            members: 1,
            lag,
        };
        let topic: Address = "topic/a/b".parse().unwrap();
        let mut stake = Stake {
            messages: 2,
            bytes: 2048,
            groups: vec![group(None)],
            ..Stake::default()
        };
        insta::assert_snapshot!(
            stake_text(&topic, &stake),
            @"2 messages in 2KiB, the oldest of an unknown time; group/a/b/c with 1 member and lag unknown; offsets of consumers without a group: unknown"
        );
        stake.oldest_micros = Some(1_790_000_000_000_000);
        stake.topics = 3;
        stake.groups_unknown = 1;
        stake.unasked = vec!["topic/a/x".parse().unwrap()];
        insta::assert_snapshot!(
            stake_text(&topic, &stake),
            @"3 topics; 2 messages in 2KiB, the oldest of 2026-09-21T14:13:20Z; group/a/b/c with 1 member and lag unknown; the consumer groups of 1 topic are unknown; 1 topic that no manifest declares, such as topic/a/x; offsets of consumers without a group: unknown"
        );
        let of_group = Stake {
            groups: vec![group(Some(7))],
            ..Stake::default()
        };
        insta::assert_snapshot!(
            stake_text(&of_group.groups[0].address, &of_group),
            @"1 member and 7 messages not read"
        );
    }
}
