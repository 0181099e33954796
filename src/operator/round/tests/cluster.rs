//! A cluster and a server in memory, and an operator that may be killed before any write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::Kind;
use iggyctl_core::check::Findings;
use iggyctl_core::diff::diff;
use iggyctl_core::plan::{Approvals, DestructionGrant, Plan, plan};
use iggyctl_core::render::PlanReport;
use iggyctl_core::state::DeletionPolicy;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::{AccessReading, ObservedState};
use iggyctl_core::testing::apply_step;
use jiff::Timestamp;
use serde_json::Value;

use super::super::{
    After, Conclusion, Decision, Happening, Member, Subject, announcement, compare_alone, conclude,
    corrections, decide, kept, marks, prepare,
};
use crate::operator::model::{Declared, Defaults, EventReason, Object, ObjectKey, Requests};
use crate::operator::resources::status::{Condition, ConditionStatus, PlanStatus, TopologyStatus};

/// The operator was killed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Killed;

#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) objects: Vec<Object>,
    pub(super) server: ObservedState,
    pub(super) acknowledged: bool,
    /// Whether the server tells that it is the one it was.
    pub(super) is_the_same: bool,
    /// What the server object says.
    pub(super) defaults: Defaults,
    /// The marks that the server object has.
    pub(super) creating: BTreeSet<String>,
    /// The fewest objects that are marked, and not announced one by one.
    pub(super) fewest_marked: usize,
    /// Writes, to either.
    pub(super) writes: usize,
    /// How many more it makes before it is killed.
    pub(super) lives: Option<usize>,
    /// What the server refuses to change.
    pub(super) refuses: BTreeSet<Address>,
    pub(super) now: Timestamp,
    pub(super) happenings: Vec<Happening>,
    /// What it may have done, without an answer.
    pub(super) unanswered: BTreeSet<Address>,
    /// How much was made on the server.
    stamps: u64,
}

/// Later than what the paper server says of itself.
const FIRST_STAMP: u64 = 1_900_000_000_000_000;

impl Cluster {
    pub(super) fn new(objects: Vec<Object>) -> Self {
        Self {
            objects,
            server: ObservedState {
                access: AccessReading::Read(Box::default()),
                ..ObservedState::default()
            },
            acknowledged: false,
            is_the_same: false,
            defaults: Defaults::default(),
            creating: BTreeSet::new(),
            fewest_marked: usize::MAX,
            writes: 0,
            lives: None,
            refuses: BTreeSet::new(),
            now: Timestamp::UNIX_EPOCH,
            happenings: Vec::new(),
            unanswered: BTreeSet::new(),
            stamps: 0,
        }
    }

    fn write(&mut self) -> Result<(), Killed> {
        if let Some(lives) = &mut self.lives {
            if *lives == 0 {
                return Err(Killed);
            }
            *lives -= 1;
        }
        self.writes += 1;
        Ok(())
    }

    /// Rounds until nothing is written any more.
    pub(super) fn settle(&mut self) -> Result<(), Killed> {
        for _ in 0..12 {
            let before = self.writes;
            self.round()?;
            if self.writes == before {
                return Ok(());
            }
        }
        panic!("it does not settle: {:#?}", self.objects);
    }

    /// As [`Self::settle`], with so many changes tried in vain in each round.
    pub(super) fn settle_but_for(&mut self, tried: usize) {
        for _ in 0..12 {
            let before = self.writes;
            self.round().unwrap();
            if self.writes == before + tried {
                return;
            }
        }
        panic!("it does not settle: {:#?}", self.objects);
    }

    pub(super) fn round(&mut self) -> Result<(), Killed> {
        let ended = self.look();
        // The API server itself does this, whether the operator lives or not.
        self.objects
            .retain(|object| object.deleted_at.is_none() || object.has_finalizer);
        ended
    }

    /// Whatever is new is made at a time of its own: the paper server goes by the number, which
    /// it gives again.
    pub(super) fn stamp(&mut self) {
        let mut made = Vec::new();
        for stream in self.server.streams.values_mut() {
            made.push(&mut stream.created_at_micros);
            let topics = stream.topics.values_mut();
            made.extend(topics.map(|topic| &mut topic.created_at_micros));
        }
        if let AccessReading::Read(access) = &mut self.server.access {
            let users = access.users.values_mut();
            made.extend(users.map(|user| &mut user.created_at_micros));
        }
        for made in made.into_iter().filter(|made| **made < FIRST_STAMP) {
            *made = FIRST_STAMP + self.stamps;
            self.stamps += 1;
        }
    }

