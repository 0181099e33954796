//! Partitions that are out of proportion to what they are for.

use super::{Finding, FindingCode, Severity};
use crate::address::Address;
use crate::state::observed::ObservedTopic;
use crate::wording::counted;

/// Above this, a topic is remarkable. Each partition has a folder and a log of its
/// own on the server (`server/src/partition_reconciler.rs` of the server), and one
/// request creates at most as many (`iggy_common` 0.11.0, `MAX_PARTITIONS_COUNT`).
const MANY: u32 = 1000;

/// What is to be said of a topic with so many partitions, whoever reads it.
pub(super) fn partitions(address: &Address, partitions: u32, has_groups: bool) -> Option<Finding> {
    if partitions == 0 && has_groups {
        return Some(finding(
            address,
            Severity::Warning,
            "it has consumer groups and no partition: nothing can be sent to it or read from it"
                .to_owned(),
            "declare at least one partition",
        ));
    }
    (partitions > MANY).then(|| {
        finding(
            address,
            Severity::Warning,
            format!(
                "{} are more than {MANY}: each one has a folder and a log of its own on the server",
                counted(partitions, "partition")
            ),
            "take as many as the largest group will have members; partitions can be added later, \
             and are removed only with their data",
        )
    })
}

/// What is to be said of a topic that gets so many partitions while groups read it.
pub(super) fn idle_members(
    address: &Address,
    partitions: u32,
    live: &ObservedTopic,
) -> Option<Finding> {
    let groups = live.groups.iter().flatten();
    let (name, group) = groups.max_by_key(|(_, group)| group.members)?;
    (group.members > partitions).then(|| {
        finding(
            address,
            Severity::Note,
            format!(
                "the group `{name}` has {}, and a partition is read by one of them: with {} the \
                 others get nothing",
                counted(group.members, "member"),
                counted(partitions, "partition"),
            ),
            "take as many partitions as the group has members, or fewer members",
        )
    })
}

fn finding(address: &Address, severity: Severity, message: String, fix: &str) -> Finding {
    Finding {
        code: FindingCode::PartitionsOutOfProportion.into(),
        severity,
        address: address.clone(),
        message,
        fix: fix.to_owned(),
        origin: None,
    }
}
