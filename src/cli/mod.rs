//! The command line: one file per command.

mod access;
mod adopted;
mod apply;
mod author;
mod cluster_arguments;
mod completions;
mod context;
mod destroy;
mod dev;
mod dev_listeners;
mod diff;
mod drift;
mod explain;
mod export;
mod get;
mod get_declared;
mod get_tokens;
mod get_users;
mod graph;
mod history;
mod init;
mod ledger;
mod lock;
mod manifest_arguments;
mod messages;
mod operator;
mod output;
mod ping;
mod plan;
mod plan_arguments;
mod policy;
mod policy_arguments;
mod render;
mod retained;
mod runtime;
mod saved_plan;
mod schema;
mod secret_arguments;
mod server_arguments;
mod session;
mod show;
mod smoke;
mod smoke_output;
mod smoke_repeat;
mod smoke_stop;
mod stop;
mod time_limit;
mod token;
mod topology_smoke;
mod unknown_settings;
mod validate;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use iggyctl_core::render::TextOptions;

use crate::command_error::CommandError;
use crate::environment::Environment;
use crate::exit_code::ExitCode;
use crate::terminal::{Color, Terminal};

/// Topology-as-code for Apache Iggy.
///
/// Manifests describe streams, topics, partitions, retention and consumer
/// groups; iggyctl shows what would change on a live server, and changes
/// exactly that.
#[derive(Debug, Parser)]
#[command(
    name = "iggyctl",
    version,
    max_term_width = 100,
    after_help = "Examples:\n  \
        iggyctl init > topology.yaml\n  \
        iggyctl plan -f topology.yaml --server iggy://127.0.0.1:8090\n  \
        iggyctl apply -f topology.yaml --server embedded --yes\n\n\
        Exit codes: 0 done, 1 error, 2 changes pending, 3 blocked, 4 stale, 5 lock held, 6 partially
\
        applied, 7 a check says no, 8 drift, 64 usage, 65 invalid input, 69 server unavailable,
\
        77 credentials refused."
)]
struct Arguments {
    #[command(flatten)]
    global: GlobalArguments,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
struct GlobalArguments {
    /// When to use colours; `NO_COLOR` is respected.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        help_heading = "Global options"
    )]
    color: Color,
    /// Say more about what is done; twice for more. Never shows a credential.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    verbose: u8,
    /// Read variables from a file for those the environment lacks.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Global options"
    )]
    env_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a commented first manifest to standard output
    Init(init::InitArguments),
    /// Check manifests without a server
    Validate(validate::ValidateArguments),
    /// Print manifests with every variable substituted
    Render(render::RenderArguments),
    /// Show what apply would change
    Plan(plan::PlanArguments),
    /// Show what apply would change; exit code 2 when that is something
    Diff(diff::DiffArguments),
    /// Say what was changed on the server by hand, and what Git is ahead
    Drift(drift::DriftArguments),
    /// Show a plan that was saved with `plan --out`
    Show(show::ShowArguments),
    /// Make the server as the manifests declare, or carry out a saved plan
    Apply(apply::ApplyArguments),
    /// Remove what the manifests declare
    Destroy(destroy::DestroyArguments),
    /// Write a manifest of what a server has, or had when it was applied to
    Export(export::ExportArguments),
    /// List former applies, and show them
    History(history::HistoryArguments),
    /// Show who applies what now, or end a lease by hand
    Lock(lock::LockCommandArguments),
    /// List streams, topics, consumer groups, users or access tokens of a server
    Get(get::GetArguments),
    /// Draw a topology: of manifests, or of a server
    Graph(graph::GraphArguments),
    /// Say who may do what, and why
    Access(access::AccessArguments),
    /// Create, list and delete access tokens of the own user
    Token(token::TokenArguments),
    /// Say what answers at the server's address, and whether the login works
    Ping(ping::PingArguments),
    /// Prove with real traffic that a server works
    Smoke(smoke::SmokeArguments),
    /// Send messages to a topic: lines, files, texts, or generated ones
    Produce(messages::ProduceArguments),
    /// Print the messages of a topic, or follow it
    Consume(messages::ConsumeArguments),
    /// Show stored offsets, and move readers
    Offsets(messages::OffsetsArguments),
    /// Show how far consumer groups are behind
    Lag(messages::LagArguments),
    /// Send what is in a topic again, to another one or to itself
    Replay(messages::ReplayArguments),
    /// List, show, send back and remove dead letters
    #[command(name = "dlq")]
    DeadLetters(messages::DeadLettersArguments),
    /// Run an embedded Iggy server for development
    Dev(dev::DevArguments),
    /// List, choose and show named servers
    Context(context::ContextArguments),
    /// Test policies against cases
    Policy(policy::PolicyCommandArguments),
    /// Run the Kubernetes operator, or print its resources and rights
    Operator(operator::OperatorArguments),
    /// Print the JSON Schema of manifests
    Schema(schema::SchemaArguments),
    /// Explain an error code
    Explain(explain::ExplainArguments),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArguments),
}

