//! A plan, or a topology, as one page of HTML that people can look at: without anything
//! from elsewhere, so that it can be kept as an artifact and opened from a disk.

mod access;
mod shell;
mod topology;

#[cfg(test)]
mod tests;

use maud::{Markup, html};

use self::access::access_matrix;
use self::shell::{controls, keys, page};
pub use self::topology::TopologyChange;
use self::topology::pictures;
use super::adoption::ADOPTS;
use super::apply_report::{ApplyReport, StepReport, StepStatus};
use super::escape;
use super::paint::Role;
use super::plan_body::{Line, finding_lines};
use super::plan_markdown::{Group, groups};
use super::plan_report::{ChangeVerb, PlanReport};
use super::review::{
    Review, ReviewRow, ReviewSubject, Weight, counted_kind, counts, mass_deletion_text,
    unexpected_removals_text, unmanaged_head,
};
use crate::check::Finding;
use crate::plan::Summary;

/// Up to how many rows everything is open from the start.
const OPEN_UP_TO: usize = 60;

/// How many members a row of many names before the fold.
const NAMED: usize = 12;

impl PlanReport {
    /// As one page of HTML.
    #[must_use]
    pub fn to_html(&self, subject: &ReviewSubject, topology: &TopologyChange) -> String {
        let title = title("Plan for", subject);
        let body = html! {
            h1 { (title) }
            p { strong { (self.footer()) } }
            @if let Some(server) = &self.server { p.faint { "Made on " (escape(&server.to_string())) "." } }
            (self.main_part(topology, &html! {}))
        };
        page(&title, &body)
    }

    /// Counts, `first`, and everything that the plan is about.
    fn main_part(&self, topology: &TopologyChange, first: &Markup) -> Markup {
        let review = Review::of(self);
        let risky = groups(review.rows.iter().filter(|row| row.weight != Weight::Plain));
        let open = review.rows.len() <= OPEN_UP_TO;
        html! {
            (headline(&self.summary))
            (controls(&KINDS))
            main {
                @if let Some(text) = unexpected_removals_text(self) { p.notice { (text) } }
                @if let Some(text) = mass_deletion_text(self) { p.notice { (text) } }
                (first)
                @if !risky.is_empty() || !review.other_findings.is_empty() {
                    h2 { "Look at these" }
                    details.section open {
                        summary { "Blocked, lost or risky" }
                        @for group in &risky { (group_row(group)) }
                        @for finding in &review.other_findings { (finding_row(finding)) }
                    }
                }
                (pictures(topology))
                @if !review.rows.is_empty() {
                    h2 { "What changes" }
                    @for (owner, rows) in review.by_owner() {
                        details.section open[open] {
                            summary {
                                code { (escape(&owner.to_string())) }
                                span.faint { (counts(rows.iter().map(|row| row.change))) }
                            }
                            @for row in rows { (change_row(row)) }
                        }
                    }
                }
                @if let Some(head) = self.adopted_head() {
                    h2 { "Adopted" }
                    details.section {
                        summary { (head) }
                        @for address in self.adopted_unchanged() {
                            div.row data-row="plain" {
                                span.sign title=(ADOPTS) { "·" }
                                code { (escape(&address.to_string())) }
                                span { (ADOPTS) }
                            }
                        }
                    }
                }
                @if let Some(head) = unmanaged_head(self) {
                    h2 { "Not declared" }
                    details.section {
                        summary { (head) }
                        @for unmanaged in &self.unmanaged {
                            div.row data-row="plain" {
                                span.sign title="left alone" { "·" }
                                code { (escape(&unmanaged.address.to_string())) }
                                span { (unmanaged.holds()) }
                            }
                        }
                    }
                }
                (access_matrix(topology))
                (keys())
            }
        }
    }
}

impl ApplyReport {
    /// As one page of HTML: how it ended, then the plan that was carried out.
    #[must_use]
    pub fn to_html(
        &self,
        subject: &ReviewSubject,
        plan: Option<&PlanReport>,
        topology: &TopologyChange,
    ) -> String {
        let title = title(self.heading(), subject);
        let bad = |status| self.steps.iter().filter(move |step| step.status == status);
        let failed: Vec<&StepReport> = bad(StepStatus::Failed)
            .chain(bad(StepStatus::Unknown))
            .chain(bad(StepStatus::NotAttempted))
            .chain(bad(StepStatus::Applied).filter(|step| step.is_remarkable()))
            .collect();
        let outcome = html! {
            @if !failed.is_empty() {
                h2 { "Did not go well" }
                details.section open {
                    summary { "Steps" }
                    @for step in failed { (step_row(step)) }
                }
            }
        };
        let body = html! {
            h1 { (title) }
            p { strong { (escape(&self.footer())) } }
            @if let Some(smoke) = &self.smoke { p { "Smoke test: " (smoke.summary()) } }
            @match plan {
                Some(plan) => (plan.main_part(topology, &outcome)),
                None => (outcome),
            }
        };
        page(&title, &body)
    }
}

/// What can be switched off.
const KINDS: [(&str, &str); 4] = [
    ("blocked", "blocked"),
    ("loss", "losses"),
    ("warning", "warnings"),
    ("plain", "the rest"),
];

