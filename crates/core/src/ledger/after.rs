//! How it stands after an apply: what was known before it, its steps, and what was read
//! afterwards, if it was.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::Address;
use crate::diff::Setting;
use crate::drift::{LeftAttribute, PERMISSIONS, Settled};
use crate::plan::{Action, Step, StepId};
use crate::render::{StepReport, StepStatus};

/// The steps of a plan with how they ended, by what they are about.
pub(super) struct Tried<'a> {
    by_address: BTreeMap<&'a Address, Vec<(&'a Action, StepStatus)>>,
    /// Of what parts were blocked.
    blocked: BTreeSet<&'a Address>,
    /// Whether what is declared was to be removed.
    destroys: bool,
}

impl<'a> Tried<'a> {
    /// Where nobody said how a step ended it may have been made.
    pub(super) fn new(
        steps: &'a [Step],
        ended: &[StepReport],
        blocked: impl IntoIterator<Item = &'a Address>,
        destroys: bool,
    ) -> Self {
        let ended: BTreeMap<StepId, StepStatus> =
            ended.iter().map(|it| (it.id, it.status)).collect();
        let mut by_address: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for step in steps {
            let status = ended.get(&step.id).copied();
            let status = status.unwrap_or(StepStatus::Unknown);
            let tried = by_address.entry(&step.address).or_default();
            tried.push((&step.action, status));
        }
        Self {
            by_address,
            blocked: blocked.into_iter().collect(),
            destroys,
        }
    }

    fn of(&self, address: &Address, is_about: impl Fn(&Action) -> bool) -> Sum {
        let mut sum = Sum::default();
        let tried = self.by_address.get(address).into_iter().flatten();
        for (_, status) in tried.filter(|(action, _)| is_about(action)) {
            match status {
                StepStatus::Applied => sum.applied = true,
                StepStatus::Failed => sum.failed = true,
                StepStatus::Unknown => sum.unknown = true,
                StepStatus::NotAttempted => sum.left = true,
            }
        }
        sum
    }

    /// Whether the steps could make it another thing.
    fn may_be_another(&self, address: &Address) -> bool {
        let mut all = address.with_ancestors();
        all.any(|address| self.of(&address, |_| true).is_touched())
    }

    /// How a destroy of what is declared ended, be it with what it is in.
    fn destroyed(&self, address: &Address) -> Sum {
        let mut sum = Sum::default();
        let mut looked_at = Some(address.clone()).filter(|_| self.destroys);
        while let Some(address) = looked_at {
            let own = self.of(&address, is_taken_away);
            sum.applied |= own.applied;
            sum.unknown |= own.unknown;
            looked_at = address.parent().or_else(|| owner(&address));
        }
        sum
    }

    /// Whether a destroy took something away: what is granted for it goes with it.
    fn has_destroyed(&self) -> bool {
        let mut all = self.by_address.keys();
        self.destroys && all.any(|address| self.of(address, is_taken_away).applied)
    }

    /// What was to be deleted, and may have been.
    fn may_be_gone(&self) -> impl Iterator<Item = Address> {
        let all = self.by_address.iter();
        let unknown = all.filter(|(address, _)| self.of(address, is_removal).unknown);
        unknown.map(|(address, _)| (*address).clone())
    }
}

/// How some steps ended together.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    applied: bool,
    failed: bool,
    unknown: bool,
    left: bool,
}

impl Sum {
    fn is_touched(self) -> bool {
        self.applied || self.failed || self.unknown
    }

    fn is_done(self) -> bool {
        self.applied && !(self.failed || self.unknown || self.left)
    }
}

/// How it stands where it was read after the apply.
pub(super) fn after(before: &Settled, read: Settled, tried: &Tried<'_>) -> Settled {
    let mut after = Settled {
        incarnations: before.incarnations.clone(),
        unsettled: read.unsettled,
        ..Settled::default()
    };
    // Not even tried, and there: somebody created it meanwhile.
    let is_somebodys = |address: &Address| {
        before.left.absent.contains(address) && !tried.of(address, |_| true).is_touched()
    };
    for (address, incarnation) in read.incarnations {
        if is_somebodys(&address) {
            after.left.absent.insert(address);
            continue;
        }
        let is_known = before.incarnations.contains_key(&address);
        // Another one that no step made is one that somebody made meanwhile.
        if !is_known || tried.may_be_another(&address) {
            after.incarnations.insert(address, incarnation);
        }
    }
    for address in read.left.absent {
        let created = tried.of(&address, is_creation);
        let was_absent = before.left.absent.contains(&address);
        if created.unknown || created.applied {
            after.unsettled.insert(address);
            continue;
        }
        let destroyed = tried.destroyed(&address);
        let is_destroyed = destroyed.applied || destroyed.unknown;
        if was_absent || is_destroyed || before.unsettled.contains(&address) {
            after.left.absent.insert(address);
        }
    }
    let has_destroyed = tried.has_destroyed();
    for (address, attributes) in read.left.attributes {
        if is_somebodys(&address) {
            continue;
        }
        let known = before.left.attributes.get(&address);
        for (name, read) in attributes {
            let known = known.and_then(|it| it.get(&name));
            let steps = tried.of(&address, |action| is_about(action, &name));
            let is_granted = has_destroyed && known.is_none() && name.starts_with(PERMISSIONS);
            let left = match steps {
                // It is what the destroy made of it.
                Sum {
                    unknown: false,
                    applied,
                    ..
                } if tried.destroys && applied => read,
                steps if is_granted && !steps.is_touched() => read,
                steps => after_steps(known, read, steps),
            };
            let attributes = after.left.attributes.entry(address.clone()).or_default();
            attributes.insert(name, left);
        }
    }
    let absent = &after.left.absent;
    let may_be_gone = tried.may_be_gone().filter(|it| !absent.contains(it));
    after.unsettled.extend(may_be_gone);
    after
}

