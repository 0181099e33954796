//! Findings about a change set: risks with a stable code and a fix.
//!
//! ```text
//! ChangeSet, DesiredState, ObservedState ──check──────────▶ Findings of a plan
//! DesiredState ─────────────────────────check_declared──▶ Findings of the manifests alone
//! ```
//!
//! A finding of these never stops anything: what must not happen is blocked by the plan, or
//! refused by a policy, which makes findings of its own.

mod code;
mod declared;
mod finding;
mod owned;
mod passwords;
mod proportion;
mod readers;
mod retention;
mod server_wide;
#[cfg(test)]
mod tests;
mod token_notices;
mod tokens;
mod unused_grants;
mod users;

pub use code::FindingCode;
pub use declared::check_declared;
pub use finding::{Finding, FindingId, Findings, Severity};
pub use passwords::{DEFAULT_ROOT_PASSWORD, SecretLookup};
pub use server_wide::server_wide_rights;

use crate::address::Address;
use crate::diff::{
    ChangeSet, DEFAULT_SEGMENT_SIZE, Difference, Holdings, Notice, PartitionChange, RenameIgnored,
    Setting, SettingChange, TopicChange,
};
use crate::name::ResourceName;
use crate::quantity::{
    ByteSize, MAX_PREALLOCATED, MaxTopicSize, bytes_text, exceeds_preallocation,
};
use crate::state::desired::{DesiredState, DesiredTopic, TopicSettings};
use crate::state::observed::{ObservedState, ObservedTopic};
use crate::wording::counted;

/// [`check_with_secrets`] without any.
#[must_use]
pub fn check(changes: &ChangeSet, desired: &DesiredState, observed: &ObservedState) -> Findings {
    check_with_secrets(changes, desired, observed, &|_| None)
}

/// Looks at everything that changes, and at nothing that does not: what was
/// warned about once and accepted is not warned about in every plan. The
/// exceptions are what keeps a plan from knowing something, and the default
/// password of root.
///
/// Secrets are only compared with each other, and are in no finding.
#[must_use]
pub fn check_with_secrets(
    changes: &ChangeSet,
    desired: &DesiredState,
    observed: &ObservedState,
    secrets: SecretLookup<'_>,
) -> Findings {
    let mut findings = Vec::new();
    for notice in &changes.notices {
        let Notice {
            address,
            previous,
            why,
        } = notice;
        let (message, fix) = match why {
            RenameIgnored::BothThere => (
                format!(
                    "{address} is there, and so is its previous name {previous}, which nothing \
                     declares: they stay two"
                ),
                "remove previousName if the rename is done, or move the messages by hand"
                    .to_owned(),
            ),
            RenameIgnored::PreviousStays { missing } => (
                format!(
                    "{address} is created, since its previous name {previous} keeps its own name: \
                     it is declared, too, and {missing}, from which it should come, is not there"
                ),
                format!(
                    "remove the declaration of {previous} if that is what is to be renamed, or \
                     previousName of {address}"
                ),
            ),
        };
        findings.push(Finding {
            code: FindingCode::RenameIgnored.into(),
            severity: Severity::Warning,
            address: address.clone(),
            message,
            fix,
            origin: None,
        });
    }
    let readers = readers::Readers::new(desired);
    for change in &changes.changes {
        let address = &change.address;
        match &change.difference {
            Difference::RenameStream { from } => {
                let old = Address::Stream(from.clone());
                findings.push(rename_breaks_clients(address, &old));
            }
            Difference::CreateTopic {
                partitions,
                settings,
            } => {
                let segment_size = settings.segment_size.unwrap_or(DEFAULT_SEGMENT_SIZE);
                findings.extend(unenforceable_size(
                    address,
                    settings.max_topic_size,
                    *partitions,
                    segment_size,
                ));
                findings.extend(created_topic(address, *partitions, settings, desired));
            }
            Difference::CreateConsumerGroup => {
                findings.extend(readers.as_ref().and_then(|it| it.of_group(address)));
            }
            Difference::ChangeTopic(topic) => {
                changed_topic(&mut findings, address, topic, desired, observed, changes);
            }
            Difference::ChangeUser(user) => {
                if let Some(from) = &user.renamed_from {
                    let old = Address::User(from.clone());
                    findings.push(rename_breaks_clients(address, &old));
                }
            }
            Difference::CreateStream
            | Difference::CreateUser(_)
            | Difference::StripStaleGrants(_)
            | Difference::DeleteStream(_)
            | Difference::DeleteTopic(_)
            | Difference::DeleteConsumerGroup(_)
            | Difference::PruneUser(_)
            | Difference::ChangeToken(_)
            | Difference::Unknown => {}
        }
    }
    users::check_users(changes, desired, observed, secrets, &mut findings);
    findings.extend(owned::not_listed(desired, observed));
    token_notices::token_notices(changes, &mut findings);
    Findings { findings }
}

