//! One look at one smoke test: whether it is to be run now, and on what.

use std::sync::Arc;
use std::time::{Duration, Instant};

use iggyctl_core::api::v1alpha1::{IggySmokeTestSpec, Kind};
use iggyctl_core::secret::SecretSource;
use iggyctl_engine::Secrets;
use jiff::Timestamp;

use super::super::Shared;
use super::super::connection::{MadeFrom, Said, connection};
use super::super::metrics::Outcome;
use super::Busy;
use super::run::{Subject, Work, in_a_thread};
use super::said::{conclude, status, write};
use crate::operator::cluster::{ServerObject, ServerSpec};
use crate::operator::model::{Ceiling, Declared, Object, ObjectKey, Reason, SmokeTest};
use crate::operator::resources::status::{Condition, ConditionStatus, SmokeTestStatus};
use crate::operator::round::Health;

/// How long a run may take where nobody says it.
const TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// How long after its time a run may go on to remove what it made.
pub(super) const FOR_CLEANING: Duration = Duration::from_secs(60);

/// What was run last, and what was said of it: what is seen of the cluster may be older, and
/// says something else while it waits.
pub(super) type Ended = (Tried, SmokeTestStatus);

/// What is tried anew only when it has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tried {
    generation: i64,
    subject: String,
    asked: Option<String>,
}

/// How long a run of it may take.
pub(super) fn timeout(test: &SmokeTest) -> Duration {
    let said = test.spec.as_ref().as_ref().ok().and_then(|it| it.timeout);
    said.map_or(TIMEOUT, |it| it.duration())
}

/// Where a smoke test is, as far as it goes.
enum Step {
    /// It cannot be run now.
    Waits(Health, Reason, String),
    /// Everything is there.
    Run(Box<Ready>),
}

/// What a run needs.
struct Ready {
    server: Arc<ServerObject>,
    topology: Option<Arc<Object>>,
    subject: String,
}

/// What is run and said now; `last` is what was before.
pub(super) async fn turn(
    shared: &Shared,
    test: &SmokeTest,
    last: Option<Ended>,
    busy: &Busy,
) -> Option<Ended> {
    let object = &test.object;
    if object.deleted_at.is_some() || object.requests.pause {
        return last;
    }
    let spec = match &*test.spec {
        Ok(spec) => spec,
        Err(error) => {
            let said = status(test, Health::Stalled, Reason::InvalidSpec, error);
            write(shared, test, &said).await;
            return last;
        }
    };
    let ready = match step(shared, test, spec) {
        Step::Run(ready) => *ready,
        Step::Waits(health, reason, message) => {
            let said = status(test, health, reason, &message);
            write(shared, test, &said).await;
            return last;
        }
    };
    let tried = Tried {
        generation: object.generation,
        subject: ready.subject.clone(),
        asked: object.requests.reconcile_at.clone(),
    };
    match &last {
        // It may have waited meanwhile for what is there again.
        Some((before, said)) if *before == tried => {
            write(shared, test, said).await;
            return last;
        }
        None if is_tried(test, &tried) => return Some((tried, test.status.clone())),
        _ => {}
    }
    // Once the other one has ended, all are looked at again.
    let Some(_running) = busy.begin(&ready.server.key) else {
        return last;
    };
    let work = match work(shared, test, spec, &ready).await {
        Ok(work) => work,
        // Nothing is written again until it is another reason.
        Err((reason, message)) => {
            let said = status(test, Health::Reconciling, reason, &message);
            write(shared, test, &said).await;
            return last;
        }
    };
    let running = status(test, Health::Reconciling, Reason::Progressing, "it is run");
    write(shared, test, &running).await;
    // What is said at the end differs from this, also where it is what was said before.
    let test = &SmokeTest {
        status: running,
        ..test.clone()
    };
    let object = &test.object;
    let (began, started) = (Timestamp::now(), Instant::now());
    let found = in_a_thread(work, FOR_CLEANING).await;
    let (said, happening) = conclude(test, ready.subject, began, found);
    let metrics = &shared.metrics;
    let outcome = Outcome::of_conditions(&said.conditions);
    metrics.reconciled(object.key.kind, outcome, started.elapsed());
    write(shared, test, &said).await;
    shared.events.tell(object, &happening).await;
    Some((tried, said))
}

