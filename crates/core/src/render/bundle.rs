use std::collections::{BTreeMap, BTreeSet};

use super::plan_body::Line;
use super::plan_report::{ChangeReport, ChangeVerb};
use crate::address::Address;

/// From how many changes on that look alike they are shown as one.
const BUNDLE_FROM: usize = 5;

/// How many names a bundle lists before it leaves some out.
const LISTED_NAMES: usize = 4;

/// Changes that are shown under one header.
pub(super) struct Bundle<'a> {
    pub(super) members: Vec<&'a ChangeReport>,
    pub(super) lines: Vec<Line>,
    /// Whether they are taken over.
    pub(super) adopts: bool,
}

/// Puts what looks alike in one stream together, in the order of the first of
/// each; streams themselves are alike across the server.
pub(super) fn bundles<'a>(
    changes: impl Iterator<Item = (&'a ChangeReport, Vec<Line>)>,
    adopted: &BTreeSet<&Address>,
    verbose: bool,
) -> Vec<Bundle<'a>> {
    let adopts = |change: &ChangeReport| adopted.contains(&change.address);
    let mut bundles: Vec<Bundle<'a>> = Vec::new();
    if verbose {
        bundles.extend(changes.map(|(change, lines)| Bundle {
            members: vec![change],
            lines,
            adopts: adopts(change),
        }));
        return bundles;
    }
    let changes: Vec<(&ChangeReport, Vec<Line>)> = changes.collect();
    let mut sizes: BTreeMap<Likeness<'_>, usize> = BTreeMap::new();
    for (change, lines) in &changes {
        *sizes
            .entry(likeness(change, lines, adopts(change)))
            .or_default() += 1;
    }
    let mut places: BTreeMap<Likeness<'_>, usize> = BTreeMap::new();
    for (change, lines) in &changes {
        let likeness = likeness(change, lines, adopts(change));
        if sizes
            .get(&likeness)
            .is_some_and(|size| *size >= BUNDLE_FROM)
        {
            if let Some(&place) = places.get(&likeness) {
                bundles[place].members.push(change);
                continue;
            }
            places.insert(likeness, bundles.len());
        }
        bundles.push(Bundle {
            members: vec![change],
            lines: lines.clone(),
            adopts: adopts(change),
        });
    }
    bundles
}

type Likeness<'a> = (
    Option<Address>,
    &'static str,
    ChangeVerb,
    &'a [Line],
    (bool, bool),
);

fn likeness<'a>(change: &'a ChangeReport, lines: &'a [Line], adopts: bool) -> Likeness<'a> {
    let place = place_of(&change.address);
    let is_renamed = change.previous.is_some();
    let kind = change.address.kind();
    (place, kind, change.verb, lines, (is_renamed, adopts))
}

/// The stream or the user that holds the resource.
fn place_of(address: &Address) -> Option<Address> {
    match address {
        Address::Stream(_) | Address::User(_) => None,
        Address::Topic(stream, _) | Address::ConsumerGroup(stream, _, _) => {
            Some(Address::Stream(stream.clone()))
        }
        Address::Token(user, _) => Some(Address::User(user.clone())),
    }
}

impl Bundle<'_> {
    /// What stands in the header: the address, or how many and which.
    pub(super) fn title(&self) -> String {
        let [first, .., last] = self.members.as_slice() else {
            return self.members.first().map_or_else(String::new, |change| {
                match &change.previous {
                    Some(previous) => format!("{}  (was {previous})", change.address),
                    None => change.address.to_string(),
                }
            });
        };
        let count = self.members.len();
        let mut names: Vec<String> = self
            .members
            .iter()
            .take(LISTED_NAMES - 1)
            .map(|change| short_name(change))
            .collect();
        let place = match place_of(&first.address) {
            None => String::new(),
            Some(place @ Address::User(_)) => format!(" of {place}"),
            Some(place) => format!(" in {place}"),
        };
        if count > LISTED_NAMES {
            names.push("…".to_owned());
        }
        names.push(short_name(last));
        format!(
            "{count} {}s{place}: {}",
            first.address.kind(),
            names.join(", ")
        )
    }
}

/// The name within the stream, with the name before a rename.
fn short_name(change: &ChangeReport) -> String {
    let short = |address: &Address| {
        let text = address.to_string();
        let skipped = match address {
            Address::Stream(_) | Address::User(_) => 1,
            Address::Topic(..) | Address::ConsumerGroup(..) | Address::Token(..) => 2,
        };
        let parts: Vec<&str> = text.splitn(skipped + 1, '/').collect();
        parts.last().map_or_else(String::new, ToString::to_string)
    };
    match &change.previous {
        Some(previous) => format!("{} → {}", short(previous), short(&change.address)),
        None => short(&change.address),
    }
}
