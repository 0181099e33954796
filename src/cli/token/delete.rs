use iggyctl_core::name::ResourceName;
use iggyctl_engine::broker::{BrokerErrorKind, UserWrite};

use super::super::Process;
use super::super::get_tokens::read_tokens;
use super::super::server_arguments::ServerArguments;
use super::super::session::{Session, broker_failed};
use super::super::time_limit::TimeLimit;
use super::no_such_token;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use crate::terminal::{Answer, confirm};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl token delete laptop\n  iggyctl token delete laptop --context production --yes\n\nThe token is one of the user that iggyctl is logged in as. Nobody can log in with it any\nmore; sessions that were opened with it go on."
)]
pub(super) struct DeleteArguments {
    /// The token
    #[arg(value_name = "NAME")]
    name: ResourceName,
    #[command(flatten)]
    server: ServerArguments,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn delete(
    process: &Process,
    arguments: &DeleteArguments,
) -> Result<ExitCode, CommandError> {
    let name = &arguments.name;
    Session::run(
        process,
        &arguments.server,
        TimeLimit::NONE,
        async |session| {
            let tokens = read_tokens(session).await?;
            if !tokens.contains_key(name) {
                return Err(no_such_token(name, &tokens));
            }
            if !arguments.yes {
                ask(process, name, &session.name)?;
            }
            delete_on_server(session, name).await?;
            process.terminal.message(&format!(
                "Deleted the access token `{name}` on {}.",
                session.name
            ));
            if session.lost_its_login().await {
                process.terminal.warning(&format!(
                    "`{name}` is the token that this login was made with: log in with another \
                     one, or with a password, from now on"
                ));
            }
            Ok(ExitCode::Done)
        },
    )
    .await
}

async fn delete_on_server(session: &Session, name: &ResourceName) -> Result<(), CommandError> {
    let connection = session.connection().await?;
    let Err(error) = connection.delete_token(name).await else {
        return Ok(());
    };
    drop(connection);
    match error.kind {
        // It was there a moment ago, so this is an answer to a repetition of
        // the request, or somebody else was faster.
        BrokerErrorKind::NotFound => Ok(()),
        BrokerErrorKind::OutcomeUnknown { .. } => {
            let is_gone = match read_tokens(session).await {
                Ok(tokens) => !tokens.contains_key(name),
                Err(_) => false,
            };
            if is_gone {
                return Ok(());
            }
            Err(CommandError::new(
                ExitCode::PartiallyApplied,
                format!("it is not known whether the access token `{name}` was deleted: {error}"),
            )
            .hint("`iggyctl token list` shows whether it is there"))
        }
        _ => Err(broker_failed(&error)),
    }
}

fn ask(process: &Process, name: &ResourceName, server: &str) -> Result<(), CommandError> {
    if !process.terminal.is_interactive() {
        return Err(CommandError::usage(
            "nothing was deleted: there is nobody to ask, since this is no terminal",
        )
        .hint("delete it with --yes"));
    }
    match confirm(&format!("\nDelete the access token `{name}` on {server}?")) {
        Ok(Answer::Yes) => Ok(()),
        Ok(Answer::No) => Err(CommandError::other("nothing was deleted: not confirmed")),
        Err(error) => Err(CommandError::other(format!(
            "nothing was deleted: the answer cannot be read: {error}"
        ))),
    }
}
