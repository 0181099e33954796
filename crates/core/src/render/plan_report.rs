use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::json::to_json;
use super::{token_attributes, user_attributes};
use crate::address::Address;
use crate::check::{Finding, FindingCode, Findings};
use crate::diff::{Change, ChangeSet, Difference, PartitionChange, Setting, TopicChange};
use crate::plan::{Approvals, Basis, BlockReason, Blocked, Plan, Risk, Step, Summary, Verb};

/// Version of the JSON form; it changes when a reader of the former one would
/// misunderstand the new one.
const FORMAT_VERSION: u32 = 1;

/// A plan as it is shown: what changes per resource, why some of it is
/// blocked, what is risky, and the steps that apply takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanReport {
    /// Version of this form.
    pub format_version: u32,
    /// Each resource that changes or is blocked: a stream, each of its topics
    /// followed by the topic's groups, the next stream; at the end what nobody
    /// declares and is removed.
    pub changes: Vec<ChangeReport>,
    /// What is needed and will not be done.
    pub blocked: Vec<Blocked>,
    /// Risks.
    pub findings: Vec<Finding>,
    /// The calls in their order.
    pub steps: Vec<Step>,
    /// Counts of resources.
    pub summary: Summary,
    /// Fingerprint of what the server had.
    pub basis: Basis,
    /// What was allowed beyond what is safe.
    pub approvals: Approvals,
    /// The addresses that the plan was restricted to; empty when it was not.
    #[schemars(with = "Vec<String>")]
    pub only: Vec<Address>,
    /// Changes that are left out because of that.
    pub left_out: u32,
}

/// A resource that changes or is blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeReport {
    /// The resource by its declared name.
    #[schemars(with = "String")]
    pub address: Address,
    /// What happens to it.
    pub verb: ChangeVerb,
    /// The name that it has now, when it is renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub previous: Option<Address>,
    /// What is set or changed. What is blocked about it is not in here.
    pub attributes: Vec<AttributeReport>,
    /// Declared attributes that do not differ.
    pub unchanged_attributes: u32,
    /// Whether data is lost, or a user is gone for good.
    pub destructive: bool,
    /// Messages that a topic holds now; eventually consistent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// Bytes that a topic holds now; eventually consistent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ChangeVerb {
    /// It is created.
    Create,
    /// It is changed in place.
    Update,
    /// It gets another name, and perhaps other settings.
    Rename,
    /// Nobody declares it: a user that loses all permissions and becomes
    /// inactive.
    Deactivate,
    /// Nobody declares it, and it is deleted.
    Delete,
    /// Nothing: all of it is blocked.
    Blocked,
}

/// An attribute of a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttributeReport {
    /// Its name in a manifest.
    pub name: String,
    /// What the server has; absent for a resource that is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What it becomes.
    pub to: String,
}

impl PlanReport {
    /// Puts together what is shown of a plan.
    #[must_use]
    pub fn new(plan: &Plan, changes: &ChangeSet, findings: &Findings) -> Self {
        let Plan {
            steps,
            blocked,
            basis,
            approvals,
            only,
            pruned,
            summary,
        } = plan;
        let verbs = Verb::of_resources(steps, pruned);
        let mut blocked_here: BTreeMap<&Address, bool> = BTreeMap::new();
        for line in blocked {
            let shrinks = matches!(line.reason, BlockReason::PartitionShrink { .. });
            *blocked_here.entry(&line.address).or_default() |= shrinks;
        }
        // Of users it is their permissions that wait for something blocked.
        let without_grants: BTreeSet<&Address> = blocked
            .iter()
            .filter(|line| matches!(line.reason, BlockReason::DependsOnBlocked { .. }))
            .filter(|line| line.address.user().is_some())
            .map(|line| &line.address)
            .collect();
        let mut left_out = 0;
        let mut reports = Vec::new();
        for change in &changes.changes {
            let verb = verbs.get(&change.address).copied();
            let shrink_blocked = blocked_here.get(&change.address).copied();
            if matches!(change.difference, Difference::StripStaleGrants(_)) {
                // One that nobody allowed shows on the creates that wait for it,
                // and who is removed loses all grants.
                if verb.is_none() || pruned.contains(&change.address) {
                    continue;
                }
            } else if verb.is_none() && shrink_blocked.is_none() {
                left_out += 1;
                continue;
            }
            let mut report = ChangeReport::new(change, verb, shrink_blocked.unwrap_or(false));
            if without_grants.contains(&change.address) {
                user_attributes::remove_permissions(&mut report.attributes);
            }
            reports.push(report);
        }
        for change in changes.prunable.iter().filter(|_| approvals.prune) {
            let address = &change.address;
            let is_blocked = blocked_here.contains_key(address);
            let verb = verbs.get(address).copied();
            if pruned.contains(address) || is_blocked && verb.is_none() {
                reports.push(ChangeReport::new(change, verb, false));
            } else if !is_blocked {
                let is_removed = match &change.difference {
                    Difference::PruneUser(user) => user.is_tombstone(),
                    _ => false,
                };
                left_out += u32::from(!is_removed || approvals.allow_destroy.contains(address));
            }
        }
        let is_selected = |address: &Address| {
            only.is_empty()
                || only.iter().any(|selected| selected.contains(address))
                || verbs.contains_key(address)
        };
        Self {
            format_version: FORMAT_VERSION,
            findings: findings
                .findings
                .iter()
                .filter(|finding| is_selected(&finding.address))
                // It says what pruning would do.
                .filter(|finding| {
                    !(approvals.prune && finding.code == FindingCode::UsersNotDeclared)
                })
                .cloned()
                .collect(),
            changes: reports,
            blocked: blocked.clone(),
            steps: steps.clone(),
            summary: *summary,
            basis: basis.clone(),
            approvals: approvals.clone(),
            only: only.iter().cloned().collect(),
            left_out,
        }
    }

