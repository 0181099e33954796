//! How an apply ended, in the format that was asked for.

use iggyctl_core::render::{
    Annotation, ApplyReport, PlanReport, ReviewSubject, TopologyChange, annotations_text,
};

use crate::cli::Process;
use crate::cli::output::json_failed;
use crate::cli::plan_arguments::{PlanFormat, Planned};
use crate::command_error::CommandError;

/// What a document says of the plan, kept while the plan is carried out.
pub(super) struct ApplyDocument {
    format: PlanFormat,
    destroys: bool,
    report: Option<PlanReport>,
    subject: ReviewSubject,
    annotations: Vec<Annotation>,
    topology: TopologyChange,
}

impl ApplyDocument {
    pub(super) fn of(format: PlanFormat, planned: &Planned) -> Self {
        Self {
            format,
            destroys: planned.plan.approvals.destroy,
            report: match format {
                PlanFormat::Text | PlanFormat::Json | PlanFormat::Github => None,
                PlanFormat::Markdown | PlanFormat::Html => Some(planned.report.clone()),
            },
            subject: planned.subject.clone(),
            topology: planned.topology.clone(),
            annotations: match format {
                PlanFormat::Github => planned.annotations(),
                PlanFormat::Text | PlanFormat::Json | PlanFormat::Markdown | PlanFormat::Html => {
                    Vec::new()
                }
            },
        }
    }

    pub(super) fn text(
        &self,
        ended: ApplyReport,
        process: &Process,
    ) -> Result<String, CommandError> {
        let ended = ended.destroying(self.destroys);
        Ok(match self.format {
            PlanFormat::Text => ended.to_text(process.text_options()),
            PlanFormat::Json => ended.to_json().map_err(json_failed)?,
            PlanFormat::Markdown => ended.to_markdown(&self.subject, self.report.as_ref()),
            PlanFormat::Html => ended.to_html(&self.subject, self.report.as_ref(), &self.topology),
            PlanFormat::Github => {
                let mut annotations = ended.annotations();
                annotations.extend(self.annotations.iter().cloned());
                annotations_text(annotations)
            }
        })
    }
}
