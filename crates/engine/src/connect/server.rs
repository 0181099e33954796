use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::address::{Credentials, RemoteAddress, Transport};
use super::diagnosis::{self, Finding};
use super::error::ConnectError;
use super::pool::{Connect, ConnectionPool, LoginChange};
use super::provider::install_crypto_provider;
use super::requests::RequestCount;
use crate::sdk::{ClientWrapper, LoginFailure, SdkBroker, log_in};

/// The time limits of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectSettings {
    /// For connecting and logging in, and for finding out what is wrong when
    /// that fails.
    pub deadline: Duration,
    /// For each request afterwards.
    pub request_timeout: Duration,
}

impl Default for ConnectSettings {
    /// 5 s to connect: a login costs 30 to 60 ms of hashing on the server, so
    /// what takes 5 s will not come. 30 s for a request, like the SDK, which
    /// repeats what the server calls transient for that long.
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
        }
    }
}

/// A logout is one round trip, and nothing depends on it: a person who waits for
/// the end of a command must not wait for a server that hangs.
const FOR_CLOSING: Duration = Duration::from_secs(1);

/// Opens connections to one server as one user.
#[derive(Debug, Clone)]
pub struct ServerConnector {
    address: RemoteAddress,
    settings: ConnectSettings,
    /// What the credentials became, once they were changed through this
    /// connector; clones log in as the same user, so they share it.
    changed: Arc<Mutex<Option<Credentials>>>,
    /// Shared by clones, and by who logs in as somebody else.
    requests: RequestCount,
}

impl ServerConnector {
    /// For connections to `address`, with the credentials that are in it.
    #[must_use]
    pub fn new(address: RemoteAddress, settings: ConnectSettings) -> Self {
        Self {
            address,
            settings,
            changed: Arc::default(),
            requests: RequestCount::default(),
        }
    }

    /// Counts all that its connections ask the server from now on.
    #[must_use]
    pub fn counting(mut self, requests: RequestCount) -> Self {
        self.requests = requests;
        self
    }

    /// Whether the login is no longer the one that this connector was made
    /// with: whoever comes next needs the new one.
    #[must_use]
    pub fn login_has_changed(&self) -> bool {
        self.changed_login().is_some()
    }

    /// Where connections go, with the login that they have now.
    #[must_use]
    pub fn address(&self) -> RemoteAddress {
        let mut address = self.address.clone();
        if let Some(changed) = self.changed_login().clone() {
            address.credentials = Some(changed);
        }
        address
    }

    fn changed_login(&self) -> MutexGuard<'_, Option<Credentials>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For connections to the same server as somebody else.
    #[must_use]
    pub fn with_credentials(&self, credentials: Credentials) -> Self {
        let mut other = Self::new(self.address.clone(), self.settings);
        other.requests = self.requests.clone();
        other.address.credentials = Some(credentials);
        other
    }
}

impl ConnectionPool<ServerConnector> {
    /// See [`ServerConnector::login_has_changed`].
    #[must_use]
    pub fn login_has_changed(&self) -> bool {
        self.connector().login_has_changed()
    }

    /// Closes the connections that are not in use, in order. Dropping the pool
    /// cuts them off, which a server also survives; so does this for those that
    /// a server does not let go within a second.
    pub async fn close(&self) {
        let close = self.drain().into_iter().map(SdkBroker::close);
        let _ = tokio::time::timeout(FOR_CLOSING, futures::future::join_all(close)).await;
    }
}

impl Connect for ServerConnector {
    type Broker = SdkBroker;

    async fn connect(&self) -> Result<SdkBroker, ConnectError> {
        // The login.
        self.requests.add_one();
        let changed = self.changed_login().clone();
        let broker = match changed {
            None => connect(&self.address, self.settings).await,
            Some(credentials) => {
                let mut address = self.address.clone();
                address.credentials = Some(credentials);
                connect(&address, self.settings).await
            }
        };
        Ok(broker?.counting(self.requests.clone()))
    }

    fn login_changed(&self, change: LoginChange<'_>) {
        let mut changed = self.changed_login();
        let current = changed.as_ref().or(self.address.credentials.as_ref());
        let (username, password) = match (current, change) {
            (Some(Credentials::Token(own)), LoginChange::Token { from, to }) if own == from => {
                *changed = Some(Credentials::Token(to.clone()));
                return;
            }
            // A token stays valid whatever its user is called and knows.
            (Some(Credentials::Token(_)) | None, _) => return,
            (Some(Credentials::Password { username, password }), _) => (username, password),
        };
        let new = match change {
            LoginChange::Password {
                user,
                password: new,
            } if user.as_str() == username => Credentials::Password {
                username: username.clone(),
                password: new.clone(),
            },
            LoginChange::Name { from, to } if from.as_str() == username => Credentials::Password {
                username: to.to_string(),
                password: password.clone(),
            },
            LoginChange::Password { .. } | LoginChange::Name { .. } | LoginChange::Token { .. } => {
                return;
            }
        };
        *changed = Some(new);
    }

    async fn log_in_as(&self, credentials: &Credentials) -> Result<SdkBroker, ConnectError> {
        self.with_credentials(credentials.clone()).connect().await
    }

    async fn close(&self, broker: SdkBroker) {
        let _ = tokio::time::timeout(FOR_CLOSING, broker.close()).await;
    }

    fn settings(&self) -> ConnectSettings {
        self.settings
    }
}

