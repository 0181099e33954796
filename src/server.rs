//! Which server is meant, and as whom: the precedence of flags, environment
//! and contexts (`docs/configuration.md`).
//!
//! Credentials belong to the place that names the server; only when that place
//! has none, the environment's are taken. So a password exported for one
//! server is not sent to another one whose context has its own.

use iggyctl_core::secret::Secret;
use iggyctl_engine::connect::{Credentials, RemoteAddress, ServerAddress};

use crate::command_error::CommandError;
use crate::contexts::{Context, Contexts, NO_FOLDER};
use crate::environment::Environment;
use crate::exit_code::ExitCode;

/// A server, and where it was named.
#[derive(Debug)]
pub(crate) struct ChosenServer {
    /// Its address, with the credentials to use.
    pub(crate) address: ServerAddress,
    /// Where the address was named, for people: "--server", "context `prod`".
    pub(crate) named_by: String,
    /// The name of the context, if it was one that named it.
    pub(crate) context: Option<String>,
    /// For an embedded server with a folder: whom to log in as, when that was
    /// said. A remote address has its credentials in it.
    pub(crate) embedded_login: Option<Credentials>,
    /// What should be said before the server is used.
    pub(crate) warning: Option<String>,
}

/// Chooses the server: `--server`, `--context`, `IGGY_CONNECTION_STRING`,
/// `IGGYCTL_CONTEXT`, the current context; in that order.
pub(crate) fn choose(
    server: Option<&str>,
    context: Option<&str>,
    environment: &Environment,
) -> Result<ChosenServer, CommandError> {
    if let Some(text) = server {
        return from_text(text, "--server", environment);
    }
    if let Some(name) = context {
        let contexts = Contexts::read(environment)?;
        return from_context(contexts.find(name)?, environment);
    }
    if let Some(text) = environment.get("IGGY_CONNECTION_STRING") {
        return from_text(text, "IGGY_CONNECTION_STRING", environment);
    }
    let contexts = Contexts::read(environment)?;
    if let Some(name) = environment.get("IGGYCTL_CONTEXT") {
        return from_context(contexts.find(name)?, environment);
    }
    match &contexts.current {
        Some(name) => from_context(contexts.find(name)?, environment),
        None => Err(CommandError::usage("no server is named").hint(ways_to_name_one(&contexts))),
    }
}

/// The context that the server comes from, with the precedence of [`choose`];
/// none when something else names it, or nothing does.
pub(crate) fn chosen_context(
    server: Option<&str>,
    context: Option<&str>,
    environment: &Environment,
) -> Result<Option<Context>, CommandError> {
    if server.is_some() {
        return Ok(None);
    }
    let named = match context {
        Some(name) => Some(name),
        None if environment.get("IGGY_CONNECTION_STRING").is_some() => return Ok(None),
        None => environment.get("IGGYCTL_CONTEXT"),
    };
    let contexts = Contexts::read(environment)?;
    match named.or(contexts.current.as_deref()) {
        Some(name) => contexts.find(name).cloned().map(Some),
        None => Ok(None),
    }
}

fn ways_to_name_one(contexts: &Contexts) -> String {
    let (file, why) = match &contexts.path {
        Some(path) => (path.display().to_string(), String::new()),
        None => ("the context file".to_owned(), format!("\n{NO_FOLDER}")),
    };
    format!(
        "name one of these ways:\n  \
             --server iggy://user:password@host:8090\n  \
             --server embedded              an embedded server for this one command\n  \
             --context NAME                 a context of {file}\n  \
             IGGY_CONNECTION_STRING         in the environment or in --env-file\n  \
             IGGYCTL_CONTEXT                in the environment or in --env-file\n  \
             currentContext                 in {file}, set by `iggyctl context use NAME`{why}"
    )
}

fn from_text(
    text: &str,
    named_by: &str,
    environment: &Environment,
) -> Result<ChosenServer, CommandError> {
    complete(
        parse(text, named_by)?,
        None,
        named_by.to_owned(),
        environment,
    )
}

fn from_context(
    context: &Context,
    environment: &Environment,
) -> Result<ChosenServer, CommandError> {
    let named_by = format!("context `{}`", context.name);
    let address = parse(context.server.expose(), &named_by)?;
    let credentials = context
        .credentials
        .as_ref()
        .map(|sources| sources.resolve(environment))
        .transpose()?;
    let chosen = complete(address, credentials, named_by, environment)?;
    Ok(ChosenServer {
        context: Some(context.name.clone()),
        warning: context.secret_in_file_warning(),
        ..chosen
    })
}

fn parse(text: &str, named_by: &str) -> Result<ServerAddress, CommandError> {
    text.parse()
        .map_err(|error| CommandError::usage(format!("{named_by}: {error}")))
}

/// Completes an address that names no user: with `credentials`, or with those
/// of the environment.
fn complete(
    address: ServerAddress,
    credentials: Option<Credentials>,
    named_by: String,
    environment: &Environment,
) -> Result<ChosenServer, CommandError> {
    let given = || credentials.or_else(|| from_environment(environment));
    let (address, embedded_login) = match address {
        ServerAddress::Remote(mut remote) => {
            if remote.credentials.is_none() {
                remote.credentials = given();
            }
            if remote.credentials.is_none() {
                return Err(no_credentials(&remote));
            }
            (ServerAddress::Remote(remote), None)
        }
        // One that lives for this command alone has no other users.
        ServerAddress::Embedded { directory: None } => (address, None),
        ServerAddress::Embedded { directory: Some(_) } => (address, given()),
    };
    Ok(ChosenServer {
        address,
        named_by,
        context: None,
        embedded_login,
        warning: None,
    })
}

fn from_environment(environment: &Environment) -> Option<Credentials> {
    if let Some(token) = environment.get("IGGY_TOKEN") {
        return Some(Credentials::Token(Secret::new(token)));
    }
    Some(Credentials::Password {
        username: environment.get("IGGY_USERNAME")?.to_owned(),
        password: Secret::new(environment.get("IGGY_PASSWORD")?),
    })
}

fn no_credentials(remote: &RemoteAddress) -> CommandError {
    CommandError::new(
        ExitCode::CredentialsRefused,
        format!("there are no credentials for {remote}"),
    )
    .hint(
        "give them one of these ways:\n  \
         iggy://user:password@host:port         in the address (percent-encoded), or iggy://token@host:port\n  \
         credentials: of a context              from environment, file or command\n  \
         IGGY_USERNAME and IGGY_PASSWORD        in the environment or in --env-file\n  \
         IGGY_TOKEN                             in the environment or in --env-file",
    )
}

/// An address for people: without its credentials and options.
pub(crate) fn redacted(server: &Secret) -> String {
    match server.expose().parse::<ServerAddress>() {
        Ok(address) => address.to_string(),
        Err(error) => format!("(not an address: {error})"),
    }
}
