use std::collections::BTreeMap;

use super::apply_report::{ApplyCounts, ApplyReport, StepReport, StepStatus, Verification};
use super::paint::{Role, paint};
use super::{TextOptions, escape};
use crate::wording::counted;

impl ApplyReport {
    /// The report as people read it: what did not go well, and one line that
    /// counts; with `verbose` every step. Without it, steps that were not
    /// attempted for the same reason are one line: a server that is lost leaves
    /// thousands of them.
    #[must_use]
    pub fn to_text(&self, options: TextOptions) -> String {
        let TextOptions { color, verbose } = options;
        let mut text = String::new();
        let mut alike = if verbose {
            BTreeMap::new()
        } else {
            self.not_attempted_by_reason()
        };
        for step in &self.steps {
            match alike.get_mut(&step.reason.as_deref()) {
                Some(count) if step.status == StepStatus::NotAttempted && *count != 1 => {
                    // The first of them stands for all.
                    let count = std::mem::take(count);
                    if count > 1 {
                        text.push_str(&group_text(count, step.reason.as_deref(), color));
                    }
                }
                _ if step.is_remarkable() || verbose => {
                    text.push_str(&step_text(step, color));
                }
                _ => {}
            }
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&paint(color, Role::Strong, self.footer()));
        text.push('\n');
        if let Some(smoke) = &self.smoke {
            text.push('\n');
            text.push_str(&smoke.to_text(options));
        }
        text
    }

    fn not_attempted_by_reason(&self) -> BTreeMap<Option<&str>, u32> {
        let mut counts = BTreeMap::new();
        for step in &self.steps {
            if step.status == StepStatus::NotAttempted {
                *counts.entry(step.reason.as_deref()).or_default() += 1;
            }
        }
        counts
    }

    /// The one line that counts, with what reading again has shown.
    #[must_use]
    pub fn footer(&self) -> String {
        let ApplyCounts {
            applied,
            failed,
            unknown,
            not_attempted,
        } = self.counts;
        // Steps and not resources: one resource may take several.
        let command = match self.destroys {
            true => "Destroy",
            false => "Apply",
        };
        let mut footer = format!("{command}: {} applied", counted(applied, "step"));
        if failed > 0 {
            footer.push_str(&format!(", {failed} failed"));
        }
        if unknown > 0 {
            footer.push_str(&format!(", {unknown} unknown"));
        }
        if not_attempted > 0 {
            footer.push_str(&format!(", {not_attempted} not attempted"));
        }
        footer.push_str(". ");
        footer.push_str(&match &self.verified {
            Verification::Converged if self.destroys => {
                "Read again: nothing is left to remove.".to_owned()
            }
            Verification::Converged => "Read again: everything is as declared.".to_owned(),
            Verification::ConvergedExcept { blocked, left_out } => {
                let mut rest = Vec::new();
                if *blocked > 0 {
                    rest.push(format!("{blocked} still blocked"));
                }
                if *left_out > 0 {
                    rest.push(format!("{left_out} left out by --only"));
                }
                let done = match self.destroys {
                    true => "what was to be removed is",
                    false => "what was applied is as declared",
                };
                format!("Read again: {done}; {}.", rest.join(", "))
            }
            Verification::Differs { changes } if self.destroys => format!(
                "Read again: {} still {} to be removed.",
                counted(*changes, "resource"),
                if *changes == 1 { "is" } else { "are" }
            ),
            Verification::Differs { changes } => format!(
                "Read again: {} still {}.",
                counted(*changes, "resource"),
                if *changes == 1 { "differs" } else { "differ" }
            ),
            Verification::Skipped => "Not read again.".to_owned(),
            Verification::Failed { reason } => {
                format!("Could not be read again: {}", escape(reason))
            }
        });
        footer
    }
}

fn group_text(count: u32, reason: Option<&str>, color: bool) -> String {
    let mut text = format!(
        "  {}",
        paint(color, Role::Warning, format_args!("{count} not attempted"))
    );
    if let Some(reason) = reason {
        text.push_str(&format!(": {}", escape(reason)));
    }
    text.push('\n');
    text
}

fn step_text(step: &StepReport, color: bool) -> String {
    let (word, role) = match step.status {
        StepStatus::Applied => ("applied", Role::Create),
        StepStatus::Failed => ("failed", Role::Blocked),
        StepStatus::Unknown => ("unknown", Role::Blocked),
        StepStatus::NotAttempted => ("not attempted", Role::Warning),
    };
    let address = step.address.to_string();
    let mut text = format!(
        "  {} {}: {}",
        paint(color, role, format_args!("{word:13}")),
        escape(&address),
        escape(&step.action),
    );
    if let Some(reason) = &step.reason {
        text.push_str(&format!("\n      {}", escape(reason)));
    }
    text.push('\n');
    text
}
