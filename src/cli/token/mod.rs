//! Access tokens of the own user, for people.

mod create;
mod delete;

use clap::Subcommand;
use iggyctl_core::name::ResourceName;
use iggyctl_core::wording::nearest;
use iggyctl_engine::broker::OwnTokens;

use super::Process;
use super::get::render;
use super::get_tokens::{read_tokens, token_rows};
use super::output::Format;
use super::runtime::block_on;
use super::server_arguments::ServerArguments;
use super::session::Session;
use super::time_limit::TimeLimit;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;
use create::CreateArguments;
use delete::DeleteArguments;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl token create laptop --expiry 30d --write-to ~/.iggy-token\n  iggyctl token list --context production\n  iggyctl token delete laptop\n\nA server lets everybody create, list and delete their own tokens only, root included: these\ncommands are about the user that iggyctl is logged in as. Tokens of services belong into\nmanifests, see docs/access.md."
)]
pub(super) struct TokenArguments {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Create an access token of the own user; its value is shown or written once
    Create(CreateArguments),
    /// List the access tokens of the own user, without their values
    List(ListArguments),
    /// Delete an access token of the own user
    Delete(DeleteArguments),
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl token list\n  iggyctl token list --context production -o json\n\nOnly tokens of the user that iggyctl is logged in as: nobody can list those of others. The\nclock of this machine tells which ones have expired; the server removes these by itself."
)]
struct ListArguments {
    #[command(flatten)]
    server: ServerArguments,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

pub(super) fn run(process: &Process, arguments: &TokenArguments) -> Result<ExitCode, CommandError> {
    match &arguments.command {
        TokenCommand::Create(arguments) => block_on(create::create(process, arguments))?,
        TokenCommand::List(arguments) => block_on(list(process, arguments))?,
        TokenCommand::Delete(arguments) => block_on(delete::delete(process, arguments))?,
    }
}

async fn list(process: &Process, arguments: &ListArguments) -> Result<ExitCode, CommandError> {
    Session::run(
        process,
        &arguments.server,
        TimeLimit::NONE,
        async |session| {
            let rows = token_rows(&read_tokens(session).await?);
            process.output(&render(arguments.output, &rows)?)?;
            Ok(ExitCode::Done)
        },
    )
    .await
}

fn no_such_token(name: &ResourceName, tokens: &OwnTokens) -> CommandError {
    let error = CommandError::other(format!("the own user has no access token `{name}`"));
    match nearest(name.as_str(), tokens.keys().map(ResourceName::as_str)) {
        Some(meant) => error.hint(format!("did you mean `{meant}`?")),
        None => error.hint("`iggyctl token list` lists them; nobody sees those of other users"),
    }
}