/// Whether this was run by the process before, as the status says.
fn is_tried(test: &SmokeTest, tried: &Tried) -> bool {
    let status = &test.status;
    let last = status.last_run.as_ref();
    let mut conditions = status.conditions.iter();
    let is_running =
        conditions.any(|it| it.kind == "Reconciling" && it.status == ConditionStatus::True);
    !is_running
        && status.observed_generation == Some(tried.generation)
        && last.is_some_and(|last| last.subject == tried.subject)
}

fn is_ready(conditions: &[Condition], generation: i64) -> bool {
    conditions.iter().any(|it| {
        it.kind == "Ready"
            && it.status == ConditionStatus::True
            && it.observed_generation == Some(generation)
    })
}

fn step(shared: &Shared, test: &SmokeTest, spec: &IggySmokeTestSpec) -> Step {
    let object = &test.object;
    let waits = |what: String| Step::Waits(Health::Reconciling, Reason::Progressing, what);
    let topology = match &spec.topology_ref {
        None => None,
        Some(reference) => {
            let key = ObjectKey {
                kind: Kind::IggyTopology,
                namespace: object.key.namespace.clone(),
                name: reference.name.clone(),
            };
            match shared.world.object(&key) {
                Some(topology) => Some(topology),
                None => return waits(format!("there is no {key}")),
            }
        }
    };
    let key = topology
        .as_ref()
        .map_or_else(|| object.server(), |it| it.server());
    let Some(server) = shared.world.server(&key) else {
        let message = format!("there is no {key}");
        return Step::Waits(Health::Stalled, Reason::ServerNotFound, message);
    };
    if let Ok(ServerSpec::Cluster(spec)) = &server.spec {
        let labels = shared.world.labels(&object.key.namespace);
        let ceiling = Ceiling::of(spec, labels.as_ref());
        if let Some(refusal) = ceiling.refusal_of_smoke_tests() {
            return Step::Waits(Health::Stalled, Reason::NotPermitted, refusal);
        }
    }
    let subject = match &topology {
        Some(topology) => {
            let status = &topology.status;
            if !is_ready(&status.conditions, topology.generation) {
                return waits(format!("{} is not ready", topology.key));
            }
            let applied = status.last_applied_time.as_ref();
            let applied = applied.map_or("never", |it| it.0.as_str());
            let generation = topology.generation;
            format!(
                "{}: generation {generation}, applied {applied}",
                topology.key
            )
        }
        None => {
            if !is_ready(&server.status.conditions, server.generation) {
                return waits(format!("{key} is not ready"));
            }
            let version = server.status.server_version.as_deref();
            let version = version.unwrap_or("unknown");
            format!("{key}: generation {}, version {version}", server.generation)
        }
    };
    Step::Run(Box::new(Ready {
        server,
        topology,
        subject,
    }))
}

/// Everything that the thread of a run needs; no cluster is there.
async fn work(
    shared: &Shared,
    test: &SmokeTest,
    spec: &IggySmokeTestSpec,
    ready: &Ready,
) -> Result<Work, (Reason, String)> {
    let server = &ready.server;
    let server_spec = server.spec.as_ref();
    let server_spec = server_spec.map_err(|error| (Reason::InvalidSpec, error.clone()))?;
    let said = Said::of(server, server_spec);
    let made_from = MadeFrom {
        uid: server.uid.clone(),
        generation: server.generation,
        secrets: Vec::new(),
    };
    let requests = shared.metrics.requests(&server.key);
    let connection = connection(&shared.cluster, &said, made_from, requests).await;
    let connection = connection.map_err(|why| (why.reason, why.message))?;
    let subject = match &ready.topology {
        None => Subject::Server {
            scenarios: spec.scenarios.iter().map(|it| it.0.clone()).collect(),
        },
        Some(topology) => {
            let declared = Declared::of(topology);
            let declared = declared.map_err(|error| (Reason::InvalidSpec, error.to_string()))?;
            let secrets = secrets(shared, &test.object.key.namespace, &declared).await;
            Subject::Topology {
                desired: Box::new(declared.state),
                secrets,
            }
        }
    };
    Ok(Work {
        connection,
        subject,
        timeout: timeout(test),
    })
}

/// The passwords, as far as they are there: what needs another one is passed over.
async fn secrets(shared: &Shared, namespace: &str, declared: &Declared) -> Secrets {
    let mut found = Vec::new();
    for reference in Secrets::needed(&declared.state) {
        if let SecretSource::SecretKeyRef(key) = &reference.source
            && let Ok(secret) = shared.cluster.secret(namespace, &key.name).await
            && let Ok(value) = secret.value(&key.key)
        {
            found.push((reference.clone(), value));
        }
    }
    found.into_iter().collect()
}
