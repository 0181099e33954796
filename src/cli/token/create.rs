use std::path::PathBuf;

use clap::ValueEnum;
use iggyctl_core::access::TokenSlot;
use iggyctl_core::name::ResourceName;
use iggyctl_core::quantity::MessageExpiry;
use iggyctl_core::secret::Secret;
use iggyctl_engine::broker::{BrokerErrorKind, UserWrite};
use iggyctl_engine::delivery::{NewFile, SinkError};
use secrecy::zeroize::Zeroizing;
use serde::Serialize;

use super::super::Process;
use super::super::get_tokens::{is_over, read_tokens, time_text};
use super::super::server_arguments::ServerArguments;
use super::super::session::{Session, broker_failed};
use super::super::stop::stop_requested;
use super::super::time_limit::TimeLimit;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl token create laptop --expiry 30d --write-to ~/.iggy-token\n  iggyctl token create nightly --expiry 12h --print | some-password-manager insert iggy\n  iggyctl token create robot --expiry never --print -o json\n\nThe token is one of the user that iggyctl is logged in as: nobody can create one of another\nuser. The server shows its value this once. When it cannot be written or printed, the token\nis deleted again."
)]
#[command(group(clap::ArgGroup::new("destination").required(true)))]
pub(super) struct CreateArguments {
    /// How to call it; unique among the own tokens
    #[arg(value_name = "NAME")]
    name: ResourceName,
    /// How long it is valid, such as 30d or 12h; `never` for one without an end
    #[arg(long, value_name = "DURATION")]
    expiry: MessageExpiry,
    /// Print the value, and nothing else, on standard output
    #[arg(long, group = "destination")]
    print: bool,
    /// Write the value to a new file that only its owner can read
    #[arg(long, value_name = "FILE", group = "destination")]
    write_to: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArguments,
    /// How to print it
    #[arg(
        short,
        long,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        conflicts_with = "write_to"
    )]
    output: ValueFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum ValueFormat {
    /// The value and a line break.
    #[default]
    Text,
    /// JSON with the name, the value and the end.
    Json,
}

/// What `-o json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreatedToken<'a> {
    name: &'a str,
    /// As a text: [`Secret`] itself is never printed.
    value: &'a str,
    expiry: MessageExpiry,
    /// Absent for one that never ends, and when it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

pub(super) async fn create(
    process: &Process,
    arguments: &CreateArguments,
) -> Result<ExitCode, CommandError> {
    if arguments.name.as_str().ends_with(TokenSlot::MARK) {
        let mark = TokenSlot::MARK;
        return Err(CommandError::usage(format!(
            "`{}`: a name that ends with `{mark}` is the second one of a token of a manifest, \
             while it is replaced",
            arguments.name
        ))
        .hint("choose another name"));
    }
    Session::run(
        process,
        &arguments.server,
        TimeLimit::NONE,
        async |session| {
            refuse_a_taken_name(session, &arguments.name).await?;
            // From here on a signal ends nothing by itself, so that no value is
            // lost between its arrival and its file.
            let (file, value) = tokio::select! {
                biased;
                () = stop_requested() => Err(interrupted(&arguments.name)),
                created = claim_and_create(session, arguments) => created,
            }?;
            let kept = match file {
                Some(file) => file.write(&value).map_err(reason),
                None => print(process, session, arguments, &value).await,
            };
            if let Err(reason) = kept {
                return Err(take_back(session, &arguments.name, &reason).await);
            }
            process
                .terminal
                .message(&created_message(arguments, &session.name));
            Ok(ExitCode::Done)
        },
    )
    .await
}

/// A name that is known to be free makes an answer about a taken one tell that
/// the first reply was lost.
async fn refuse_a_taken_name(session: &Session, name: &ResourceName) -> Result<(), CommandError> {
    let Some(token) = read_tokens(session).await?.remove(name) else {
        return Ok(());
    };
    let error = CommandError::other(format!("the own user already has an access token `{name}`"));
    let delete = format!("`iggyctl token delete {name}`");
    Err(if token.expires_at_micros.is_some_and(is_over) {
        error.hint(format!(
            "it has expired, and keeps its name until the server removes it; {delete} does so now"
        ))
    } else {
        error.hint(format!(
            "choose another name; its value cannot be shown again. {delete} ends it"
        ))
    })
}

