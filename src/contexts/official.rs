//! The contexts of the official command (`iggy-cli` 0.14,
//! `commands/binary_context/common.rs`): `contexts.toml` in `IGGY_HOME` or
//! `~/.iggy`. Only what names a server and a login is read.

use std::collections::BTreeMap;

use iggyctl_core::secret::Secret;
use serde::Deserialize;

use super::{Context, CredentialSources, OFFICIAL_PREFIX, SecretSource};
use crate::command_error::CommandError;
use crate::environment::Environment;

#[derive(Debug, Deserialize)]
struct Entry {
    transport: Option<String>,
    tcp_server_address: Option<String>,
    tcp_tls_enabled: Option<bool>,
    tcp_tls_domain: Option<String>,
    quic_server_address: Option<String>,
    http_api_url: Option<String>,
    websocket_server_address: Option<String>,
    username: Option<String>,
    password: Option<IncomingSecret>,
    token: Option<IncomingSecret>,
}

/// A secret on its way in: no `Debug` of it may show the value.
#[derive(Deserialize)]
struct IncomingSecret(String);

impl std::fmt::Debug for IncomingSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// Reads the file; a missing one has no contexts.
pub(super) fn read(environment: &Environment) -> Result<Vec<Context>, CommandError> {
    let Some(home) = environment.home() else {
        return Ok(Vec::new());
    };
    let path = home
        .join(environment.get("IGGY_HOME").unwrap_or(".iggy"))
        .join("contexts.toml");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(CommandError::invalid_input(format!(
                "cannot read the official command's contexts {}: {error}",
                path.display()
            )));
        }
    };
    let entries: BTreeMap<String, Entry> = toml::from_str(&text).map_err(|error| {
        // The parser's own words quote values, and one may be a password: only
        // the line is said.
        let line = error.span().map_or(1, |span| {
            text.bytes()
                .take(span.start)
                .filter(|byte| *byte == b'\n')
                .count()
                + 1
        });
        CommandError::invalid_input(format!(
            "{}:{line}: this is not what the official command writes there",
            path.display()
        ))
    })?;
    Ok(entries
        .into_iter()
        .map(|(name, entry)| entry.into_context(&name))
        .collect())
}

impl Entry {
    fn into_context(self, name: &str) -> Context {
        let (scheme, address) = match self.transport.as_deref() {
            Some("quic") => ("iggy+quic", self.quic_server_address),
            Some("http") => (
                "iggy+http",
                self.http_api_url
                    .map(|url| url.trim_start_matches("http://").to_owned()),
            ),
            Some("ws" | "websocket") => ("iggy+ws", self.websocket_server_address),
            _ => ("iggy", self.tcp_server_address),
        };
        let default = match scheme {
            "iggy+quic" => "127.0.0.1:8080",
            "iggy+http" => "127.0.0.1:3000",
            "iggy+ws" => "127.0.0.1:8092",
            _ => "127.0.0.1:8090",
        };
        let mut server = format!("{scheme}://{}", address.as_deref().unwrap_or(default));
        if scheme == "iggy" && self.tcp_tls_enabled == Some(true) {
            server.push_str("?tls=true");
            if let Some(domain) = self.tcp_tls_domain.filter(|domain| !domain.is_empty()) {
                server.push_str("&tls_domain=");
                server.push_str(&domain);
            }
        }
        let literal = |secret: IncomingSecret| SecretSource::Literal(Secret::new(secret.0));
        let credentials = match (self.username, self.password, self.token) {
            (_, _, Some(token)) => Some(CredentialSources {
                username: None,
                password: None,
                token: Some(literal(token)),
            }),
            (Some(username), Some(password), None) => Some(CredentialSources {
                username: Some(username),
                password: Some(literal(password)),
                token: None,
            }),
            _ => None,
        };
        Context {
            name: format!("{OFFICIAL_PREFIX}{name}"),
            server: Secret::new(server),
            credentials,
            policies: Vec::new(),
            ledger: false,
            ledger_identity: None,
        }
    }
}