fn changed_topic(
    findings: &mut Vec<Finding>,
    address: &Address,
    change: &TopicChange,
    desired: &DesiredState,
    observed: &ObservedState,
    changes: &ChangeSet,
) {
    let TopicChange {
        renamed_from,
        settings,
        partitions,
        unchanged_attributes: _,
        holds,
        expires_at_once,
    } = change;
    if let Some(from) = renamed_from {
        let old = address
            .stream()
            .map(|stream| Address::Topic(stream.clone(), from.clone()));
        findings.extend(old.map(|old| rename_breaks_clients(address, &old)));
    }
    for setting in settings {
        findings.extend(retention_lowered(
            address,
            setting,
            *holds,
            *expires_at_once,
        ));
    }
    if let Some(PartitionChange { from, to }) = *partitions
        && from > 0
        && to > from
    {
        findings.push(Finding {
            code: FindingCode::KeyRoutingChanges.into(),
            severity: Severity::Warning,
            address: address.clone(),
            message: format!(
                "clients choose the partition of a key by the number of partitions: with {to} \
                 instead of {from}, new messages of most keys go to another partition than the \
                 ones before them"
            ),
            fix: "let consumers that rely on the order of a key drain the topic first".to_owned(),
            origin: None,
        });
    }
    let live = live_topic(address, renamed_from.as_ref(), observed, changes);
    if let (Some(live), Some(change)) = (live, *partitions) {
        findings.extend(preallocation_grows(address, change, &live.settings));
    }
    if let (Some(live), Some(PartitionChange { from, to })) = (live, *partitions) {
        if to > from {
            findings.extend(proportion::partitions(address, to, false));
        }
        findings.extend(proportion::idle_members(address, to, live));
    }
    let declared = desired_topic(address, desired);
    if let (Some(live), Some(declared)) = (live, declared) {
        findings.extend(retention::changed(address, &declared.settings, live));
    }
    let changes_size = settings
        .iter()
        .any(|change| matches!(change.to, Setting::MaxTopicSize(_)));
    if !changes_size && partitions.is_none() {
        return;
    }
    let Some(live) = live else {
        return;
    };
    let max_topic_size = declared
        .and_then(|topic| topic.settings.max_topic_size)
        .or(live.settings.max_topic_size);
    findings.extend(unenforceable_size(
        address,
        max_topic_size,
        partitions.map_or(live.partitions, |change| change.to),
        live.settings.segment_size.unwrap_or(DEFAULT_SEGMENT_SIZE),
    ));
}

fn desired_topic<'a>(address: &Address, desired: &'a DesiredState) -> Option<&'a DesiredTopic> {
    let stream = desired.streams.get(address.stream()?)?;
    stream.topics.get(address.topic()?)
}

fn created_topic(
    address: &Address,
    partitions: u32,
    settings: &TopicSettings,
    desired: &DesiredState,
) -> Vec<Finding> {
    let declared = desired_topic(address, desired);
    let has_groups = declared.is_some_and(|topic| !topic.groups.is_empty());
    let partitions = proportion::partitions(address, partitions, has_groups);
    let retention = retention::created(address, settings);
    partitions.into_iter().chain(retention).collect()
}

