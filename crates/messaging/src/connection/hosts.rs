//! The servers of a connection, in order, and those of them that run in this
//! process.

use std::collections::BTreeMap;
use std::time::Duration;

use iggy::prelude::{ClientWrapper, IggyClient};
use iggyctl_embedded::EmbeddedServer;
use iggyctl_engine::connect::{
    ConnectError, Credentials, RemoteAddress, ServerAddress, Transport, open_client,
};
use tokio::sync::Mutex;

use super::endpoint::Endpoint;
use crate::error::MessagingError;

/// Shared by the connections of all users to the same servers.
#[derive(Debug)]
pub(super) struct Hosts {
    endpoints: Vec<Endpoint>,
    connect_timeout: Duration,
    /// By the place in the list.
    embedded: Mutex<BTreeMap<usize, EmbeddedServer>>,
}

/// Why one server gave no connection.
#[derive(Debug)]
pub(super) enum OpenError {
    /// The server in this process does not start.
    Embedded(MessagingError),
    /// There is no connection, or no login.
    Connect(ConnectError),
}

impl Hosts {
    pub(super) fn new(endpoints: Vec<Endpoint>, connect_timeout: Duration) -> Self {
        Self {
            endpoints,
            connect_timeout,
            embedded: Mutex::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.endpoints.len()
    }

    /// Whether any of them is reached over HTTP.
    pub(super) fn any_http(&self) -> bool {
        self.endpoints.iter().any(|endpoint| match endpoint {
            Endpoint::Remote(remote) => remote.transport == Transport::Http,
            Endpoint::Embedded { .. } => false,
        })
    }

    /// Connects to one of them and logs in.
    pub(super) async fn open(
        &self,
        index: usize,
        credentials: Option<&Credentials>,
    ) -> Result<(IggyClient, RemoteAddress), OpenError> {
        let mut address = match &self.endpoints[index] {
            Endpoint::Remote(remote) => remote.clone(),
            Endpoint::Embedded { directory } => {
                let mut servers = self.embedded.lock().await;
                if let Some(server) = servers.get(&index) {
                    own_address(server)?
                } else {
                    let mut builder = EmbeddedServer::builder();
                    if let Some(directory) = directory {
                        builder = builder.data_dir(directory);
                    }
                    let server = builder.start().await.map_err(|error| {
                        OpenError::Embedded(MessagingError::EmbeddedServer {
                            reason: error.to_string(),
                        })
                    })?;
                    own_address(servers.entry(index).or_insert(server))?
                }
            }
        };
        if let Some(credentials) = credentials {
            address.credentials = Some(credentials.clone());
        }
        let client: ClientWrapper = open_client(&address, self.connect_timeout)
            .await
            .map_err(OpenError::Connect)?;
        // Without `connect`, which would start a task that pings for ever: the sign
        // of life is ours, see `heartbeat`.
        Ok((IggyClient::create(client, None, None), address))
    }

    /// Stops the servers of this process.
    pub(super) async fn stop(&self) {
        let servers = std::mem::take(&mut *self.embedded.lock().await);
        for server in servers.into_values() {
            server.shutdown().await;
        }
    }
}

fn own_address(server: &EmbeddedServer) -> Result<RemoteAddress, OpenError> {
    match server.connection_string().parse() {
        Ok(ServerAddress::Remote(remote)) => Ok(remote),
        Ok(ServerAddress::Embedded { .. }) | Err(_) => {
            Err(OpenError::Embedded(MessagingError::EmbeddedServer {
                reason: "its own address cannot be read".to_owned(),
            }))
        }
    }
}
