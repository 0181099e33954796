//! The server that the programs of a test find.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use iggyctl_embedded::{EmbeddedServer, TlsIdentity};
use libtest_mimic::Failed;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::real::{RealServer, RunningServer};

/// Where the server of a test listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The programs are told the address.
    Any,
    AnyWithTls,
    /// The programs know [`Place::FIXED`] only.
    Fixed,
    FixedWithTls,
}

impl Place {
    const FIXED: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8090);

    pub(crate) fn is_fixed(self) -> bool {
        match self {
            Self::Any | Self::AnyWithTls => false,
            Self::Fixed | Self::FixedWithTls => true,
        }
    }

    pub(crate) fn has_tls(self) -> bool {
        match self {
            Self::Any | Self::Fixed => false,
            Self::AnyWithTls | Self::FixedWithTls => true,
        }
    }

    /// Whether nobody listens there; otherwise why a test cannot run.
    fn is_free(self) -> Result<(), String> {
        if self.is_fixed() {
            std::net::TcpListener::bind(Self::FIXED)
                .map_err(|error| format!("{} is taken: {error}", Self::FIXED))?;
        }
        Ok(())
    }
}

/// A server for one test.
pub(crate) enum Server {
    Embedded(EmbeddedServer),
    /// A process, and what forwards the fixed address to it if that is needed: the process
    /// is started on a port that it chooses.
    Real(RunningServer, Option<JoinHandle<()>>),
}

impl Server {
    /// The inner error says why the test cannot run here.
    pub(crate) async fn embedded(place: Place) -> Result<Result<Self, String>, Failed> {
        if let Err(taken) = place.is_free() {
            return Ok(Err(taken));
        }
        let mut builder = EmbeddedServer::builder();
        if place.is_fixed() {
            builder = builder.listen(Place::FIXED);
        }
        if place.has_tls() {
            let identity = TlsIdentity::self_signed(std::iter::empty::<String>())?;
            builder = builder.tls(identity);
        }
        Ok(Ok(Self::Embedded(builder.start().await?)))
    }

    /// The inner error says why the test cannot run here.
    pub(crate) async fn real(
        program: PathBuf,
        place: Place,
    ) -> Result<Result<Self, String>, Failed> {
        if let Err(taken) = place.is_free() {
            return Ok(Err(taken));
        }
        let server = RunningServer::real(&RealServer::Binary(program)).await?;
        let forwarding = if place.is_fixed() {
            let listener = TcpListener::bind(Place::FIXED).await?;
            Some(tokio::spawn(forward(listener, server.address())))
        } else {
            None
        };
        Ok(Ok(Self::Real(server, forwarding)))
    }

    pub(crate) async fn end(self) {
        match self {
            Self::Embedded(server) => server.shutdown().await,
            Self::Real(server, forwarding) => {
                if let Some(forwarding) = forwarding {
                    forwarding.abort();
                    // Aborted is what it should be; the address is free then.
                    let _ = forwarding.await;
                }
                drop(server);
            }
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Embedded(server) => server.address(),
            Self::Real(server, _) => server.address(),
        }
    }

    /// How often it was polled so far, where that is counted.
    pub(crate) fn polls(&self) -> Option<u64> {
        const POLL_MESSAGES: u32 = 100;
        match self {
            Self::Embedded(server) => Some(server.requests().count(POLL_MESSAGES)),
            Self::Real(..) => None,
        }
    }

    /// Whom clients have to trust, if it speaks TLS.
    pub(crate) fn authority_pem(&self) -> Option<&str> {
        match self {
            Self::Embedded(server) => server.tls()?.authority_pem(),
            Self::Real(..) => None,
        }
    }
}

/// Until it is aborted.
async fn forward(listener: TcpListener, to: SocketAddr) {
    while let Ok((mut near, _)) = listener.accept().await {
        tokio::spawn(async move {
            if let Ok(mut far) = TcpStream::connect(to).await {
                // One side going away is how every connection ends.
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}
