//! What an error of the messaging library is for a command: its words, the way out,
//! and the exit code.

use iggyctl_core::render::escape;
use iggyctl_messaging::MessagingError;

use super::super::session::connect_failed;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

/// Turns errors into those of commands.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Reasons {
    /// Where the server was named, for people.
    pub(super) named_by: String,
}

/// "Unauthenticated", "unauthorized" and "invalid credentials" (`iggy_common` 0.11.0,
/// `error/iggy_error.rs`).
const NO_RIGHT: [u32; 3] = [40, 41, 42];

/// How servers of the 0.9 line say that a stream, topic or partition is not there.
const NOT_THERE: [u32; 6] = [20, 1009, 1010, 2010, 2011, 3007];

/// "Feature unavailable", which is what a client of HTTP says about groups.
const NOT_OVER_HTTP: u32 = 5;

impl Reasons {
    /// The error of the command.
    pub(in crate::cli) fn of(&self, error: &MessagingError) -> CommandError {
        let message = escape(&error.to_string()).into_owned();
        let with = |exit_code| CommandError::new(exit_code, message.clone());
        match error {
            MessagingError::Connect {
                attempts: 1,
                waited: _,
                source,
            } => connect_failed(source, &self.named_by),
            MessagingError::Connect {
                attempts: _,
                waited: _,
                source,
            } => CommandError {
                message,
                ..connect_failed(source, &self.named_by)
            },
            MessagingError::EmbeddedServer { .. }
            | MessagingError::OwnClient { .. }
            | MessagingError::GaveUp { .. } => with(ExitCode::ServerUnavailable),
            MessagingError::NoTopic { .. } => with(ExitCode::Error).hint(
                "nothing is made silently: declare it in a manifest and run `iggyctl apply`. \
                 `iggyctl get topics` lists what is there",
            ),
            MessagingError::NoStream { .. } => {
                with(ExitCode::Error).hint("`iggyctl get streams` lists what is there")
            }
            MessagingError::NoGroup { .. } => {
                with(ExitCode::Error).hint("`iggyctl get groups` lists what is there")
            }
            MessagingError::GroupInUse { .. } => with(ExitCode::Blocked)
                .hint("stop its consumers, move the offsets, and start them again"),
            MessagingError::NoPartitions { .. } => with(ExitCode::Error)
                .hint("declare `partitions` of it in a manifest and run `iggyctl apply`"),
            MessagingError::Refused { operation: _, code } if NO_RIGHT.contains(code) => {
                with(ExitCode::CredentialsRefused)
            }
            MessagingError::Refused { operation: _, code } if NOT_THERE.contains(code) => with(
                ExitCode::Error,
            )
            .hint("there is no such topic, or no such partition in it; nothing is made silently"),
            MessagingError::Refused { operation: _, code } if *code == NOT_OVER_HTTP => {
                with(ExitCode::Error)
                    .hint("there are no groups over HTTP: use iggy://, iggy+quic:// or iggy+ws://")
            }
            MessagingError::Refused { .. }
            | MessagingError::Closed
            | MessagingError::NoRuntime
            | MessagingError::Ensure { .. } => with(ExitCode::Error),
            MessagingError::Address(_)
            | MessagingError::NoEndpoint
            | MessagingError::Setting { .. } => with(ExitCode::Usage),
            MessagingError::Elsewhere { stream, topic, .. } => {
                with(ExitCode::InvalidInput).hint(format!(
                    "anybody who may send to a topic can write such headers. If it is right, \
                     let it go there with --into {}/{}",
                    escape(stream),
                    escape(topic)
                ))
            }
            MessagingError::Message { .. }
            | MessagingError::Headers
            | MessagingError::Unreadable { .. }
            | MessagingError::Codec(_)
            | MessagingError::Encryption(_)
            | MessagingError::Compression(_)
            | MessagingError::Manifest { .. } => with(ExitCode::InvalidInput),
        }
    }
}
