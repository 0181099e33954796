//! For random records, manifests and servers: what a report of drift promises.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Applied, Away, DriftClass, DriftItem, DriftKind, Left, Settled, adopted, drift};
use crate::address::Address;
use crate::diff::{BlockReason, Change, Difference, Incarnation, diff};
use crate::plan::{Approvals, plan};
use crate::state::desired::{DesiredState, Presence};
use crate::state::observed::{AccessReading, ObservedState};
use crate::state::observed_access::PasswordCheck;
use crate::testing::{apply_plan, desired_state, observed_state, with_users, without_obstacles};

/// A record of what somebody applied.
#[derive(Debug, Clone, Default)]
struct Record {
    state: DesiredState,
    incarnations: BTreeMap<Address, Incarnation>,
    unsettled: BTreeSet<Address>,
    left: Left,
    away: BTreeSet<Away>,
    removed: BTreeSet<Address>,
    passed_over: BTreeSet<Address>,
}

impl Record {
    /// Whether the apply left it so.
    fn has_left(&self, item: &DriftItem) -> bool {
        // Nothing can be in what is not there.
        let mut looked_at = Some(item.address.clone());
        while let Some(address) = looked_at {
            if self.left.absent.contains(&address) {
                return true;
            }
            looked_at = address.parent();
        }
        let scope = item.attribute.as_ref();
        let scope = scope.and_then(|name| name.strip_prefix("permissions ")?.parse().ok());
        // Nor can anything be granted for it.
        if scope.is_some_and(|scope: Address| {
            let absent = self.left.absent.iter();
            absent.into_iter().any(|absent| absent.contains(&scope))
        }) {
            return true;
        }
        let attributes = self.left.attributes.get(&item.address);
        let attribute = item.attribute.as_ref();
        attribute.is_some_and(|name| attributes.is_some_and(|left| left.contains_key(name)))
    }

    fn applied(&self) -> Applied<'_> {
        Applied {
            state: &self.state,
            incarnations: &self.incarnations,
            unsettled: &self.unsettled,
            left: &self.left,
            away: &self.away,
            removed: &self.removed,
            passed_over: &self.passed_over,
            // Between what generated servers have and what is created on them.
            at_micros: 1_900_000_000_000_000,
        }
    }
}

/// What is declared, without tokens: those are compared by name alone.
fn declared(state: &DesiredState) -> Vec<Address> {
    let mut all = Vec::new();
    for (name, stream) in &state.streams {
        if stream.presence == Presence::Declared {
            all.push(Address::Stream(name.clone()));
        }
        for (topic_name, topic) in &stream.topics {
            if topic.presence == Presence::Declared {
                all.push(Address::Topic(name.clone(), topic_name.clone()));
            }
            all.extend(topic.groups.keys().map(|group| {
                Address::ConsumerGroup(name.clone(), topic_name.clone(), group.clone())
            }));
        }
    }
    all.extend(state.users.keys().cloned().map(Address::User));
    all
}

/// Nobody looks at passwords.
fn without_passwords(live: &mut ObservedState) {
    if let AccessReading::Read(access) = &mut live.access {
        for user in access.users.values_mut() {
            user.password = PasswordCheck::NotChecked;
        }
    }
}

fn states() -> impl Strategy<Value = (DesiredState, ObservedState)> {
    with_users((desired_state(), observed_state())).prop_map(|(desired, mut live)| {
        without_passwords(&mut live);
        (desired, live)
    })
}

/// Carries the manifests out as far as that goes without a person, and notes it.
fn apply(desired: &DesiredState, live: &mut ObservedState) -> Record {
    let changes = diff(desired, live);
    let plan = plan(&changes, &Approvals::default());
    apply_plan(&plan, live).unwrap();
    without_passwords(live);
    let Settled {
        incarnations,
        unsettled,
        left,
    } = Settled::of(desired, live, None);
    Record {
        state: desired.clone(),
        incarnations,
        unsettled,
        left,
        away: BTreeSet::new(),
        removed: BTreeSet::new(),
        passed_over: BTreeSet::new(),
    }
}

/// A record of another apply, which may have been made on another server.
fn any_record() -> impl Strategy<Value = Record> {
    (states(), any::<u64>()).prop_map(|((desired, mut live), choice)| {
        let mut record = apply(&desired, &mut live);
        for (position, address) in declared(&desired).into_iter().enumerate() {
            if choice >> (position % 64) & 7 == 0 {
                record.unsettled.insert(address);
            }
        }
        record
    })
}

/// What a comparison says, by address and attribute.
fn keys(change: &Change) -> Vec<(Address, Option<String>)> {
    let attributes: Vec<String> = match &change.difference {
        Difference::StripStaleGrants(_) | Difference::ChangeToken(_) => return Vec::new(),
        Difference::RenameStream { .. } => vec!["name".to_owned()],
        Difference::ChangeTopic(topic) => {
            let settings = topic.settings.iter().map(|it| it.to.name().to_owned());
            let renamed = topic.renamed_from.iter().map(|_| "name".to_owned());
            let partitions = topic.partitions.iter().map(|_| "partitions".to_owned());
            let obstacles = change
                .obstacles
                .iter()
                .filter_map(|obstacle| match obstacle {
                    BlockReason::CreateOnly { field, .. }
                    | BlockReason::UnknownSetting { field, .. } => Some(field.clone()),
                    BlockReason::BelowSegmentSize { .. } => Some("maxTopicSize".to_owned()),
                    _ => None,
                });
            settings
                .chain(renamed)
                .chain(partitions)
                .chain(obstacles)
                .collect()
        }
        Difference::ChangeUser(user) => {
            let renamed = user.renamed_from.iter().map(|_| "name".to_owned());
            let status = user.status.iter().map(|_| "status".to_owned());
            renamed.chain(status).collect()
        }
        _ => return vec![(change.address.clone(), None)],
    };
    let keys = attributes.into_iter();
    keys.map(|name| (change.address.clone(), Some(name)))
        .collect()
}

