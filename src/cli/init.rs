use iggyctl_core::manifest;

use super::Process;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  iggyctl init > topology.yaml\n  iggyctl init topology.yaml")]
pub(super) struct InitArguments {
    /// The file to write; standard output without one. Never overwrites a file
    file: Option<PathBuf>,
}

pub(super) fn run(process: &Process, arguments: &InitArguments) -> Result<ExitCode, CommandError> {
    let manifest = manifest::starter();
    let Some(path) = &arguments.file else {
        process.output(manifest)?;
        return Ok(ExitCode::Done);
    };
    let written = std::fs::File::create_new(path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, manifest.as_bytes()));
    match written {
        Ok(()) => {
            process.terminal.message(&format!(
                "Wrote {0}. Next: iggyctl plan -f {0} --server embedded",
                path.display()
            ));
            Ok(ExitCode::Done)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(CommandError::other(format!(
                "{} exists already and is left as it is",
                path.display()
            ))
            .hint("name another file, or none to print the manifest"))
        }
        Err(error) => Err(CommandError::other(format!(
            "cannot write {}: {error}",
            path.display()
        ))),
    }
}
