//! A server to work with: one that is connected to, or an embedded one that
//! lives as long as the command.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use iggyctl_core::check::DEFAULT_ROOT_PASSWORD;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::ObservedState;
use iggyctl_embedded::EmbeddedServer;
use iggyctl_engine::broker::{BrokerError, BrokerErrorKind};
use iggyctl_engine::connect::{
    ConnectError, ConnectSettings, ConnectionPool, Credentials, Lease, RemoteAddress,
    ServerAddress, ServerConnector,
};
use iggyctl_engine::observe::{Reach, ReadError, observe_and_check};

use super::Process;
use super::secret_arguments::Gathered;
use super::server_arguments::ServerArguments;
use super::time_limit::TimeLimit;
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

/// Connections to one server.
pub(super) type Pool = ConnectionPool<ServerConnector>;

/// A server to work with.
pub(super) struct Session {
    /// Connections to it, made when they are needed.
    pub(super) pool: Pool,
    /// What to call it in messages.
    pub(super) name: String,
    /// The name of the context that named it, if one did.
    pub(super) context: Option<String>,
    /// The user of the login; none with an access token.
    pub(super) login: Option<String>,
    /// Whether the server lives in this process, for this command.
    pub(super) is_own: bool,
    /// Whether the login was made with the password that root has by default,
    /// on a server that others may reach.
    pub(super) default_password: bool,
    /// The address, when the login was made with an access token.
    token_login: Option<RemoteAddress>,
    connect_timeout: Duration,
}

struct Embedded {
    server: EmbeddedServer,
    keeps_state: bool,
}

impl Session {
    /// Chooses the server, logs in once, so that what is wrong with the
    /// connection is said before anything else, and does `work` with it.
    ///
    /// However the work ends, connections are closed in order, and an embedded
    /// server releases its folder, or says that it is gone. The limit is for
    /// connecting; the work has to keep to it by itself.
    pub(super) async fn run<T>(
        process: &Process,
        arguments: &ServerArguments,
        limit: TimeLimit,
        work: impl AsyncFnOnce(&Self) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let chosen = arguments.choose(process)?;
        if let Some(warning) = &chosen.warning {
            process.terminal.warning(warning);
        }
        let (remote, name, named_by, embedded) = match chosen.address {
            ServerAddress::Remote(remote) => {
                tracing::info!(server = %remote, named_by = chosen.named_by, "connecting");
                (remote.clone(), remote.to_string(), chosen.named_by, None)
            }
            ServerAddress::Embedded { directory } => {
                let hint = login_hint(directory.is_some(), chosen.embedded_login.is_some());
                let (embedded, name) = Embedded::start(directory).await?;
                let mut remote = own_address(&embedded.server)?;
                if chosen.embedded_login.is_some() {
                    remote.credentials = chosen.embedded_login;
                }
                let named_by = format!("{}{hint}", chosen.named_by);
                (remote, name, named_by, Some(embedded))
            }
        };
        let default_password = embedded.is_none() && has_default_password(&remote);
        let by_token = matches!(&remote.credentials, Some(Credentials::Token(_)));
        let login = match &remote.credentials {
            Some(Credentials::Password { username, .. }) => Some(username.clone()),
            Some(Credentials::Token(_)) | None => None,
        };
        let token_login = by_token.then(|| remote.clone());
        let connected = limit.limit(connect(remote, arguments.connect_timeout(), &named_by));
        let result = match connected.await {
            Ok(pool) => {
                let session = Self {
                    pool,
                    name,
                    context: chosen.context,
                    login,
                    is_own: embedded.is_some(),
                    default_password,
                    token_login,
                    connect_timeout: arguments.connect_timeout(),
                };
                let result = work(&session).await;
                session.pool.close().await;
                result
            }
            Err(error) => Err(error),
        };
        if let Some(embedded) = embedded {
            embedded.end(process).await;
        }
        result
    }

    /// Whether the login was made with an access token that lets nobody in any
    /// more. The server does not say which token it was, so it is tried.
    pub(super) async fn lost_its_login(&self) -> bool {
        let Some(remote) = self.token_login.clone() else {
            return false;
        };
        match connect(remote, self.connect_timeout, &self.name).await {
            Ok(pool) => {
                pool.close().await;
                false
            }
            Err(error) => error.exit_code == ExitCode::CredentialsRefused,
        }
    }

    /// A connection that nobody else uses meanwhile.
    pub(super) async fn connection(&self) -> Result<Lease<'_, ServerConnector>, CommandError> {
        self.pool
            .acquire()
            .await
            .map_err(|error| connect_failed(&error, &self.name))
    }
}

/// Whether somebody else may log in as root with what everybody knows. A server
/// on this machine is one to try things out, such as that of `iggyctl dev`.
fn has_default_password(remote: &RemoteAddress) -> bool {
    let is_default = match &remote.credentials {
        Some(Credentials::Password { password, .. }) => password.expose() == DEFAULT_ROOT_PASSWORD,
        Some(Credentials::Token(_)) | None => false,
    };
    let host = remote.host.as_str();
    let is_here = match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    };
    is_default && !is_here
}

/// What to do when a folder does not let us in: its root may have got another
/// name or password, which wins over what the server is started with.
pub(super) fn login_hint(has_folder: bool, is_given: bool) -> &'static str {
    match (has_folder, is_given) {
        (false, _) => "",
        (true, false) => {
            "; the login was iggy with the password iggy. A folder keeps what was \
             changed of it: give another one with IGGY_USERNAME and IGGY_PASSWORD, or IGGY_TOKEN"
        }
        (true, true) => {
            "; the login came from the context, or from IGGY_TOKEN, or from \
             IGGY_USERNAME and IGGY_PASSWORD. Without any of them it is iggy with the password iggy"
        }
    }
}

