//! What is worth knowing of manifests alone, whatever a server has.

use super::passwords::shared_passwords;
use super::readers::Readers;
use super::tokens::{never_expires, of_inactive_users};
use super::unused_grants::{There, unused_grants};
use super::{Finding, Findings};
use super::{proportion, retention, server_wide};
use crate::address::Address;
use crate::state::desired::DesiredState;

/// Everything that the manifests show by themselves, each time:
/// a plan says it only of what it changes. In the order of the addresses.
#[must_use]
pub fn check_declared(desired: &DesiredState) -> Findings {
    let mut findings: Vec<Finding> = Vec::new();
    for (name, user) in &desired.users {
        let Some(permissions) = &user.permissions else {
            continue;
        };
        let address = Address::User(name.clone());
        findings.extend(server_wide::declared(&address, permissions));
        let there = There::NotAsked;
        findings.extend(unused_grants(&address, permissions, desired, there));
    }
    findings.extend(shared_passwords(desired, &|_| None, |_| true));
    findings.extend(of_inactive_users(desired, None));
    for (user, tokens) in &desired.tokens {
        let tokens = tokens.keys();
        findings.extend(tokens.filter_map(|token| never_expires(desired, user, token)));
    }
    findings.extend(retention::declared(desired));
    findings.extend(of_topics(desired));
    findings.sort_by(|one, other| one.address.cmp(&other.address));
    Findings { findings }
}

fn of_topics(desired: &DesiredState) -> Vec<Finding> {
    let readers = Readers::new(desired);
    let mut findings = Vec::new();
    for (stream, declared) in &desired.streams {
        for (name, topic) in &declared.topics {
            let address = Address::Topic(stream.clone(), name.clone());
            let has_groups = !topic.groups.is_empty();
            let partitions = topic.partitions;
            findings
                .extend(partitions.and_then(|it| proportion::partitions(&address, it, has_groups)));
            findings.extend(topic.groups.keys().filter_map(|group| {
                let group = Address::ConsumerGroup(stream.clone(), name.clone(), group.clone());
                readers.as_ref()?.of_group(&group)
            }));
        }
    }
    findings
}
