//! Executing requests, whichever way they came.
//!
//! ```text
//!  TCP:  frame ──▶ connection ─┐
//!                              ├─▶ read, write, poll ──▶ dispatch ──▶ state, store
//!  HTTP: route ──▶ http ───────┘
//! ```

use std::sync::Arc;

use bytes::Bytes;
use iggy_binary_protocol::{Operation, codes};
use thiserror::Error;

use crate::dispatch::{self, Answer, Caller, Errand, Polled, Provision, ReadScene, WriteScene};
use crate::log::PollPlan;
use crate::shared::Shared;
use crate::state::ROOT_ID;
use crate::store::{Committed, Snapshot};

/// Why a request has no answer. The client must hear neither that it was done nor that it
/// was not.
#[derive(Debug, Error)]
pub(crate) enum Unanswered {
    /// It is not on disk, and perhaps never will be.
    #[error("the store does not keep what is written")]
    Lost,
    /// What it asks for cannot be read.
    #[error("messages cannot be read")]
    Unreadable,
    /// A password cannot be hashed.
    #[error("a password cannot be hashed")]
    Unhashed,
}

/// Answers a request that changes nothing; not a poll.
pub(crate) fn read(shared: &Shared, caller: Caller, code: u32, body: &[u8]) -> Answer {
    // Always in this order: metadata, then clients.
    let metadata = shared.metadata();
    let clients = shared.clients();
    let scene = ReadScene {
        metadata: &metadata,
        clients: &clients,
        facts: &shared.facts,
        caller: taken_for(shared, caller),
        now: shared.now(),
    };
    dispatch::read(code, body, &scene)
}

/// Executes a write, and answers when it is on disk (if there is a disk).
pub(crate) async fn write(
    shared: &Arc<Shared>,
    caller: Caller,
    code: u32,
    operation: Operation,
    body: &[u8],
) -> Result<Answer, Unanswered> {
    let caller = taken_for(shared, caller);
    let tampered = tampered(shared, code, body);
    let body = tampered.as_deref().unwrap_or(body);
    let provision = provide(shared, operation, body).await?;
    let (answer, committed) = {
        let mut metadata = shared.metadata();
        let mut scene = WriteScene {
            metadata: &mut metadata,
            caller,
            provision,
            now: shared.tick(),
        };
        match dispatch::write(operation, body, &mut scene) {
            Ok((payload, change)) => {
                shared.note_access(code, caller.user, scene.metadata);
                (Ok(payload), shared.keep(change, scene.metadata))
            }
            Err(refused) => (Err(refused), None),
        }
    };
    if let Some(committed) = committed {
        committed.await.map_err(|_| Unanswered::Lost)?;
    }
    shared.advance_log();
    Ok(answer)
}

/// Whom the rules take somebody for: another one where the test kit wants it so.
fn taken_for(shared: &Shared, caller: Caller) -> Caller {
    let user = match shared.faults.misdeeds.permits_everything() {
        true => ROOT_ID,
        false => caller.user,
    };
    Caller { user, ..caller }
}

/// What is executed instead where the test kit wants it so.
fn tampered(shared: &Shared, code: u32, body: &[u8]) -> Option<Bytes> {
    shared.faults.misdeeds.tamper(code, body, |stream| {
        let metadata = shared.metadata();
        let stream = metadata.streams.get(stream)?;
        Some(stream.name.as_str().to_owned())
    })
}

/// Hashes and draws what a write needs, while others use the state.
async fn provide(
    shared: &Arc<Shared>,
    operation: Operation,
    body: &[u8],
) -> Result<Provision, Unanswered> {
    if let Some(provision) = Provision::of_body(operation, body) {
        return Ok(provision);
    }
    let errand = Errand::of(operation, body, &shared.metadata());
    let Some(errand) = errand else {
        return Ok(Provision::Nothing);
    };
    let hashing = shared.hashing();
    let provision = if errand.is_slow() {
        shared
            .on_hashing_thread(move || errand.run(hashing))
            .await
            .ok_or(Unanswered::Unhashed)?
    } else {
        errand.run(hashing)
    };
    provision.map_err(|_| Unanswered::Unhashed)
}

/// A poll that has yet to be read.
struct Planned {
    plan: PollPlan,
    /// Where what is not in memory is; taken in the moment of the plan, so that nothing of
    /// it is removed before it is read.
    snapshot: Option<Snapshot>,
    /// Resolves when the offset that it commits is on disk.
    committed: Option<Committed>,
}

/// Sends messages. What a poll commits is on disk before the client hears of it.
pub(crate) async fn poll(
    shared: &Arc<Shared>,
    caller: Caller,
    body: &[u8],
) -> Result<Answer, Unanswered> {
    let caller = taken_for(shared, caller);
    let tampered = tampered(shared, codes::POLL_MESSAGES_CODE, body);
    let body = tampered.as_deref().unwrap_or(body);
    match plan(shared, caller, body) {
        Err(answer) => Ok(answer),
        // Otherwise the client would take it for the end of the partition.
        Ok(planned) => read_messages(planned).await.map(Ok),
    }
}

/// What is to be read; otherwise the answer right away.
fn plan(shared: &Shared, caller: Caller, body: &[u8]) -> Result<Planned, Answer> {
    let mut metadata = shared.metadata();
    let mut scene = WriteScene {
        metadata: &mut metadata,
        caller,
        provision: Provision::Nothing,
        now: shared.now(),
    };
    let polled = dispatch::poll(body, &mut scene).map_err(Err)?;
    let (plan, committed) = match polled {
        Polled::Nothing(body) => return Err(Ok(body)),
        Polled::Messages { plan, committed } => (plan, committed),
    };
    let snapshot = match &shared.store {
        Some(store) if !plan.is_resident() => store.snapshot(),
        _ => None,
    };
    let committed = committed.and_then(|change| shared.keep(change, scene.metadata));
    Ok(Planned {
        plan,
        snapshot,
        committed,
    })
}

/// From memory, or on a thread that may wait for the disk.
async fn read_messages(planned: Planned) -> Result<Bytes, Unanswered> {
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
    }
    .ok_or(Unanswered::Unreadable)?;
    if let Some(committed) = committed {
        committed.await.map_err(|_| Unanswered::Lost)?;
    }
    Ok(body)
}
