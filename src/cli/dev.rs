//! An embedded server that stays: for development, with the manifests applied
//! at its start and, with `--watch`, at every change of them.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use iggyctl_core::plan::{Approvals, DestructionGrant};
use iggyctl_core::render::{ApplyReport, Verification};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::{diff, plan};
use iggyctl_embedded::{EmbeddedServer, StartError};
use iggyctl_engine::apply::Supplies;
use iggyctl_engine::observe::Reach;
use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::Process;
use super::apply::{carry_out, step_reports};
use super::dev_listeners::{ListenerArguments, Listeners};
use super::manifest_arguments::{VariableArguments, compile};
use super::runtime::block_on;
use super::secret_arguments::{Gathered, SecretArguments};
use super::session::{Pool, connect, observe_for, own_address};
use super::stop::stop_requested;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::sources::{STANDARD_INPUT, is_manifest};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl dev -f topology.yaml --watch\n  iggyctl dev --data-dir ./iggy-data --listen 127.0.0.1:8090\n  iggyctl dev --tls --http 127.0.0.1:3000\n\nThe user is iggy and its password iggy, unless IGGY_ROOT_USERNAME and IGGY_ROOT_PASSWORD are set."
)]
pub(super) struct DevArguments {
    /// A manifest to apply at the start: a file, a folder or a pattern
    #[arg(short, long = "file", value_name = "PATH")]
    file: Vec<String>,
    #[command(flatten)]
    variables: VariableArguments,
    #[command(flatten)]
    secrets: SecretArguments,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    #[command(flatten)]
    listeners: ListenerArguments,
    /// Keep the server's state in this folder; without one it is kept in memory
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Apply the manifests again when they change
    #[arg(long, requires = "file")]
    watch: bool,
}

/// Editors write a file in several steps; events closer together than this
/// are one change.
const SETTLE: Duration = Duration::from_millis(100);

/// A login to a server in this very process needs no more.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn run(process: &Process, arguments: &DevArguments) -> Result<ExitCode, CommandError> {
    block_on(serve(process, arguments))?
}

async fn serve(process: &Process, arguments: &DevArguments) -> Result<ExitCode, CommandError> {
    if arguments.watch && arguments.file.iter().any(|path| path == STANDARD_INPUT) {
        return Err(CommandError::usage("standard input cannot be watched"));
    }
    // What is wrong with the manifests is said before anything is started.
    let desired = (!arguments.file.is_empty())
        .then(|| compile(process, &arguments.file, &arguments.variables))
        .transpose()?
        .map(|compiled| compiled.state);
    let mut changes = arguments
        .watch
        .then(|| watch(&arguments.file))
        .transpose()?;
    let listeners = Listeners::of(&arguments.listeners, arguments.listen)?;
    let server = start(process, arguments, &listeners).await?;
    let address = shown_address(process, &server);
    process.output(&format!("{address}{}\n", listeners.client_options()))?;
    process.terminal.message(&format!(
        "Listening on {}; {}. Ctrl-C ends it.",
        server.address(),
        match &arguments.data_dir {
            Some(folder) => format!("state is kept in {}", folder.display()),
            None => "state is kept in memory only".to_owned(),
        }
    ));
    for line in listeners.explained(&server) {
        process.terminal.message(&line);
    }
    // Listening from here on: an interrupt of the first apply ends the server, too.
    let stop = stop_requested();
    let served = async {
        let pool = connect(own_address(&server)?, CONNECT_TIMEOUT, "dev").await?;
        let served = apply_until(process, arguments, desired, &mut changes, &pool, stop).await;
        pool.close().await;
        served
    };
    let served = served.await;
    server.shutdown().await;
    served.map(|()| ExitCode::Done)
}

/// Applies the manifests, and again at every change, until `stop`.
async fn apply_until(
    process: &Process,
    arguments: &DevArguments,
    desired: Option<DesiredState>,
    changes: &mut Option<(notify::RecommendedWatcher, mpsc::Receiver<()>)>,
    pool: &Pool,
    stop: impl Future<Output = ()>,
) -> Result<(), CommandError> {
    tokio::pin!(stop);
    if let Some(desired) = &desired {
        converge(process, desired, &arguments.secrets, pool).await?;
    }
    loop {
        tokio::select! {
            () = &mut stop => return Ok(()),
            () = next_change(changes) => {
                // A manifest that is wrong for a moment must not end the server.
                let changed = async {
                    let compiled = compile(process, &arguments.file, &arguments.variables)?;
                    converge(process, &compiled.state, &arguments.secrets, pool).await
                };
                if let Err(error) = changed.await {
                    process.terminal.error(&error.message, error.hint.as_deref());
                }
            }
        }
    }
}

