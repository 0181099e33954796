//! A connection for messages: to the server that is named as for every command.

use std::time::Duration;

use iggyctl_core::wording::counted;
use iggyctl_engine::connect::ServerAddress;
use iggyctl_messaging::connection::{Backoff, ConnectionBuilder};
use iggyctl_messaging::{Connection, MessagingError};

use super::super::Process;
use super::super::server_arguments::ServerArguments;
use super::super::session::{EMBEDDED_IS_GONE, login_hint};
use super::super::stop::Stop;
use super::failure::Reasons;
use super::place::TopicPlace;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

/// Whether a topic is there.
pub(super) enum Found {
    There,
    /// With what is said of it.
    Missing(CommandError),
}

/// A server to exchange messages with, logged in once.
pub(in crate::cli) struct MessageSession {
    /// For producers and consumers.
    pub(in crate::cli) connection: Connection,
    /// What to call the server in messages.
    pub(in crate::cli) name: String,
    /// Whether to end. From the first login on, signals end nothing by themselves.
    pub(in crate::cli) stop: Stop,
    /// What an error of the library is for this command.
    pub(in crate::cli) reasons: Reasons,
}

impl MessageSession {
    /// Chooses the server, logs in once, so that what is wrong with the connection is
    /// said before anything else, and does `work` with it.
    ///
    /// However the work ends, what is buffered is sent, what was acknowledged is
    /// stored, and connections are closed in order; a signal during that ends it at
    /// once. A connection that is lost is looked for as long as `give_up_after` says.
    pub(in crate::cli) async fn run<T>(
        process: &Process,
        arguments: &ServerArguments,
        give_up_after: Duration,
        work: impl AsyncFnOnce(&Self) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let chosen = arguments.choose(process)?;
        if let Some(warning) = &chosen.warning {
            process.terminal.warning(warning);
        }
        let builder = Connection::builder()
            .connect_timeout(arguments.connect_timeout())
            .backoff(Backoff {
                give_up_after: Some(give_up_after),
                ..Backoff::default()
            });
        let (builder, name, named_by, lives_for_us) = match chosen.address {
            ServerAddress::Remote(remote) => {
                tracing::info!(server = %remote, named_by = chosen.named_by, "connecting");
                let name = remote.to_string();
                (builder.endpoint(remote), name, chosen.named_by, false)
            }
            ServerAddress::Embedded { directory } => {
                let hint = login_hint(directory.is_some(), chosen.embedded_login.is_some());
                let (name, lives_for_us) = match &directory {
                    Some(directory) => {
                        let name = format!("the embedded server in {}", directory.display());
                        (name, false)
                    }
                    None => ("an embedded server".to_owned(), true),
                };
                let builder = builder.endpoint(ServerAddress::Embedded { directory });
                let builder = match chosen.embedded_login {
                    Some(login) => builder.credentials(login),
                    None => builder,
                };
                let named_by = format!("{}{hint}", chosen.named_by);
                (builder, name, named_by, lives_for_us)
            }
        };
        let reasons = Reasons { named_by };
        let session = Self {
            connection: open(builder, &reasons).await?,
            name,
            stop: Stop::listen(),
            reasons,
        };
        let result = work(&session).await;
        session.end(process).await;
        if lives_for_us {
            process.terminal.message(EMBEDDED_IS_GONE);
        }
        result
    }

    /// Looks for a topic, and the partition that is named; `hint` is for a login that may not
    /// read the topic.
    pub(super) async fn find_topic(
        &self,
        place: &TopicPlace,
        partition: Option<u32>,
        hint: &str,
    ) -> Result<Found, CommandError> {
        let (stream, topic) = (place.stream.as_str(), place.topic.as_str());
        let found = self.connection.partitions(stream, topic).await;
        match (found, partition) {
            (Ok(count), Some(partition)) if partition >= count => {
                Err(CommandError::other(format!(
                    "{place} has no partition {partition}: it has {}, numbered from 0",
                    counted(count, "partition")
                )))
            }
            (Ok(_), _) => Ok(Found::There),
            // One partition can be sent to and polled without the right to read the topic.
            (Err(MessagingError::Refused { .. }), Some(_)) => Ok(Found::There),
            (Err(error @ MessagingError::NoTopic { .. }), _) => {
                Ok(Found::Missing(self.reasons.of(&error)))
            }
            (Err(error @ MessagingError::Refused { .. }), None) => {
                let error = self.reasons.of(&error);
                Err(match error.exit_code {
                    ExitCode::CredentialsRefused => error.hint(hint),
                    _ => error,
                })
            }
            (Err(error), _) => Err(self.reasons.of(&error)),
        }
    }

    async fn end(&self, process: &Process) {
        tokio::select! {
            () = self.connection.shutdown() => {}
            () = self.stop.requested_again() => {
                process.terminal.message("Interrupted: what was under way is not waited for.");
            }
        }
    }
}

async fn open(builder: ConnectionBuilder, reasons: &Reasons) -> Result<Connection, CommandError> {
    let connection = builder.build().map_err(|error| reasons.of(&error))?;
    if let Err(error) = connection.connect().await {
        // A server of this process may run already.
        connection.shutdown().await;
        return Err(reasons.of(&error));
    }
    Ok(connection)
}
