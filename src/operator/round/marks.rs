//! What is about to be created, written down in one place for thousands of objects.
//!
//! An operator that ends right after it created something has to know it for its own. What may
//! have to be deleted one day is written down with the object itself, which needs a finalizer
//! anyway. For all the rest a mark on the server object is enough, until the status of the object
//! says what it holds: where many are created it is one write, and not one for each object.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::address::Address;
use iggyctl_core::state::DeletionPolicy;
use sha2::{Digest as _, Sha256};

use super::announce::new_claims;
use super::decide::Decision;
use super::drift::Correction;
use super::member::Member;

/// The fewest objects for which it is worth a write of the server object: those of fewer are told
/// one by one, so that people see that they are being applied.
pub(crate) const FEWEST_MARKED: usize = 16;

/// The most marks at once: less than half a megabyte, of which an object may have one and a half.
const MOST_MARKS: usize = 20_000;

/// The characters of a mark, the first half of which stands for the object.
const MARK_LENGTH: usize = 16;

/// What is written down on the server object, and for which members that is enough.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) all: BTreeSet<String>,
    pub(crate) places: BTreeSet<usize>,
}

/// The marks of this round: none where there are fewer than `fewest` members for which one is
/// enough.
pub(crate) fn marks(
    members: &[Member],
    decision: &Decision,
    creating: &BTreeSet<Address>,
    corrections: &BTreeMap<usize, Correction>,
    fewest: usize,
) -> Marks {
    let mut marks = Marks::default();
    if decision.is_replaced {
        return marks;
    }
    for (place, member) in members.iter().enumerate() {
        // Of these more is to be said than that they are being applied.
        let is_told =
            corrections.contains_key(&place) || decision.needs_finalizer(members, place, creating);
        if member.is_foreign || member.is_deleting() || is_told {
            continue;
        }
        let new = new_claims(members, decision, place, creating);
        // What it held by the same name before is no more, which a mark does not say.
        let is_enough = new.iter().all(|(address, held)| {
            held.policy == DeletionPolicy::Retain && !member.claims.contains_key(address)
        });
        if new.is_empty() || !is_enough || marks.all.len() + new.len() > MOST_MARKS {
            continue;
        }
        let uid = &member.object.uid;
        marks
            .all
            .extend(new.keys().map(|address| mark(uid, address)));
        marks.places.insert(place);
    }
    match marks.places.len() < fewest {
        true => Marks::default(),
        false => marks,
    }
}

/// The marks that still tell something: those of the objects with these uids.
pub(crate) fn kept<'a>(
    marks: &BTreeSet<String>,
    uids: impl Iterator<Item = &'a str>,
) -> BTreeSet<String> {
    let objects: BTreeSet<String> = uids.map(of_object).collect();
    let is_of_them = |mark: &&String| {
        let object = mark.get(..MARK_LENGTH / 2);
        object.is_some_and(|it| objects.contains(it))
    };
    marks.iter().filter(is_of_them).cloned().collect()
}

/// What tells one object and one thing of it from all others.
pub(super) fn mark(uid: &str, address: &Address) -> String {
    of_object(uid) + &digest(&format!("{uid} {address}"))
}

fn of_object(uid: &str) -> String {
    digest(uid)
}

/// Half a mark.
fn digest(text: &str) -> String {
    let digest = Sha256::digest(text);
    let bytes = digest.iter().take(MARK_LENGTH / 4);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}
