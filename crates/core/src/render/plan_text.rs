use std::collections::BTreeMap;

use super::adoption::ADOPTS;
use super::bundle::bundles;
use super::paint::{Role, paint};
use super::plan_body::{Line, body, located_finding_lines};
use super::plan_report::{ChangeReport, ChangeVerb, PlanReport};
use super::review::mass_deletion_text;
use super::{TextOptions, escape};
use crate::address::Address;
use crate::check::Finding;
use crate::plan::{Blocked, Summary};
use crate::wording::counted;

impl PlanReport {
    /// The report as people read it; ends with one line that counts.
    #[must_use]
    pub fn to_text(&self, options: TextOptions) -> String {
        let TextOptions { color, verbose } = options;
        let mut blocked: BTreeMap<&Address, Vec<&Blocked>> = BTreeMap::new();
        for line in &self.blocked {
            blocked.entry(&line.address).or_default().push(line);
        }
        let mut findings: BTreeMap<&Address, Vec<&Finding>> = BTreeMap::new();
        for finding in &self.findings {
            findings.entry(&finding.address).or_default().push(finding);
        }

        let mut changes: Vec<&ChangeReport> = self.changes.iter().collect();
        changes.sort_by_key(|change| {
            let is_access = change.address.user().is_some();
            (
                is_access,
                change.address.stream().or(change.address.user()),
                rank(&change.address),
            )
        });
        let with_lines = changes.into_iter().map(|change| {
            let blocked = blocked.get(&change.address).map_or(&[][..], Vec::as_slice);
            let findings = findings.remove(&change.address).unwrap_or_default();
            (change, body(change, blocked, &findings))
        });

        let mut text = String::new();
        let mut bundled = 0;
        for bundle in bundles(with_lines, &self.all_adopted(), verbose) {
            if bundle.members.len() > 1 {
                bundled += bundle.members.len();
            }
            let Some(first) = bundle.members.first() else {
                continue;
            };
            let (sign, role) = sign(first.verb);
            let mut title = bundle.title();
            if bundle.adopts {
                title.push_str("  ");
                title.push_str(ADOPTS);
            }
            line(&mut text, color, role, 1, &format!("{sign} {title}"));
            for Line {
                role,
                depth,
                text: body,
            } in &bundle.lines
            {
                line(&mut text, color, *role, depth + 1, body);
            }
        }
        text.push_str(&self.adopted_text(options));
        for (address, finding) in with_addresses(findings) {
            if let Some(address) = address {
                line(&mut text, color, Role::Plain, 1, &address.to_string());
            }
            for Line {
                role,
                depth,
                text: body,
            } in located_finding_lines(finding)
            {
                line(&mut text, color, role, depth - 2, &body);
            }
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&self.unmanaged_text(options));
        if let Some(note) = mass_deletion_text(self) {
            line(&mut text, color, Role::Loss, 0, &note);
        }
        if bundled > 0 {
            let note = format!("{bundled} changes are shown in groups; --verbose lists each.");
            line(&mut text, color, Role::Faint, 0, &note);
        }
        line(&mut text, color, Role::Strong, 0, &self.footer());
        text
    }

    /// What is taken over as it is.
    fn adopted_text(&self, options: TextOptions) -> String {
        let TextOptions { color, verbose } = options;
        let mut text = String::new();
        let adopted = self.adopted_unchanged();
        let listed = if verbose { usize::MAX } else { LISTED };
        for address in adopted.iter().take(listed) {
            let adopts = format!("· {address}  {ADOPTS}");
            line(&mut text, color, Role::Plain, 1, &adopts);
        }
        let more = adopted.len().saturating_sub(listed);
        if more > 0 {
            let note = format!("and {more} more adopted; --verbose lists each");
            line(&mut text, color, Role::Faint, 1, &note);
        }
        text
    }

