use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::json::to_json;
use super::plan_server::PlanServer;
use super::unmanaged::Unmanaged;
use super::{token_attributes, user_attributes};
use crate::address::Address;
use crate::check::{Finding, FindingCode, Findings};
use crate::diff::{
    Change, ChangeSet, Difference, PartitionChange, PermissionChange, Setting, Stake, TopicChange,
};
use crate::plan::{
    Action, Approvals, Basis, BlockReason, Blocked, MassDeletion, Plan, Risk, Stage, Step, Summary,
    UnexpectedRemovals, Verb, group_stake, stake_of_stream, stake_of_topic,
};

/// Version of the JSON form; it changes when a reader of the former one would
/// misunderstand the new one.
const FORMAT_VERSION: u32 = 1;

/// A plan as it is shown: what changes per resource, why some of it is
/// blocked, what is risky, and the steps that apply takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanReport {
    /// Version of this form.
    pub format_version: u32,
    /// The server that it was made on, where that was said.
    #[serde(default)]
    pub server: Option<PlanServer>,
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
    /// Whether so much is removed that the number is asked for.
    pub mass_deletion: Option<MassDeletion>,
    /// Whether somebody said that another number of resources is removed.
    #[serde(default)]
    pub unexpected_removals: Option<UnexpectedRemovals>,
    /// What is owned and not declared, and stays.
    pub unmanaged: Vec<Unmanaged>,
    /// What is declared and on the server, and no recorded apply has made or taken over: this
    /// one takes it over, be it with a change or as it is. Absent where no ledger tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<String>>")]
    pub adopted: Option<Vec<Address>>,
}

/// A resource that changes or is blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// What goes with something that is deleted; absent when that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loses: Option<Box<Stake>>,
    /// Users that no manifest manages and that lose their permissions on it before it is
    /// deleted.
    #[schemars(with = "Vec<String>")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stripped: Vec<Address>,
    /// Whether manifests declare it and it is removed all the same, by `destroy`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub destroyed: bool,
}

/// What happens to a resource.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum ChangeVerb {
    /// It is created.
    Create,
    /// It is changed in place.
    Update,
    /// It gets another name, and perhaps other settings.
    Rename,
    /// It is removed without being deleted: a user that loses all permissions and becomes
    /// inactive.
    Deactivate,
    /// It is deleted.
    Delete,
    /// Nothing: all of it is blocked.
    Blocked,
}

/// An attribute of a resource.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
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
            mass_deletion,
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
                let mut report = ChangeReport::new(change, verb, false);
                report.stripped = stripped_for(change, plan, changes);
                report.destroyed = approvals.destroy;
                reports.push(report);
            } else if !is_blocked {
                let is_removed = match &change.difference {
                    Difference::PruneUser(user) => user.is_tombstone(),
                    _ => false,
                };
                left_out += u32::from(!is_removed || approvals.allow_destroy.contains(address));
            }
        }
        reports.extend(stripped(plan, changes));
        let is_selected = |address: &Address| {
            only.is_empty()
                || only.iter().any(|selected| selected.contains(address))
                || verbs.contains_key(address)
        };
        Self {
            format_version: FORMAT_VERSION,
            server: None,
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
            mass_deletion: *mass_deletion,
            unexpected_removals: None,
            unmanaged: changes
                .prunable
                .iter()
                .filter(|_| !approvals.prune)
                .filter(|change| is_selected(&change.address))
                .filter_map(Unmanaged::of)
                .collect(),
            adopted: None,
        }
    }

    /// Whether `--only` does not leave it out.
    #[must_use]
    pub fn is_asked_for(&self, address: &Address) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only.contains(address))
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

/// Whom a deletion takes permissions from, of those that no manifest manages.
fn stripped_for(change: &Change, plan: &Plan, changes: &ChangeSet) -> Vec<Address> {
    let live = changes.live_address(change);
    let holders = changes.holders.values();
    let mut stripped: Vec<Address> = holders
        .filter(|holder| change.is_deletion() && !holder.is_managed && holder.holds(&live))
        .map(|holder| holder.address.clone())
        .filter(|user| !plan.pruned.contains(user))
        .collect();
    stripped.sort();
    stripped
}

/// What is taken from them, user by user.
fn stripped(plan: &Plan, changes: &ChangeSet) -> Vec<ChangeReport> {
    let steps = plan.steps.iter().filter(|step| step.stage == Stage::Narrow);
    let mut reports = Vec::new();
    for step in steps {
        let Action::SetPermissions { user, grants } = &step.action else {
            continue;
        };
        let Some(holder) = changes.holders.get(user) else {
            continue;
        };
        if holder.is_managed || plan.pruned.contains(&holder.address) {
            continue;
        }
        let change = PermissionChange {
            from: holder.grants.clone().unwrap_or_default(),
            gone: holder.gone,
            to: grants.clone(),
            narrowed: None,
        };
        reports.push(ChangeReport {
            address: holder.address.clone(),
            verb: ChangeVerb::Update,
            previous: None,
            attributes: user_attributes::of_permissions(&change),
            unchanged_attributes: 0,
            destructive: false,
            messages: None,
            bytes: None,
            loses: None,
            stripped: Vec::new(),
            destroyed: false,
        });
    }
    reports
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
            loses: None,
            stripped: Vec::new(),
            destroyed: false,
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
            Difference::DeleteStream(stream) => {
                let stake = stake_of_stream(&change.address, stream);
                report.loses = (!stream.topics.is_empty()).then(|| Box::new(stake));
            }
            Difference::DeleteTopic(topic) => {
                let stake = stake_of_topic(&change.address, topic);
                report.loses = (!topic.is_empty()).then(|| Box::new(stake));
            }
            Difference::DeleteConsumerGroup(group) => {
                report.loses = Some(Box::new(Stake {
                    groups: vec![group_stake(change.address.clone(), *group)],
                    ..Stake::default()
                }));
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
            expires_at_once: _,
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
