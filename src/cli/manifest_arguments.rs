//! Which manifests a command reads, and what their variables are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use iggyctl_core::diagnostic::{self, Code, Diagnostics, Origin};
use iggyctl_core::ledger::{AppliedManifest, applied_manifests};
use iggyctl_core::manifest::{
    self, Compiled, DollarForm, Provenance, RenderFormat, SourceFile, Variables, is_variable_name,
};
use iggyctl_core::render::{annotations_text, diagnostic_annotations};
use iggyctl_core::secret::{SecretKey, SecretSource, TokenSink};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::wording::nearest;
use iggyctl_engine::Secrets;

use super::Process;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::sources::{Sources, read_sources};

/// Variables of the environment with this prefix are variables of manifests.
/// The rest of the environment never is: a pull request must not be able to
/// print it.
const VARIABLE_PREFIX: &str = "IGGYCTL_VAR_";

#[derive(Debug, clap::Args)]
pub(super) struct ManifestArguments {
    /// A manifest: a file, a folder (read recursively), a pattern, or - for standard input
    #[arg(short, long = "file", value_name = "PATH", required = true)]
    file: Vec<String>,
    #[command(flatten)]
    variables: VariableArguments,
}

#[derive(Debug, clap::Args)]
pub(super) struct VariableArguments {
    /// Set a variable of the manifests
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Read variables from a YAML file of names and values
    #[arg(long, value_name = "FILE")]
    values: Vec<PathBuf>,
}

impl ManifestArguments {
    /// Reads, validates and merges; warnings go to standard error.
    pub(super) fn compile(&self, process: &Process) -> Result<Compiled, CommandError> {
        compile(process, &self.file, &self.variables)
    }

    /// Reads, validates and merges, and gives the manifests as a ledger keeps them.
    pub(super) fn compile_and_keep(
        &self,
        process: &Process,
    ) -> Result<(Compiled, Vec<AppliedManifest>), CommandError> {
        compile_and_keep(process, &self.file, &self.variables)
    }

    /// The manifests as text, with every variable substituted.
    pub(super) fn render(
        &self,
        process: &Process,
        format: RenderFormat,
        dollars: DollarForm,
    ) -> Result<String, CommandError> {
        let variables = self.variables.read(process)?;
        let sources = without_named_secrets(read_sources(&self.file), &variables);
        let rendered = manifest::render_documents(&sources.files, &variables, format, dollars);
        let rendered = complete(process, sources, rendered)?;
        self.variables.check_used(&rendered.named_variables)?;
        Ok(rendered.text)
    }
}

/// Reads, validates and merges manifests; warnings go to standard error.
pub(super) fn compile(
    process: &Process,
    paths: &[String],
    variables: &VariableArguments,
) -> Result<Compiled, CommandError> {
    Ok(compile_with(process, paths, variables, |_, _| Ok(()))?.0)
}

fn compile_and_keep(
    process: &Process,
    paths: &[String],
    variables: &VariableArguments,
) -> Result<(Compiled, Vec<AppliedManifest>), CommandError> {
    compile_with(process, paths, variables, applied_manifests)
}

/// Also makes something else of the same files, which may be standard input.
fn compile_with<T>(
    process: &Process,
    paths: &[String],
    variables: &VariableArguments,
    more: impl FnOnce(&[SourceFile], &Variables) -> Result<T, Diagnostics>,
) -> Result<(Compiled, T), CommandError> {
    let values = variables.read(process)?;
    let sources = without_named_secrets(read_sources(paths), &values);
    let compiled = manifest::compile(&sources.files, &values);
    if let Ok(compiled) = &compiled
        && !compiled.warnings.is_empty()
    {
        show(process, &compiled.warnings, &sources.files)?;
    }
    let both = compiled.and_then(|compiled| Ok((compiled, more(&sources.files, &values)?)));
    let (compiled, more) = complete(process, sources, both)?;
    variables.check_used(&compiled.named_variables)?;
    Ok((compiled, more))
}

/// Leaves out what a folder or pattern led to although the manifests themselves
/// say that it is no manifest: the files of their passwords and tokens.
fn without_named_secrets(sources: Sources, variables: &Variables) -> Sources {
    let Sources {
        files,
        come_upon,
        errors,
    } = sources;
    let (mut meant, others): (Vec<SourceFile>, Vec<SourceFile>) = files
        .into_iter()
        .partition(|file| !come_upon.contains(&file.name) || manifest::is_meant_as_manifest(file));
    if !others.is_empty() {
        // What is wrong with the rest is said by who compiles it.
        let named = manifest::compile(&meant, variables)
            .ok()
            .map(|compiled| SecretFiles::of(&compiled.state));
        let is_named = |file: &SourceFile| named.as_ref().is_some_and(|named| named.has(file));
        meant.extend(others.into_iter().filter(|file| !is_named(file)));
    }
    Sources {
        files: meant,
        come_upon,
        errors,
    }
}

/// The files of which the manifests say that they hold passwords or tokens.
struct SecretFiles {
    files: BTreeSet<PathBuf>,
    /// `NAME/KEY`, in whatever folder `--secrets-dir` names.
    mounted: BTreeSet<PathBuf>,
}

