//! How to reach a server: from its object and its Secret to a pool of connections.

use std::io::Write as _;

use iggyctl_core::api::v1alpha1::{CredentialsReference, ServerDefaults, ServerTls};
use iggyctl_core::secret::Secret;
use iggyctl_engine::connect::{
    ConnectError, ConnectSettings, ConnectionPool, Credentials, RemoteAddress, RequestCount,
    ServerAddress, ServerConnector, TlsOptions, Transport,
};
use tempfile::NamedTempFile;

use crate::operator::cluster::{Cluster, SecretReadError, ServerObject, ServerSpec};
use crate::operator::model::Reason;

/// Connections to a server as one user, for as long as neither the object nor the Secret
/// changes.
pub(super) struct Connection {
    pub(super) pool: ConnectionPool<ServerConnector>,
    /// The server where it has no identity of its own.
    pub(super) address: String,
    pub(super) made_from: MadeFrom,
    /// Certificates that the connector reads when it connects.
    pub(super) authority: Option<NamedTempFile>,
}

/// What a connection was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MadeFrom {
    pub(super) uid: String,
    pub(super) generation: i64,
    /// Versions of the Secrets, where a watch tells them.
    pub(super) secrets: Vec<Option<String>>,
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoConnection {
    pub(super) reason: Reason,
    pub(super) message: String,
}

/// Connections of one server object at once: the objects of a server share them.
const MOST_CONNECTIONS: usize = 8;

/// What both kinds of server objects say of how to connect.
pub(super) struct Said<'a> {
    pub(super) address: &'a str,
    pub(super) tls: Option<&'a ServerTls>,
    pub(super) defaults: ServerDefaults,
    pub(super) orphan_after: std::time::Duration,
    pub(super) credentials: CredentialsReference,
    pub(super) namespace: String,
}

/// How long an object that is being deleted waits for its server where nobody says it.
pub(super) const ORPHAN_AFTER: std::time::Duration = std::time::Duration::from_secs(60 * 60);

impl<'a> Said<'a> {
    pub(super) fn of(server: &'a ServerObject, spec: &'a ServerSpec) -> Self {
        match spec {
            ServerSpec::Namespaced(spec) => Self {
                address: &spec.address,
                tls: spec.tls.as_ref(),
                defaults: spec.defaults.clone().unwrap_or_default(),
                orphan_after: spec.orphan_after.map_or(ORPHAN_AFTER, |it| it.duration()),
                credentials: spec.credentials_secret_ref.clone(),
                namespace: server.key.namespace.clone().unwrap_or_default(),
            },
            ServerSpec::Cluster(spec) => {
                let reference = &spec.credentials_secret_ref;
                Self {
                    address: &spec.address,
                    tls: spec.tls.as_ref(),
                    defaults: spec.defaults.clone().unwrap_or_default(),
                    orphan_after: spec.orphan_after.map_or(ORPHAN_AFTER, |it| it.duration()),
                    credentials: CredentialsReference {
                        name: reference.name.clone(),
                        username_key: reference.username_key.clone(),
                        password_key: reference.password_key.clone(),
                        token_key: reference.token_key.clone(),
                    },
                    namespace: reference.namespace.clone(),
                }
            }
        }
    }

    /// The Secrets that it needs, by name.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let authority = self.tls.and_then(|tls| tls.certificate_authority.as_ref());
        let authority = authority.map(|key| key.name.as_str());
        std::iter::once(self.credentials.name.as_str())
            .chain(authority)
            .collect()
    }
}

/// Makes a pool; connects nowhere yet.
pub(super) async fn connection(
    cluster: &Cluster,
    said: &Said<'_>,
    made_from: MadeFrom,
    requests: RequestCount,
) -> Result<Connection, NoConnection> {
    let invalid = |message: String| NoConnection {
        reason: Reason::InvalidSpec,
        message,
    };
    let mut remote = match said.address.parse() {
        Ok(ServerAddress::Remote(remote)) => remote,
        Ok(ServerAddress::Embedded { .. }) => {
            return Err(invalid("spec.address is no address of a server".to_owned()));
        }
        Err(error) => return Err(invalid(format!("spec.address: {error}"))),
    };
    if let Some(message) = unsupported(remote.transport, said.tls) {
        return Err(invalid(message));
    }
    let address = format!("iggy://{}", remote.authority());
    remote.credentials = Some(credentials(cluster, said).await?);
    let authority = match said.tls {
        None => None,
        Some(tls) => encrypt(cluster, said, tls, &mut remote).await?,
    };
    let connector = ServerConnector::new(remote, ConnectSettings::default()).counting(requests);
    Ok(Connection {
        pool: ConnectionPool::with_limit(connector, MOST_CONNECTIONS),
        address,
        made_from,
        authority,
    })
}

