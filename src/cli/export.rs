use iggyctl_core::ledger::Revision;
use iggyctl_core::manifest::{SourceFile, to_objects};
use iggyctl_core::name::ResourceName;
use iggyctl_engine::export::{ExportError, export};

use super::Process;
use super::history;
use super::ledger::refuse_another_ledger;
use super::runtime::block_on;
use super::server_arguments::ServerArguments;
use super::session::{Session, read_failed};
use super::time_limit::TimeLimit;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl export --context production > topology.yaml\n  iggyctl export --stream orders --stream billing\n  iggyctl export --revision 42 > then.yaml\n  iggyctl export -o kubernetes | kubectl apply -n orders -f -\n\nPlanning what export writes against the same server shows no change, unless a\nuser holds permissions on what was deleted: that plan takes them away."
)]
pub(super) struct ExportArguments {
    /// Only this stream, without users; may be repeated
    #[arg(long, value_name = "NAME")]
    stream: Vec<String>,
    /// The manifests of this apply, as `iggyctl history` numbers them, instead of what is there now
    #[arg(long, value_name = "REVISION", conflicts_with = "stream")]
    revision: Option<Revision>,
    /// As one manifest for the command line, or as objects for a cluster
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: ExportFormat,
    #[command(flatten)]
    server: ServerArguments,
}

/// What is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum ExportFormat {
    /// One manifest with comments.
    #[default]
    Yaml,
    /// An object for each stream and each user, which takes over what is there
    /// (`adoption: Adopt`); without passwords.
    Kubernetes,
}

pub(super) fn run(
    process: &Process,
    arguments: &ExportArguments,
) -> Result<ExitCode, CommandError> {
    match arguments.revision {
        None => block_on(write_manifest(process, arguments))?,
        Some(revision) => block_on(write_manifests_of(process, arguments, revision))?,
    }
}

async fn write_manifest(
    process: &Process,
    arguments: &ExportArguments,
) -> Result<ExitCode, CommandError> {
    let names = stream_names(&arguments.stream)?;
    Session::run(
        process,
        &arguments.server,
        TimeLimit::NONE,
        async |session| {
            let export =
                export(&session.pool, names.as_deref())
                    .await
                    .map_err(|error| match error {
                        ExportError::Read(error) => read_failed(error),
                        ExportError::NoSuchStream(missing) => no_such_stream(missing),
                    })?;
            for left_out in &export.left_out {
                process.terminal.warning(&format!(
                    "{} is left out: {}",
                    left_out.what, left_out.reason
                ));
            }
            let text = match arguments.output {
                ExportFormat::Yaml => export.manifest,
                ExportFormat::Kubernetes => objects([export.manifest])?,
            };
            process.output(&text)?;
            Ok(ExitCode::Done)
        },
    )
    .await
}

fn objects(manifests: impl IntoIterator<Item = String>) -> Result<String, CommandError> {
    let sources = manifests
        .into_iter()
        .map(|text| SourceFile::new("export", text));
    to_objects(&sources.collect::<Vec<_>>())
        .map_err(|error| CommandError::other(format!("the objects cannot be written: {error:?}")))
}

/// What was declared then; variables are substituted, and secrets are where they were.
async fn write_manifests_of(
    process: &Process,
    arguments: &ExportArguments,
    revision: Revision,
) -> Result<ExitCode, CommandError> {
    let limit = TimeLimit::NONE;
    Session::run(process, &arguments.server, limit, async |session| {
        refuse_another_ledger(process, &arguments.server, session).await?;
        let report = history::read(session, revision).await?;
        if report.manifests.is_empty() {
            return Err(CommandError::other(format!(
                "revision {revision} declared nothing: it removed what was declared"
            ))
            .hint("`iggyctl history` lists the others"));
        }
        let texts: Vec<String> = report.manifests.into_iter().map(|it| it.text).collect();
        let text = match arguments.output {
            ExportFormat::Yaml => texts.join("---\n"),
            ExportFormat::Kubernetes => objects(texts)?,
        };
        process.output(&text)?;
        Ok(ExitCode::Done)
    })
    .await
}

/// Streams after `--stream` that are not there.
pub(super) fn no_such_stream(missing: Vec<ResourceName>) -> CommandError {
    CommandError::other(ExportError::NoSuchStream(missing).to_string())
        .hint("`iggyctl get streams` lists what is there")
}

/// The names after `--stream`; none means every stream.
pub(super) fn stream_names(names: &[String]) -> Result<Option<Vec<ResourceName>>, CommandError> {
    if names.is_empty() {
        return Ok(None);
    }
    names
        .iter()
        .map(|name| {
            name.parse()
                .map_err(|error| CommandError::usage(format!("--stream: {error}")))
        })
        .collect::<Result<Vec<ResourceName>, CommandError>>()
        .map(Some)
}
