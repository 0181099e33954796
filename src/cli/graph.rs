use iggyctl_core::render::TopologyGraph;
use iggyctl_core::state::observed::AccessReading;
use iggyctl_engine::observe::survey_everything;

use super::Process;
use super::manifest_arguments::{VariableArguments, compile};
use super::runtime::block_on;
use super::server_arguments::ServerArguments;
use super::session::{Session, read_failed};
use super::time_limit::TimeLimit;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  iggyctl graph -f manifests/ > topology.svg\n  iggyctl graph -f manifests/ -o mermaid\n  iggyctl graph --context production -o html > topology.html\n\nWith -f no server is asked. A large topology is drawn in part, and the picture says how much\nis not in it; the page of -o html lists everything."
)]
pub(super) struct GraphArguments {
    /// Draw these manifests instead of a server: a file, a folder, a pattern, or - for standard input
    #[arg(short, long = "file", value_name = "PATH", conflicts_with_all = ["server", "context"])]
    file: Vec<String>,
    #[command(flatten)]
    variables: VariableArguments,
    #[command(flatten)]
    server: ServerArguments,
    /// How to draw it
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: GraphFormat,
}

/// How to draw a topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum GraphFormat {
    /// A picture.
    #[default]
    Svg,
    /// A flowchart that GitHub and GitLab draw in markdown.
    Mermaid,
    /// One page with the picture and everything.
    Html,
}

pub(super) fn run(process: &Process, arguments: &GraphArguments) -> Result<ExitCode, CommandError> {
    let (graph, title) = if arguments.file.is_empty() {
        if let Some(flag) = arguments.variables.flag() {
            return Err(CommandError::usage(format!(
                "{flag} is for manifests, and there are none"
            ))
            .hint("name them with -f"));
        }
        of_server(process, &arguments.server)?
    } else {
        let state = compile(process, &arguments.file, &arguments.variables)?.state;
        let title = match &state.project {
            Some(project) => format!("Topology {project}, as declared"),
            None => "Topology, as declared".to_owned(),
        };
        (TopologyGraph::of_manifests(&state), title)
    };
    process.output(&match arguments.output {
        GraphFormat::Svg => graph.to_svg(),
        GraphFormat::Mermaid => graph.to_mermaid(),
        GraphFormat::Html => graph.to_html(&title),
    })?;
    Ok(ExitCode::Done)
}

fn of_server(
    process: &Process,
    server: &ServerArguments,
) -> Result<(TopologyGraph, String), CommandError> {
    block_on(Session::run(
        process,
        server,
        TimeLimit::NONE,
        async |session| {
            let observed = survey_everything(&session.pool)
                .await
                .map_err(read_failed)?;
            for gap in &observed.gaps {
                process
                    .terminal
                    .warning(&format!("{} is left out: {}", gap.address, gap.reason));
            }
            if let AccessReading::Refused { reason } = &observed.access {
                process
                    .terminal
                    .warning(&format!("users are left out: {reason}"));
            }
            let name = session.context.as_ref().unwrap_or(&session.name);
            let title = format!("Topology of {name}");
            Ok((TopologyGraph::of_server(&observed), title))
        },
    ))?
}
