use std::collections::{BTreeMap, BTreeSet};

use super::access::UserChanges;
use super::blocked::{blocked_lines, forbidden_shrink};
use super::delete::deletions;
use super::guard::MassDeletion;
use super::prune::prunings;
use super::rename_order::{StreamRename, in_rename_order, stream_rename, topic_rename};
use super::step::{Action, Cost, Precondition, Risk, Step, StepId};
use super::summary::Summary;
use super::{Approvals, MAX_PARTITIONS_PER_REQUEST, Plan, Stage};
use crate::address::Address;
use crate::diff::{Change, ChangeSet, Difference, PartitionChange, SettingChange, TopicChange};
use crate::state::desired::TopicSettings;

/// Orders what differs into steps, and says what is blocked. The same change
/// set and approvals give the same plan to the byte.
///
/// ```text
/// narrow ▶ revoke ▶ deactivate ▶ delete ▶ resources ▶ passwords ▶ widen ▶ activate ▶ tokens ▶ delete users
///                                   │
///   renames of streams, of topics ▶ streams ▶ topics ▶ settings ▶ partitions ▶ groups ▶ users
/// ```
#[must_use]
pub fn plan(changes: &ChangeSet, approvals: &Approvals) -> Plan {
    let blocked = blocked_lines(changes, approvals);
    let mut steps = Steps::default();
    let doable = || {
        changes
            .changes
            .iter()
            .filter(|change| !blocked.holds_back(change))
    };

    let users = UserChanges::of(doable(), approvals, &blocked);
    let prunings = prunings(changes, approvals, &blocked);
    let deletions = deletions(changes, approvals, &blocked);
    steps.narrow_access(changes, &users, &prunings, &deletions);
    steps.restrict_access(&users, &prunings);
    steps.delete_resources(changes, &deletions);

    for change in in_rename_order(doable().filter_map(stream_rename)) {
        steps.rename_stream(change);
    }
    for change in in_rename_order(doable().filter_map(topic_rename)) {
        steps.update_topic(change.address, change.topic);
    }
    for change in doable() {
        steps.create_stream(change);
    }
    for change in doable() {
        steps.create_topic(change);
    }
    for change in doable() {
        steps.update_settings(change);
    }
    for change in doable() {
        steps.change_partitions(change, approvals);
    }
    for change in doable() {
        steps.create_group(change);
    }
    steps.users(&users);
    steps.grant_access(&users);
    steps.delete_users(&prunings);
    steps.end_own_login(&users);

    let mut pruned = steps.pruned_of(&prunings);
    pruned.append(&mut steps.deleted);
    let (steps, blocked) = (steps.steps, blocked.lines);
    Plan {
        summary: Summary::of(&steps, &blocked, &pruned, changes.unchanged.total()),
        steps,
        blocked,
        basis: changes.basis.clone(),
        approvals: approvals.clone(),
        mass_deletion: MassDeletion::of(changes, &pruned),
        only: BTreeSet::new(),
        pruned,
    }
}

#[derive(Default)]
pub(super) struct Steps {
    pub(super) steps: Vec<Step>,
    /// The step that makes an address exist under its name.
    pub(super) makes: BTreeMap<Address, StepId>,
    /// The step that frees a name.
    pub(super) frees: BTreeMap<Address, StepId>,
    /// Of users: the step that reduces the permissions, makes one inactive that
    /// is pruned, changes the password, gives the permissions.
    pub(super) narrows: BTreeMap<Address, StepId>,
    /// What is deleted of streams, topics and consumer groups.
    pub(super) deleted: BTreeSet<Address>,
    pub(super) deactivates: BTreeMap<Address, StepId>,
    pub(super) passwords: BTreeMap<Address, StepId>,
    pub(super) widens: BTreeMap<Address, StepId>,
    pub(super) activates: BTreeMap<Address, StepId>,
    /// The steps that take grants on what is no longer there away: of declared
    /// users and of others. What is created could get such an id.
    pub(super) clears: Vec<StepId>,
}

impl Steps {
    fn rename_stream(&mut self, rename: StreamRename<'_>) {
        let StreamRename { address, from } = rename;
        let Address::Stream(to) = address else {
            return;
        };
        let source = Address::Stream(from.clone());
        let needs = self.frees.get(address).copied().into_iter().collect();
        let id = self.push(
            address,
            Action::RenameStream {
                from: from.clone(),
                to: to.clone(),
            },
            needs,
            vec![
                Precondition::Present {
                    address: source.clone(),
                },
                Precondition::Absent {
                    address: address.clone(),
                },
            ],
            Risk::Risky,
        );
        self.makes.insert(address.clone(), id);
        self.frees.insert(source, id);
    }

    fn create_stream(&mut self, change: &Change) {
        let (Difference::CreateStream, Address::Stream(stream)) =
            (&change.difference, &change.address)
        else {
            return;
        };
        let id = self.push(
            &change.address,
            Action::CreateStream {
                stream: stream.clone(),
            },
            self.clears.clone(),
            absent(&change.address),
            Risk::Safe,
        );
        self.makes.insert(change.address.clone(), id);
    }

    fn creates_stream(&self, id: StepId) -> bool {
        // A step's id is its position.
        let step = self.steps.get(id.0 as usize);
        step.is_some_and(|step| matches!(step.action, Action::CreateStream { .. }))
    }

