use super::apply_report::{ApplyCounts, ApplyReport, StepReport, StepStatus, Verification};
use super::paint::{Role, paint};
use super::{TextOptions, escape};
use crate::wording::counted;

impl ApplyReport {
    /// The report as people read it: what did not go well, and one line that
    /// counts; with `verbose` every step.
    #[must_use]
    pub fn to_text(&self, options: TextOptions) -> String {
        let TextOptions { color, verbose } = options;
        let mut text = String::new();
        for step in &self.steps {
            if step.status != StepStatus::Applied || verbose {
                text.push_str(&step_text(step, color));
            }
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&paint(color, Role::Strong, self.footer()));
        text.push('\n');
        text
    }

    /// The one line that counts, with what reading again has shown.
    #[must_use]
    pub fn footer(&self) -> String {
        let ApplyCounts {
            applied,
            failed,
            not_attempted,
        } = self.counts;
        let mut footer = format!("Apply: {applied} applied");
        if failed > 0 {
            footer.push_str(&format!(", {failed} failed"));
        }
        if not_attempted > 0 {
            footer.push_str(&format!(", {not_attempted} not attempted"));
        }
        footer.push_str(". ");
        footer.push_str(&match &self.verified {
            Verification::Converged => "Read again: everything is as declared.".to_owned(),
            Verification::ConvergedExcept { blocked, left_out } => {
                let mut rest = Vec::new();
                if *blocked > 0 {
                    rest.push(format!("{blocked} still blocked"));
                }
                if *left_out > 0 {
                    rest.push(format!("{left_out} left out by --only"));
                }
                format!(
                    "Read again: what was applied is as declared; {}.",
                    rest.join(", ")
                )
            }
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

fn step_text(step: &StepReport, color: bool) -> String {
    let (word, role) = match step.status {
        StepStatus::Applied => ("applied", Role::Create),
        StepStatus::Failed => ("failed", Role::Blocked),
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
