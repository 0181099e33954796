//! What the objects of a Kubernetes cluster declare, instead of manifests.

use std::time::Duration;

use iggyctl_core::api::v1alpha1::ServerKind;
use iggyctl_core::ledger::{AppliedManifest, applied_manifests};
use iggyctl_core::manifest::{self, Compiled, SourceFile, Variables};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_engine::connect::install_crypto_provider;

use super::Process;
use super::manifest_arguments::show;
use super::runtime::block_on;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::operator::cluster::{ManifestsError, Wanted, manifests};

/// What `--from-cluster` and its own flags say.
#[derive(Debug, clap::Args)]
pub(super) struct ClusterArguments {
    /// Take what the objects of a Kubernetes cluster declare, without changing anything there: that
    /// of the kubeconfig's current context, or of the pod that this runs in
    #[arg(long, help_heading = "Cluster options")]
    from_cluster: bool,
    /// The namespace of the objects; without it that of the context, and all of them for a
    /// ClusterIggyServer
    #[arg(
        long,
        value_name = "NAME",
        requires = "from_cluster",
        help_heading = "Cluster options"
    )]
    namespace: Option<String>,
    /// Another context of the kubeconfig
    #[arg(
        long,
        value_name = "NAME",
        requires = "from_cluster",
        help_heading = "Cluster options"
    )]
    kube_context: Option<String>,
    /// The server whose objects are meant: the name of an IggyServer, or ClusterIggyServer/NAME
    /// [default: default]
    #[arg(
        long,
        value_name = "NAME",
        requires = "from_cluster",
        value_parser = server_reference,
        help_heading = "Cluster options"
    )]
    server_ref: Option<ServerReference>,
}

#[derive(Debug, Clone)]
struct ServerReference {
    kind: ServerKind,
    name: String,
}

fn server_reference(text: &str) -> Result<ServerReference, String> {
    let (kind, name) = match text.split_once('/') {
        None => (ServerKind::IggyServer, text),
        Some(("IggyServer", name)) => (ServerKind::IggyServer, name),
        Some(("ClusterIggyServer", name)) => (ServerKind::ClusterIggyServer, name),
        Some((kind, _)) => {
            return Err(format!(
                "`{kind}` is no kind of server: IggyServer or ClusterIggyServer"
            ));
        }
    };
    match name.is_empty() {
        true => Err("a server has a name".to_owned()),
        false => Ok(ServerReference {
            kind,
            name: name.to_owned(),
        }),
    }
}

impl ClusterArguments {
    /// Whether the objects of a cluster are asked for.
    pub(super) fn is_asked_for(&self) -> bool {
        self.from_cluster
    }

    /// What they declare; nothing where there are none.
    pub(super) fn declared(&self, process: &Process) -> Result<DesiredState, CommandError> {
        let sources = self.read()?;
        match sources.is_empty() {
            true => Ok(DesiredState::default()),
            false => Ok(self.compile_sources(process, &sources)?.state),
        }
    }

    /// What they declare, with the manifests as a ledger keeps them.
    ///
    /// # Errors
    /// Also where there are none: a name was mistyped.
    pub(super) fn compile_and_keep(
        &self,
        process: &Process,
    ) -> Result<(Compiled, Vec<AppliedManifest>), CommandError> {
        let sources = self.read()?;
        if sources.is_empty() {
            let of = match &self.wanted() {
                Wanted {
                    kind,
                    server,
                    namespace: Some(namespace),
                    ..
                } => format!("{} {server} in the namespace {namespace}", kind.as_str()),
                Wanted { kind, server, .. } => format!("{} {server}", kind.as_str()),
            };
            let error = format!("no object declares anything on the {of}");
            return Err(CommandError::invalid_input(error)
                .hint("--namespace and --server-ref say which objects are meant"));
        }
        let compiled = self.compile_sources(process, &sources)?;
        let kept = applied_manifests(&sources, &Variables::default());
        let kept = kept.map_err(|diagnostics| {
            let shown = show(process, &diagnostics, &sources);
            shown.err().unwrap_or_else(already_said)
        })?;
        Ok((compiled, kept))
    }

    fn compile_sources(
        &self,
        process: &Process,
        sources: &[SourceFile],
    ) -> Result<Compiled, CommandError> {
        let compiled = manifest::compile(sources, &Variables::default());
        let compiled = compiled.map_err(|diagnostics| {
            let shown = show(process, &diagnostics, sources);
            shown.err().unwrap_or_else(already_said)
        })?;
        if !compiled.warnings.is_empty() {
            show(process, &compiled.warnings, sources)?;
        }
        Ok(compiled)
    }

    /// The objects, as manifests.
    fn read(&self) -> Result<Vec<SourceFile>, CommandError> {
        install_crypto_provider();
        let read = async { tokio::time::timeout(LONGEST, manifests(&self.wanted())).await };
        match block_on(read)? {
            Ok(sources) => sources.map_err(|error| said(&error)),
            Err(_) => Err(CommandError::new(
                ExitCode::ServerUnavailable,
                format!("the API server did not answer within {LONGEST:?}"),
            )),
        }
    }

    fn wanted(&self) -> Wanted {
        let server = self.server_ref.clone().unwrap_or(ServerReference {
            kind: ServerKind::IggyServer,
            name: "default".to_owned(),
        });
        Wanted {
            context: self.kube_context.clone(),
            namespace: self.namespace.clone(),
            kind: server.kind,
            server: server.name,
        }
    }
}

/// How long reading all objects may take.
const LONGEST: Duration = Duration::from_secs(120);

fn already_said() -> CommandError {
    CommandError::new(ExitCode::InvalidInput, "")
}

fn said(error: &ManifestsError) -> CommandError {
    let text = error.to_string();
    match error {
        ManifestsError::NoCluster(_) => CommandError::other(text)
            .hint("KUBECONFIG names the file that says where a cluster is"),
        ManifestsError::Kubeconfig(_) => {
            CommandError::other(text).hint("`kubectl config get-contexts` lists the contexts")
        }
        ManifestsError::Client(_) => CommandError::other(text),
        ManifestsError::Refused { .. } => CommandError::new(ExitCode::CredentialsRefused, text)
            .hint("it takes the right to list the objects of iggyctl.dev, as the aggregated role `view` has it"),
        ManifestsError::NotInstalled(_) => CommandError::other(text)
            .hint("`iggyctl operator crds | kubectl apply --server-side -f -` installs them"),
        ManifestsError::Failed { .. } => CommandError::new(ExitCode::ServerUnavailable, text),
    }
}