    fn create_topic(&mut self, change: &Change) {
        let (
            Difference::CreateTopic {
                partitions,
                settings,
            },
            Address::Topic(stream, topic),
        ) = (&change.difference, &change.address)
        else {
            return;
        };
        let first = (*partitions).min(MAX_PARTITIONS_PER_REQUEST);
        let mut needs = self.made_by_parent(&change.address);
        // The step that creates the stream has them, if there is one.
        if !needs.iter().any(|need| self.creates_stream(*need)) {
            needs.extend(&self.clears);
            needs.sort_unstable();
        }
        let id = self.push(
            &change.address,
            Action::CreateTopic {
                stream: stream.clone(),
                topic: topic.clone(),
                partitions: first,
                settings: *settings,
            },
            needs,
            absent(&change.address),
            Risk::Safe,
        );
        self.makes.insert(change.address.clone(), id);
        self.partitions(&change.address, first, *partitions, Risk::Safe);
    }

    fn update_settings(&mut self, change: &Change) {
        if let Difference::ChangeTopic(topic) = &change.difference
            && topic.renamed_from.is_none()
            && !topic.settings.is_empty()
        {
            self.update_topic(&change.address, topic);
        }
    }

    /// The name goes with every update, so a rename with settings is one call.
    fn update_topic(&mut self, address: &Address, change: &TopicChange) {
        let Address::Topic(stream, name) = address else {
            return;
        };
        let mut settings = TopicSettings::default();
        for change in &change.settings {
            change.to.store(&mut settings);
        }
        let current = change.renamed_from.as_ref().unwrap_or(name);
        let source = Address::Topic(stream.clone(), current.clone());
        let mut preconditions = vec![Precondition::Present {
            address: source.clone(),
        }];
        let mut needs = Vec::new();
        let is_rename = change.renamed_from.is_some();
        if is_rename {
            preconditions.extend(absent(address));
            needs.extend(self.frees.get(address).copied());
        }
        // A step that frees the name is in the same stream and has its needs.
        if needs.is_empty() {
            needs = self.made_by_parent(address);
        }
        let is_risky = is_rename || change.settings.iter().any(SettingChange::lowers_retention);
        let id = self.push(
            address,
            Action::UpdateTopic {
                stream: stream.clone(),
                topic: current.clone(),
                rename_to: is_rename.then(|| name.clone()),
                settings,
            },
            needs,
            preconditions,
            if is_risky { Risk::Risky } else { Risk::Safe },
        );
        if is_rename {
            self.makes.insert(address.clone(), id);
            self.frees.insert(source, id);
        }
    }

    fn change_partitions(&mut self, change: &Change, approvals: &Approvals) {
        let Difference::ChangeTopic(topic) = &change.difference else {
            return;
        };
        let Some(PartitionChange { from, to }) = topic.partitions else {
            return;
        };
        if to < from {
            if forbidden_shrink(&change.address, topic, approvals).is_none() {
                self.partitions(&change.address, from, to, Risk::Destructive);
            }
            return;
        }
        // Without partitions there are no keys that could be routed elsewhere.
        let risk = if from == 0 { Risk::Safe } else { Risk::Risky };
        self.partitions(&change.address, from, to, risk);
    }

    fn create_group(&mut self, change: &Change) {
        let (Difference::CreateConsumerGroup, Address::ConsumerGroup(stream, topic, group)) =
            (&change.difference, &change.address)
        else {
            return;
        };
        let needs = self.made_by_parent(&change.address);
        self.push(
            &change.address,
            Action::CreateConsumerGroup {
                stream: stream.clone(),
                topic: topic.clone(),
                group: group.clone(),
            },
            needs,
            absent(&change.address),
            Risk::Safe,
        );
    }

    /// As many requests as it takes from one count to the other.
    fn partitions(&mut self, address: &Address, from: u32, to: u32, risk: Risk) {
        let Address::Topic(stream, topic) = address else {
            return;
        };
        let mut needs: Vec<StepId> = match self.makes.get(address) {
            Some(id) => vec![*id],
            None => self.made_by_parent(address),
        };
        let mut count = from;
        while count != to {
            let next = if to > count {
                count + (to - count).min(MAX_PARTITIONS_PER_REQUEST)
            } else {
                count - (count - to).min(MAX_PARTITIONS_PER_REQUEST)
            };
            let (stream, topic) = (stream.clone(), topic.clone());
            let action = if to > count {
                Action::AddPartitions {
                    stream,
                    topic,
                    from: count,
                    to: next,
                }
            } else {
                Action::RemovePartitions {
                    stream,
                    topic,
                    from: count,
                    to: next,
                }
            };
            let precondition = Precondition::Partitions {
                address: address.clone(),
                count,
            };
            let id = self.push(address, action, needs, vec![precondition], risk);
            needs = vec![id];
            count = next;
        }
    }

    /// The step that makes the nearest ancestor that is made in this plan.
    fn made_by_parent(&self, address: &Address) -> Vec<StepId> {
        let mut parent = address.parent();
        while let Some(ancestor) = parent {
            if let Some(id) = self.makes.get(&ancestor) {
                return vec![*id];
            }
            parent = ancestor.parent();
        }
        Vec::new()
    }

    fn push(
        &mut self,
        address: &Address,
        action: Action,
        needs: Vec<StepId>,
        preconditions: Vec<Precondition>,
        risk: Risk,
    ) -> StepId {
        self.push_in(
            Stage::Resources,
            address,
            action,
            needs,
            preconditions,
            risk,
        )
    }

    pub(super) fn push_in(
        &mut self,
        stage: Stage,
        address: &Address,
        action: Action,
        needs: Vec<StepId>,
        preconditions: Vec<Precondition>,
        risk: Risk,
    ) -> StepId {
        let id = StepId(u32::try_from(self.steps.len()).unwrap_or(u32::MAX));
        self.steps.push(Step {
            id,
            stage,
            address: address.clone(),
            action,
            needs,
            preconditions,
            risk,
            cost: Cost { requests: 1 },
        });
        id
    }
}

fn absent(address: &Address) -> Vec<Precondition> {
    vec![Precondition::Absent {
        address: address.clone(),
    }]
}
