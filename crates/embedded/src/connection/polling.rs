//! Sending messages to a client.

use std::sync::Arc;

use bytes::Bytes;

use super::Request;
use super::handler::{Connection, Reaction};
use crate::dispatch::{self, Polled, Provision, WriteScene};
use crate::log::PollPlan;

impl Connection {
    /// Sends messages. What it commits is on disk before the client hears of it.
    pub(super) async fn poll(&self, request: &Request) -> Reaction {
        let polled = {
            let mut metadata = self.shared.metadata();
            let mut scene = WriteScene {
                metadata: &mut metadata,
                caller: self.caller(request),
                provision: Provision::Nothing,
                now: self.shared.now(),
            };
            match dispatch::poll(&request.body, &mut scene) {
                Ok(Polled::Nothing(body)) => Ok((Err(body), None)),
                Ok(Polled::Messages { plan, committed }) => {
                    let committed =
                        committed.and_then(|change| self.shared.keep(change, scene.metadata));
                    Ok((Ok(plan), committed))
                }
                Err(refused) => Err(refused),
            }
        };
        let body = match polled {
            Err(refused) => return Reaction::Reply(self.context(request).answer(Err(refused))),
            Ok((Err(body), _)) => body,
            Ok((Ok(plan), committed)) => {
                let Some(body) = self.read_messages(plan).await else {
                    return Reaction::Close;
                };
                if let Some(committed) = committed
                    && committed.await.is_err()
                {
                    return Reaction::Close;
                }
                body
            }
        };
        Reaction::Reply(self.context(request).answer(Ok(body)))
    }

    /// From memory, or on a thread that may wait for the disk. `None` when the server is
    /// going down.
    async fn read_messages(&self, plan: PollPlan) -> Option<Bytes> {
        if self.shared.store.is_none() || plan.is_resident() {
            return Some(plan.read(&()));
        }
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || shared.store.as_ref().map(|store| plan.read(store)))
            .await
            .ok()
            .flatten()
    }
}