async fn start(
    process: &Process,
    arguments: &DevArguments,
    listeners: &Listeners,
) -> Result<EmbeddedServer, CommandError> {
    let mut builder = listeners.add_to(EmbeddedServer::builder().listen(arguments.listen));
    match root_credentials(process) {
        (None, None) => {}
        (Some(username), Some(password)) => builder = builder.credentials(username, password),
        _ => {
            return Err(CommandError::usage(
                "IGGY_ROOT_USERNAME and IGGY_ROOT_PASSWORD go together, and only one is set",
            ));
        }
    }
    if let Some(folder) = &arguments.data_dir {
        builder = builder.data_dir(folder.clone());
    }
    builder.start().await.map_err(|error| {
        let message = match &error {
            StartError::Listen { source, .. } => {
                format!("the server does not start: {error}: {}", reason(source))
            }
            _ => format!("the server does not start: {error}"),
        };
        let failed = CommandError::other(message);
        match error {
            StartError::Listen { address, .. } => {
                let flag = arguments.listeners.flag_of(address);
                failed.hint(format!(
                    "choose another address with {flag} ADDRESS, or a free port with \
                     {flag} 127.0.0.1:0"
                ))
            }
            StartError::CredentialsRequired { .. } => failed.hint(
                "set IGGY_ROOT_USERNAME and IGGY_ROOT_PASSWORD, in the environment or in \
                 --env-file: everybody knows the ones without them",
            ),
            StartError::Credentials(_) | StartError::Certificate(_) | StartError::Store(_) => {
                failed
            }
        }
    })
}

/// What the system said about an address, without its number where we have
/// words of our own.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "the address is in use, another process listens there".to_owned()
        }
        std::io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        std::io::ErrorKind::PermissionDenied => {
            "permission denied; ports below 1024 usually need privileges".to_owned()
        }
        _ => error.to_string(),
    }
}

fn root_credentials(process: &Process) -> (Option<&str>, Option<&str>) {
    (
        process.environment.get("IGGY_ROOT_USERNAME"),
        process.environment.get("IGGY_ROOT_PASSWORD"),
    )
}

/// The connection string; without credentials when they are somebody's own and
/// not the well-known ones.
fn shown_address(process: &Process, server: &EmbeddedServer) -> String {
    if root_credentials(process) == (None, None) {
        server.connection_string()
    } else {
        let options = if server.tls().is_some() {
            "?tls=true"
        } else {
            ""
        };
        format!("iggy://{}{options}", server.address())
    }
}

/// Applies the manifests: everything that needs no approval.
async fn converge(
    process: &Process,
    desired: &DesiredState,
    secrets: &SecretArguments,
    pool: &Pool,
) -> Result<(), CommandError> {
    let gathered = secrets.to_check(process, desired)?;
    let observed = observe_for(pool, desired, &gathered, Reach::Declared).await?;
    let plan = plan::plan(&diff::diff(desired, &observed), &Approvals::default()).located(desired);
    for blocked in &plan.blocked {
        let place = blocked
            .declared_at
            .as_ref()
            .map_or_else(String::new, |origin| format!("{origin}: "));
        process.terminal.warning(&format!(
            "{place}{} is blocked: {}",
            blocked.address, blocked.way_out
        ));
    }
    if plan.steps.is_empty() {
        process.terminal.message("Nothing to change.");
        return Ok(());
    }
    let Gathered {
        secrets: checked,
        sinks,
    } = gathered;
    let secrets = secrets.to_apply(process, &plan, checked)?;
    let approved = plan
        .approve(true, &DestructionGrant::default())
        .map_err(|refusal| CommandError::other(refusal.to_string()))?;
    let outcome = carry_out(
        process,
        &approved,
        Supplies::new(&secrets, &sinks),
        pool,
        false,
        None,
        std::future::pending(),
    )
    .await;
    let report = ApplyReport::new(
        step_reports(&approved, &outcome),
        Vec::new(),
        Verification::Skipped,
    );
    process.terminal.message(&report.footer());
    Ok(())
}

fn watch(
    paths: &[String],
) -> Result<(notify::RecommendedWatcher, mpsc::Receiver<()>), CommandError> {
    let cannot = |error: notify::Error| CommandError::other(format!("cannot watch: {error}"));
    // One waiting change is enough: what is read afterwards is the latest state.
    let (sender, receiver) = mpsc::channel(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let is_change = |event: notify::Event| {
            !event.kind.is_access() && event.paths.iter().any(|path| is_manifest(path))
        };
        if event.is_ok_and(is_change) {
            // Full means that a change is waiting already.
            let _ = sender.try_send(());
        }
    })
    .map_err(cannot)?;
    for path in paths {
        // The folder is watched and not the file: editors replace files.
        let path = Path::new(path);
        let (folder, mode) = if path.is_dir() {
            (path, RecursiveMode::Recursive)
        } else if path.exists() {
            (folder_of(path), RecursiveMode::NonRecursive)
        } else {
            // A pattern: everything below its part without wildcards.
            let literal = path
                .ancestors()
                .skip(1)
                .find(|folder| folder.is_dir())
                .unwrap_or(Path::new("."));
            (literal, RecursiveMode::Recursive)
        };
        watcher.watch(folder, mode).map_err(cannot)?;
    }
    Ok((watcher, receiver))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

async fn next_change(changes: &mut Option<(notify::RecommendedWatcher, mpsc::Receiver<()>)>) {
    let Some((_, receiver)) = changes else {
        return std::future::pending().await;
    };
    if receiver.recv().await.is_none() {
        return std::future::pending().await;
    }
    while tokio::time::timeout(SETTLE, receiver.recv()).await.is_ok() {}
}