impl SecretFiles {
    fn of(desired: &DesiredState) -> Self {
        let mut found = Self {
            files: BTreeSet::new(),
            mounted: BTreeSet::new(),
        };
        for reference in Secrets::needed(desired) {
            match &reference.source {
                SecretSource::File(path) => found.file(path, &reference.origin),
                SecretSource::SecretKeyRef(key) => found.key(key),
                SecretSource::Env(_) | SecretSource::Context(_) => {}
            }
        }
        for token in desired.tokens.values().flat_map(BTreeMap::values) {
            match &token.write_to.sink {
                TokenSink::File(path) => found.file(path, &token.write_to.origin),
                TokenSink::SecretKeyRef(key) => found.key(key),
            }
        }
        found
    }

    fn file(&mut self, path: &str, origin: &Origin) {
        self.files.insert(identity(&origin.path(path)));
    }

    fn key(&mut self, key: &SecretKey) {
        self.mounted.insert(Path::new(&key.name).join(&key.key));
    }

    fn has(&self, file: &SourceFile) -> bool {
        let path = Path::new(&*file.name);
        self.files.contains(&identity(path)) || self.mounted.iter().any(|key| path.ends_with(key))
    }
}

/// The same for each path to one file.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The result, if every file could be read, too; otherwise everything that is
/// wrong is shown at once.
fn complete<T>(
    process: &Process,
    sources: Sources,
    result: Result<T, Diagnostics>,
) -> Result<T, CommandError> {
    let Sources { files, errors, .. } = sources;
    let result = match result {
        Ok(value) if errors.is_empty() => return Ok(value),
        Ok(_) => Diagnostics::default(),
        Err(diagnostics) => diagnostics,
    };
    // Without one readable file, "no manifests" would only repeat the errors.
    let others = result
        .iter()
        .filter(|diagnostic| !files.is_empty() || diagnostic.code != Code::NoManifests)
        .cloned();
    let all: Diagnostics = errors.iter().cloned().chain(others).collect();
    show(process, &all, &files)?;
    Err(CommandError::new(ExitCode::InvalidInput, ""))
}

/// Writes what is wrong to standard error, and where a workflow reads standard output also
/// there.
pub(super) fn show(
    process: &Process,
    diagnostics: &Diagnostics,
    sources: &[SourceFile],
) -> Result<(), CommandError> {
    let colors = process.terminal.colors_messages();
    process
        .terminal
        .message(diagnostic::render_text(diagnostics, sources, colors).trim_end());
    if process.annotates {
        process.output(&annotations_text(diagnostic_annotations(diagnostics)))?;
    }
    Ok(())
}

impl VariableArguments {
    /// Which of the flags was given: for commands that may be run without a manifest.
    pub(super) fn flag(&self) -> Option<&'static str> {
        match (self.set.is_empty(), self.values.is_empty()) {
            (false, _) => Some("--set"),
            (true, false) => Some("--values"),
            (true, true) => None,
        }
    }

    /// A variable of `--set` that no manifest names was mistyped, or belongs to
    /// other manifests: what was typed for this one command must not be without
    /// effect. Files and the environment are shared, so theirs may be unused.
    fn check_used(&self, named: &BTreeSet<String>) -> Result<(), CommandError> {
        let unused = self
            .set
            .iter()
            .filter_map(|assignment| assignment.split_once('='))
            .find(|(name, _)| !named.contains(*name));
        let Some((name, _)) = unused else {
            return Ok(());
        };
        let error = CommandError::usage(format!("--set {name}: no manifest uses `${{{name}}}`"));
        let names: Vec<String> = named.iter().map(|name| format!("`{name}`")).collect();
        Err(match nearest(name, named.iter().map(String::as_str)) {
            Some(meant) => error.hint(format!("did you mean `{meant}`?")),
            None if names.is_empty() => error.hint("the manifests use no variables"),
            None => error.hint(format!("the manifests use {}", names.join(", "))),
        })
    }

    /// Variables: `--set` wins over `--values` (a later file over an earlier
    /// one), which wins over the environment.
    fn read(&self, process: &Process) -> Result<Variables, CommandError> {
        let mut variables = Variables::default();
        for (name, value) in process.environment.with_prefix(VARIABLE_PREFIX) {
            variables.set(name, value, Provenance::Environment);
        }
        for path in &self.values {
            let file = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| {
                CommandError::invalid_input(format!("cannot read {file}: {error}"))
            })?;
            // Whatever is written there is taken as it is written: `007` stays `007`.
            let values: BTreeMap<String, String> =
                serde_saphyr::from_str(&text).map_err(|error| {
                    // The parser's own words quote values and are about its types.
                    let place = error.location().map_or_else(String::new, |location| {
                        format!(":{}:{}", location.line(), location.column())
                    });
                    CommandError::invalid_input(format!(
                        "{file}{place}: this is not a name with a value"
                    ))
                    .hint(
                        "a file of --values holds `name: value` lines, each name once; a value \
                         is a text, a number, true or false",
                    )
                })?;
            for (name, value) in values {
                if !is_variable_name(&name) {
                    return Err(CommandError::invalid_input(format!(
                        "{file}: `{name}` cannot be the name of a variable"
                    )));
                }
                variables.set(name, value, Provenance::ValuesFile(file.clone()));
            }
        }
        for assignment in &self.set {
            let (name, value) = assignment
                .split_once('=')
                .filter(|(name, _)| is_variable_name(name))
                .ok_or_else(|| {
                    CommandError::usage(format!("`--set {assignment}` is not `NAME=VALUE`"))
                })?;
            variables.set(name, value, Provenance::CommandLine);
        }
        Ok(variables)
    }
}