/// What no connection can do, so that it is said instead of passed over.
fn unsupported(transport: Transport, tls: Option<&ServerTls>) -> Option<String> {
    match (transport, tls) {
        (Transport::Http, _) => Some(ConnectError::HttpIsForMessages.to_string()),
        (Transport::Quic, Some(tls)) if *tls != ServerTls::default() => Some(
            "over QUIC a certificate is checked by the system's authorities and the host of the \
             address: spec.tls cannot name others. Use iggy:// or iggy+ws://"
                .to_owned(),
        ),
        (Transport::Tcp | Transport::WebSocket | Transport::Quic, _) => None,
    }
}

/// Why a server does not let us in, in the words of a server object: it has fields for what is
/// an option of an address elsewhere.
pub(super) fn refusal(error: &ConnectError) -> String {
    match error {
        ConnectError::TlsPort { address } => format!(
            "{address} wants TLS: it needs spec.tls, with certificateAuthority if its \
             certificate is not from a public authority"
        ),
        ConnectError::PlainPort { address } => {
            format!("{address} does not speak TLS: leave out spec.tls, or use the port that has it")
        }
        ConnectError::CertificateNotTrusted { address, reason } => format!(
            "the certificate of {address} is not trusted: {reason}; \
             spec.tls.certificateAuthority says whom to trust, and spec.tls.domain whose it is"
        ),
        other => other.to_string(),
    }
}

async fn credentials(cluster: &Cluster, said: &Said<'_>) -> Result<Credentials, NoConnection> {
    let CredentialsReference {
        name,
        username_key,
        password_key,
        token_key,
    } = &said.credentials;
    let secret = cluster.secret(&said.namespace, name).await;
    let secret = secret.map_err(missing)?;
    if let Some(key) = token_key {
        return secret.value(key).map(Credentials::Token).map_err(missing);
    }
    let username = secret.value(username_key.as_deref().unwrap_or("username"));
    let password = secret.value(password_key.as_deref().unwrap_or("password"));
    Ok(Credentials::Password {
        username: username.map_err(missing)?.expose().to_owned(),
        password: password.map_err(missing)?,
    })
}

/// Certificates go to the SDK as a file.
async fn encrypt(
    cluster: &Cluster,
    said: &Said<'_>,
    tls: &ServerTls,
    remote: &mut RemoteAddress,
) -> Result<Option<NamedTempFile>, NoConnection> {
    let file = match &tls.certificate_authority {
        None => None,
        Some(key) => {
            let secret = cluster.secret(&said.namespace, &key.name).await;
            let text = secret.and_then(|it| it.value(&key.key)).map_err(missing)?;
            // Without one, whoever checks says only that it does not know the issuer.
            if !text.expose().contains("-----BEGIN CERTIFICATE-----") {
                let (name, key) = (&key.name, &key.key);
                return Err(NoConnection {
                    reason: Reason::CredentialsMissing,
                    message: format!(
                        "the Secret {name} of the namespace {} has no certificate in PEM in the key {key}",
                        said.namespace
                    ),
                });
            }
            Some(written(&text).map_err(|error| NoConnection {
                reason: Reason::ServerUnavailable,
                message: format!("the certificates cannot be written to a file: {error}"),
            })?)
        }
    };
    let path = file.as_ref().map(|file| file.path().to_owned());
    remote.options.tls = Some(TlsOptions {
        domain: tls.domain.clone(),
        ca_file: path,
        validate_certificate: true,
    });
    Ok(file)
}

fn written(text: &Secret) -> std::io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new()?;
    file.write_all(text.expose().as_bytes())?;
    file.flush()?;
    Ok(file)
}

fn missing(error: SecretReadError) -> NoConnection {
    NoConnection {
        reason: Reason::CredentialsMissing,
        message: error.to_string(),
    }
}
