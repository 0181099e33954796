//! Annotations: lines that a workflow of GitHub Actions shows at a line of a file.
//!
//! ```text
//! ::error file=topology.yaml,line=8,col=9,title=iggyctl%3A blocked::topic/a/b: …
//! ```

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::apply_report::{ApplyReport, StepStatus};
use super::escape;
use super::plan_body::blocked_text;
use super::plan_report::{ChangeVerb, PlanReport};
use super::review::{Review, Weight, mass_deletion_text, unexpected_removals_text, unmanaged_head};
use crate::address::Address;
use crate::check::{Finding, Findings, Severity};
use crate::diagnostic::{self, Diagnostics, Origin};
use crate::wording::counted;

/// How much of what does not change an annotation names.
const NAMED: usize = 10;

/// How an annotation is shown. GitHub shows ten of each kind per step, so the worst come
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnnotationLevel {
    /// Something has to be done.
    Error,
    /// Somebody may be surprised.
    Warning,
    /// Somebody may want to know.
    Notice,
}

/// Something that is shown at a line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Annotation {
    /// How it is shown.
    pub level: AnnotationLevel,
    /// Where, if it is known.
    pub origin: Option<Origin>,
    /// A few words.
    pub title: String,
    /// What there is to say.
    pub message: String,
}

impl Annotation {
    /// Something about no place in a file.
    #[must_use]
    pub fn notice(title: &str, message: &str) -> Self {
        Self {
            level: AnnotationLevel::Notice,
            origin: None,
            title: title.to_owned(),
            message: message.to_owned(),
        }
    }

    /// As a workflow command, with a line break at the end.
    #[must_use]
    pub fn to_line(&self) -> String {
        let level = match self.level {
            AnnotationLevel::Error => "error",
            AnnotationLevel::Warning => "warning",
            AnnotationLevel::Notice => "notice",
        };
        let mut line = format!("::{level} ");
        // What comes from standard input is in no file.
        if let Some(Origin {
            file,
            line: number,
            column,
        }) = self.origin.as_ref().filter(|origin| &*origin.file != "-")
        {
            let file = property(file.strip_prefix("./").unwrap_or(file));
            // Writing to a string cannot fail.
            let _ = write!(line, "file={file},line={number},col={column},");
        }
        let _ = writeln!(
            line,
            "title={}::{}",
            property(&self.title),
            data(&self.message)
        );
        line
    }
}

/// The text of a command: a percent sign begins what is encoded. Line breaks are made
/// visible before, like everything else that moves the cursor; `##[` would begin a command
/// of the older form anywhere in a line.
fn data(text: &str) -> String {
    escape(text).replace('%', "%25").replace("##[", "#\\u{23}[")
}

/// A property ends at a comma or a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Annotations as they are printed, the worst first.
#[must_use]
pub fn annotations_text(mut annotations: Vec<Annotation>) -> String {
    annotations.sort_by_key(|annotation| annotation.level);
    annotations.iter().map(Annotation::to_line).collect()
}

impl PlanReport {
    /// What is blocked, lost or found, at the lines that `origin` gives, and a line that
    /// counts.
    #[must_use]
    pub fn annotations<'a>(
        &self,
        origin: impl Fn(&Address) -> Option<&'a Origin>,
    ) -> Vec<Annotation> {
        let mut annotations = Vec::new();
        for blocked in &self.blocked {
            annotations.push(Annotation {
                level: AnnotationLevel::Error,
                origin: blocked
                    .declared_at
                    .clone()
                    .or_else(|| nearest(&blocked.address, &origin)),
                title: "iggyctl: blocked".to_owned(),
                message: format!("{}: {}", blocked.address, blocked_text(blocked)),
            });
        }
        if let Some(message) = unexpected_removals_text(self) {
            annotations.push(Annotation {
                level: AnnotationLevel::Error,
                ..Annotation::notice("iggyctl: not the expected number", &message)
            });
        }
        for row in &Review::of(self).rows {
            let change = row.change;
            if row.weight != Weight::Loss {
                continue;
            }
            let what = match change.verb {
                ChangeVerb::Delete => "is deleted",
                _ => "loses data",
            };
            let lines: Vec<&str> = row.lines.iter().map(|line| line.text.trim()).collect();
            annotations.push(Annotation {
                level: AnnotationLevel::Warning,
                origin: nearest(&change.address, &origin),
                title: format!("iggyctl: {what}"),
                message: format!("{}: {}", change.address, lines.join("; ")),
            });
        }
        annotations.extend(
            self.findings
                .iter()
                .map(|finding| of_finding(finding, &origin)),
        );
        if let Some(message) = mass_deletion_text(self) {
            annotations.push(Annotation {
                level: AnnotationLevel::Warning,
                ..Annotation::notice("iggyctl: removes much", &message)
            });
        }
        let adopted: Vec<&Address> = self.adopted.iter().flatten().collect();
        if !adopted.is_empty() {
            let count = counted(adopted.len(), "resource");
            let head = format!("{count} on the server, and in no record so far");
            let message = named(&head, adopted.into_iter());
            annotations.push(Annotation::notice("iggyctl: adopts", &message));
        }
        if let Some(head) = unmanaged_head(self) {
            let message = named(&head, self.unmanaged.iter().map(|it| &it.address));
            annotations.push(Annotation::notice("iggyctl: not declared", &message));
        }
        annotations.push(Annotation::notice("iggyctl plan", &self.footer()));
        annotations
    }
}