/// What is expected of an attribute that is still not as declared.
fn after_steps(known: Option<&LeftAttribute>, read: LeftAttribute, steps: Sum) -> LeftAttribute {
    let nobody_knows = LeftAttribute {
        live: None,
        recorded: None,
        declared: read.declared.clone(),
    };
    if steps.unknown {
        return nobody_knows;
    }
    match known {
        // Nothing has happened to it.
        Some(known) if known.live == read.live => known.clone(),
        Some(known) if !steps.is_touched() => known.clone(),
        // Half of it was done.
        Some(_) | None if steps.failed || steps.applied && steps.left => read,
        _ => nobody_knows,
    }
}

/// How it stands where nobody could read it after the apply, or nobody lived to do so.
pub(super) fn unread(before: &Settled, tried: &Tried<'_>) -> Settled {
    let mut after = before.clone();
    for address in &before.left.absent {
        let created = tried.of(address, is_creation);
        if created.is_touched() {
            after.left.absent.remove(address);
        }
        if created.is_touched() && !created.is_done() {
            after.unsettled.insert(address.clone());
        }
    }
    for (address, attributes) in &mut after.left.attributes {
        let is_blocked = tried.blocked.contains(address);
        attributes.retain(|name, left| {
            let steps = tried.of(address, |action| is_about(action, name));
            if steps.is_touched() {
                (left.live, left.recorded) = (None, None);
            }
            !steps.is_done() || is_blocked
        });
    }
    if tried.destroys {
        let there = before.incarnations.keys();
        for address in there.chain(tried.by_address.keys().copied()) {
            let destroyed = tried.destroyed(address);
            if destroyed.unknown || !destroyed.applied && tried.of(address, |_| true).is_touched() {
                after.unsettled.insert(address.clone());
            } else if destroyed.applied {
                after.left.absent.insert(address.clone());
            }
        }
    }
    after.unsettled.extend(tried.may_be_gone());
    after
}

fn is_creation(action: &Action) -> bool {
    matches!(
        action,
        Action::CreateStream { .. }
            | Action::CreateTopic { .. }
            | Action::CreateConsumerGroup { .. }
            | Action::CreateUser { .. }
            | Action::CreateToken { .. }
    )
}

fn is_removal(action: &Action) -> bool {
    matches!(
        action,
        Action::DeleteStream { .. }
            | Action::DeleteTopic { .. }
            | Action::DeleteConsumerGroup { .. }
            | Action::DeleteUser { .. }
    )
}

fn is_taken_away(action: &Action) -> bool {
    is_removal(action) || matches!(action, Action::RevokeToken { .. })
}

/// The user that an access token is of.
fn owner(address: &Address) -> Option<Address> {
    match address {
        Address::Token(user, _) => Some(Address::User(user.clone())),
        Address::Stream(_) | Address::Topic(..) | Address::ConsumerGroup(..) | Address::User(_) => {
            None
        }
    }
}

/// Whether a step changes an attribute, by the name that it has in manifests.
fn is_about(action: &Action, attribute: &str) -> bool {
    match action {
        Action::CreateStream { .. }
        | Action::CreateTopic { .. }
        | Action::CreateConsumerGroup { .. }
        | Action::CreateUser { .. }
        | Action::CreateToken { .. } => true,
        Action::RenameStream { .. } | Action::RenameUser { .. } => attribute == "name",
        Action::UpdateTopic {
            stream: _,
            topic: _,
            rename_to,
            settings,
        } => {
            let mut settings = Setting::present(settings);
            rename_to.is_some() && attribute == "name"
                || settings.any(|setting| setting.name() == attribute)
        }
        Action::AddPartitions { .. } | Action::RemovePartitions { .. } => attribute == "partitions",
        Action::SetUserStatus { .. } => attribute == "status",
        Action::SetPermissions { .. } => attribute.starts_with(PERMISSIONS),
        Action::DeleteStream { .. }
        | Action::DeleteTopic { .. }
        | Action::DeleteConsumerGroup { .. }
        | Action::DeleteUser { .. }
        | Action::ChangePassword { .. }
        | Action::RevokeToken { .. } => false,
    }
}
