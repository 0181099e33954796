//! Topics that keep everything for ever.

use super::{Finding, FindingCode, Severity};
use crate::address::Address;
use crate::quantity::{MaxTopicSize, MessageExpiry};
use crate::state::desired::{DesiredState, Presence, TopicSettings};
use crate::state::observed::ObservedTopic;

/// Whether these settings end nothing; what is not said has no end either, since
/// that is what the server makes of it.
fn is_endless(expiry: Option<MessageExpiry>, size: Option<MaxTopicSize>) -> bool {
    expiry.is_none_or(|expiry| expiry == MessageExpiry::NEVER)
        && size.is_none_or(|size| size.limit().is_none())
}

/// Whether a manifest says so much as one of both.
fn is_said(settings: &TopicSettings) -> bool {
    settings.message_expiry.is_some() || settings.max_topic_size.is_some()
}

/// A topic that is created so, because a manifest says it. One of which nothing
/// is said is named by [`declared`] only: that is how most topics begin, and said
/// in every plan it would not be read in any.
pub(super) fn created(address: &Address, settings: &TopicSettings) -> Option<Finding> {
    let is_endless = is_endless(settings.message_expiry, settings.max_topic_size);
    (is_endless && is_said(settings)).then(|| finding(address.clone(), said_so()))
}

/// A topic whose last end is taken away.
pub(super) fn changed(
    address: &Address,
    declared: &TopicSettings,
    live: &ObservedTopic,
) -> Option<Finding> {
    let before = &live.settings;
    let expiry = declared.message_expiry.or(before.message_expiry);
    let size = declared.max_topic_size.or(before.max_topic_size);
    let was_endless = is_endless(before.message_expiry, before.max_topic_size);
    (!was_endless && is_endless(expiry, size)).then(|| finding(address.clone(), said_so()))
}

/// Every topic that is declared so, and one finding for all of which nothing is
/// said.
pub(super) fn declared(desired: &DesiredState) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut unsaid = Vec::new();
    for (stream, declared) in &desired.streams {
        for (name, topic) in &declared.topics {
            let settings = &topic.settings;
            let is_endless = is_endless(settings.message_expiry, settings.max_topic_size);
            if topic.presence != Presence::Declared || !is_endless {
                continue;
            }
            let address = Address::Topic(stream.clone(), name.clone());
            match is_said(settings) {
                true => findings.push(finding(address, said_so())),
                false => unsaid.push(address),
            }
        }
    }
    if let Some(first) = unsaid.first() {
        let (what, say) = match unsaid.len() - 1 {
            0 => ("it".to_owned(), "declares"),
            1 => ("this and 1 other topic".to_owned(), "declare"),
            more => (format!("this and {more} other topics"), "declare"),
        };
        let message = format!(
            "{what} {say} neither messageExpiry nor maxTopicSize: what is created so keeps \
             everything until the disk is full"
        );
        findings.push(finding(first.clone(), message));
    }
    findings
}

fn said_so() -> String {
    "messages never expire and the topic may grow without a limit: it keeps everything until the \
     disk is full"
        .to_owned()
}

fn finding(address: Address, message: String) -> Finding {
    Finding {
        code: FindingCode::RetentionUnlimited.into(),
        severity: Severity::Note,
        address,
        message,
        fix: "declare messageExpiry, or maxTopicSize, unless that is meant".to_owned(),
        origin: None,
    }
}
