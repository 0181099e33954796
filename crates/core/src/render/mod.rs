//! Reports as text and JSON, made of the same structs.
//!
//! ```text
//! Plan + ChangeSet + Findings ──▶ PlanReport  ──▶ to_text, serde
//! outcome of an apply         ──▶ ApplyReport ──▶ to_text, serde
//! manifests, or a server      ──▶ AccessOverview ──▶ who may do what
//! what was applied, declared, found ──▶ DriftReport
//! scenarios that were run     ──▶ SmokeReport    ──▶ to_text, serde
//! ```
//!
//! Names come from a server that anybody may write to: every text goes through
//! [`escape`] before it is printed.

mod access;
mod adoption;
mod apply_report;
mod apply_text;
mod bundle;
mod drift;
mod escape;
mod findings_text;
mod github_text;
mod graph;
mod json;
mod line_diff;
mod paint;
mod plan_body;
mod plan_github;
mod plan_html;
mod plan_markdown;
mod plan_policies;
mod plan_report;
mod plan_server;
mod plan_text;
mod review;
mod scope_text;
mod smoke;
mod stake_text;
#[cfg(test)]
mod tests;
mod token_attributes;
mod unmanaged;
mod user_attributes;

pub use access::{
    AccessCheck, AccessOverview, AccessSource, Reason, RightWithReasons, ScopeAccess, Standing,
    TopicAccess, TopicUser, UnknownUser, UserAccess,
};
pub use apply_report::{ApplyCounts, ApplyReport, StepReport, StepStatus, Verification};
pub use escape::{escape, is_deceiving};
pub use findings_text::findings_text;
pub(crate) use github_text::code;
pub use graph::TopologyGraph;
pub(crate) use json::to_json;
pub use line_diff::line_diff;
pub use plan_github::{Annotation, AnnotationLevel, annotations_text, diagnostic_annotations};
pub use plan_html::TopologyChange;
pub use plan_report::{AttributeReport, ChangeReport, ChangeVerb, PlanReport};
pub use plan_server::PlanServer;

pub use review::ReviewSubject;
pub use scope_text::{grants_text, scope_text};
pub use smoke::{
    LatencyBucket, ScenarioOutcome, ScenarioReport, SmokeLatency, SmokeReport, SmokeServer,
    SmokeTotals, SmokeVerdict,
};

pub use unmanaged::Unmanaged;

/// How a report is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// With ANSI colours.
    pub color: bool,
    /// Each resource on its own, however many are alike.
    pub verbose: bool,
}