    fn look(&mut self) -> Result<(), Killed> {
        self.stamp();
        let subject = Subject {
            identity: "server".to_owned(),
            aliases: Some(Vec::new()),
            is_another: false,
            is_the_same: self.is_the_same,
            replacement_acknowledged: self.acknowledged,
            defaults: self.defaults,
            creating: Arc::new(self.creating.clone()),
            login_namespace: None,
            now: self.now,
        };
        let members: Vec<Member> = self
            .objects
            .iter()
            .map(|object| {
                let declared = Declared::of(object).map(Arc::new);
                Member::new(Arc::new(object.clone()), declared, &subject)
            })
            .collect();
        let preparation = prepare(&members);
        let decision = decide(&members, &preparation, &self.server, &subject);
        let (_, before) = compared(&decision.compared, &decision.approvals, &self.server);
        let (executed, _) = compared(&decision.executed, &decision.approvals, &self.server);
        let tried: BTreeSet<Address> = match decision.is_replaced {
            true => BTreeSet::new(),
            false => executed
                .steps
                .iter()
                .map(|step| step.address.clone())
                .collect(),
        };
        let corrections = corrections(&members, &decision, &before, &tried);
        let marks = marks(
            &members,
            &decision,
            &tried,
            &corrections,
            self.fewest_marked,
        );
        if !marks.all.is_empty() {
            self.write()?;
            self.creating.extend(marks.all);
        }
        for place in (0..members.len()).filter(|place| !marks.places.contains(place)) {
            if members[place].is_deleting() || decision.is_replaced {
                continue;
            }
            if decision.needs_finalizer(&members, place, &tried)
                && !self.objects[place].has_finalizer
            {
                self.write()?;
                self.objects[place].has_finalizer = true;
            }
            let correction = corrections.get(&place);
            if let Some(said) =
                announcement(&members, &decision, place, &tried, correction, &subject)
            {
                self.happenings.extend(said.happening);
                self.write()?;
                self.objects[place].status = Arc::new(said.status);
            }
        }
        let mut applied = BTreeSet::new();
        let mut failed = BTreeMap::new();
        let mut unknown = BTreeSet::new();
        if !decision.is_replaced {
            let addresses = decision.approvals.allow_destroy.clone();
            let grant = DestructionGrant::from_deletion_policies(addresses, &executed);
            let approved = executed.approve(true, &grant).unwrap();
            for step in approved.steps() {
                self.write()?;
                if self.refuses.contains(&step.address) {
                    failed.insert(step.address.clone(), "it is refused".to_owned());
                    continue;
                }
                if self.unanswered.contains(&step.address) {
                    failed.insert(step.address.clone(), "no answer".to_owned());
                    unknown.insert(step.address.clone());
                    continue;
                }
                let result = apply_step(step, &mut self.server);
                self.stamp();
                match result {
                    Ok(()) => applied.insert(step.address.clone()),
                    Err(error) => failed
                        .insert(step.address.clone(), error.to_string())
                        .is_some(),
                };
            }
        }
        let (_, left) = compared(&decision.compared, &decision.approvals, &self.server);
        let wanted = &preparation.to_observe;
        let looked = compare_alone(&members, &decision, wanted, |state, approvals| {
            compared(state, approvals, &self.server).1
        });
        let after = After {
            observed: &self.server.clone(),
            left: &left,
            before: &before,
            tried: &tried,
            applied: &applied,
            unknown: &unknown,
            failed: &failed,
            orphaned: &BTreeMap::new(),
            looked: &looked,
        };
        let conclusions = conclude(&members, &decision, &after, &subject);
        for (place, conclusion) in conclusions.into_iter().enumerate() {
            let conclusion = conclusion.unwrap();
            self.happenings.extend(conclusion.happenings);
            let member = &members[place];
            let mut claims = conclusion.status.claims.iter();
            let holds = claims.any(|it| it.deletion_policy != Some(DeletionPolicy::Retain));
            let keeps = match member.is_deleting() {
                true => !conclusion.releases,
                false => holds || decision.needs_finalizer(&members, place, &tried),
            };
            if conclusion.status != *self.objects[place].status
                && !(conclusion.releases && self.objects[place].has_finalizer)
            {
                self.write()?;
                self.objects[place].status = Arc::new(conclusion.status);
            }
            if self.objects[place].has_finalizer && !keeps {
                self.write()?;
                self.objects[place].has_finalizer = false;
            }
        }
        let is_left = |it: &&Member| it.is_paused() || it.declared.is_err();
        let left = members.iter().filter(is_left);
        let left = kept(&self.creating, left.map(|it| it.object.uid.as_str()));
        if !decision.is_replaced && left != self.creating {
            self.write()?;
            self.creating = left;
        }
        Ok(())
    }

    /// What is told of these members in a round in which nothing is done.
    pub(super) fn told(
        &self,
        members: &[Member],
        decision: &Decision,
        subject: &Subject,
    ) -> Vec<Happening> {
        let concluded = self.concluded(members, decision, subject).into_iter();
        concluded.flat_map(|it| it.happenings).collect()
    }

