//! Which policies a command holds its manifests and plans to.

use std::collections::BTreeSet;
use std::path::Path;

use iggyctl_core::check::Findings;
use iggyctl_core::diagnostic::Diagnostics;
use iggyctl_core::manifest::SourceFile;
use iggyctl_core::policy::{Date, PolicySet};
use iggyctl_core::render::PlanReport;
use iggyctl_core::saved::digest_of;
use iggyctl_core::state::desired::DesiredState;

use super::Process;
use super::manifest_arguments::show;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::server::chosen_context;
use crate::sources::{Sources, read_sources};

/// Files whose names end so hold the cases of `iggyctl policy test`, no policies.
pub(super) const CASES_SUFFIXES: [&str; 3] = [".cases.yaml", ".cases.yml", ".cases.json"];

#[derive(Debug, clap::Args)]
pub(super) struct PolicyArguments {
    /// Hold everything to the policies of this file or folder, besides those of the context; may
    /// be repeated
    #[arg(long, value_name = "PATH")]
    policy: Vec<String>,
}

/// The policies of a command, with the day on which it runs.
pub(super) struct Policies {
    set: PolicySet,
    sources: Vec<SourceFile>,
    today: Date,
}

impl PolicyArguments {
    /// Reads the policies that are named here, and those of the context that the
    /// command uses: these always count.
    pub(super) fn read(
        &self,
        process: &Process,
        server: Option<&str>,
        context: Option<&str>,
    ) -> Result<Policies, CommandError> {
        let context = chosen_context(server, context, &process.environment)?;
        let mut paths = context.map_or_else(Vec::new, |context| context.policies);
        paths.extend(self.policy.iter().cloned());
        Policies::read(process, &paths)
    }
}

impl Policies {
    /// Reads the policies of these files and folders.
    pub(super) fn read(process: &Process, paths: &[String]) -> Result<Self, CommandError> {
        let Sources {
            mut files,
            come_upon,
            errors,
        } = read_sources(paths);
        files.retain(|file| !(come_upon.contains(&file.name) && is_cases(Path::new(&*file.name))));
        let set = PolicySet::read(&files);
        let set = match set {
            Ok(set) if errors.is_empty() => set,
            other => {
                let wrong = other.err().unwrap_or_default();
                let all: Diagnostics = errors.iter().chain(&wrong).cloned().collect();
                return Err(refuse(process, &all, &files));
            }
        };
        if set.is_empty() && !paths.is_empty() {
            return Err(CommandError::invalid_input(format!(
                "there is no rule in {}",
                paths.join(", ")
            )));
        }
        Ok(Self {
            set,
            sources: files,
            today: jiff::Zoned::now()
                .with_time_zone(jiff::tz::TimeZone::UTC)
                .date(),
        })
    }

    /// The SHA-256 of each file, in hexadecimal: what a saved plan was held to.
    pub(super) fn digests(&self) -> BTreeSet<String> {
        let files = self.sources.iter();
        files.map(|file| digest_of(&file.bytes)).collect()
    }

    /// The rules themselves.
    pub(super) fn set(&self) -> &PolicySet {
        &self.set
    }

    /// Today, in UTC.
    pub(super) fn today(&self) -> Date {
        self.today
    }

    /// Shows what is wrong with them.
    pub(super) fn refuse(&self, process: &Process, wrong: &Diagnostics) -> CommandError {
        refuse(process, wrong, &self.sources)
    }

    /// What they say of the manifests.
    pub(super) fn check_declared(
        &self,
        process: &Process,
        desired: &DesiredState,
    ) -> Result<Findings, CommandError> {
        let checked = self.set.check_declared(desired, self.today);
        checked.map_err(|wrong| self.refuse(process, &wrong))
    }

    /// Adds what they say of a plan, and of the manifests that it is made from.
    pub(super) fn check_plan(
        &self,
        process: &Process,
        desired: &DesiredState,
        report: &mut PlanReport,
    ) -> Result<(), CommandError> {
        if self.set.is_empty() {
            return Ok(());
        }
        let declared = self.check_declared(process, desired)?;
        let changes = report.change_facts();
        let changed = self
            .set
            .check_changes(desired, &changes, self.today)
            .map_err(|wrong| self.refuse(process, &wrong))?;
        report.add_policy_findings(declared);
        report.add_policy_findings(changed);
        Ok(())
    }
}

/// Whether a file holds cases for `iggyctl policy test`.
pub(super) fn is_cases(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| CASES_SUFFIXES.iter().any(|suffix| name.ends_with(suffix)))
}

fn refuse(process: &Process, wrong: &Diagnostics, sources: &[SourceFile]) -> CommandError {
    match show(process, wrong, sources) {
        Ok(()) => CommandError::new(ExitCode::InvalidInput, ""),
        Err(error) => error,
    }
}

/// The error of a plan that policies refuse.
pub(super) fn refused(count: usize, what: &str) -> CommandError {
    let rules = match count {
        1 => "1 error of a policy".to_owned(),
        count => format!("{count} errors of policies"),
    };
    CommandError::new(ExitCode::Blocked, format!("{what}: {rules}"))
        .hint("change what the manifests declare, or agree on an exception in the policy")
}
