use std::future::Future;
use std::time::Duration;

use iggyctl_core::ledger::{LEASES, STREAM};
use iggyctl_core::render::escape;
use iggyctl_engine::broker::{BrokerErrorKind, BrokerRead as _};
use iggyctl_engine::lease::{Busy, Holder, LeaseError, Released, lease_name};
use iggyctl_engine::ledger::LedgerFailure;
use iggyctl_engine::observe::ReadError;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::LockArguments;
use super::keeper::{Keeper, Said, Wanted};
use super::words::{busy_words, project_words, time};
use crate::cli::Process;
use crate::cli::author::author;
use crate::cli::ledger::ledger_failed;
use crate::cli::session::{Session, read_failed};
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

/// The lease of one apply, if it needs one: where a ledger is kept that others reach.
pub(in crate::cli) struct ApplyLock<'a> {
    process: &'a Process,
    session: &'a Session,
    arguments: &'a LockArguments,
    project: Option<String>,
    command: &'static str,
    is_wanted: bool,
    keeper: OnceCell<Keeper>,
}

impl<'a> ApplyLock<'a> {
    /// Takes nothing yet.
    pub(in crate::cli) fn new(
        process: &'a Process,
        session: &'a Session,
        arguments: &'a LockArguments,
        project: Option<String>,
        command: &'static str,
        is_recorded: bool,
    ) -> Self {
        // A server of this command's own has nobody else.
        let is_wanted = is_recorded && !arguments.no_lock && !session.is_own;
        Self {
            process,
            session,
            arguments,
            project,
            command,
            is_wanted,
            keeper: OnceCell::new(),
        }
    }

    /// Takes the lease before anything is read, so that what is planned is not changed
    /// meanwhile, where there is a ledger. The first apply of all makes the ledger when it
    /// changes something, and takes the lease then.
    pub(in crate::cli) async fn take_if_there(&self) -> Result<(), CommandError> {
        if !self.is_wanted {
            return Ok(());
        }
        let taken = self.look_and_take().await;
        taken.map_err(|error| CommandError {
            message: format!("nothing was changed: {}", error.message),
            ..error
        })
    }

    async fn look_and_take(&self) -> Result<(), CommandError> {
        let connection = self.session.connection().await?;
        let topic = connection.get_topic(&STREAM, &LEASES).await;
        drop(connection);
        match topic.map_err(|error| lease_failed(LeaseError::Server(error.into())))? {
            Some(_) => self.take().await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Takes the lease unless it is taken; says whether it is taken only now, after
    /// something was read without it.
    pub(in crate::cli) async fn take(&self) -> Result<bool, CommandError> {
        if !self.will_be_late() {
            return Ok(false);
        }
        self.keeper.get_or_try_init(|| self.start()).await?;
        Ok(true)
    }

    /// Whether the lease is not there yet and is going to be.
    pub(in crate::cli) fn will_be_late(&self) -> bool {
        self.is_wanted && !self.keeper.initialized()
    }

    /// What comes before the first step: without the lease it is given up.
    pub(in crate::cli) async fn while_held<T>(
        &self,
        work: impl Future<Output = Result<T, CommandError>>,
    ) -> Result<T, CommandError> {
        tokio::select! {
            biased;
            reason = self.lost() => Err(CommandError::new(
                ExitCode::LockHeld,
                format!("nothing was changed: {reason}"),
            )
            .hint("apply again; `iggyctl lock list` says who applies now")),
            done = work => done,
        }
    }

    /// Refuses to go on without the lease.
    pub(in crate::cli) async fn refuse_if_lost(&self) -> Result<(), CommandError> {
        self.while_held(std::future::ready(Ok(()))).await
    }

    /// Asks the server whether the lease is still there, where there is one: that somebody
    /// ended it shows by itself only when it is renewed.
    pub(in crate::cli) async fn refuse_if_ended(&self) -> Result<(), CommandError> {
        let Some(keeper) = self.keeper.get() else {
            return Ok(());
        };
        let checked = async { keeper.check().await.map_err(lease_failed) };
        self.while_held(checked).await
    }

    /// From here on the command hears signals and ends in order; before, a signal gives the
    /// lease back and ends it at once.
    pub(in crate::cli) fn command_hears_signals(&self) {
        if let Some(keeper) = self.keeper.get() {
            keeper.command_hears_signals();
        }
    }

    /// Comes back when the lease is lost, with the reason.
    pub(in crate::cli) async fn lost(&self) -> String {
        match self.keeper.get() {
            Some(keeper) => keeper.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Gives the lease back.
    pub(in crate::cli) async fn release(self) {
        let Some(keeper) = self.keeper.into_inner() else {
            return;
        };
        if keeper.release().await == Released::Unknown {
            self.process.terminal.warning(&format!(
                "the lease of {} could not be given back: it ends by itself after {:?}",
                project_words(self.project.as_deref()),
                self.arguments.duration()
            ));
        }
    }

    async fn start(&self) -> Result<Keeper, CommandError> {
        let project = self.project.as_deref();
        let group = lease_name(project).map_err(|error| CommandError::other(error.to_string()))?;
        let holder = Holder {
            run: Uuid::now_v7().simple().to_string(),
            command: self.command.to_owned(),
            author: author(self.process, self.session).await,
            duration_millis: millis(self.arguments.duration()),
        };
        let wanted = Wanted {
            connector: self.session.pool.connector().clone(),
            group,
            holder,
            timeout: self.arguments.lock_timeout.unwrap_or_default(),
        };
        let mut keeper = Keeper::start(wanted)
            .map_err(|error| CommandError::other(format!("cannot start a thread: {error}")))?;
        loop {
            match keeper.said.recv().await {
                Some(Said::Has) => return Ok(keeper),
                Some(Said::Waits(busy)) => self.process.terminal.message(&format!(
                    "Waiting for up to {:?}: {}.",
                    self.arguments.lock_timeout.unwrap_or_default(),
                    busy_words(project, &busy)
                )),
                Some(Said::Busy(busy)) => return Err(self.is_busy(&busy)),
                Some(Said::Failed(error)) => return Err(lease_failed(error)),
                None => return Err(CommandError::other("the lease cannot be taken")),
            }
        }
    }

    fn is_busy(&self, busy: &Busy) -> CommandError {
        let project = self.project.as_deref();
        let waited = match self.arguments.lock_timeout {
            Some(timeout) => format!("after {timeout:?} "),
            None => String::new(),
        };
        let release = match project {
            Some(project) => format!("iggyctl lock release {}", escape(project)),
            None => "iggyctl lock release".to_owned(),
        };
        CommandError::new(
            ExitCode::LockHeld,
            format!("{waited}{}", busy_words(project, busy)),
        )
        .hint(format!(
            "wait for it with --lock-timeout 5m; if it died, its lease ends by itself at {}, or at \
             once with `{release}`",
            time(busy.until_micros)
        ))
    }
}

/// A lease about which nothing can be found out.
pub(super) fn lease_failed(error: LeaseError) -> CommandError {
    match error {
        LeaseError::Server(ReadError::Broker(error))
            if error.kind == BrokerErrorKind::Unauthorized =>
        {
            ledger_failed(LedgerFailure::NotAllowed {
                what: "write",
                error: Box::new(error),
            })
        }
        LeaseError::Server(error) => read_failed(error),
        error @ LeaseError::NotesAreLost => CommandError::other(error.to_string()),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
