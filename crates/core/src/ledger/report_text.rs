//! A history for people. All of it was written by whoever may write to the ledger.

use super::{
    Author, HistoryAbout, HistoryLine, HistoryOutcome, HistoryReport, Omitted, RevisionReport,
};
use crate::render::{ApplyCounts, TextOptions, code, escape};
use crate::wording::counted;

/// More of a commit than anybody needs to recognise it.
const COMMIT: usize = 12;

const NEVER_ENDED: &str = "It never said how it ended: it still runs, or was cut off. What its steps speak of may be \
     changed or not.";

const COLUMNS: [&str; 7] = [
    "REVISION", "BEGUN", "PROJECT", "WHO", "COMMIT", "COMMAND", "OUTCOME",
];

impl HistoryReport {
    /// A line for each apply.
    #[must_use]
    pub fn to_text(&self) -> String {
        if self.ledger.is_none() {
            return "The server has no ledger; `iggyctl apply --ledger` makes one.\n".to_owned();
        }
        if self.revisions.is_empty() {
            return "The ledger has no such record.\n".to_owned();
        }
        let rows: Vec<[String; 7]> = self.revisions.iter().map(row).collect();
        let mut widths = COLUMNS.map(str::len);
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |cells: [&str; 7]| {
            let padded = cells
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        };
        let mut text = line(COLUMNS);
        for row in &rows {
            text.push_str(&line(row.each_ref().map(String::as_str)));
        }
        text
    }

    /// A table for a comment or a page.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        if self.ledger.is_none() || self.revisions.is_empty() {
            return format!("# History\n\n{}", self.to_text());
        }
        let mut text = format!(
            "# History\n\n| {} |\n|{}\n",
            COLUMNS.join(" | "),
            " --- |".repeat(7)
        );
        for revision in &self.revisions {
            let cells = row(revision).map(|cell| match cell.as_str() {
                "" => String::new(),
                cell => code(cell),
            });
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        text
    }
}

fn row(line: &HistoryLine) -> [String; 7] {
    let about = line.about.as_ref();
    let of = |text: Option<String>| escape(&text.unwrap_or_default()).into_owned();
    [
        line.revision.to_string(),
        line.begun_at.clone(),
        of(about.and_then(|about| about.project.clone())),
        of(about.and_then(|about| who(&about.author))),
        of(about.and_then(|about| about.commit.as_deref().map(short))),
        of(about.map(|about| about.command.as_str().to_owned())),
        outcome(line),
    ]
}

fn short(commit: &str) -> String {
    commit.chars().take(COMMIT).collect()
}

fn who(author: &Author) -> Option<String> {
    let Author {
        login,
        machine,
        actor,
        run_url: _,
    } = author;
    let person = actor.as_ref().or(machine.as_ref());
    match (person, login) {
        (Some(person), Some(login)) => Some(format!("{person} as {login}")),
        (Some(one), None) | (None, Some(one)) => Some(one.clone()),
        (None, None) => None,
    }
}

fn outcome(line: &HistoryLine) -> String {
    let word = line.outcome.as_str();
    match (line.outcome, &line.counts) {
        (HistoryOutcome::Applied, Some(counts)) => {
            format!("{word}, {}", counted(counts.applied as usize, "step"))
        }
        (HistoryOutcome::Partial, Some(counts)) => {
            let of = in_part(counts, line.omitted.unwrap_or_default());
            format!("{word} ({of})")
        }
        _ => match &line.unreadable {
            Some(reason) => format!("{word}: {}", escape(reason)),
            None => word.to_owned(),
        },
    }
}

/// How much of all that was to be changed is done, and what became of the rest.
fn in_part(counts: &ApplyCounts, omitted: Omitted) -> String {
    let ApplyCounts {
        applied,
        failed,
        unknown,
        not_attempted,
    } = *counts;
    let Omitted { blocked, left_out } = omitted;
    let rest = [
        (failed, "failed"),
        (unknown, "not known"),
        (not_attempted, "not attempted"),
        (blocked, "blocked"),
        (left_out, "left out"),
    ];
    let all = rest.iter().map(|(count, _)| count).sum::<u32>() + applied;
    let rest: Vec<String> = rest
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    match rest.as_slice() {
        [] => format!("{applied} of {all}; what was read afterwards does not confirm it"),
        rest => format!("{applied} of {all}; {}", rest.join(", ")),
    }
}

impl RevisionReport {
    /// Who, when and how; then the plan and its end, as they were shown.
    #[must_use]
    pub fn to_text(&self, options: TextOptions) -> String {
        let mut text = self.heading();
        text.push('\n');
        text.push_str(&self.plan.to_text(options));
        text.push('\n');
        match self.apply() {
            Some(ended) => text.push_str(&ended.to_text(options)),
            None => text.push_str(&format!("{NEVER_ENDED}\n")),
        }
        text
    }

    /// As a comment or a page.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let lines: Vec<String> = self
            .facts()
            .iter()
            .map(|(name, value)| format!("- {name}: {}\n", code(value)))
            .collect();
        let subject = self.subject();
        let rest = match self.apply() {
            Some(ended) => ended.to_markdown(&subject, Some(&self.plan)),
            None => format!("{NEVER_ENDED}\n\n{}", self.plan.to_markdown(&subject)),
        };
        format!(
            "# Revision {}\n\n{}\n{rest}",
            self.record.revision,
            lines.concat()
        )
    }

    fn heading(&self) -> String {
        let facts = self.facts();
        let lines = facts.iter().map(|(name, value)| {
            let name = format!("{name}:");
            format!("{name:12}{}\n", escape(value))
        });
        lines.collect()
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let HistoryLine {
            revision,
            begun_at,
            ended_at,
            outcome: _,
            steps: _,
            counts: _,
            omitted: _,
            about,
            unreadable: _,
        } = &self.record;
        let mut facts = vec![
            ("Revision", revision.to_string()),
            ("Begun", begun_at.clone()),
        ];
        facts.extend(ended_at.clone().map(|at| ("Ended", at)));
        facts.push(("Outcome", outcome(&self.record)));
        if let Some(about) = about {
            let HistoryAbout {
                project,
                command,
                author,
                commit,
                product,
                server,
                manifests,
            } = about;
            facts.extend(project.clone().map(|project| ("Project", project)));
            facts.extend(who(author).map(|who| ("Who", who)));
            facts.extend(author.run_url.clone().map(|url| ("Run", url)));
            facts.extend(commit.clone().map(|commit| ("Commit", commit)));
            facts.push((
                "Command",
                format!("{} of iggyctl {product}", command.as_str()),
            ));
            facts.push(("Server", server.clone()));
            facts.push(("Manifests", manifests.clone()));
        }
        facts
    }
}
