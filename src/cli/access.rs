//! Who may do what, and by which word: of manifests, or of a server.

use std::collections::BTreeSet;

use clap::ValueEnum;
use iggyctl_core::access::{Operation, Right, Scope};
use iggyctl_core::address::Address;
use iggyctl_core::name::ResourceName;
use iggyctl_core::render::AccessOverview;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed_access::ObservedAccess;
use iggyctl_core::wording::nearest;
use serde::Serialize;

use super::Process;
use super::get_users::read_users;
use super::manifest_arguments::{VariableArguments, compile};
use super::output::Format;
use super::runtime::block_on;
use super::server_arguments::ServerArguments;
use super::session::Session;
use super::time_limit::TimeLimit;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  iggyctl access --user svc-orders -f manifests/\n  iggyctl access --topic orders/events --context production -o markdown\n  iggyctl access check --user svc-orders --can send_messages orders/events -f manifests/\n\nWith -f no server is asked. A `/` in a name is written %2F."
)]
pub(super) struct AccessArguments {
    #[command(subcommand)]
    command: Option<AccessCommand>,
    #[command(flatten)]
    question: QuestionArguments,
    #[command(flatten)]
    source: SourceArguments,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: MatrixFormat,
}

#[derive(Debug, clap::Subcommand)]
enum AccessCommand {
    /// Say whether a user has a right; exit code 7 when it does not
    Check(CheckArguments),
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct QuestionArguments {
    /// What this user may do
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Who may do something with this topic
    #[arg(long, value_name = "STREAM/TOPIC")]
    topic: Option<String>,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl access check --user svc-orders --can send_messages orders/events -f manifests/\n  iggyctl access check --user auditor --can read_stream orders --context production\n  iggyctl access check --user auditor --can manage_users -f manifests/\n\nExit codes: 0 yes, 7 no."
)]
struct CheckArguments {
    /// Who
    #[arg(long, value_name = "NAME")]
    user: String,
    /// What: a right such as `poll_messages`, or a command of the server such as `get_topic`
    #[arg(long, value_name = "RIGHT")]
    can: String,
    /// On what: STREAM/TOPIC, all of STREAM, or without it the whole server
    #[arg(value_name = "STREAM/TOPIC")]
    on: Option<String>,
    #[command(flatten)]
    source: SourceArguments,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

#[derive(Debug, clap::Args)]
struct SourceArguments {
    /// Ask these manifests instead of a server: a file, a folder, a pattern, or - for standard input
    #[arg(short, long = "file", value_name = "PATH", conflicts_with_all = ["server", "context"])]
    file: Vec<String>,
    #[command(flatten)]
    variables: VariableArguments,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum MatrixFormat {
    /// For people.
    #[default]
    Text,
    /// JSON.
    Json,
    /// A table for a document.
    Markdown,
}

/// What was asked.
enum Known {
    Manifests(Box<DesiredState>),
    Server(Box<ObservedAccess>),
}

pub(super) fn run(
    process: &Process,
    arguments: &AccessArguments,
) -> Result<ExitCode, CommandError> {
    if let Some(AccessCommand::Check(arguments)) = &arguments.command {
        return check(process, arguments);
    }
    let QuestionArguments { user, topic } = &arguments.question;
    let (text, code) = match (user, topic) {
        (Some(user), _) => {
            let user = user_name(user)?;
            let overview = arguments.source.read(process, None)?.overview();
            let Some(report) = overview.user(&user) else {
                return Err(no_such_user(&user, &overview));
            };
            let forms = (report.to_text(), report.to_markdown());
            (arguments.output.render(&report, forms)?, ExitCode::Done)
        }
        (None, Some(topic)) => {
            let (stream, topic) = match target(topic, "--topic")? {
                Scope::Topic(stream, topic) => (stream, topic),
                Scope::Stream(_) | Scope::Server => {
                    return Err(CommandError::usage("--topic: expected STREAM/TOPIC"));
                }
            };
            let known = arguments.source.read(process, Some(&stream))?;
            let on = Scope::Topic(stream.clone(), topic.clone());
            known.require(process, &on)?;
            let report = known.overview().topic(&stream, &topic);
            let forms = (report.to_text(), report.to_markdown());
            (arguments.output.render(&report, forms)?, ExitCode::Done)
        }
        // The command line asks for one of the two.
        (None, None) => return Err(CommandError::usage("expected --user or --topic")),
    };
    process.output(&text)?;
    Ok(code)
}

fn check(process: &Process, arguments: &CheckArguments) -> Result<ExitCode, CommandError> {
    let user = user_name(&arguments.user)?;
    let right = right(&arguments.can)?;
    let on = match &arguments.on {
        Some(on) => target(on, "STREAM/TOPIC")?,
        None => Scope::Server,
    };
    let stream = match &on {
        Scope::Server => None,
        Scope::Stream(stream) | Scope::Topic(stream, _) => Some(stream),
    };
    let known = arguments.source.read(process, stream)?;
    known.require(process, &on)?;
    let overview = known.overview();
    let Some(report) = overview.check(&user, right, &on) else {
        return Err(no_such_user(&user, &overview));
    };
    process.output(&arguments.output.render(&report, || report.to_text())?)?;
    match report.allowed {
        Some(true) => Ok(ExitCode::Done),
        Some(false) => Ok(ExitCode::CheckSaysNo),
        None => Err(CommandError::other("it is not known whether it may")
            .hint("without -f a server is asked, which knows the permissions of every user")),
    }
}

impl SourceArguments {
    /// Reads the manifests, or the server with the topics of a stream.
    fn read(
        &self,
        process: &Process,
        stream: Option<&ResourceName>,
    ) -> Result<Known, CommandError> {
        if !self.file.is_empty() {
            let compiled = compile(process, &self.file, &self.variables)?;
            return Ok(Known::Manifests(Box::new(compiled.state)));
        }
        let streams: BTreeSet<ResourceName> = stream.cloned().into_iter().collect();
        let access = block_on(Session::run(
            process,
            &self.server,
            TimeLimit::NONE,
            async |session| read_users(session, &streams).await,
        ))??;
        Ok(Known::Server(Box::new(access)))
    }
}

impl Known {
    fn overview(&self) -> AccessOverview {
        match self {
            Self::Manifests(desired) => AccessOverview::of_manifests(desired),
            Self::Server(access) => AccessOverview::of_server(access),
        }
    }

