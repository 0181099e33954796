use std::fmt::Write;

use clap::Subcommand;
use iggyctl_engine::connect::Credentials;

use super::Process;
use crate::command_error::CommandError;
use crate::contexts::{ContextFile, Contexts, NO_FOLDER, OFFICIAL_PREFIX};
use crate::exit_code::ExitCode;
use crate::server::redacted;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl context list\n  iggyctl context use production\n  iggyctl context show production\n\nThe file is $IGGYCTL_CONFIG or ~/.config/iggyctl/config.yaml, see docs/configuration.md."
)]
pub(super) struct ContextArguments {
    #[command(subcommand)]
    command: ContextCommand,
}

#[derive(Debug, Subcommand)]
enum ContextCommand {
    /// List all contexts; the current one is marked
    List,
    /// Make a context the current one
    Use {
        /// Its name
        name: String,
    },
    /// Show a context; the current one without a name
    Show {
        /// Its name
        name: Option<String>,
    },
}

pub(super) fn run(
    process: &Process,
    arguments: &ContextArguments,
) -> Result<ExitCode, CommandError> {
    let contexts = Contexts::read(&process.environment)?;
    match &arguments.command {
        ContextCommand::List => list(process, &contexts)?,
        ContextCommand::Use { name } => {
            let context = contexts.find(name)?;
            if name.starts_with(OFFICIAL_PREFIX) {
                return Err(CommandError::usage(format!(
                    "`{name}` is a context of the official command and cannot be the current one of iggyctl"
                ))
                .hint(format!("name it where it is used: --context {name}")));
            }
            let path = contexts
                .path
                .as_deref()
                .ok_or_else(|| CommandError::usage(NO_FOLDER))?;
            ContextFile::set_current(path, name)?;
            process
                .terminal
                .message(&format!("The current context is now `{name}`."));
            if let Some(warning) = context.secret_in_file_warning() {
                process.terminal.warning(&warning);
            }
        }
        ContextCommand::Show { name } => {
            let name = name
                .as_deref()
                .or(contexts.current.as_deref())
                .ok_or_else(|| {
                    CommandError::usage("there is no current context")
                        .hint("iggyctl context list, then iggyctl context use NAME")
                })?;
            let context = contexts.find(name)?;
            let mut text = format!("name: {name}\nserver: {}\n", redacted(&context.server));
            if let Some(in_address) = context.credentials_in_address() {
                let what = match in_address {
                    Credentials::Password { username, .. } => {
                        let _ = writeln!(text, "username: {username}");
                        "password"
                    }
                    Credentials::Token(_) => "token",
                };
                let _ = writeln!(text, "{what}: from the address");
            } else if let Some(sources) = &context.credentials {
                if let Some(username) = &sources.username {
                    let _ = writeln!(text, "username: {username}");
                }
                for (what, source) in [("password", &sources.password), ("token", &sources.token)] {
                    if let Some(source) = source {
                        let _ = writeln!(text, "{what}: from {source}");
                    }
                }
            }
            for policy in &context.policies {
                let _ = writeln!(text, "policy: {policy}");
            }
            if context.ledger {
                let _ = writeln!(text, "ledger: kept");
            }
            if let Some(identity) = &context.ledger_identity {
                let _ = writeln!(text, "ledgerIdentity: {identity}");
            }
            process.output(&text)?;
            if let Some(warning) = context.secret_in_file_warning() {
                process.terminal.warning(&warning);
            }
        }
    }
    Ok(ExitCode::Done)
}

fn list(process: &Process, contexts: &Contexts) -> Result<(), CommandError> {
    if contexts.all.is_empty() {
        process.terminal.message(&match &contexts.path {
            Some(path) => format!("There are no contexts; {} would hold them.", path.display()),
            None => format!("There are no contexts; {NO_FOLDER}."),
        });
        return Ok(());
    }
    let width = contexts
        .all
        .iter()
        .map(|context| context.name.chars().count())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for context in &contexts.all {
        let mark = if contexts.current.as_ref() == Some(&context.name) {
            '*'
        } else {
            ' '
        };
        let _ = writeln!(
            text,
            "{mark} {:width$}  {}",
            context.name,
            redacted(&context.server)
        );
    }
    process.output(&text)
}
