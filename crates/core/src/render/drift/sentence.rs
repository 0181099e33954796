//! What is said of an item, the same in every format.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::Address;
use crate::drift::{DriftClass, DriftItem, DriftKind, DriftReport};
use crate::wording::counted;

/// Everything of one class that is said of one resource.
pub(super) struct Entry<'a> {
    pub(super) address: &'a Address,
    pub(super) sign: char,
    pub(super) sentences: Vec<String>,
}

/// The entries of a class, in the order of the report. What was deleted with something
/// that is an entry of its own is counted there.
pub(super) fn entries(report: &DriftReport, class: DriftClass) -> Vec<Entry<'_>> {
    let deleted: BTreeSet<&Address> = report
        .items
        .iter()
        .filter(|item| item.kind == DriftKind::Deleted)
        .map(|item| &item.address)
        .collect();
    let goes_with = |item: &DriftItem| {
        let parent = item.address.parent();
        item.kind == DriftKind::Deleted && parent.is_some_and(|it| deleted.contains(&it))
    };
    let inside = with_each(&deleted);
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for item in &report.items {
        if item.kind.class() != class || goes_with(item) {
            continue;
        }
        let mut said = sentence(item);
        if item.kind == DriftKind::Deleted
            && let Some(counts) = inside.get(&item.address)
        {
            said.push_str(&with_it(*counts));
        }
        match entries.last_mut() {
            Some(last) if *last.address == item.address => last.sentences.push(said),
            _ => entries.push(Entry {
                address: &item.address,
                sign: sign(item.kind),
                sentences: vec![said],
            }),
        }
    }
    entries
}

/// How many topics and consumer groups went with each that was deleted.
fn with_each(deleted: &BTreeSet<&Address>) -> BTreeMap<Address, (u64, u64)> {
    let mut counts: BTreeMap<Address, (u64, u64)> = BTreeMap::new();
    for address in deleted {
        let mut top = None;
        let mut parent = address.parent();
        while let Some(it) = parent.filter(|it| deleted.contains(it)) {
            parent = it.parent();
            top = Some(it);
        }
        if let Some(top) = top {
            let (topics, groups) = counts.entry(top).or_default();
            match address {
                Address::Topic(..) => *topics += 1,
                _ => *groups += 1,
            }
        }
    }
    counts
}

fn with_it((topics, groups): (u64, u64)) -> String {
    let counts = [("topic", topics), ("consumer group", groups)];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(noun, count)| counted(count, noun))
        .collect();
    format!(", with {}", counts.join(" and "))
}

fn sign(kind: DriftKind) -> char {
    match kind {
        DriftKind::Changed | DriftKind::Both => '~',
        DriftKind::Deleted | DriftKind::Gone | DriftKind::NotPruned => '-',
        DriftKind::Renamed | DriftKind::RenamedAway => '>',
        DriftKind::Recreated => '±',
        DriftKind::Appeared | DriftKind::CameBack => '+',
        DriftKind::Ahead => '→',
        DriftKind::Unsettled | DriftKind::Unrecorded | DriftKind::Unreadable => '?',
        DriftKind::Adopted | DriftKind::Released | DriftKind::Undeclared => '·',
    }
}

/// One item, without its address.
pub(super) fn sentence(item: &DriftItem) -> String {
    let DriftItem {
        address: _,
        attribute,
        kind,
        applied,
        not_set,
        live,
        declared,
        now,
        note,
    } = item;
    let name = attribute.as_deref();
    let live = live.as_deref().unwrap_or("not known");
    let applied = applied.as_deref();
    let declared = declared.as_deref();
    let was = match (applied, not_set) {
        (Some(applied), false) => format!(", applied {applied}"),
        (Some(applied), true) => format!(", {applied} at the last apply, which did not set it"),
        (None, _) => String::new(),
    };
    let wants = declared.map_or_else(String::new, |it| format!(", declared {it}"));
    let mut text = match (kind, name) {
        (DriftKind::Changed, Some(name)) if applied.is_none() => {
            format!("{name}: now {live}{wants}")
        }
        (DriftKind::Changed, Some(name)) => format!("{name}: now {live}{was}"),
        (DriftKind::Both, Some(name)) => format!("{name}: now {live}{was}{wants}"),
        (DriftKind::Adopted, Some(name)) => format!("{name}: now {live}{was}; Git agrees by now"),
        (DriftKind::Released, Some(name)) => {
            format!("{name}: now {live}{was}; no longer declared")
        }
        (DriftKind::Released, None) => "no longer declared, and not owned".to_owned(),
        (DriftKind::Deleted, _) => "deleted".to_owned(),
        (DriftKind::Renamed, _) => match now {
            Some(now) => format!("renamed: it is {now} now"),
            None => "renamed".to_owned(),
        },
        (DriftKind::RenamedAway, _) => match now {
            Some(now) => format!(
                "renamed by hand before an apply made another one: what the former one holds is \
                 in {now}"
            ),
            None => "renamed by hand before an apply made another one".to_owned(),
        },
        (DriftKind::Recreated, _) => "deleted and created again: what it held is gone".to_owned(),
        (DriftKind::Appeared, _) if note.is_some() => "created since the last apply".to_owned(),
        (DriftKind::Appeared, _) => {
            "created since the last apply, and no manifest declares it".to_owned()
        }
        (DriftKind::CameBack, _) => "there again after an apply removed it; a client that \
                                     creates what it uses is the usual cause"
            .to_owned(),
        (DriftKind::Ahead, Some(name)) => {
            format!("{name}: {live} → {}", declared.unwrap_or("not known"))
        }
        (DriftKind::Ahead, None) if note.is_none() => "to be created".to_owned(),
        (DriftKind::NotPruned, _) => {
            "no longer declared, left alone; only apply --prune removes it".to_owned()
        }
        (DriftKind::Unsettled, Some(name)) => {
            format!("{name}: now {live}{wants}; the last apply did not finish here")
        }
        (DriftKind::Unsettled, None) => "not there; the last apply did not finish here".to_owned(),
        (DriftKind::Unrecorded, Some(name)) => format!("{name}: now {live}{wants}"),
        (DriftKind::Unrecorded, None) => "declared, and not there".to_owned(),
        (DriftKind::Unreadable, _) => "could not be read".to_owned(),
        (DriftKind::Gone, _) => "deleted, and no longer declared".to_owned(),
        (DriftKind::Undeclared, _) => "owned and not declared, left alone".to_owned(),
        (DriftKind::Adopted, None) => "created since the last apply, as Git declares it".to_owned(),
        (DriftKind::Changed | DriftKind::Both | DriftKind::Ahead, None) => String::new(),
    };
    if let Some(note) = note {
        let separator = if text.is_empty() { "" } else { ": " };
        text.push_str(&format!("{separator}{note}"));
    }
    text
}