    /// What is said of these members after a round in which nothing is done.
    pub(super) fn concluded(
        &self,
        members: &[Member],
        decision: &Decision,
        subject: &Subject,
    ) -> Vec<Conclusion> {
        let (_, report) = compared(&decision.compared, &decision.approvals, &self.server);
        let after = After {
            observed: &self.server,
            left: &report,
            before: &report,
            tried: &BTreeSet::new(),
            applied: &BTreeSet::new(),
            unknown: &BTreeSet::new(),
            failed: &BTreeMap::new(),
            orphaned: &BTreeMap::new(),
            looked: &BTreeMap::new(),
        };
        let conclusions = conclude(members, decision, &after, subject).into_iter();
        conclusions.flatten().collect()
    }

    pub(super) fn place(&self, name: &str) -> usize {
        let mut objects = self.objects.iter();
        objects.position(|object| object.key.name == name).unwrap()
    }

    /// What `kubectl delete` does.
    pub(super) fn delete(&mut self, name: &str) {
        let place = self.place(name);
        match self.objects[place].has_finalizer {
            true => self.objects[place].deleted_at = Some(Timestamp::UNIX_EPOCH),
            false => {
                self.objects.remove(place);
            }
        }
    }

    pub(super) fn change(&mut self, name: &str, spec: Value) {
        let place = self.place(name);
        self.objects[place].spec = Arc::new(spec);
        self.objects[place].generation += 1;
    }

    /// The reason of `Ready`.
    pub(super) fn reason(&self, name: &str) -> &str {
        &self.condition(name, "Ready").reason
    }

    pub(super) fn condition(&self, name: &str, kind: &str) -> &Condition {
        let conditions = &self.objects[self.place(name)].status.conditions;
        conditions.iter().find(|it| it.kind == kind).unwrap()
    }

    pub(super) fn plan(&self, name: &str) -> Option<&PlanStatus> {
        self.objects[self.place(name)].status.plan.as_ref()
    }

    /// The lines of `status.plan`.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        let changes = self.plan(name).into_iter().flat_map(|plan| &plan.changes);
        changes
            .map(|line| format!("{}: {}", line.address, line.summary))
            .collect()
    }

    /// What people were told since this was asked before.
    pub(super) fn heard(&mut self) -> Vec<(EventReason, String)> {
        let told = std::mem::take(&mut self.happenings).into_iter();
        told.map(|it| (it.reason, it.note)).collect()
    }

    /// The reasons of what people were told since this was asked before.
    pub(super) fn told_reasons(&mut self) -> Vec<EventReason> {
        self.heard().into_iter().map(|(reason, _)| reason).collect()
    }

    pub(super) fn is_true(&self, name: &str, kind: &str) -> bool {
        let conditions = &self.objects[self.place(name)].status.conditions;
        let mut found = conditions.iter().filter(|it| it.kind == kind);
        found.any(|it| it.status == ConditionStatus::True)
    }

    /// What objects hold, by address.
    pub(super) fn holders(&self) -> BTreeMap<String, Vec<String>> {
        let mut holders: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for object in &self.objects {
            for claim in &object.status.claims {
                let names = holders.entry(claim.address.clone()).or_default();
                names.push(object.key.name.clone());
            }
        }
        holders
    }

    /// The names of what is on the server.
    pub(super) fn there(&self) -> BTreeSet<String> {
        let streams = self.server.streams.iter();
        streams
            .flat_map(|(name, stream)| {
                let topics = stream.topics.iter().flat_map(move |(topic_name, topic)| {
                    let groups = topic.groups.iter().flatten();
                    let groups =
                        groups.map(move |(group, _)| format!("{name}/{topic_name}/{group}"));
                    groups.chain([format!("{name}/{topic_name}")])
                });
                topics.chain([name.to_string()]).collect::<Vec<_>>()
            })
            .collect()
    }
}

pub(super) fn compared(
    state: &DesiredState,
    approvals: &Approvals,
    server: &ObservedState,
) -> (Plan, PlanReport) {
    let changes = diff(state, server);
    let plan = plan(&changes, approvals);
    let findings = Findings {
        findings: Vec::new(),
    };
    let report = PlanReport::new(&plan, &changes, &findings);
    (plan, report)
}

/// An object that is `age` seconds younger than the cluster.
pub(super) fn object(kind: Kind, name: &str, age: i64, spec: Value) -> Object {
    Object {
        key: ObjectKey {
            kind,
            namespace: "team".to_owned(),
            name: name.to_owned(),
        },
        uid: format!("uid-{name}"),
        resource_version: String::new(),
        generation: 1,
        created_at: Timestamp::from_second(age).unwrap(),
        deleted_at: None,
        has_finalizer: false,
        finalizers: Vec::new(),
        requests: Requests::default(),
        spec: Arc::new(spec),
        status: Arc::new(TopologyStatus::default()),
    }
}