impl Command {
    /// Whether standard output is for a workflow that shows annotations.
    fn annotates(&self) -> bool {
        match self {
            Self::Validate(arguments) => arguments.annotates(),
            Self::Plan(arguments) => arguments.annotates(),
            Self::Diff(arguments) => arguments.annotates(),
            Self::Drift(arguments) => arguments.annotates(),
            Self::Apply(arguments) => arguments.annotates(),
            Self::Destroy(arguments) => arguments.annotates(),
            _ => false,
        }
    }
}

/// What every command is given: the process context as values.
struct Process {
    terminal: Terminal,
    environment: Environment,
    verbose: bool,
    /// Whether what is wrong with manifests is also written to standard output, as
    /// annotations.
    annotates: bool,
}

/// Runs the command that the process was started with.
pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // `--help` and `--version` come this way, too, and are no mistakes.
            let code = if error.use_stderr() {
                ExitCode::Usage
            } else {
                ExitCode::Done
            };
            // Nothing is left to tell when the terminal itself is gone.
            let _ = error.print();
            return code;
        }
    };
    let terminal = Terminal::new(arguments.global.color);
    match run_command(arguments, terminal) {
        Ok(code) => code,
        Err(error) => {
            terminal.error(&error.message, error.hint.as_deref());
            error.exit_code
        }
    }
}

fn run_command(arguments: Arguments, terminal: Terminal) -> Result<ExitCode, CommandError> {
    let mut environment = Environment::of_process();
    if let Some(path) = &arguments.global.env_file {
        environment.add_file(path)?;
    }
    crate::logging::start(
        arguments.global.verbose,
        &environment,
        terminal.colors_messages(),
    )?;
    let process = Process {
        terminal,
        environment,
        verbose: arguments.global.verbose > 0,
        annotates: arguments.command.annotates(),
    };
    match arguments.command {
        Command::Init(arguments) => init::run(&process, &arguments),
        Command::Validate(arguments) => validate::run(&process, &arguments),
        Command::Render(arguments) => render::run(&process, &arguments),
        Command::Plan(arguments) => plan::run(&process, &arguments),
        Command::Diff(arguments) => diff::run(&process, &arguments),
        Command::Drift(arguments) => drift::run(&process, &arguments),
        Command::Show(arguments) => show::run(&process, &arguments),
        Command::Apply(arguments) => apply::run(&process, &arguments),
        Command::Destroy(arguments) => destroy::run(&process, arguments),
        Command::Export(arguments) => export::run(&process, &arguments),
        Command::History(arguments) => history::run(&process, &arguments),
        Command::Lock(arguments) => lock::run(&process, &arguments),
        Command::Get(arguments) => get::run(&process, &arguments),
        Command::Graph(arguments) => graph::run(&process, &arguments),
        Command::Access(arguments) => access::run(&process, &arguments),
        Command::Token(arguments) => token::run(&process, &arguments),
        Command::Ping(arguments) => ping::run(&process, &arguments),
        Command::Smoke(arguments) => smoke::run(&process, &arguments),
        Command::Produce(arguments) => messages::produce(&process, &arguments),
        Command::Consume(arguments) => messages::consume(&process, &arguments),
        Command::Offsets(arguments) => messages::offsets(&process, &arguments),
        Command::Lag(arguments) => messages::lag(&process, &arguments),
        Command::Replay(arguments) => messages::replay(&process, &arguments),
        Command::DeadLetters(arguments) => messages::dead_letters(&process, &arguments),
        Command::Dev(arguments) => dev::run(&process, &arguments),
        Command::Context(arguments) => context::run(&process, &arguments),
        Command::Policy(arguments) => policy::run(&process, &arguments),
        Command::Operator(arguments) => operator::run(&process, &arguments),
        Command::Schema(arguments) => schema::run(&process, &arguments),
        Command::Explain(arguments) => explain::run(&process, &arguments),
        Command::Completions(arguments) => completions::run(&process, &arguments),
    }
}

impl Process {
    /// How reports are printed on standard output.
    fn text_options(&self) -> TextOptions {
        TextOptions {
            color: self.terminal.colors_output(),
            verbose: self.verbose,
        }
    }

    /// How reports are printed for people while standard output is for programs.
    fn message_options(&self) -> TextOptions {
        TextOptions {
            color: self.terminal.colors_messages(),
            verbose: self.verbose,
        }
    }

    /// Writes data to standard output.
    fn output(&self, text: &str) -> Result<(), CommandError> {
        self.terminal
            .output(text)
            .map_err(|error| CommandError::other(format!("cannot write the output: {error}")))
    }
}
