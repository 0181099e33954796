use std::collections::{BTreeMap, BTreeSet};

use super::applied::{Applied, things_of};
use super::attribute::{Attribute, NAME, scope_of};
use super::away;
use super::item::{DriftItem, DriftKind};
use super::things::{Standing, Thing, Things};
use crate::address::Address;
use crate::diff::{Change, ChangeSet, Difference, Incarnation, diff};
use crate::state::desired::DesiredState;
use crate::state::observed::ObservedState;

/// Compares what Git declares, what was applied and what the server has.
///
/// `observed` has to cover both: see [`super::to_observe`]. In the order of a tree, streams
/// before users.
#[must_use]
pub fn drift(
    desired: &DesiredState,
    applied: Option<&Applied<'_>>,
    observed: &ObservedState,
) -> Vec<DriftItem> {
    let changes = diff(desired, observed);
    let declared = Things::new(desired, observed, &changes);
    let mut items = match applied {
        None => without_record(&declared, &changes),
        Some(applied) => {
            let (things, applied_changes) = things_of(applied, observed);
            let mut join = Join {
                applied,
                observed,
                items: Vec::new(),
                recreated: BTreeSet::new(),
                renamed: BTreeSet::new(),
            };
            join.all(&declared, &things, &changes, &applied_changes);
            join.without_away(away::items(applied, &declared, observed))
        }
    };
    items.sort_by(|one, other| one.place().cmp(&other.place()));
    items
}

/// Differences of which nobody can tell whose they are.
fn without_record(declared: &Things, changes: &ChangeSet) -> Vec<DriftItem> {
    let mut items = Vec::new();
    for thing in &declared.all {
        undecided(thing, None, DriftKind::Unrecorded, &mut items);
    }
    for change in changes.prunable.iter().filter(|it| !is_tombstone(it)) {
        let live = changes.live_address(change);
        items.push(undeclared(change, live, DriftKind::Undeclared));
    }
    items
}

fn is_tombstone(change: &Change) -> bool {
    matches!(&change.difference, Difference::PruneUser(user) if user.is_tombstone())
}

/// Something that nobody declares, in what is declared by that name.
fn undeclared(change: &Change, live: Address, kind: DriftKind) -> DriftItem {
    let address = change.address.clone();
    DriftItem {
        now: (live != address).then_some(live),
        ..DriftItem::new(address, kind)
    }
}

/// Whatever differs, as one kind.
fn undecided(thing: &Thing, applied: Option<&Thing>, kind: DriftKind, items: &mut Vec<DriftItem>) {
    match &thing.standing {
        Standing::There(attributes) => {
            for (name, attribute) in attributes.iter().filter(|(_, it)| it.differs) {
                let before = applied.and_then(|thing| attribute_of(thing, name));
                items.push(attribute_item(thing, name, kind, before, Some(attribute)));
            }
        }
        Standing::Missing => items.push(DriftItem::new(thing.address.clone(), kind)),
        Standing::MayHaveEnded => items.push(ended(thing)),
        Standing::Unreadable(reason) => items.push(unreadable(thing, reason)),
        Standing::Unseen => {}
    }
}

fn attribute_of<'a>(thing: &'a Thing, name: &str) -> Option<&'a Attribute> {
    match &thing.standing {
        Standing::There(attributes) => attributes.get(name),
        _ => None,
    }
}

fn attribute_item(
    thing: &Thing,
    name: &str,
    kind: DriftKind,
    applied: Option<&Attribute>,
    declared: Option<&Attribute>,
) -> DriftItem {
    DriftItem {
        attribute: Some(name.to_owned()),
        applied: applied.map(|it| it.declared.clone()),
        live: declared.or(applied).map(|it| it.live.clone()),
        declared: declared.map(|it| it.declared.clone()),
        now: now(thing, name),
        ..DriftItem::new(thing.address.clone(), kind)
    }
}

/// Where a resource with another name is; its children are found with it.
fn now(thing: &Thing, attribute: &str) -> Option<Address> {
    (attribute == NAME).then(|| thing.live.clone())
}

fn unreadable(thing: &Thing, reason: &str) -> DriftItem {
    DriftItem {
        note: Some(reason.to_owned()),
        ..DriftItem::new(thing.address.clone(), DriftKind::Unreadable)
    }
}

fn ended(thing: &Thing) -> DriftItem {
    DriftItem {
        note: Some("not on the server; it may have ended by itself".to_owned()),
        ..DriftItem::new(thing.address.clone(), DriftKind::Ahead)
    }
}

struct Join<'a> {
    applied: &'a Applied<'a>,
    observed: &'a ObservedState,
    items: Vec<DriftItem>,
    /// Applied resources that are not the ones any more that they were.
    recreated: BTreeSet<Address>,
    /// Both names of what got another one by hand.
    renamed: BTreeSet<Address>,
}

