//! An embedded server for the commands of a test, and the folder they run in.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use iggy::prelude::*;
use iggyctl_embedded::{EmbeddedServer, EmbeddedServerBuilder, StartError};
use tokio::runtime::Runtime;

use crate::sandbox::{Run, Sandbox};

/// How long something else may have the port of a server that is started again.
const FREE_WITHIN: Duration = Duration::from_secs(30);

/// Ends its server in order when it is dropped.
pub(crate) struct Served {
    runtime: Runtime,
    server: Option<EmbeddedServer>,
    pub(crate) sandbox: Sandbox,
}

impl Served {
    /// Transcripts show the address as `[SERVER]`, and `host:port` as `[ADDRESS]`.
    pub(crate) fn start(builder: EmbeddedServerBuilder, mut sandbox: Sandbox) -> Self {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(builder.start()).unwrap();
        sandbox.mask(server.connection_string(), "[SERVER]");
        sandbox.mask(server.address().to_string(), "[ADDRESS]");
        Self {
            runtime,
            server: Some(server),
            sandbox,
        }
    }

    pub(crate) fn server(&self) -> &EmbeddedServer {
        self.server.as_ref().unwrap()
    }

    /// With name and password of root.
    pub(crate) fn address(&self) -> String {
        self.server().connection_string()
    }

    /// With those of somebody else, or a token.
    pub(crate) fn address_as(&self, login: &str) -> String {
        format!("iggy://{login}@{}", self.server().address())
    }

    /// Runs a command as root.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let server = ["--server", &self.address()];
        self.sandbox.run(&[arguments, &server].concat())
    }

    /// Something done by hand, as root.
    pub(crate) fn by_hand<T>(&self, work: impl AsyncFnOnce(IggyClient) -> T) -> T {
        self.runtime.block_on(async {
            let root = IggyClient::from_connection_string(&self.address()).unwrap();
            root.connect().await.unwrap();
            work(root).await
        })
    }

    /// Whether the server lets somebody in: `user:password`, or a token.
    pub(crate) fn lets_in(&self, login: &str) -> bool {
        let address = format!("{}?reconnection_retries=0", self.address_as(login));
        self.runtime.block_on(async {
            let client = IggyClient::builder_from_connection_string(&address)
                .unwrap()
                .build()
                .unwrap();
            client.connect().await.is_ok()
        })
    }
}

impl Served {
    /// Starts a server instead of the one that was stopped, where that was. A connection that
    /// somebody opens meanwhile may have its port for a moment, so it is tried until it is
    /// free.
    pub(crate) fn start_again(
        &mut self,
        address: SocketAddr,
        builder: impl Fn() -> EmbeddedServerBuilder,
    ) {
        let until = Instant::now() + FREE_WITHIN;
        let server = loop {
            let starting = builder().listen(address).start();
            match self.runtime.block_on(starting) {
                Ok(server) => break server,
                Err(StartError::Listen { source, .. })
                    if source.kind() == ErrorKind::AddrInUse && Instant::now() < until =>
                {
                    std::thread::yield_now();
                }
                Err(error) => panic!("{error:?}"),
            }
        };
        self.server = Some(server);
    }

    /// Ends the server; nobody answers at its address afterwards.
    pub(crate) fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop();
    }
}