    fn unmanaged_text(&self, options: TextOptions) -> String {
        let mut text = String::new();
        if self.unmanaged.is_empty() {
            return text;
        }
        let TextOptions { color, verbose } = options;
        let count = counted(self.unmanaged.len(), "resource");
        let head = format!("{count} owned and not declared, left alone without --prune:");
        line(&mut text, color, Role::Faint, 0, &head);
        let listed = if verbose { usize::MAX } else { LISTED };
        for unmanaged in self.unmanaged.iter().take(listed) {
            line(&mut text, color, Role::Faint, 1, &unmanaged.to_string());
        }
        let more = self.unmanaged.len().saturating_sub(listed);
        if more > 0 {
            let note = format!("and {more} more; --verbose lists each");
            line(&mut text, color, Role::Faint, 1, &note);
        }
        text.push('\n');
        text
    }

    /// The one line that counts everything that the text shows.
    #[must_use]
    pub fn footer(&self) -> String {
        let Summary {
            create,
            update,
            rename,
            deactivate,
            delete,
            destructive: _,
            blocked,
            unchanged,
        } = self.summary;
        let parts: Vec<String> = [
            (create, "to create"),
            (update, "to update"),
            (rename, "to rename"),
            (deactivate, "to deactivate"),
            (delete, "to delete"),
            (blocked, "blocked"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
        let destroys = self.approvals.destroy;
        let mut footer = if parts.is_empty() && destroys {
            "Nothing to remove.".to_owned()
        } else if parts.is_empty() {
            "No changes.".to_owned()
        } else {
            format!("Plan: {}.", parts.join(", "))
        };
        // What is deleted is counted already.
        let is_losing =
            |change: &&ChangeReport| change.destructive && change.verb != ChangeVerb::Delete;
        let losing = self.changes.iter().filter(is_losing).count();
        if losing > 0 {
            let verb = if losing == 1 { "loses" } else { "lose" };
            footer.push_str(&format!(" {losing} {verb} data."));
        }
        if !self.only.is_empty() {
            let left_out = match self.left_out {
                0 => "nothing is left out".to_owned(),
                1 => "1 change is left out".to_owned(),
                more => format!("{more} changes are left out"),
            };
            footer.push_str(&format!(" Restricted by --only: {left_out}."));
        } else if destroys {
            // All that is declared is to go, so nothing is as declared, or unchanged.
        } else if parts.is_empty() {
            let are = if unchanged == 1 { "is" } else { "are" };
            let resources = counted(unchanged, "resource");
            footer.push_str(&format!(" {resources} {are} as declared."));
        } else {
            footer.push_str(&format!(" {unchanged} unchanged."));
        }
        footer.push_str(&self.adopted_count());
        footer.push_str(&self.refusal_text());
        footer
    }
}

/// Findings about what does not change. Those of iggyctl itself name the resource;
/// those of policies need not, so each resource is named above them.
fn with_addresses<'a>(
    findings: BTreeMap<&'a Address, Vec<&'a Finding>>,
) -> Vec<(Option<&'a Address>, &'a Finding)> {
    let mut last = None;
    let findings = findings.into_values().flatten();
    let named = findings.map(|finding| {
        let is_policy = finding.code.built_in().is_none();
        let is_new = is_policy && last != Some(&finding.address);
        if is_new {
            last = Some(&finding.address);
        }
        (is_new.then_some(&finding.address), finding)
    });
    named.collect()
}

/// How much of what is not declared, or is taken over as it is, is listed: it is information,
/// beside what changes.
const LISTED: usize = 10;

fn line(text: &mut String, color: bool, role: Role, depth: usize, body: &str) {
    for _ in 0..depth {
        text.push_str("  ");
    }
    text.push_str(&paint(color, role, escape(body)));
    text.push('\n');
}

fn sign(verb: ChangeVerb) -> (char, Role) {
    match verb {
        ChangeVerb::Create => ('+', Role::Create),
        ChangeVerb::Update => ('~', Role::Update),
        ChangeVerb::Rename => ('>', Role::Rename),
        ChangeVerb::Deactivate | ChangeVerb::Delete => ('-', Role::Loss),
        ChangeVerb::Blocked => ('!', Role::Blocked),
    }
}

fn rank(address: &Address) -> u8 {
    match address {
        Address::Stream(_) => 0,
        Address::Topic(..) => 1,
        Address::ConsumerGroup(..) => 2,
        Address::User(_) => 0,
        Address::Token(..) => 1,
    }
}
