use iggyctl_core::check::{Severity, check_declared};
use iggyctl_core::render::{Annotation, annotations_text, findings_text};
use iggyctl_core::wording::counted;

use super::Process;
use super::manifest_arguments::ManifestArguments;
use super::policy_arguments::PolicyArguments;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl validate -f topology.yaml\n  iggyctl validate -f manifests/ --set environment=production\n  iggyctl validate -f manifests/ --policy policies/\n  iggyctl validate -f manifests/ -o github\n\nExit codes: 0 valid, 3 refused by a policy, 65 not valid."
)]
pub(super) struct ValidateArguments {
    #[command(flatten)]
    manifests: ManifestArguments,
    #[command(flatten)]
    policies: PolicyArguments,
    /// Hold them to the policies of this context; no server is asked
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// How to print what was found
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: ValidateFormat,
}

/// How to print what was found in manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum ValidateFormat {
    /// For people.
    #[default]
    Text,
    /// Annotations at file and line, for GitHub Actions.
    Github,
}

impl ValidateArguments {
    pub(super) fn annotates(&self) -> bool {
        self.output == ValidateFormat::Github
    }
}

pub(super) fn run(
    process: &Process,
    arguments: &ValidateArguments,
) -> Result<ExitCode, CommandError> {
    let compiled = arguments.manifests.compile(process)?;
    let context = arguments.context.as_deref();
    let policies = arguments.policies.read(process, None, context)?;
    let state = &compiled.state;
    let topics: usize = state
        .streams
        .values()
        .map(|stream| stream.topics.len())
        .sum();
    let groups: usize = state
        .streams
        .values()
        .flat_map(|stream| stream.topics.values())
        .map(|topic| topic.groups.len())
        .sum();
    let mut counts = vec![
        counted(state.streams.len(), "stream"),
        counted(topics, "topic"),
        counted(groups, "consumer group"),
    ];
    if !state.users.is_empty() {
        counts.push(counted(state.users.len(), "user"));
    }
    let tokens: usize = state.tokens.values().map(|tokens| tokens.len()).sum();
    if tokens > 0 {
        counts.push(counted(tokens, "token"));
    }
    let mut text = format!("Valid: {}.\n", counts.join(", "));
    let mut findings = check_declared(state);
    let of_policies = policies.check_declared(process, state)?;
    findings.findings.extend(of_policies.findings);
    findings
        .findings
        .sort_by(|one, other| one.address.cmp(&other.address));
    let is_refused = findings
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    if arguments.annotates() {
        let mut annotations = findings.annotations(|address| state.origin(address));
        annotations.push(Annotation::notice("iggyctl validate", text.trim_end()));
        process.output(&annotations_text(annotations))?;
    } else {
        if !findings.findings.is_empty() {
            let origin = |address: &_| state.origin(address);
            text.push('\n');
            text.push_str(&findings_text(&findings, origin, process.text_options()));
        }
        process.output(&text)?;
    }
    Ok(match is_refused {
        true => ExitCode::Blocked,
        false => ExitCode::Done,
    })
}
