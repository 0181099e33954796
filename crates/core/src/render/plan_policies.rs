//! What policies see of a plan, and what they say of it.

use super::plan_report::{AttributeReport, ChangeReport, ChangeVerb, PlanReport};
use crate::address::Address;
use crate::api::v1alpha1::PolicyVerb;
use crate::check::{Finding, Findings, Severity};
use crate::policy::{AttributeFacts, ChangeFacts};
use crate::wording::counted;

impl PlanReport {
    /// The changes as policies look at them.
    #[must_use]
    pub fn change_facts(&self) -> Vec<ChangeFacts> {
        self.changes.iter().map(ChangeReport::facts).collect()
    }

    /// Adds what policies say. Of what `--only` leaves out nothing is said: it is
    /// not done.
    pub fn add_policy_findings(&mut self, findings: Findings) {
        let Self { changes, only, .. } = self;
        let is_selected = |finding: &Finding| {
            let address = &finding.address;
            only.is_empty()
                || only.iter().any(|selected| selected.contains(address))
                || changes.iter().any(|change| change.address == *address)
        };
        let findings = findings.findings.into_iter().filter(is_selected);
        self.findings.extend(findings);
    }

    /// How many findings refuse the plan: those of policies with the severity
    /// `error`.
    #[must_use]
    pub fn refusals(&self) -> usize {
        let findings = self.findings.iter();
        findings
            .filter(|finding| finding.severity == Severity::Error)
            .count()
    }

    /// For the last line of a text; nothing when no policy refuses it.
    pub(super) fn refusal_text(&self) -> String {
        match self.refusals() {
            0 => String::new(),
            count => format!(" Refused by a policy: {}.", counted(count, "error")),
        }
    }
}

impl ChangeReport {
    fn facts(&self) -> ChangeFacts {
        let attribute = |attribute: &AttributeReport| {
            let AttributeReport { name, from, to } = attribute;
            AttributeFacts {
                name: name.clone(),
                from: from.clone(),
                to: to.clone(),
            }
        };
        // Of what is deleted it is what goes with it; nothing is said when that is
        // nothing.
        let holds_messages = matches!(self.address, Address::Stream(_) | Address::Topic(..));
        let (messages, bytes) = match (&self.loses, self.verb) {
            (Some(stake), _) if holds_messages => (Some(stake.messages), Some(stake.bytes)),
            (None, ChangeVerb::Delete) if holds_messages => (Some(0), Some(0)),
            _ => (self.messages, self.bytes),
        };
        ChangeFacts {
            address: self.address.clone(),
            verb: match self.verb {
                ChangeVerb::Create => PolicyVerb::Create,
                ChangeVerb::Update => PolicyVerb::Update,
                ChangeVerb::Rename => PolicyVerb::Rename,
                ChangeVerb::Deactivate => PolicyVerb::Deactivate,
                ChangeVerb::Delete => PolicyVerb::Delete,
                ChangeVerb::Blocked => PolicyVerb::Blocked,
            },
            previous: self.previous.clone(),
            attributes: self.attributes.iter().map(attribute).collect(),
            messages,
            bytes,
            destructive: self.destructive,
        }
    }
}
