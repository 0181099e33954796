//! Sending messages to a client.

use bytes::Bytes;

use super::Request;
use super::handler::{Connection, Reaction};
use crate::dispatch::{self, Polled, Provision, WriteScene};
use crate::log::PollPlan;
use crate::store::{Committed, Snapshot};

/// A poll that has yet to be read.
struct Planned {
    plan: PollPlan,
    /// Where what is not in memory is; taken in the moment of the plan, so that nothing of
    /// it is removed before it is read.
    snapshot: Option<Snapshot>,
    /// Resolves when the offset that it commits is on disk.
    committed: Option<Committed>,
}

impl Connection {
    /// Sends messages. What it commits is on disk before the client hears of it.
    pub(super) async fn poll(&self, request: &Request) -> Reaction {
        let answer = match self.plan(request) {
            Err(answer) => answer,
            Ok(planned) => match read(planned).await {
                Some(body) => Ok(body),
                // The client must not take it for the end of the partition.
                None => return Reaction::Close,
            },
        };
        Reaction::Reply(self.context(request).answer(answer))
    }

    /// What is to be read; otherwise the answer right away.
    fn plan(&self, request: &Request) -> Result<Planned, dispatch::Answer> {
        let mut metadata = self.shared.metadata();
        let mut scene = WriteScene {
            metadata: &mut metadata,
            caller: self.caller(request),
            provision: Provision::Nothing,
            now: self.shared.now(),
        };
        let polled = dispatch::poll(&request.body, &mut scene).map_err(Err)?;
        let (plan, committed) = match polled {
            Polled::Nothing(body) => return Err(Ok(body)),
            Polled::Messages { plan, committed } => (plan, committed),
        };
        let snapshot = match &self.shared.store {
            Some(store) if !plan.is_resident() => store.snapshot(),
            _ => None,
        };
        let committed = committed.and_then(|change| self.shared.keep(change, scene.metadata));
        Ok(Planned {
            plan,
            snapshot,
            committed,
        })
    }
}

/// From memory, or on a thread that may wait for the disk. `None` when messages cannot be
/// read, or their offset not be committed.
async fn read(planned: Planned) -> Option<Bytes> {
    let Planned {
        plan,
        snapshot,
        committed,
    } = planned;
    let body = match snapshot {
        None => plan.read(&()),
        Some(snapshot) => tokio::task::spawn_blocking(move || plan.read(&snapshot))
            .await
            .ok()
            .flatten(),
    }?;
    if let Some(committed) = committed {
        committed.await.ok()?;
    }
    Some(body)
}