/// The first of them.
fn named<'a>(head: &str, all: impl ExactSizeIterator<Item = &'a Address>) -> String {
    let more = all.len().saturating_sub(NAMED);
    let mut names: Vec<String> = all.take(NAMED).map(ToString::to_string).collect();
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    format!("{head}: {}", names.join(", "))
}

impl ApplyReport {
    /// Steps that did not go well, and a line that counts. What was not attempted for one
    /// reason is one annotation.
    #[must_use]
    pub fn annotations(&self) -> Vec<Annotation> {
        let mut annotations = Vec::new();
        let mut not_attempted: BTreeMap<&str, Vec<&Address>> = BTreeMap::new();
        for step in &self.steps {
            let reason = step.reason.as_deref().unwrap_or_default();
            let what = match step.status {
                StepStatus::Applied if step.is_remarkable() => "applied",
                StepStatus::Applied => continue,
                StepStatus::Failed => "failed",
                StepStatus::Unknown => "outcome unknown",
                StepStatus::NotAttempted => {
                    not_attempted.entry(reason).or_default().push(&step.address);
                    continue;
                }
            };
            annotations.push(Annotation {
                level: AnnotationLevel::Error,
                origin: None,
                title: format!("iggyctl: {what}"),
                message: format!("{}: {}: {reason}", step.address, step.action),
            });
        }
        for (reason, addresses) in not_attempted {
            let first = addresses
                .first()
                .map(ToString::to_string)
                .unwrap_or_default();
            let steps = counted(addresses.len(), "step");
            annotations.push(Annotation {
                level: AnnotationLevel::Error,
                origin: None,
                title: "iggyctl: not attempted".to_owned(),
                message: format!("{steps}, the first for {first}: {reason}"),
            });
        }
        annotations.push(Annotation::notice(
            &format!("iggyctl {}", self.command()),
            &self.footer(),
        ));
        annotations
    }
}

impl Findings {
    /// Each finding at the line that `origin` gives.
    #[must_use]
    pub fn annotations<'a>(
        &self,
        origin: impl Fn(&Address) -> Option<&'a Origin>,
    ) -> Vec<Annotation> {
        let findings = self.findings.iter();
        findings
            .map(|finding| of_finding(finding, &origin))
            .collect()
    }
}

fn of_finding<'a>(
    finding: &Finding,
    origin: &impl Fn(&Address) -> Option<&'a Origin>,
) -> Annotation {
    Annotation {
        level: match finding.severity {
            Severity::Error => AnnotationLevel::Error,
            Severity::Warning => AnnotationLevel::Warning,
            Severity::Note => AnnotationLevel::Notice,
        },
        origin: finding
            .origin
            .clone()
            .or_else(|| nearest(&finding.address, origin)),
        title: format!("iggyctl: {}", finding.code),
        message: format!("{}: {} → {}", finding.address, finding.message, finding.fix),
    }
}

/// Where the resource is declared, or else what it is in: what is removed is declared
/// nowhere.
pub(super) fn nearest<'a>(
    address: &Address,
    origin: &impl Fn(&Address) -> Option<&'a Origin>,
) -> Option<Origin> {
    let mut current = Some(address.clone());
    while let Some(address) = current {
        if let Some(origin) = origin(&address) {
            return Some(origin.clone());
        }
        current = address.parent();
    }
    None
}

/// What is wrong with manifests, at its place.
#[must_use]
pub fn diagnostic_annotations(diagnostics: &Diagnostics) -> Vec<Annotation> {
    let of_one = |diagnostic: &diagnostic::Diagnostic| {
        let mut message = diagnostic.message.clone();
        if let Some(expected) = &diagnostic.expected {
            message.push_str(&format!("; expected {expected}"));
        }
        if let Some(hint) = &diagnostic.hint {
            message.push_str(&format!("; {hint}"));
        }
        Annotation {
            level: match diagnostic.severity {
                diagnostic::Severity::Error => AnnotationLevel::Error,
                diagnostic::Severity::Warning => AnnotationLevel::Warning,
            },
            origin: diagnostic.place.as_ref().map(|place| place.origin.clone()),
            title: format!("iggyctl: {}", diagnostic.code),
            message,
        }
    };
    diagnostics.iter().map(of_one).collect()
}