fn without_previous_names(mut desired: DesiredState) -> DesiredState {
    for stream in desired.streams.values_mut() {
        stream.previous_name = None;
        for topic in stream.topics.values_mut() {
            topic.previous_name = None;
        }
    }
    for user in desired.users.values_mut() {
        user.previous_name = None;
    }
    desired
}

fn of_class(items: &[DriftItem], class: DriftClass) -> Vec<&DriftItem> {
    items.iter().filter(|it| it.kind.class() == class).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn every_difference_is_said_once((desired, live) in states(), record in any_record()) {
        for applied in [None, Some(record.applied())] {
            let items = drift(&desired, applied.as_ref(), &live);
            for change in &diff(&desired, &live).changes {
                let of_user = matches!(change.difference, Difference::ChangeUser(_));
                for (address, attribute) in keys(change) {
                    let said: Vec<&DriftItem> = items
                        .iter()
                        .filter(|it| it.address == address && it.attribute == attribute)
                        // Something is there again, and is not as it was.
                        .filter(|it| it.kind != DriftKind::Recreated)
                        .collect();
                    prop_assert_eq!(said.len(), 1, "{} {:?}: {:#?}", address, attribute, said);
                    prop_assert!(said[0].kind.class() != DriftClass::Information);
                }
                let says_permissions = |it: &DriftItem| {
                    let attribute = it.attribute.as_deref().unwrap_or_default();
                    it.address == change.address && attribute.starts_with("permissions")
                };
                if let Difference::ChangeUser(user) = &change.difference
                    && user.permissions.is_some()
                {
                    prop_assert!(of_user && items.iter().any(says_permissions));
                }
            }
        }
    }

    #[test]
    fn what_is_as_it_was_applied_is_no_drift(
        (applied, live) in states(),
        (desired, _) in states(),
    ) {
        let mut live = live;
        let record = apply(&applied, &mut live);
        let items = drift(&desired, Some(&record.applied()), &live);
        prop_assert_eq!(of_class(&items, DriftClass::Drift), Vec::<&DriftItem>::new());
    }

    #[test]
    fn what_was_applied_is_not_taken_over_again(
        (applied, live) in states(),
        (desired, _) in states(),
    ) {
        let mut live = live;
        let record = apply(&applied, &mut live);
        let again = adopted(&applied, Some(&record.applied()), &live);
        prop_assert_eq!(again, BTreeSet::new());
        // Of other manifests it is what was not declared.
        let desired = without_previous_names(desired);
        for address in adopted(&desired, Some(&record.applied()), &live) {
            prop_assert!(desired.declares(&address));
            prop_assert!(!applied.declares(&address), "{}", address);
        }
    }

    #[test]
    fn after_an_apply_nothing_is_left(
        (before, live) in states(),
        (desired, _) in states(),
    ) {
        let mut live = live;
        apply(&before, &mut live);
        let desired = without_obstacles(desired, &live);
        let record = apply(&desired, &mut live);
        let items = drift(&desired, Some(&record.applied()), &live);
        for class in [DriftClass::Drift, DriftClass::Unreadable] {
            prop_assert_eq!(of_class(&items, class), Vec::<&DriftItem>::new());
        }
        for item in of_class(&items, DriftClass::Ahead) {
            prop_assert!(record.has_left(item), "{:?}", item);
        }
        for item in of_class(&items, DriftClass::Undecided) {
            prop_assert!(record.unsettled.contains(&item.address), "{:?}", item);
        }
    }

    #[test]
    fn whatever_differs_from_what_was_applied_and_still_is_declared_is_drift(
        (applied, live) in states(),
        (_, by_hand) in states(),
    ) {
        let mut live = live;
        let record = apply(&applied, &mut live);
        // A stale one would take what somebody put there over.
        let desired = without_previous_names(applied);
        let items = drift(&desired, Some(&record.applied()), &by_hand);
        // What was blocked was not applied, waits for it, and is compared with what it was.
        for item in of_class(&items, DriftClass::Ahead) {
            prop_assert!(record.has_left(item), "{:?}", item);
        }
        for change in &diff(&desired, &by_hand).changes {
            let is_said = items.iter().any(|it| {
                it.address == change.address
                    && (it.kind.class() == DriftClass::Drift || record.has_left(it))
            });
            let is_excused = record.unsettled.contains(&change.address)
                || keys(change).is_empty() && !matches!(change.difference, Difference::ChangeUser(_));
            prop_assert!(is_said || is_excused, "{:?} {:#?}", change, items);
        }
    }
}