/// Connects and logs in, or says what is wrong, within the deadline.
///
/// # Errors
/// See [`ConnectError`].
pub async fn connect(
    address: &RemoteAddress,
    settings: ConnectSettings,
) -> Result<SdkBroker, ConnectError> {
    if address.transport == Transport::Http {
        return Err(ConnectError::HttpIsForMessages);
    }
    let client = open_client(address, settings.deadline).await?;
    Ok(SdkBroker::new(client, settings.request_timeout))
}

/// A client of the SDK that is connected and logged in, over any transport, for
/// who sends and reads messages. It has no task that sends signs of life, and
/// tries to reconnect only once when its connection is lost; it remembers the
/// credentials.
///
/// # Errors
/// See [`ConnectError`]; never after more than `deadline`.
pub async fn open_client(
    address: &RemoteAddress,
    deadline: Duration,
) -> Result<ClientWrapper, ConnectError> {
    let Some(credentials) = &address.credentials else {
        return Err(ConnectError::NoCredentials {
            address: address.to_string(),
        });
    };
    install_crypto_provider();

    let started = Instant::now();
    // A margin, so that the caller's clock agrees that the deadline was kept.
    let ends = started + deadline - deadline / 50;
    let login = log_in(address, credentials);
    tokio::pin!(login);
    // A login has the whole time. One that is not answered soon may be talking to
    // the wrong port, so that is looked into meanwhile.
    let look = async {
        tokio::time::sleep(deadline / SOON).await;
        diagnosis::find_out(address, ends).await
    };
    let (failure, finding) = tokio::select! {
        ended = &mut login => match ended {
            Ok(client) => return Ok(client),
            Err(failure) => (failure, None),
        },
        finding = look => {
            if let Finding::Certain(error) = finding {
                return Err(error);
            }
            match tokio::time::timeout_at(ends, login).await {
                Ok(Ok(client)) => return Ok(client),
                Ok(Err(failure)) => (failure, Some(finding)),
                Err(_) => {
                    return Err(match finding {
                        Finding::Certain(error) | Finding::Likely(error) => error,
                        Finding::Unexplained { speaks_tls } => ConnectError::NoAnswer {
                            address: address.to_string(),
                            waited: started.elapsed(),
                            instead: instead(address, speaks_tls),
                        },
                    });
                }
            }
        }
    };
    if let Some(error) = said(address, credentials, failure) {
        return Err(error);
    }
    let finding = match finding {
        Some(finding) => finding,
        // The SDK has given up, so what answers late does not matter any more.
        None => {
            let until = Instant::now() + ends.saturating_duration_since(Instant::now()) / 2;
            diagnosis::find_out(address, until).await
        }
    };
    Err(match finding {
        Finding::Certain(error) | Finding::Likely(error) => error,
        Finding::Unexplained { .. } => ConnectError::NotIggy {
            address: address.to_string(),
            answer: "closes the connection instead of answering a login",
        },
    })
}

/// What a port that is silent may be when it is not asked in plain TCP.
fn instead(address: &RemoteAddress, speaks_tls: bool) -> &'static str {
    let tls = address.options.tls.as_ref().filter(|_| !speaks_tls);
    match (address.transport, tls) {
        (Transport::WebSocket, Some(_)) => {
            "the port does not speak WebSocket (8092 unless configured otherwise) or not TLS (leave out `tls=true`), or "
        }
        (Transport::WebSocket, None) => {
            "the port does not speak WebSocket (8092 unless configured otherwise), or "
        }
        (Transport::Tcp, Some(_)) => "the port does not speak TLS (leave out `tls=true`), or ",
        (Transport::Tcp | Transport::Quic | Transport::Http, _) => "",
    }
}

/// After this part of the deadline a login is late: 1 s of 5 s, where 30 to 60 ms
/// are usual.
const SOON: u32 = 5;

/// What the server or the SDK said, if it explains anything.
fn said(
    address: &RemoteAddress,
    credentials: &Credentials,
    failure: LoginFailure,
) -> Option<ConnectError> {
    let address = address.to_string();
    Some(match failure {
        LoginFailure::NoAnswer | LoginFailure::CannotConnect => return None,
        LoginFailure::Configuration { reason } => ConnectError::Configuration { address, reason },
        LoginFailure::IncompatibleProtocol { client, min, max } => {
            ConnectError::IncompatibleProtocol {
                address,
                client: version(client),
                min: version(min),
                max: version(max),
            }
        }
        LoginFailure::CredentialsRefused { code } => ConnectError::CredentialsRefused {
            address,
            login: match credentials {
                Credentials::Password { username, .. } => format!("user `{username}`"),
                Credentials::Token(_) => "the access token".to_owned(),
            },
            code,
            hint: hint(code),
        },
        LoginFailure::Refused { code, reason } => ConnectError::Refused {
            address,
            code,
            reason,
        },
    })
}

/// The packed form of `iggy_binary_protocol` 0.11.0, version.rs.
fn version(packed: u32) -> String {
    format!(
        "{}.{}.{}",
        packed >> 20,
        (packed >> 10) & 0x3ff,
        packed & 0x3ff
    )
}

fn hint(code: u32) -> &'static str {
    match code {
        40 | 47 => "the user is inactive, or the session was refused",
        43 => "a user name has 3 to 50 bytes",
        44 => "a password has 3 to 100 bytes",
        53 | 54 => "the token is unknown, expired or deleted",
        _ => "wrong user or password, or the user is inactive",
    }
}