    /// A mistyped name must not look like something that nobody may touch. What
    /// no manifest declares may still be on the server.
    fn require(&self, process: &Process, on: &Scope<ResourceName>) -> Result<(), CommandError> {
        let (stream, topic) = match on {
            Scope::Server => return Ok(()),
            Scope::Stream(stream) => (stream, None),
            Scope::Topic(stream, topic) => (stream, Some(topic)),
        };
        let address = match topic {
            Some(topic) => Address::Topic(stream.clone(), topic.clone()),
            None => Address::Stream(stream.clone()),
        };
        match self {
            Self::Manifests(desired) => {
                let declared = desired.streams.get(stream);
                let is_there = declared.is_some_and(|declared| {
                    topic.is_none_or(|topic| declared.topics.contains_key(topic))
                });
                if !is_there {
                    process
                        .terminal
                        .warning(&format!("no manifest declares {address}"));
                }
                Ok(())
            }
            Self::Server(access) => {
                let known = access.streams.values().find(|known| known.name == *stream);
                let is_there = known.is_some_and(|known| match (topic, &known.topics) {
                    (Some(topic), Some(topics)) => topics.values().any(|live| live == topic),
                    // Its topics could not be read.
                    (Some(_), None) | (None, _) => true,
                });
                if is_there {
                    return Ok(());
                }
                Err(CommandError::other(format!("the server has no {address}"))
                    .hint("`iggyctl get topics` lists what is there"))
            }
        }
    }
}

impl MatrixFormat {
    /// `forms` are the text and the markdown.
    fn render(
        self,
        report: &impl Serialize,
        forms: (String, String),
    ) -> Result<String, CommandError> {
        let (text, markdown) = forms;
        match self {
            Self::Text => Ok(text),
            Self::Json => Format::Json.render(report, String::new),
            Self::Markdown => Ok(markdown),
        }
    }
}

fn user_name(text: &str) -> Result<ResourceName, CommandError> {
    text.parse()
        .map_err(|error| CommandError::usage(format!("--user: {error}")))
}

/// The name of a right, or of a command, which needs one.
fn right(text: &str) -> Result<Right, CommandError> {
    if let Ok(right) = text.parse::<Right>() {
        return Ok(right);
    }
    if let Ok(operation) = text.parse::<Operation>() {
        return Ok(operation.right());
    }
    let rights: Vec<&str> = Right::ALL.iter().map(|right| right.as_str()).collect();
    let error = CommandError::usage(format!("--can: `{text}` is no right"));
    let operations = Operation::ALL.iter().map(|operation| operation.as_str());
    let candidates = rights.iter().copied().chain(operations);
    Err(match nearest(text, candidates) {
        Some(meant) => error.hint(format!("did you mean `{meant}`?")),
        None => error.hint(format!("the rights are {}", rights.join(", "))),
    })
}

/// `STREAM` or `STREAM/TOPIC`, with the names written as in an address.
fn target(text: &str, argument: &str) -> Result<Scope<ResourceName>, CommandError> {
    let kind = if text.contains('/') {
        "topic"
    } else {
        "stream"
    };
    match format!("{kind}/{text}").parse() {
        Ok(Address::Stream(stream)) => Ok(Scope::Stream(stream)),
        Ok(Address::Topic(stream, topic)) => Ok(Scope::Topic(stream, topic)),
        Ok(_) => Err(CommandError::usage(format!(
            "{argument}: `{text}` is no stream and no topic"
        ))),
        Err(error) => Err(CommandError::usage(format!("{argument}: {error}"))
            .hint("a `/` in a name is written %2F")),
    }
}

fn no_such_user(user: &ResourceName, overview: &AccessOverview) -> CommandError {
    let error = CommandError::other(format!("there is no user `{user}`"));
    match nearest(user.as_str(), overview.users().map(ResourceName::as_str)) {
        Some(meant) => error.hint(format!("did you mean `{meant}`?")),
        None => error.hint("without -f a server is asked; `iggyctl get users` lists its users"),
    }
}