fn title(what: &str, subject: &ReviewSubject) -> String {
    let server = escape(&subject.server);
    match &subject.project {
        Some(project) => format!("{what} {} on {server}", escape(project)),
        None => format!("{what} {server}"),
    }
}

fn step_row(step: &StepReport) -> Markup {
    let word = match step.status {
        StepStatus::Applied => "applied",
        StepStatus::Failed => "failed",
        StepStatus::Unknown => "outcome unknown",
        StepStatus::NotAttempted => "not attempted",
    };
    html! {
        div.row.loss data-row="blocked" {
            span.sign title=(word) { "×" }
            code { (escape(&step.address.to_string())) }
            ul {
                li { (escape(&step.action)) }
                li.bad { (word) }
                @if let Some(reason) = &step.reason { li { (escape(reason)) } }
            }
        }
    }
}

fn headline(summary: &Summary) -> Markup {
    let Summary {
        create,
        update,
        rename,
        deactivate,
        delete,
        destructive,
        blocked,
        unchanged,
    } = summary;
    let parts = [
        ("blocked", *blocked, "blocked"),
        ("loss", *destructive, "with loss"),
        ("loss", *delete, "to delete"),
        ("loss", *deactivate, "to deactivate"),
        ("create", *create, "to create"),
        ("update", *update, "to update"),
        ("update", *rename, "to rename"),
    ];
    html! {
        ul.counts {
            @for (class, count, what) in parts {
                @if count > 0 { li class=(class) { b { (count) } " " (what) } }
            }
            li { b { (unchanged) } " unchanged" }
        }
    }
}

fn change_row(row: &ReviewRow<'_>) -> Markup {
    let change = row.change;
    html! {
        div class={ "row " (class(row)) } data-row=(kind(row.weight)) {
            span.sign title=(word(row)) { (sign(row)) }
            div {
                code { (escape(&change.address.to_string())) }
                @if let Some(previous) = &change.previous {
                    div.faint { "was " code { (escape(&previous.to_string())) } }
                }
                @if row.adopts { div.faint { (ADOPTS) } }
            }
            (lines(&row.lines))
        }
    }
}

fn group_row(group: &Group<'_, '_>) -> Markup {
    let [first, .., _] = group.members.as_slice() else {
        return html! { @for row in &group.members { (change_row(row)) } };
    };
    let more = group.members.len().saturating_sub(NAMED);
    let count = counted_kind(group.members.len(), &first.change.address);
    let all_say_it = group.members.iter().all(|row| row.lines == first.lines);
    html! {
        div class={ "row " (class(first)) } data-row=(kind(first.weight)) {
            span.sign title=(word(first)) { (sign(first)) }
            div {
                strong { (count) }
                @if first.adopts { div.faint { (ADOPTS) } }
                ul {
                    @for row in group.members.iter().take(NAMED) {
                        li { code { (escape(&row.change.address.to_string())) } }
                    }
                    @if more > 0 { li.faint { "and " (more) " more, below" } }
                }
            }
            div {
                @if !all_say_it { div.faint { "of the first of them:" } }
                (lines(&first.lines))
            }
        }
    }
}

fn finding_row(finding: &Finding) -> Markup {
    html! {
        div.row.warning data-row="warning" {
            span.sign title="finding" { "?" }
            code { (escape(&finding.address.to_string())) }
            (lines(&finding_lines(finding)))
        }
    }
}

fn lines(lines: &[Line]) -> Markup {
    html! {
        ul {
            @for line in lines {
                @let class = match line.role {
                    Role::Loss => "bad",
                    Role::Blocked => "stop",
                    Role::Warning => "care",
                    Role::Faint => "faint",
                    _ => "",
                };
                li class={ (class) @if line.depth > 2 { " deep" } } { (escape(&line.text)) }
            }
        }
    }
}

fn kind(weight: Weight) -> &'static str {
    match weight {
        Weight::Refused | Weight::Blocked => "blocked",
        Weight::Loss => "loss",
        Weight::Warning => "warning",
        Weight::Plain => "plain",
    }
}

fn class(row: &ReviewRow<'_>) -> &'static str {
    match (row.weight, row.change.verb) {
        (Weight::Refused | Weight::Blocked, _) | (_, ChangeVerb::Blocked) => "blocked",
        (Weight::Loss, _) | (_, ChangeVerb::Delete | ChangeVerb::Deactivate) => "loss",
        (Weight::Warning, _) => "warning",
        (_, ChangeVerb::Create) => "create",
        (_, ChangeVerb::Update) => "update",
        (_, ChangeVerb::Rename) => "rename",
    }
}

fn sign(row: &ReviewRow<'_>) -> &'static str {
    match row.change.verb {
        ChangeVerb::Create => "+",
        ChangeVerb::Update => "~",
        ChangeVerb::Rename => ">",
        ChangeVerb::Deactivate | ChangeVerb::Delete => "−",
        ChangeVerb::Blocked => "!",
    }
}

fn word(row: &ReviewRow<'_>) -> &'static str {
    match row.change.verb {
        ChangeVerb::Create => "create",
        ChangeVerb::Update => "update",
        ChangeVerb::Rename => "rename",
        ChangeVerb::Deactivate => "deactivate",
        ChangeVerb::Delete => "delete",
        ChangeVerb::Blocked => "blocked",
    }
}
