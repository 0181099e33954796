//! What messages need is there before the first one.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use iggyctl_core::address::Address;
use iggyctl_core::diagnostic::{SourceFile, render_text};
use iggyctl_core::diff::diff;
use iggyctl_core::manifest::{Variables, compile};
use iggyctl_core::plan::{Approvals, DestructionGrant, plan};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_engine::Secrets;
use iggyctl_engine::apply::{Cancellation, StepResult, Supplies, apply};
use iggyctl_engine::connect::{ConnectSettings, ConnectionPool, ServerConnector};
use iggyctl_engine::delivery::NoSinks;
use iggyctl_engine::observe::{ReadError, observe};

use crate::connection::{Connection, Session};
use crate::error::MessagingError;

/// Streams, topics and partitions that are to be there: of a manifest as the command
/// line takes it, everything else in which is left aside.
#[derive(Debug, Clone)]
pub struct Manifest(Arc<DesiredState>);

impl Manifest {
    /// Reads a manifest in YAML or JSON.
    ///
    /// # Errors
    /// [`MessagingError::Manifest`] with all of its mistakes.
    pub fn parse(text: &str) -> Result<Self, MessagingError> {
        let sources = [SourceFile::new("manifest", text)];
        let compiled = compile(&sources, &Variables::default()).map_err(|diagnostics| {
            MessagingError::Manifest {
                diagnostics: render_text(&diagnostics, &sources, false),
            }
        })?;
        let mut desired = compiled.state;
        // Users are read only to compare them, with a right that few have.
        desired.users = BTreeMap::new();
        desired.tokens = BTreeMap::new();
        Ok(Self(Arc::new(desired)))
    }

    /// One topic with this many partitions, and the server's defaults.
    ///
    /// # Errors
    /// Names or numbers that the server does not take.
    pub fn topic(stream: &str, topic: &str, partitions: u32) -> Result<Self, MessagingError> {
        let manifest = serde_json::json!({
            "apiVersion": "iggyctl.dev/v1alpha1",
            "kind": "IggyTopology",
            "metadata": { "name": "messages" },
            "spec": { "streams": [
                { "name": stream, "topics": [{ "name": topic, "partitions": partitions }] },
            ] },
        });
        Self::parse(&manifest.to_string())
    }
}

impl Connection {
    /// Makes what a manifest declares and the server lacks of streams, topics and
    /// partitions, by the same plan and apply as the command line. What exists is not
    /// changed, except that partitions are added, after which keys go elsewhere.
    ///
    /// Opens a connection of its own for that, not over HTTP, where nothing can be
    /// administered. Returns what was made.
    ///
    /// # Errors
    /// [`MessagingError::Ensure`] when something could not be made, or when the caller
    /// brought the client along: then nobody knows its address.
    pub async fn ensure(&self, manifest: &Manifest) -> Result<Vec<Address>, MessagingError> {
        let made = on(self.session().await?, manifest.clone()).await;
        made.map_err(MessagingError::from)
    }
}

/// Why something was not made.
#[derive(Debug)]
pub(crate) enum Unmade {
    /// The connection that was opened for it went wrong: again with another one.
    MayPass(String),
    /// A person has to do something.
    Final(String),
}

impl From<Unmade> for MessagingError {
    fn from(unmade: Unmade) -> Self {
        let (Unmade::MayPass(reason) | Unmade::Final(reason)) = unmade;
        Self::Ensure { reason }
    }
}

impl From<ReadError> for Unmade {
    fn from(error: ReadError) -> Self {
        let may_pass = match &error {
            ReadError::Connect(error) => error.may_pass(),
            ReadError::Broker(error) => error.kind.is_about_the_connection(),
        };
        match may_pass {
            true => Self::MayPass(error.to_string()),
            false => Self::Final(error.to_string()),
        }
    }
}

/// Others may make the same at the same time, after which ours fails: looking again
/// shows that it is there.
const ROUNDS: u32 = 3;

/// Boxed: large, and rarely run.
pub(crate) fn on(
    session: Session,
    manifest: Manifest,
) -> BoxFuture<'static, Result<Vec<Address>, Unmade>> {
    Box::pin(make(session, manifest))
}

async fn make(session: Session, manifest: Manifest) -> Result<Vec<Address>, Unmade> {
    let failed = Unmade::Final;
    let Some(address) = session.address() else {
        return Err(failed(
            "the client was brought along, so the address of its server is not known".to_owned(),
        ));
    };
    let connector = ServerConnector::new(address.clone(), ConnectSettings::default());
    let pool = ConnectionPool::new(connector);
    let desired = &*manifest.0;
    let mut made = Vec::new();
    let mut reason = String::new();
    for _ in 0..ROUNDS {
        let observed = observe(&pool, desired).await?;
        let plan = plan(&diff(desired, &observed), &Approvals::default()).only_additions();
        if plan.steps.is_empty() {
            pool.close().await;
            return Ok(made);
        }
        let approved = plan
            .approve(true, &DestructionGrant::default())
            .map_err(|refusal| failed(refusal.to_string()))?;
        let outcome = apply(
            &approved,
            &pool,
            Supplies::new(&Secrets::default(), &NoSinks),
            &mut |_| {},
            &Cancellation::default(),
        )
        .await;
        let mut is_complete = true;
        for (step, ended) in approved.steps().iter().zip(outcome.steps) {
            match not_done(ended.result) {
                None => made.push(step.address.clone()),
                Some(why) => {
                    is_complete = false;
                    reason = format!("{}: {why}", step.address);
                }
            }
        }
        if is_complete {
            pool.close().await;
            made.sort();
            made.dedup();
            return Ok(made);
        }
    }
    pool.close().await;
    Err(failed(reason))
}

/// Why a step was not done.
fn not_done(result: StepResult) -> Option<String> {
    match result {
        StepResult::Applied => None,
        StepResult::Failed(failure) => Some(failure.to_string()),
        StepResult::NotAttempted(why) => Some(why.to_string()),
    }
}
