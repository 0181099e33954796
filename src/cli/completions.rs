use clap::CommandFactory;
use clap_complete::Shell;

use super::{Arguments, Process};
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  iggyctl completions bash > /etc/bash_completion.d/iggyctl")]
pub(super) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(
    process: &Process,
    arguments: &CompletionsArguments,
) -> Result<ExitCode, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "iggyctl",
        &mut script,
    );
    process.output(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Done)
}
