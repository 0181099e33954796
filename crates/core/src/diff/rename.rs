use std::collections::{BTreeMap, BTreeSet};

use super::change::{Notice, RenameIgnored};
use crate::address::Address;
use crate::name::ResourceName;

/// Whether a name is on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sighting {
    There,
    Missing,
    Unreadable,
}

/// What a manifest says about a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declaration<'a> {
    /// Declared, not only named as a parent.
    pub(super) declared: bool,
    pub(super) previous: Option<&'a ResourceName>,
}

/// Which declared name takes over what is on the server under another one.
#[derive(Debug, Default)]
pub(super) struct Renames<'a> {
    sources: BTreeMap<&'a ResourceName, &'a ResourceName>,
    taken: BTreeSet<&'a ResourceName>,
    unreadable: BTreeMap<&'a ResourceName, &'a ResourceName>,
    /// Declared name and previous name where both are there and the previous
    /// one is nobody's.
    pub(super) both_there: Vec<(&'a ResourceName, &'a ResourceName)>,
    /// Declared name, previous name that is there and declared, and the one
    /// further back whose absence keeps the whole chain from acting.
    pub(super) held_up: Vec<(&'a ResourceName, &'a ResourceName, &'a ResourceName)>,
}

impl<'a> Renames<'a> {
    /// The name on the server that `name` takes over.
    pub(super) fn source(&self, name: &ResourceName) -> Option<&'a ResourceName> {
        self.sources.get(name).copied()
    }

    /// Every source by its target.
    pub(super) fn into_sources(self) -> BTreeMap<ResourceName, ResourceName> {
        self.sources
            .into_iter()
            .map(|(target, source)| (target.clone(), source.clone()))
            .collect()
    }

    /// The renames that do not happen although the previous name is there.
    pub(super) fn ignored(
        &self,
        address: impl Fn(&ResourceName) -> Address,
    ) -> impl Iterator<Item = Notice> {
        let both_there = self
            .both_there
            .iter()
            .map(|(target, previous)| (*target, *previous, RenameIgnored::BothThere));
        let held_up = self.held_up.iter().map(|(target, previous, missing)| {
            let missing = address(missing);
            (*target, *previous, RenameIgnored::PreviousStays { missing })
        });
        let mut all: Vec<_> = both_there.chain(held_up).collect();
        all.sort_by_key(|(target, ..)| *target);
        all.into_iter().map(move |(target, previous, why)| Notice {
            address: address(target),
            previous: address(previous),
            why,
        })
    }

    /// Whether what is called `name` on the server gets another name.
    pub(super) fn is_taken(&self, name: &ResourceName) -> bool {
        self.taken.contains(name)
    }

    /// The previous name that decides about `name` and could not be read.
    pub(super) fn unreadable(&self, name: &ResourceName) -> Option<&'a ResourceName> {
        self.unreadable.get(name).copied()
    }
}

/// Decides about all renames among siblings.
///
/// A rename acts while its target is missing and its source is there and not
/// declared otherwise. A source that is declared counts as free when its own
/// declaration takes over yet another name in the same run: that is a chain,
/// and it acts as a whole or not at all, so that a crash in its middle leaves
/// a state from which the rest still acts.
pub(super) fn resolve<'a>(
    declarations: impl Iterator<Item = (&'a ResourceName, Declaration<'a>)>,
    declaration: impl Fn(&ResourceName) -> Option<Declaration<'a>>,
    sighting: impl Fn(&ResourceName) -> Sighting,
) -> Renames<'a> {
    let mut renames = Renames::default();
    let mut present = Vec::new();
    for (target, Declaration { declared, previous }) in declarations {
        let (true, Some(previous)) = (declared, previous) else {
            continue;
        };
        match sighting(target) {
            Sighting::There => present.push((target, previous)),
            Sighting::Unreadable => {}
            Sighting::Missing => follow(&mut renames, target, previous, &declaration, &sighting),
        }
    }
    for (target, previous) in present {
        let is_declared = declaration(previous).is_some_and(|other| other.declared);
        if !renames.is_taken(target)
            && !renames.is_taken(previous)
            && !is_declared
            && sighting(previous) == Sighting::There
        {
            renames.both_there.push((target, previous));
        }
    }
    renames
}

/// Follows the chain that ends in a missing target back to a source that nobody declares.
fn follow<'a>(
    renames: &mut Renames<'a>,
    head: &'a ResourceName,
    previous: &'a ResourceName,
    declaration: &impl Fn(&ResourceName) -> Option<Declaration<'a>>,
    sighting: &impl Fn(&ResourceName) -> Sighting,
) {
    let mut chain = Vec::new();
    let mut seen = BTreeSet::new();
    let (mut target, mut source) = (head, previous);
    loop {
        match sighting(source) {
            Sighting::There => {}
            Sighting::Missing => {
                if !chain.is_empty() {
                    renames.held_up.push((head, previous, source));
                }
                return;
            }
            Sighting::Unreadable => {
                renames.unreadable.insert(head, source);
                return;
            }
        }
        if renames.is_taken(source) || !seen.insert(source) {
            return;
        }
        chain.push((target, source));
        match declaration(source) {
            Some(Declaration {
                declared: true,
                previous: Some(next),
            }) => (target, source) = (source, next),
            Some(Declaration {
                declared: true,
                previous: None,
            }) => return,
            Some(Declaration {
                declared: false, ..
            })
            | None => break,
        }
    }
    for (target, source) in chain {
        renames.sources.insert(target, source);
        renames.taken.insert(source);
    }
}
