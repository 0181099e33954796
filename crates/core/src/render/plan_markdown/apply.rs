//! How an apply ended, with the plan that was carried out.

use super::WHOLE_PLAN;
use super::page::Page;
use crate::render::apply_report::{ApplyReport, StepReport, StepStatus};
use crate::render::github_text::{address_code, clipped, prose};
use crate::render::plan_report::PlanReport;
use crate::render::review::{Review, ReviewSubject};

impl ApplyReport {
    /// As GitHub's markdown, of at most 60,000 bytes: what did not go well first, then the
    /// plan; what does not fit is counted.
    #[must_use]
    pub fn to_markdown(&self, subject: &ReviewSubject, plan: Option<&PlanReport>) -> String {
        let is_bad = |step: &&StepReport| step.is_remarkable();
        let sign = if self.steps.iter().any(|step| is_bad(&step)) {
            "❌"
        } else {
            "✅"
        };
        let mut page = Page::new(format!(
            "{}\n## {sign} {} {}\n\n**{}**\n",
            subject.marker(self.command()),
            self.heading(),
            subject.title(),
            prose(&self.footer())
        ));
        let mut bad: Vec<&StepReport> = self.steps.iter().filter(is_bad).collect();
        bad.sort_by_key(|step| step.status == StepStatus::NotAttempted);
        let rows: Vec<String> = bad.into_iter().map(row).collect();
        let head = "\n### Did not go well\n\n| | Resource | Step | Why |\n|---|---|---|---|\n";
        page.block(head, &rows, "");
        if let Some(smoke) = &self.smoke {
            let smoke = smoke.to_markdown();
            page.block("\n", &[smoke], "");
        }
        if let Some(plan) = plan {
            page.block("\n", &[format!("The plan: {}\n", plan.footer())], "");
            plan.write_rows(&mut page, &Review::of(plan));
        }
        page.finish(WHOLE_PLAN)
    }
}

fn row(step: &StepReport) -> String {
    let StepReport {
        id: _,
        address,
        action,
        status,
        reason,
    } = step;
    let sign = match status {
        StepStatus::Applied => "✅",
        StepStatus::Failed => "❌",
        StepStatus::Unknown => "❓",
        StepStatus::NotAttempted => "⏭️",
    };
    let reason = prose(&clipped(reason.as_deref().unwrap_or_default(), 500));
    let action = prose(&clipped(action, 500));
    format!(
        "| {sign} | {} | {action} | {reason} |\n",
        address_code(address)
    )
}