    /// The report as JSON, a line for each entry of a list, with a line break
    /// at the end.
    ///
    /// # Errors
    ///
    /// None that a report can cause: all of it is texts, numbers and lists.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        to_json(self)
    }
}

impl ChangeReport {
    fn new(change: &Change, verb: Option<(Verb, Risk)>, shrink_blocked: bool) -> Self {
        let mut report = Self {
            address: change.address.clone(),
            verb: match verb {
                None => ChangeVerb::Blocked,
                Some((Verb::Create, _)) => ChangeVerb::Create,
                Some((Verb::Update, _)) => ChangeVerb::Update,
                Some((Verb::Rename, _)) => ChangeVerb::Rename,
                Some((Verb::Deactivate, _)) => ChangeVerb::Deactivate,
                Some((Verb::Delete, _)) => ChangeVerb::Delete,
            },
            previous: None,
            attributes: Vec::new(),
            unchanged_attributes: 0,
            destructive: verb.is_some_and(|(_, risk)| risk == Risk::Destructive),
            messages: None,
            bytes: None,
        };
        match &change.difference {
            Difference::RenameStream { from } => {
                report.previous = Some(Address::Stream(from.clone()));
            }
            Difference::CreateTopic {
                partitions,
                settings,
            } => {
                report.attribute("partitions", None, partitions);
                for setting in Setting::present(settings) {
                    report.attribute(setting.name(), None, &setting);
                }
            }
            Difference::ChangeTopic(topic) => report.topic(topic, shrink_blocked),
            Difference::CreateUser(creation) => {
                report.attributes = user_attributes::of_creation(creation);
            }
            Difference::ChangeUser(user) => {
                report.previous = user.renamed_from.clone().map(Address::User);
                report.unchanged_attributes = user.unchanged_attributes;
                report.attributes = user_attributes::of_change(user);
            }
            Difference::StripStaleGrants(stale) => {
                report.attributes = user_attributes::of_stale_grants(stale);
            }
            Difference::PruneUser(user) => {
                report.attributes = user_attributes::of_pruning(user);
            }
            Difference::ChangeToken(token) => {
                report.attributes = token_attributes::of_change(&change.address, token);
            }
            Difference::CreateStream | Difference::CreateConsumerGroup | Difference::Unknown => {}
        }
        if report.verb == ChangeVerb::Blocked {
            report.attributes.clear();
        }
        report
    }

    fn topic(&mut self, change: &TopicChange, shrink_blocked: bool) {
        let TopicChange {
            renamed_from,
            settings,
            partitions,
            unchanged_attributes,
            holds,
        } = change;
        self.previous = self
            .address
            .stream()
            .zip(renamed_from.as_ref())
            .map(|(stream, topic)| Address::Topic(stream.clone(), topic.clone()));
        self.unchanged_attributes = *unchanged_attributes;
        self.messages = Some(holds.messages);
        self.bytes = Some(holds.bytes);
        if let Some(PartitionChange { from, to }) = partitions
            && !shrink_blocked
        {
            self.attribute("partitions", Some(from), to);
        }
        for setting in settings {
            self.attribute(setting.to.name(), Some(&setting.from), &setting.to);
        }
    }

    fn attribute<T: ToString>(&mut self, name: &str, from: Option<&T>, to: &T) {
        self.attributes.push(AttributeReport {
            name: name.to_owned(),
            from: from.map(ToString::to_string),
            to: to.to_string(),
        });
    }
}