/// What is said when a server that lived for one command ends.
pub(super) const EMBEDDED_IS_GONE: &str = "The embedded server and everything in it is gone. To keep one: \
     --server embedded:DIR, or run `iggyctl dev --data-dir DIR`.";

impl Embedded {
    /// With what to call it in messages.
    async fn start(directory: Option<PathBuf>) -> Result<(Self, String), CommandError> {
        let keeps_state = directory.is_some();
        let mut builder = EmbeddedServer::builder();
        let name = match directory {
            Some(directory) => {
                let name = format!("the embedded server in {}", directory.display());
                builder = builder.data_dir(directory);
                name
            }
            None => "an embedded server".to_owned(),
        };
        let server = builder.start().await.map_err(|error| {
            CommandError::new(
                ExitCode::ServerUnavailable,
                format!("the embedded server does not start: {error}"),
            )
        })?;
        Ok((
            Self {
                server,
                keeps_state,
            },
            name,
        ))
    }

    /// Ends it, and says what became of what was in it.
    async fn end(self, process: &Process) {
        self.server.shutdown().await;
        if !self.keeps_state {
            process.terminal.message(EMBEDDED_IS_GONE);
        }
    }
}

/// The address of a server in this process, with its credentials.
pub(super) fn own_address(server: &EmbeddedServer) -> Result<RemoteAddress, CommandError> {
    let mut address = server.connection_string();
    if server.tls().is_some() {
        // It is this process that listens there; its certificate may be for another name.
        address.push_str("&tls_validate_certificate=false");
    }
    match address.parse() {
        Ok(ServerAddress::Remote(remote)) => Ok(remote),
        _ => Err(CommandError::other(
            "the embedded server has an address that cannot be read",
        )),
    }
}

/// Connects and logs in once.
pub(super) async fn connect(
    remote: RemoteAddress,
    deadline: Duration,
    named_by: &str,
) -> Result<Pool, CommandError> {
    let settings = ConnectSettings {
        deadline,
        ..ConnectSettings::default()
    };
    let pool = ConnectionPool::new(ServerConnector::new(remote, settings));
    // Given back at once, the connection is the first one that the work takes.
    drop(
        pool.acquire()
            .await
            .map_err(|error| connect_failed(&error, named_by))?,
    );
    Ok(pool)
}

pub(super) fn connect_failed(error: &ConnectError, named_by: &str) -> CommandError {
    let exit_code = match error {
        ConnectError::HttpIsForMessages => ExitCode::Usage,
        ConnectError::NoCredentials { .. } | ConnectError::CredentialsRefused { .. } => {
            ExitCode::CredentialsRefused
        }
        ConnectError::Configuration { .. } => ExitCode::InvalidInput,
        ConnectError::NameNotResolved { .. }
        | ConnectError::NothingListens { .. }
        | ConnectError::NotReachable { .. }
        | ConnectError::IncompatibleProtocol { .. }
        | ConnectError::FormerGeneration { .. }
        | ConnectError::NoAnswer { .. }
        | ConnectError::PlainPort { .. }
        | ConnectError::TlsPort { .. }
        | ConnectError::CertificateNotTrusted { .. }
        | ConnectError::HttpPort { .. }
        | ConnectError::NothingAnswersQuic { .. }
        | ConnectError::NotIggy { .. }
        | ConnectError::TcpPort { .. }
        | ConnectError::Refused { .. } => ExitCode::ServerUnavailable,
    };
    CommandError::new(exit_code, error.to_string())
        .hint(format!("the server was named by {named_by}"))
}

/// What the desired state needs of the server; with secrets, whether they are
/// the live passwords, too.
pub(super) async fn observe_for(
    pool: &Pool,
    desired: &DesiredState,
    gathered: &Gathered,
    reach: Reach,
) -> Result<ObservedState, CommandError> {
    observe_and_check(pool, desired, gathered.checks(reach))
        .await
        .map_err(read_failed)
}

/// An observation that failed ends the command.
pub(super) fn read_failed(error: ReadError) -> CommandError {
    match error {
        ReadError::Connect(error) => connect_failed(&error, "the arguments"),
        ReadError::Broker(error) => broker_failed(&error),
    }
}

/// A call that failed ends the command.
pub(super) fn broker_failed(error: &BrokerError) -> CommandError {
    let exit_code = match error.kind {
        BrokerErrorKind::Unauthorized => ExitCode::CredentialsRefused,
        BrokerErrorKind::Unreachable { .. } | BrokerErrorKind::OutcomeUnknown { .. } => {
            ExitCode::ServerUnavailable
        }
        BrokerErrorKind::NotFound
        | BrokerErrorKind::AlreadyExists
        | BrokerErrorKind::Refused { .. } => ExitCode::Error,
    };
    CommandError::new(exit_code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_password_matters_where_others_reach_the_server() {
        for (address, expected) in [
            ("iggy://iggy:iggy@iggy.example.com:8090", true),
            ("iggy://root:iggy@192.0.2.1:8090", true),
            ("iggy://iggy:another@iggy.example.com:8090", false),
            ("iggy://iggy@iggy.example.com:8090", false),
            ("iggy://iggy:iggy@localhost:8090", false),
            ("iggy://iggy:iggy@127.0.0.1:8090", false),
            ("iggy://iggy:iggy@[::1]:8090", false),
            ("iggy://iggy:iggy@[::ffff:127.0.0.1]:8090", false),
        ] {
            let Ok(ServerAddress::Remote(remote)) = address.parse() else {
                panic!("{address}");
            };
            assert_eq!(has_default_password(&remote), expected, "{address}");
        }
    }
}
