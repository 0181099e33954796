use std::collections::{BTreeMap, BTreeSet};

use super::sentence::{Entry, entries, sentence};
use crate::address::Address;
use crate::drift::{DriftClass, DriftItem, DriftReport};
use crate::render::paint::{Role, paint};
use crate::render::{TextOptions, escape};
use crate::wording::counted;

use super::heading;

/// From how many resources on that are alike they are shown as one.
const ALIKE_FROM: usize = 5;

/// How much of what needs nothing to be done is listed.
const LISTED_INFORMATION: usize = 10;

impl DriftReport {
    /// The report as people read it; ends with one line that counts.
    #[must_use]
    pub fn to_text(&self, options: TextOptions) -> String {
        let TextOptions { color, verbose } = options;
        let mut page = Page {
            text: String::new(),
            color,
        };
        page.line(Role::Faint, 0, &self.subject());
        let is_shortened = page.items(self, verbose);
        page.text.push('\n');
        for note in &self.notes {
            page.line(Role::Faint, 0, note);
        }
        if is_shortened {
            page.line(Role::Faint, 0, "Not all is listed; --verbose lists each.");
        }
        page.line(Role::Strong, 0, &self.footer());
        page.text
    }

    /// What is not as it was when these items were found, and the line that counts what is
    /// there now.
    #[must_use]
    pub fn changes_to_text(&self, before: &BTreeSet<DriftItem>, options: TextOptions) -> String {
        let TextOptions { color, verbose } = options;
        let mut page = Page {
            text: String::new(),
            color,
        };
        let now: BTreeSet<&DriftItem> = self.items.iter().collect();
        let ended: Vec<&DriftItem> = before.iter().filter(|item| !now.contains(item)).collect();
        if !ended.is_empty() {
            page.line(Role::Strong, 0, "No longer so:");
        }
        for item in ended {
            let title = format!("  {}: {}", item.address, sentence(item));
            page.line(Role::Faint, 0, &title);
        }
        let mut new = self.clone();
        new.items.retain(|item| !before.contains(item));
        page.items(&new, verbose);
        page.line(Role::Strong, 0, &self.footer());
        page.text
    }
}

/// Resources of one kind and place of which the same is said, in the order of the first.
fn alike(entries: Vec<Entry<'_>>, verbose: bool) -> Vec<Vec<Entry<'_>>> {
    let likeness = |entry: &Entry<'_>| {
        let kind = entry.address.kind();
        let place = entry.address.parent();
        (kind, place, entry.sentences.clone())
    };
    let mut sizes: BTreeMap<_, usize> = BTreeMap::new();
    for entry in &entries {
        *sizes.entry(likeness(entry)).or_default() += 1;
    }
    let mut places = BTreeMap::new();
    let mut groups: Vec<Vec<Entry<'_>>> = Vec::new();
    for entry in entries {
        let likeness = likeness(&entry);
        let is_one_of_many = sizes.get(&likeness).is_some_and(|size| *size >= ALIKE_FROM);
        if !is_one_of_many || verbose {
            groups.push(vec![entry]);
            continue;
        }
        match places.get(&likeness) {
            Some(place) => {
                let group: &mut Vec<Entry<'_>> = &mut groups[*place];
                group.push(entry);
            }
            None => {
                places.insert(likeness, groups.len());
                groups.push(vec![entry]);
            }
        }
    }
    groups
}

struct Page {
    text: String,
    color: bool,
}

impl Page {
    /// Class by class; returns whether some are left out or put together.
    fn items(&mut self, report: &DriftReport, verbose: bool) -> bool {
        let mut is_shortened = false;
        for class in DriftClass::ALL {
            let entries = entries(report, class);
            if entries.is_empty() {
                continue;
            }
            if !self.text.is_empty() {
                self.text.push('\n');
            }
            self.line(Role::Strong, 0, &format!("{}:", heading(class)));
            let mut listed = usize::MAX;
            if class == DriftClass::Information && !verbose {
                listed = LISTED_INFORMATION;
            }
            let alike = alike(entries, verbose);
            is_shortened |= alike.len() > listed || alike.iter().any(|it| it.len() > 1);
            for group in alike.iter().take(listed) {
                self.group(group, class);
            }
            let more: usize = alike.iter().skip(listed).map(Vec::len).sum();
            if more > 0 {
                self.line(Role::Faint, 1, &format!("and {more} more"));
            }
        }
        is_shortened
    }

    fn line(&mut self, role: Role, depth: usize, line: &str) {
        for _ in 0..depth {
            self.text.push_str("  ");
        }
        self.text.push_str(&paint(self.color, role, escape(line)));
        self.text.push('\n');
    }

    fn group(&mut self, group: &[Entry<'_>], class: DriftClass) {
        let Some(first) = group.first() else {
            return;
        };
        let role = match class {
            DriftClass::Drift | DriftClass::Unreadable => Role::Loss,
            DriftClass::Undecided => Role::Warning,
            DriftClass::Ahead => Role::Update,
            DriftClass::Information => Role::Faint,
        };
        let title = match group {
            [_] => first.address.to_string(),
            group => many(first.address, group),
        };
        self.line(role, 1, &format!("{} {title}", first.sign));
        for sentence in &first.sentences {
            self.line(Role::Plain, 3, sentence);
        }
    }
}

fn many(first: &Address, group: &[Entry<'_>]) -> String {
    let count = counted(group.len(), first.kind());
    let place = first
        .parent()
        .map_or_else(String::new, |parent| format!(" in {parent}"));
    let last = group.last().map_or(first, |entry| entry.address);
    format!("{count}{place}: {first} … {last}")
}