impl Join<'_> {
    fn all(
        &mut self,
        declared: &Things,
        applied: &Things,
        changes: &ChangeSet,
        applied_changes: &ChangeSet,
    ) {
        for thing in &applied.all {
            self.look_at_incarnation(thing);
            self.look_at_name(thing);
        }
        let by_name: BTreeMap<&Address, &Thing> =
            applied.all.iter().map(|it| (&it.address, it)).collect();
        let by_live: BTreeMap<&Address, &Thing> = applied
            .all
            .iter()
            .filter(|it| matches!(it.standing, Standing::There(_)))
            .map(|it| (&it.live, it))
            .collect();
        let mut paired: BTreeSet<&Address> = BTreeSet::new();
        let mut taken: BTreeSet<&Address> = BTreeSet::new();
        for thing in &declared.all {
            // What is renamed in Git has its former name on the server, and in the record.
            let before = by_name
                .get(&thing.address)
                .or_else(|| match thing.standing {
                    Standing::There(_) => by_live.get(&thing.live),
                    _ => None,
                });
            if let Some(before) = before {
                paired.insert(&before.address);
            }
            taken.insert(&thing.live);
            self.declared(thing, before.copied());
        }
        let prunable: BTreeMap<Address, &Change> = changes
            .prunable
            .iter()
            .map(|change| (changes.live_address(change), change))
            .collect();
        let left: Vec<&Thing> = applied
            .all
            .iter()
            .filter(|it| !paired.contains(&it.address) && !taken.contains(&it.live))
            .collect();
        self.no_longer_declared(&left, &prunable);
        let owned_then: BTreeSet<Address> = applied_changes
            .prunable
            .iter()
            .map(|change| applied_changes.live_address(change))
            .collect();
        for (address, change) in &prunable {
            if !by_live.contains_key(address) && !is_tombstone(change) {
                self.nobodys(address, change, &owned_then);
            }
        }
    }

    /// Says of what was renamed by hand only that.
    fn without_away(mut self, away: Vec<DriftItem>) -> Vec<DriftItem> {
        let there: BTreeSet<&Address> = away.iter().filter_map(|it| it.now.as_ref()).collect();
        let is_said =
            |item: &DriftItem| item.kind == DriftKind::Undeclared && there.contains(&item.address);
        self.items.retain(|item| !is_said(item));
        self.items.extend(away);
        self.items
    }

    fn is_settled(&self, address: &Address) -> bool {
        !self.applied.unsettled.contains(address)
    }

    fn look_at_incarnation(&mut self, thing: &Thing) {
        let Standing::There(_) = &thing.standing else {
            return;
        };
        if !self.is_settled(&thing.address) {
            return;
        }
        let recorded = self.applied.incarnations.get(&thing.address);
        let live = Incarnation::of(self.observed, &thing.live);
        if let (Some(recorded), Some(live)) = (recorded, live)
            && *recorded != live
        {
            self.recreated.insert(thing.address.clone());
        }
    }

    fn look_at_name(&mut self, thing: &Thing) {
        let name = attribute_of(thing, NAME);
        if name.is_some_and(|name| name.differs) && self.is_settled(&thing.address) {
            self.renamed.insert(thing.address.clone());
            self.renamed.insert(thing.live.clone());
        }
    }

    /// Whether it is about what is granted for something that got another name by hand:
    /// grants go with it, so by name they are not as they were.
    fn is_granted_for_renamed(&self, attribute: &str) -> bool {
        let scope = scope_of(attribute);
        scope.is_some_and(|scope| scope.with_ancestors().any(|it| self.renamed.contains(&it)))
    }

    /// Whether it is another one, and what it is in is not.
    fn is_recreated_itself(&self, address: &Address) -> bool {
        self.recreated.contains(address)
            && !address
                .parent()
                .is_some_and(|parent| self.recreated.contains(&parent))
    }

    fn push(&mut self, thing: &Thing, kind: DriftKind) {
        self.items.push(DriftItem::new(thing.address.clone(), kind));
    }

    fn declared(&mut self, thing: &Thing, before: Option<&Thing>) {
        let is_unsettled = !self.is_settled(&thing.address)
            || before.is_some_and(|before| !self.is_settled(&before.address));
        if is_unsettled {
            return undecided(thing, before, DriftKind::Unsettled, &mut self.items);
        }
        let Some(before) = before else {
            if self.was_absent(thing) {
                return self.appeared(thing);
            }
            return undecided(thing, None, DriftKind::Ahead, &mut self.items);
        };
        if self.is_recreated_itself(&before.address) {
            self.push(thing, DriftKind::Recreated);
        }
        match (&before.standing, &thing.standing) {
            (_, Standing::Unreadable(reason)) => self.items.push(unreadable(thing, reason)),
            (_, Standing::Unseen) => {}
            (_, Standing::MayHaveEnded) => self.items.push(ended(thing)),
            // Where it was applied nobody has renamed it: Git looks for it elsewhere.
            (Standing::There(_), Standing::Missing)
                if before.live != thing.live && before.live != before.address =>
            {
                self.items.push(DriftItem {
                    now: Some(before.live.clone()),
                    ..DriftItem::new(thing.address.clone(), DriftKind::Renamed)
                });
            }
            (Standing::Missing, Standing::Missing) => self.push(thing, DriftKind::Deleted),
            (_, Standing::Missing) => self.push(thing, DriftKind::Ahead),
            (Standing::There(applied), Standing::There(declared)) => {
                let names: BTreeSet<&String> = [applied, declared]
                    .into_iter()
                    .flatten()
                    .filter(|(_, attribute)| attribute.differs)
                    .map(|(name, _)| name)
                    .collect();
                for name in names {
                    let is_unknown = self.applied.left.is_unknown(&before.address, name);
                    let (applied, declared) = (applied.get(name), declared.get(name));
                    match is_unknown {
                        true => self.undecided_attribute(thing, name, declared),
                        false => self.attribute(thing, before, name, applied, declared),
                    }
                }
            }
            (_, Standing::There(_)) => {
                // Something else takes its name: by hand, or by a rename in Git.
                let is_deleted = matches!(before.standing, Standing::Missing);
                if is_deleted {
                    self.push(thing, DriftKind::Deleted);
                }
                let kind = match is_deleted && thing.address == thing.live {
                    true => DriftKind::Changed,
                    false => DriftKind::Ahead,
                };
                undecided(thing, None, kind, &mut self.items);
            }
        }
    }

    /// Whether the last apply left it to be created, and something has its name now.
    fn was_absent(&self, thing: &Thing) -> bool {
        thing.live == thing.address
            && matches!(thing.standing, Standing::There(_))
            && self.applied.left.absent.contains(&thing.address)
    }

    /// Somebody created what is declared.
    fn appeared(&mut self, thing: &Thing) {
        let is_other = match &thing.standing {
            Standing::There(attributes) => attributes.values().any(|it| it.differs),
            _ => false,
        };
        if !is_other {
            return self.push(thing, DriftKind::Adopted);
        }
        self.items.push(DriftItem {
            note: Some("it is declared otherwise".to_owned()),
            ..DriftItem::new(thing.address.clone(), DriftKind::Appeared)
        });
        undecided(thing, None, DriftKind::Changed, &mut self.items);
    }

    fn undecided_attribute(&mut self, thing: &Thing, name: &str, declared: Option<&Attribute>) {
        if let Some(declared) = declared.filter(|it| it.differs) {
            let kind = DriftKind::Unsettled;
            let item = attribute_item(thing, name, kind, None, Some(declared));
            self.items.push(item);
        }
    }

    fn attribute(
        &mut self,
        thing: &Thing,
        before: &Thing,
        name: &str,
        applied: Option<&Attribute>,
        declared: Option<&Attribute>,
    ) {
        let differs = |attribute: Option<&Attribute>| attribute.is_some_and(|it| it.differs);
        let kind = match (differs(applied), differs(declared)) {
            (false, _) if self.is_granted_for_renamed(name) => DriftKind::Changed,
            (false, _) => DriftKind::Ahead,
            (true, true) => {
                let is_same = applied.map(|it| &it.declared) == declared.map(|it| &it.declared);
                match (is_same, name) {
                    (true, NAME) => DriftKind::Renamed,
                    (true, _) => DriftKind::Changed,
                    (false, _) => DriftKind::Both,
                }
            }
            (true, false) if thing.declares(name) => DriftKind::Adopted,
            (true, false) => DriftKind::Released,
        };
        let mut item = attribute_item(thing, name, kind, applied, declared);
        item.not_set = applied.is_some() && self.applied.left.is_found(&before.address, name);
        if kind == DriftKind::Adopted {
            item.declared = item.live.clone();
        }
        if kind == DriftKind::Changed && applied.is_none() {
            item.applied = item.declared.clone();
        }
        self.items.push(item);
    }

    /// What was applied, and Git no longer names.
    fn no_longer_declared(&mut self, left: &[&Thing], prunable: &BTreeMap<Address, &Change>) {
        let all: BTreeSet<&Address> = left.iter().map(|it| &it.address).collect();
        for thing in left {
            // It goes with what it is in, which is said.
            if thing
                .address
                .parent()
                .is_some_and(|parent| all.contains(&parent))
            {
                continue;
            }
            let address = &thing.address;
            match &thing.standing {
                Standing::There(_) => match prunable.get(&thing.live) {
                    Some(change) if is_tombstone(change) => {}
                    Some(_) => self.push(thing, DriftKind::NotPruned),
                    None => self.push(thing, DriftKind::Released),
                },
                Standing::Missing if self.is_settled(address) => {
                    self.push(thing, DriftKind::Gone);
                }
                _ => {}
            }
        }
    }

    /// What is owned, and neither declared nor applied.
    fn nobodys(&mut self, address: &Address, change: &Change, owned_then: &BTreeSet<Address>) {
        let created = Incarnation::of(self.observed, address).map(|it| it.created_at_micros);
        let was_owned = owned_then.contains(address)
            || address
                .parent()
                .is_some_and(|parent| owned_then.contains(&parent));
        let kind = if self.applied.removed.contains(address) {
            DriftKind::CameBack
        } else if was_owned && created.is_some_and(|created| created > self.applied.at_micros) {
            DriftKind::Appeared
        } else {
            DriftKind::Undeclared
        };
        self.items.push(undeclared(change, address.clone(), kind));
    }
}
