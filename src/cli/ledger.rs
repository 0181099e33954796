//! Whether a command keeps a ledger, and which one it must be.

use iggyctl_core::ledger::LedgerIdentity;
use iggyctl_core::render::escape;
use iggyctl_engine::ledger::{LedgerFailure, PooledLedger, describe};

use super::Process;
use super::server_arguments::ServerArguments;
use super::session::{Session, read_failed};
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::server::chosen_context;

/// What the context says about the ledger of its server.
#[derive(Debug, Clone, Default)]
pub(super) struct LedgerOfContext {
    /// Whether every apply is recorded.
    pub(super) is_kept: bool,
    /// Which ledger it must be.
    pinned: Option<LedgerIdentity>,
    context: String,
}

impl LedgerOfContext {
    /// Of the context that names the server, if one does.
    pub(super) fn of(process: &Process, server: &ServerArguments) -> Result<Self, CommandError> {
        let (server, context) = server.named();
        let context = chosen_context(server, context, &process.environment)?;
        Ok(context.map_or_else(Self::default, |context| Self {
            is_kept: context.ledger,
            pinned: context.ledger_identity,
            context: context.name,
        }))
    }

    /// Refuses a server that has another ledger than the context says, or none: it is not
    /// the server that was last applied to.
    pub(super) async fn refuse_another(&self, session: &Session) -> Result<(), CommandError> {
        let Some(pinned) = self.pinned else {
            return Ok(());
        };
        let ledger = PooledLedger::new(&session.pool);
        let found = describe(&ledger).await.map_err(ledger_failed)?;
        if found == Some(pinned) {
            return Ok(());
        }
        let found = match found {
            Some(found) => format!("has the ledger {found}"),
            None => "has no ledger".to_owned(),
        };
        Err(CommandError::new(
            ExitCode::Stale,
            format!(
                "nothing was done: the context {} is for the server with the ledger {pinned}, \
                 and {} {found}",
                escape(&self.context),
                escape(&session.name)
            ),
        )
        .hint("if that is the right server, change `ledgerIdentity` of the context"))
    }
}

/// Refuses a server that has another ledger than its context says.
pub(super) async fn refuse_another_ledger(
    process: &Process,
    server: &ServerArguments,
    session: &Session,
) -> Result<(), CommandError> {
    let ledger = LedgerOfContext::of(process, server)?;
    ledger.refuse_another(session).await
}

/// A record is of a project: those of manifests without one would be taken for one another's.
pub(super) fn refuse_without_project(
    is_recorded: bool,
    project: Option<&str>,
) -> Result<(), CommandError> {
    if !is_recorded || project.is_some() {
        return Ok(());
    }
    Err(
        CommandError::usage("a record is kept of a project, and these manifests have none").hint(
            "add a `kind: IggyTopology` document with `metadata.name`; it may have an empty `spec`",
        ),
    )
}

/// A ledger that cannot be read or written ends the command.
pub(super) fn ledger_failed(failure: LedgerFailure) -> CommandError {
    let failure = match failure {
        LedgerFailure::Broker(error) => return read_failed(error),
        failure => failure,
    };
    let exit_code = match &failure {
        LedgerFailure::NotAllowed { .. } => ExitCode::CredentialsRefused,
        LedgerFailure::Copied { .. } => ExitCode::Stale,
        LedgerFailure::Broker(_)
        | LedgerFailure::NotALedger { .. }
        | LedgerFailure::Record { .. }
        | LedgerFailure::NoSuchRevision { .. }
        | LedgerFailure::DocumentGone { .. }
        | LedgerFailure::Unsettled
        | LedgerFailure::Unprintable { .. } => ExitCode::Error,
    };
    let hint = match &failure {
        LedgerFailure::NotAllowed { .. } => Some(
            "reading it needs to read the stream iggyctl and to poll; writing it, to create it and \
             to send messages there",
        ),
        LedgerFailure::NoSuchRevision { .. } => Some("`iggyctl history` lists them"),
        LedgerFailure::Copied { .. } => {
            Some("delete the stream iggyctl if this is the right server: that loses history only")
        }
        _ => None,
    };
    let error = CommandError::new(exit_code, escape(&failure.to_string()).into_owned());
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