/// The server checks the sum only when a topic is created (`server/src/dispatch.rs`
/// of the server).
fn preallocation_grows(
    address: &Address,
    change: PartitionChange,
    live: &TopicSettings,
) -> Option<Finding> {
    let PartitionChange { from, to } = change;
    let segment_size = live.segment_size.unwrap_or(DEFAULT_SEGMENT_SIZE);
    let grows_beyond = to > from
        && live.preallocate_segments == Some(true)
        && exceeds_preallocation(to, segment_size);
    grows_beyond.then(|| Finding {
        code: FindingCode::PreallocationGrows.into(),
        severity: Severity::Warning,
        address: address.clone(),
        message: format!(
            "{} preallocate {segment_size} each: the server adds them, but would refuse to create \
             a topic that preallocates more than {MAX_PREALLOCATED}",
            counted(to, "partition"),
        ),
        fix: format!(
            "keep at most {}, or make sure that the disk has room for all of it",
            counted(MAX_PREALLOCATED.bytes() / segment_size.bytes(), "partition")
        ),
        origin: None,
    })
}

/// The topic as the server has it: its stream or itself may be called otherwise there.
fn live_topic<'a>(
    address: &Address,
    renamed_from: Option<&ResourceName>,
    observed: &'a ObservedState,
    changes: &ChangeSet,
) -> Option<&'a ObservedTopic> {
    let stream = changes.live_stream_name(address.stream()?);
    let topic = renamed_from.or_else(|| address.topic())?;
    observed.streams.get(stream)?.topics.get(topic)
}

fn rename_breaks_clients(address: &Address, old: &Address) -> Finding {
    Finding {
        code: FindingCode::RenameBreaksClients.into(),
        severity: Severity::Warning,
        address: address.clone(),
        message: format!(
            "clients that use the name {old} find nothing afterwards, or create an empty one \
             under it"
        ),
        fix: "stop them or give them the new name at the same time".to_owned(),
        origin: None,
    }
}

fn retention_lowered(
    address: &Address,
    change: &SettingChange,
    holds: Holdings,
    expires_at_once: Option<u64>,
) -> Option<Finding> {
    if !change.lowers_retention() {
        return None;
    }
    let code = match change.to {
        Setting::MessageExpiry(_) => FindingCode::ExpiryLowered,
        _ => FindingCode::MaxSizeLowered,
    };
    let Holdings { messages, bytes } = holds;
    Some(Finding {
        code: code.into(),
        severity: Severity::Warning,
        address: address.clone(),
        message: format!(
            "the server deletes what {} {} no longer keeps; the topic holds {}{}",
            change.to.name(),
            change.to,
            match messages {
                0 => "no messages now".to_owned(),
                _ => format!("{} in {}", counted(messages, "message"), bytes_text(bytes)),
            },
            deletable(change.to, holds, expires_at_once),
        ),
        fix: format!("copy what is still needed, or keep {}", change.from),
        origin: None,
    })
}

/// How much of it may go at once. The server deletes whole segments, and never the last
/// one of a partition, so it is at most that.
fn deletable(to: Setting, holds: Holdings, expires_at_once: Option<u64>) -> String {
    if holds.messages == 0 {
        return String::new();
    }
    match (to, expires_at_once) {
        (Setting::MaxTopicSize(to), _) => {
            let over = to
                .limit()
                .map_or(0, |limit| holds.bytes.saturating_sub(limit.bytes()));
            match over {
                0 => ", which is within it".to_owned(),
                over => format!(", {} too much", bytes_text(over)),
            }
        }
        (_, Some(0)) => ", none of them older".to_owned(),
        (_, Some(older)) => format!(", {older} of them older"),
        (_, None) => ", how many of them are older is unknown".to_owned(),
    }
}

/// The server enforces the size per partition, and never below one segment
/// there (`server/src/dispatch.rs` of the server, `warn_unenforceable_topic_size`).
fn unenforceable_size(
    address: &Address,
    max_topic_size: Option<MaxTopicSize>,
    partitions: u32,
    segment_size: ByteSize,
) -> Option<Finding> {
    let max = max_topic_size?.limit()?;
    let enforceable = ByteSize::new(segment_size.bytes().saturating_mul(u64::from(partitions)))?;
    (max >= segment_size && max < enforceable).then(|| Finding {
        code: FindingCode::SizeNotEnforceable.into(),
        severity: Severity::Warning,
        address: address.clone(),
        message: format!(
            "the server limits each partition and keeps at least one segment of {segment_size} in \
             it: with {} the topic may grow to {enforceable} in spite of maxTopicSize {max}",
            counted(partitions, "partition"),
        ),
        fix: "raise maxTopicSize, or create the topic with a smaller segmentSize".to_owned(),
        origin: None,
    })
}