async fn claim_and_create(
    session: &Session,
    arguments: &CreateArguments,
) -> Result<(Option<NewFile>, Secret), CommandError> {
    // Before there is a value that could be lost.
    let file = match &arguments.write_to {
        Some(path) => Some(NewFile::claim(path).map_err(|error| {
            CommandError::other(format!("no token was created: {}", reason(error)))
        })?),
        None => None,
    };
    Ok((file, create_on_server(session, arguments).await?))
}

async fn create_on_server(
    session: &Session,
    arguments: &CreateArguments,
) -> Result<Secret, CommandError> {
    let name = &arguments.name;
    let expiry = Some(arguments.expiry).filter(|expiry| *expiry != MessageExpiry::NEVER);
    let connection = session.connection().await?;
    connection
        .create_token(name, expiry.map(MessageExpiry::micros))
        .await
        .map_err(|error| match error.kind {
            BrokerErrorKind::AlreadyExists | BrokerErrorKind::OutcomeUnknown { .. } => {
                value_lost(name, &error.to_string())
            }
            _ => broker_failed(&error),
        })
}

fn interrupted(name: &ResourceName) -> CommandError {
    value_lost(name, "interrupted while the server was asked for it")
}

fn value_lost(name: &ResourceName, reason: &str) -> CommandError {
    CommandError::new(
        ExitCode::PartiallyApplied,
        format!("the value of the access token `{name}` did not arrive: {reason}"),
    )
    .hint(format!(
        "if `iggyctl token list` shows it, nobody knows its value: \
         `iggyctl token delete {name}`, then create it again"
    ))
}

fn reason(error: SinkError) -> String {
    match error {
        // It may be of iggyctl, too, which has no record of such files.
        SinkError::Foreign { place } => format!("{place} is there already, and is not overwritten"),
        error => error.to_string(),
    }
}

async fn print(
    process: &Process,
    session: &Session,
    arguments: &CreateArguments,
    value: &Secret,
) -> Result<(), String> {
    let text = match arguments.output {
        ValueFormat::Text => Zeroizing::new(format!("{}\n", value.expose())),
        ValueFormat::Json => {
            let expires_at = read_tokens(session)
                .await
                .ok()
                .and_then(|mut tokens| tokens.remove(&arguments.name))
                .and_then(|token| token.expires_at_micros)
                .map(time_text);
            let created = CreatedToken {
                name: arguments.name.as_str(),
                value: value.expose(),
                expiry: arguments.expiry,
                expires_at,
            };
            let json = serde_json::to_string_pretty(&created).map_err(|error| error.to_string())?;
            Zeroizing::new(json + "\n")
        }
    };
    process
        .terminal
        .output_or_fail(&text)
        .map_err(|error| format!("cannot write the output: {error}"))
}

/// Deletes a token whose value nobody has.
async fn take_back(session: &Session, name: &ResourceName, reason: &str) -> CommandError {
    let deleted = match session.connection().await {
        Ok(connection) => match connection.delete_token(name).await {
            Ok(()) => Ok(()),
            Err(error) => Err(error.to_string()),
        },
        Err(error) => Err(error.message),
    };
    match deleted {
        Ok(()) => CommandError::other(format!(
            "{reason}\nthe access token `{name}` was deleted again, since its value would be lost"
        )),
        Err(error) => CommandError::new(
            ExitCode::PartiallyApplied,
            format!(
                "{reason}\nthe access token `{name}` is on the server, and nobody has its value: {error}"
            ),
        )
        .hint(format!("`iggyctl token delete {name}`")),
    }
}

fn created_message(arguments: &CreateArguments, server: &str) -> String {
    let CreateArguments { name, expiry, .. } = arguments;
    let valid = if *expiry == MessageExpiry::NEVER {
        "without an end".to_owned()
    } else {
        format!("valid for {expiry}")
    };
    let value = match &arguments.write_to {
        Some(path) => format!("Its value is in {}", path.display()),
        None => "Its value is what was printed".to_owned(),
    };
    format!(
        "Created the access token `{name}` on {server}, {valid}.\n{value}, and cannot be shown again."
    )
}
