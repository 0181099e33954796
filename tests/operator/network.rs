//! A way to a server that a test cuts and mends.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::control_plane::Failure;

/// What becomes of what is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Network {
    #[default]
    Whole,
    /// Connections are closed, and new ones too: whoever sends is told.
    Closed,
    /// Connections are open, and nothing passes. What was sent arrives once it is whole again, as
    /// TCP sends it anew until then.
    Silent,
}

/// Passes on what comes to its address.
pub(crate) struct Way {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    network: Network,
    /// Both ends of each connection.
    open: Vec<TcpStream>,
}

impl Drop for Way {
    fn drop(&mut self) {
        // Who waits for it goes on, and ends.
        self.is_now(Network::Closed);
    }
}

impl Way {
    pub(crate) fn to(upstream: SocketAddr) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let way = Self {
            address: listener.local_addr()?,
            shared: Arc::default(),
        };
        let shared = Arc::clone(&way.shared);
        // It ends with the process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.connect(client, upstream));
            }
        });
        Ok(way)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn is_now(&self, network: Network) {
        let mut state = self.shared.state();
        state.network = network;
        if network == Network::Closed {
            for end in state.open.drain(..) {
                // It may be over already.
                let _ = end.shutdown(Shutdown::Both);
            }
        }
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while nothing passes; none where it is closed.
    fn passable(&self) -> Option<MutexGuard<'_, State>> {
        let is_silent = |state: &mut State| state.network == Network::Silent;
        let waited = self.changed.wait_while(self.state(), is_silent);
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        (state.network == Network::Whole).then_some(state)
    }

    fn connect(self: Arc<Self>, client: TcpStream, upstream: SocketAddr) -> Option<()> {
        let server = {
            let mut state = self.passable()?;
            let server = TcpStream::connect(upstream).ok()?;
            let ends = [client.try_clone().ok()?, server.try_clone().ok()?];
            state.open.extend(ends);
            server
        };
        let back = (server.try_clone().ok()?, client.try_clone().ok()?);
        let shared = Arc::clone(&self);
        thread::spawn(move || shared.pass(back.0, back.1));
        self.pass(client, server)
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream) -> Option<()> {
        let mut bytes = [0; 16 * 1024];
        loop {
            let count = from.read(&mut bytes).unwrap_or(0);
            drop(self.passable()?);
            if count == 0 {
                // The other direction may have more.
                return to.shutdown(Shutdown::Write).ok();
            }
            to.write_all(&bytes[..count]).ok()?;
        }
    }
}
