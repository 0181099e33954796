//! A file of cases: manifests and changes, and what policies are to say of them.

use std::collections::BTreeMap;
use std::path::Path;

use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::{PolicySeverity, PolicyVerb};
use iggyctl_core::check::{Finding, Severity};
use iggyctl_core::diagnostic::Diagnostics;
use iggyctl_core::manifest::{SourceFile, Variables, compile};
use iggyctl_core::policy::{AttributeFacts, ChangeFacts, Date};
use iggyctl_core::state::desired::DesiredState;
use serde::Deserialize;

use super::unreadable;
use crate::cli::Process;
use crate::cli::manifest_arguments::show;
use crate::cli::policy_arguments::Policies;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::sources::read_sources;

/// The content of a file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CaseFile {
    /// Relative paths begin at the folder of the file.
    policies: Vec<String>,
    today: Option<String>,
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    manifests: Vec<serde_json::Value>,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    changes: Vec<Change>,
    #[serde(default)]
    expect: Vec<Expected>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    address: String,
    verb: PolicyVerb,
    previous: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, Attribute>,
    messages: Option<u64>,
    bytes: Option<u64>,
    #[serde(default)]
    destructive: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Attribute {
    from: Option<String>,
    to: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Expected {
    /// `POLICY/RULE`.
    rule: String,
    address: String,
    severity: Option<PolicySeverity>,
}

/// How a case ended; as expected when nothing is missing or unexpected.
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) missing: Vec<String>,
    pub(super) unexpected: Vec<String>,
}

impl CaseFile {
    pub(super) fn read(path: &Path) -> Result<Self, CommandError> {
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        serde_saphyr::from_str(&text).map_err(|error| {
            let place = error.location().map_or_else(String::new, |location| {
                format!(":{}:{}", location.line(), location.column())
            });
            let reason = error.to_string();
            let reason = reason.lines().next().unwrap_or_default();
            CommandError::invalid_input(format!(
                "{}{place}: this is no file of cases: {reason}",
                path.display()
            ))
            .hint("`iggyctl policy test --help` shows one")
        })
    }

    /// Runs every case in the order of the file.
    pub(super) fn run(self, process: &Process, path: &Path) -> Result<Vec<Outcome>, CommandError> {
        let Self {
            policies,
            today,
            cases,
        } = self;
        let policies = Policies::read(process, &beside(path, &policies))?;
        let today = match today {
            None => policies.today(),
            Some(today) => today.parse().map_err(|_| {
                wrong(
                    path,
                    &format!("`today: {today}` is no day such as 2026-11-22"),
                )
            })?,
        };
        cases
            .into_iter()
            .map(|case| case.run(process, path, &policies, today))
            .collect()
    }
}

impl Case {
    fn run(
        self,
        process: &Process,
        path: &Path,
        policies: &Policies,
        today: Date,
    ) -> Result<Outcome, CommandError> {
        let Self {
            name,
            manifests,
            files,
            changes,
            expect,
        } = self;
        let desired = desired(process, path, &name, &manifests, &files)?;
        let changes = changes
            .into_iter()
            .map(|change| change.facts(path))
            .collect::<Result<Vec<ChangeFacts>, CommandError>>()?;
        let set = policies.set();
        let found = set
            .check_declared(&desired, today)
            .and_then(|mut findings| {
                let changed = set.check_changes(&desired, &changes, today)?;
                findings.findings.extend(changed.findings);
                Ok(findings.findings)
            })
            .map_err(|wrong| policies.refuse(process, &wrong))?;
        let known = set.rule_names();
        let mut missing = Vec::new();
        let mut unexpected: Vec<&Finding> = found.iter().collect();
        for expected in &expect {
            if !known.contains(&expected.rule) {
                return Err(
                    wrong(path, &format!("there is no rule `{}`", expected.rule))
                        .hint(format!("the rules are {}", known.join(", "))),
                );
            }
            match unexpected.iter().position(|found| expected.is(found)) {
                Some(index) => {
                    unexpected.remove(index);
                }
                None => missing.push(expected.text()),
            }
        }
        let unexpected = unexpected.into_iter();
        Ok(Outcome {
            name,
            missing,
            unexpected: unexpected.map(text).collect(),
        })
    }
}

fn text(finding: &Finding) -> String {
    let Finding {
        code,
        severity,
        address,
        message,
        ..
    } = finding;
    format!("{severity} {code} {address}: {message}")
}

impl Expected {
    fn is(&self, finding: &Finding) -> bool {
        finding.code.to_string() == format!("policy/{}", self.rule)
            && finding.address.to_string() == self.address
            && self.severity.is_none_or(|severity| {
                finding.severity
                    == match severity {
                        PolicySeverity::Error => Severity::Error,
                        PolicySeverity::Warn => Severity::Warning,
                        PolicySeverity::Info => Severity::Note,
                    }
            })
    }

    fn text(&self) -> String {
        let severity = match self.severity {
            None => "",
            Some(PolicySeverity::Error) => "error ",
            Some(PolicySeverity::Warn) => "warning ",
            Some(PolicySeverity::Info) => "note ",
        };
        format!("{severity}policy/{} {}", self.rule, self.address)
    }
}

impl Change {
    fn facts(self, path: &Path) -> Result<ChangeFacts, CommandError> {
        let Self {
            address,
            verb,
            previous,
            attributes,
            messages,
            bytes,
            destructive,
        } = self;
        let parse = |text: &str| -> Result<Address, CommandError> {
            text.parse()
                .map_err(|error| wrong(path, &format!("`{text}` is no address: {error}")))
        };
        let attributes = attributes.into_iter();
        Ok(ChangeFacts {
            address: parse(&address)?,
            verb,
            previous: previous.as_deref().map(parse).transpose()?,
            attributes: attributes
                .map(|(name, Attribute { from, to })| AttributeFacts { name, from, to })
                .collect(),
            messages,
            bytes,
            destructive,
        })
    }
}

/// What the manifests of a case declare; without any, nothing.
fn desired(
    process: &Process,
    path: &Path,
    case: &str,
    manifests: &[serde_json::Value],
    files: &[String],
) -> Result<DesiredState, CommandError> {
    let read = read_sources(&beside(path, files));
    let inline = manifests.iter().enumerate().map(|(index, manifest)| {
        let name = format!("{}: {case}: manifest {}", path.display(), index + 1);
        SourceFile::new(name, manifest.to_string())
    });
    let sources: Vec<SourceFile> = read.files.into_iter().chain(inline).collect();
    if sources.is_empty() && read.errors.is_empty() {
        return Ok(DesiredState::default());
    }
    match compile(&sources, &Variables::default()) {
        Ok(compiled) if read.errors.is_empty() => Ok(compiled.state),
        other => {
            let wrong = other.err().unwrap_or_default();
            let all: Diagnostics = read.errors.iter().chain(&wrong).cloned().collect();
            show(process, &all, &sources)?;
            Err(CommandError::new(ExitCode::InvalidInput, ""))
        }
    }
}

/// Paths that begin at the folder of a file.
fn beside(path: &Path, names: &[String]) -> Vec<String> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let names = names.iter();
    names
        .map(|name| folder.join(name).display().to_string())
        .collect()
}

fn wrong(path: &Path, what: &str) -> CommandError {
    CommandError::invalid_input(format!("{}: {what}", path.display()))
}
