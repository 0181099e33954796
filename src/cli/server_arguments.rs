//! Which server a command talks to, and how long it may take.

use std::time::Duration;

use iggyctl_core::render::escape;

use super::Process;
use crate::command_error::CommandError;
use crate::server::{self, ChosenServer};

#[derive(Debug, clap::Args)]
pub(super) struct ServerArguments {
    /// The server: iggy://user:password@host:port, iggy+quic://, iggy+ws://, embedded, or embedded:DIR
    #[arg(
        short,
        long,
        value_name = "ADDRESS",
        conflicts_with = "context",
        help_heading = "Server options"
    )]
    server: Option<String>,
    /// A named server of the context file, or iggy:NAME of the official command's
    #[arg(long, value_name = "NAME", help_heading = "Server options")]
    context: Option<String>,
    /// How long connecting and the login may take
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_duration, help_heading = "Server options")]
    connect_timeout: Duration,
}

impl ServerArguments {
    /// The server that is meant.
    pub(super) fn choose(&self, process: &Process) -> Result<ChosenServer, CommandError> {
        server::choose(
            self.server.as_deref(),
            self.context.as_deref(),
            &process.environment,
        )
    }

    /// The name of the context that names the server, if one does.
    pub(super) fn context(&self, process: &Process) -> Result<Option<String>, CommandError> {
        let (server, context) = self.named();
        let chosen = server::chosen_context(server, context, &process.environment)?;
        Ok(chosen.map(|context| context.name))
    }

    /// Refuses what is for another server, as far as contexts tell them apart: what
    /// `--expect-context` and the manifests say.
    pub(super) fn refuse_others(
        &self,
        process: &Process,
        by_flag: Option<&str>,
        declared: Option<&str>,
    ) -> Result<(), CommandError> {
        let expected = [("--expect-context", by_flag), ("`spec.context`", declared)];
        for (named_by, expected) in expected {
            let Some(expected) = expected else {
                continue;
            };
            self.refuse_other(process, named_by, expected)?;
        }
        Ok(())
    }

    fn refuse_other(
        &self,
        process: &Process,
        named_by: &str,
        expected: &str,
    ) -> Result<(), CommandError> {
        let chosen = self.context(process)?;
        if chosen.as_deref() == Some(expected) {
            return Ok(());
        }
        let found = match chosen {
            Some(chosen) => format!("the server is that of the context {chosen}"),
            None => "the server was named by its address, not by a context".to_owned(),
        };
        Err(CommandError::usage(format!(
            "{named_by} says that this is for the context {}: {found}",
            escape(expected)
        ))
        .hint("name the right server with --context NAME"))
    }

    /// Whether a flag names a server.
    pub(super) fn names_any(&self) -> bool {
        self.server.is_some() || self.context.is_some()
    }

    /// What `--server` and `--context` name.
    pub(super) fn named(&self) -> (Option<&str>, Option<&str>) {
        (self.server.as_deref(), self.context.as_deref())
    }

    /// How long connecting and the login may take.
    pub(super) fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }
}

/// Reads a duration such as `5s`, `1m 30s` or `500ms`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected = "expected a duration above zero, such as 5s, 500ms or 2m";
    let duration: jiff::SignedDuration = text.parse().map_err(|_| expected.to_owned())?;
    Duration::try_from(duration)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| expected.to_owned())
}
