//! A plan as a comment on a pull request: what counts is seen without a click, what is
//! risky comes first, and the rest is folded.

mod apply;
mod page;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use maud::html;

pub(super) use self::page::Page;
use self::rows::ALIKE_FROM;
pub(super) use self::rows::{Group, groups};
use super::adoption::ADOPTS;
use super::escape;
use super::github_text::{address_code, clipped, code, prose};
use super::plan_report::PlanReport;
use super::review::{
    Review, ReviewRow, ReviewSubject, Weight, counts, mass_deletion_text, unexpected_removals_text,
    unmanaged_head,
};
use super::unmanaged::Unmanaged;
use crate::address::Address;
use crate::check::{Finding, Severity};

const COLUMNS: &str = "\n\n| | Resource | What |\n|---|---|---|\n";

/// Where what does not fit is.
const WHOLE_PLAN: &str = "The whole plan: `-o text`, `-o html` or `-o json`.";

/// How many rows of changes that are alike are shown outside the fold.
const ALIKE_SHOWN: usize = 20;

impl ReviewSubject {
    /// A line that no reader sees and that finds the comment of the last run. Two subjects
    /// never have the same one.
    #[must_use]
    pub fn marker(&self, command: &str) -> String {
        format!(
            "<!-- iggyctl {command}: {}/{} -->",
            self.project.as_deref().map(encoded).unwrap_or_default(),
            encoded(&self.server)
        )
    }

    pub(super) fn title(&self) -> String {
        let server = code(&self.server);
        match &self.project {
            Some(project) => format!("{} on {server}", code(project)),
            None => server,
        }
    }
}

/// What could end a comment, or separate the two names, is percent-encoded.
fn encoded(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b':' => {
                encoded.push(char::from(byte));
            }
            // Two of them in a row are not allowed in a comment.
            b'-' if !encoded.ends_with('-') => encoded.push('-'),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

impl PlanReport {
    /// As GitHub's markdown, of at most 60,000 bytes; what does not fit is counted.
    #[must_use]
    pub fn to_markdown(&self, subject: &ReviewSubject) -> String {
        let review = Review::of(self);
        let sign = if !self.blocked.is_empty()
            || self.refusals() > 0
            || self.unexpected_removals.is_some()
        {
            "⛔"
        } else if self.changes.is_empty() {
            "✅"
        } else {
            "📋"
        };
        let mut page = Page::new(format!(
            "{}\n## {sign} Plan for {}\n\n**{}**\n",
            subject.marker("plan"),
            subject.title(),
            self.footer()
        ));
        if let Some(server) = &self.server {
            let text = format!("\nMade on {}.\n", prose(&server.to_string()));
            page.block("", &[text], "");
        }
        self.write_rows(&mut page, &review);
        page.finish(WHOLE_PLAN)
    }

    fn write_rows(&self, page: &mut Page, review: &Review<'_>) {
        if let Some(text) = unexpected_removals_text(self) {
            page.block("\n", &[format!("⛔ {}\n", prose(&text))], "");
        }
        if let Some(text) = mass_deletion_text(self) {
            page.block("\n", &[format!("🗑️ {}\n", prose(&text))], "");
        }
        let risky = review.rows.iter().filter(|row| row.weight != Weight::Plain);
        let risky = groups(risky);
        let mut rows: Vec<String> = risky.iter().map(Group::row).collect();
        let (warnings, notes): (Vec<&Finding>, Vec<&Finding>) = review
            .other_findings
            .iter()
            .partition(|finding| finding.severity >= Severity::Warning);
        rows.extend(warnings.into_iter().map(finding_row));
        page.block(&format!("\n### Look at these{COLUMNS}"), &rows, "");

        let plain = review.rows.iter().filter(|row| row.weight == Weight::Plain);
        let alike: Vec<Group<'_, '_>> = groups(plain)
            .into_iter()
            .filter(|group| group.members.len() >= ALIKE_FROM)
            .collect();
        let rows: Vec<String> = alike.iter().take(ALIKE_SHOWN).map(Group::row).collect();
        page.block(&format!("\n### The same for many{COLUMNS}"), &rows, "");

        // What has a row of its own on top is not repeated.
        let on_top: BTreeSet<&Address> = risky
            .iter()
            .filter(|group| group.members.len() < ALIKE_FROM)
            .flat_map(|group| &group.members)
            .map(|row| &row.change.address)
            .collect();
        for (owner, mut rows) in review.by_owner() {
            rows.retain(|row| !on_top.contains(&row.change.address));
            if !rows.is_empty() {
                write_owner(page, &owner, &rows);
            }
        }
        if let Some(head) = self.adopted_head() {
            let adopted = self.adopted_unchanged();
            let rows: Vec<String> = adopted.into_iter().map(adopted_row).collect();
            let head = format!("\n<details><summary>{head}</summary>{COLUMNS}");
            page.block(&head, &rows, "\n</details>\n");
        }
        if let Some(head) = unmanaged_head(self) {
            let rows: Vec<String> = self.unmanaged.iter().map(unmanaged_row).collect();
            let head = format!("\n<details><summary>{head}</summary>{COLUMNS}");
            page.block(&head, &rows, "\n</details>\n");
        }
        let rows: Vec<String> = notes.into_iter().map(finding_row).collect();
        let head = format!("\n<details><summary>Worth knowing</summary>{COLUMNS}");
        page.block(&head, &rows, "\n</details>\n");
    }
}

/// What changes in a stream or of a user, folded.
fn write_owner(page: &mut Page, owner: &Address, rows: &[&ReviewRow<'_>]) {
    let name = escape(&owner.to_string()).into_owned();
    let counts = counts(rows.iter().map(|row| row.change));
    // A block of HTML: nothing in it is read as markdown.
    let summary = html! { details { summary { code { (name) } ": " (counts) } } }.into_string();
    let head = summary.trim_end_matches("</details>");
    let cells: Vec<String> = groups(rows.iter().copied())
        .iter()
        .map(Group::row)
        .collect();
    page.block(&format!("\n{head}{COLUMNS}"), &cells, "\n</details>\n");
}

fn adopted_row(address: &Address) -> String {
    format!("| 📥 | {} | {ADOPTS} |\n", address_code(address))
}

fn unmanaged_row(unmanaged: &Unmanaged) -> String {
    let (address, holds) = (address_code(&unmanaged.address), prose(&unmanaged.holds()));
    format!("| ℹ️ | {address} | {holds} |\n")
}

fn finding_row(finding: &Finding) -> String {
    let Finding {
        code: finding_code,
        severity,
        address,
        message,
        fix,
        origin: _,
    } = finding;
    let sign = match severity {
        Severity::Error => "⛔",
        Severity::Warning => "⚠️",
        Severity::Note => "ℹ️",
    };
    let message = prose(&clipped(&format!("{finding_code}: {message}"), 500));
    let fix = prose(&clipped(&format!("→ {fix}"), 500));
    format!(
        "| {sign} | {} | {message}<br>{fix} |\n",
        address_code(address)
    )
}
