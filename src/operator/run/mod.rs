//! `iggyctl operator run`: turns the crank.
//!
//! ```text
//!  watches ──▶ World ──which servers──▶ one Crank for each server object ──▶ rounds, one after the other
//!                                          ▲
//!                                 its interval, its backoff
//! ```

mod clock;
mod connection;
mod crank;
mod endpoints;
mod fence;
mod leader;
mod lease;
mod metrics;
mod passwords;
mod server_status;
mod smoke;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use kube::{Client, Config};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use self::clock::Clock;
use self::crank::Crank;
use self::endpoints::Health;
use self::fence::Fence;
use self::leader::Leadership;
use self::metrics::Metrics;
use self::world::World;
use super::cluster::{Cluster, Events, Reach, Seen, watch_all};
use super::model::ServerKey;

/// How the operator is run.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) reach: Reach,
    /// Where to listen for probes and metrics.
    pub(crate) listen: SocketAddr,
    /// The namespace of the Lease by which several operators agree which of them writes;
    /// none where there is only one.
    pub(crate) lease_namespace: Option<String>,
    /// What the Lease is called.
    pub(crate) lease_name: String,
    /// What this operator is called in it.
    pub(crate) identity: String,
}

/// Why the operator ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// There is no way to the API server.
    #[error("no Kubernetes cluster is configured: {0}")]
    NoCluster(kube::Error),
    /// The page for probes and metrics cannot be served.
    #[error("cannot listen at {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// Another operator writes from now on; this one ends, so that nothing that was begun
    /// goes on.
    #[error("the lease was lost to another operator")]
    LeaseLost,
    /// The Lease cannot be read or written.
    #[error("the lease: {0}")]
    Lease(String),
    /// What happens cannot be counted.
    #[error("the metrics: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// Signals cannot be received.
    #[error("signals: {0}")]
    Signals(std::io::Error),
    /// The watches ended, which they never do.
    #[error("nothing is watched any more")]
    NothingWatched,
}

/// What all cranks share.
pub(crate) struct Shared {
    /// What turns each crank.
    turns: Mutex<BTreeMap<ServerKey, Arc<Notify>>>,
    /// By the identity of the server.
    rounds: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
    pub(crate) cluster: Cluster,
    pub(crate) events: Events,
    pub(crate) world: Arc<World>,
    pub(crate) health: Health,
    pub(crate) metrics: Arc<Metrics>,
    clock: Clock,
    fence: Fence,
}

impl Shared {
    /// Has another crank look again, if there is one.
    fn turn(&self, key: &ServerKey) -> bool {
        let notify = self.turns().get(key).cloned();
        notify.inspect(|notify| notify.notify_one()).is_some()
    }

    /// Held for a round with the server of that identity: of two server objects for one server,
    /// the second sees what the first took, and what it is called.
    fn rounds_with(&self, identity: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(rounds.entry(identity.to_owned()).or_default())
    }

    fn turns(&self) -> MutexGuard<'_, BTreeMap<ServerKey, Arc<Notify>>> {
        // Nothing that is done with it can be cut off in the middle.
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the pages are made from.
#[derive(Clone)]
pub(crate) struct Pages {
    health: Health,
    world: Arc<World>,
    metrics: Arc<Metrics>,
}

/// How often the loop shows that it goes on.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// Runs until `stop`, or until it must not go on.
///
/// # Errors
/// See [`RunError`].
pub(crate) async fn run(
    settings: Settings,
    ready: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let client = client().await.map_err(RunError::NoCluster)?;
    let cluster = Cluster::new(client.clone(), settings.reach.clone());
    let pages = Pages {
        health: Health::default(),
        world: Arc::default(),
        metrics: Arc::new(Metrics::new()?),
    };
    let address = endpoints::serve(settings.listen, pages.clone()).await?;
    ready(address);
    let mut leadership = Leadership::seek(client.clone(), &settings).await?;
    let shared = Arc::new(Shared {
        turns: Mutex::default(),
        rounds: Mutex::default(),
        events: Events::new(client, &settings.identity),
        cluster,
        world: pages.world,
        health: pages.health,
        metrics: pages.metrics,
        clock: Clock::of_environment().map_err(RunError::Signals)?,
        fence: leadership.fence(),
    });
    let mut gives_back = true;
    let result = {
        let mut work = std::pin::pin!(work(&shared, &mut leadership));
        tokio::select! {
            () = stop => {
                // The Lease is renewed meanwhile: no other operator writes before they are answered.
                let ending = tokio::time::timeout(UNTIL_ANSWERED, shared.fence.end());
                tokio::select! {
                    ended = ending => {
                        gives_back = ended.is_ok();
                        Ok(())
                    }
                    result = &mut work => result,
                }
            }
            result = &mut work => result,
        }
    };
    // Nothing else that was begun goes on: the tasks were dropped with the work.
    match &result {
        Err(RunError::LeaseLost) => leadership.abandon(),
        Ok(()) if !gives_back => {
            tracing::warn!("a change was not answered: the Lease ends by itself");
            leadership.abandon();
        }
        _ => leadership.release().await,
    }
    shared.events.told_all(UNTIL_TOLD).await;
    result
}

/// How long an operator that ends waits for answers to what it sent. A server that takes longer
/// may still carry it out, so nobody else is let in before the Lease ends by itself.
const UNTIL_ANSWERED: Duration = Duration::from_secs(10);

/// How long an operator that ends goes on to tell what it did: half of what a container is given.
const UNTIL_TOLD: Duration = Duration::from_secs(15);

/// How long the API server may be silent: it ends watches after 290 s by itself, as the watcher
/// asks for, and the client has no limit of its own.
const LONGEST_SILENCE: Duration = Duration::from_secs(300);

async fn client() -> Result<Client, kube::Error> {
    let mut config = Config::infer().await.map_err(kube::Error::InferConfig)?;
    config.read_timeout = Some(LONGEST_SILENCE);
    Client::try_from(config)
}

async fn work(shared: &Arc<Shared>, leadership: &mut Leadership) -> Result<(), RunError> {
    let mut watches = watch_all(&shared.cluster);
    let mut cranks = Cranks::default();
    let mut waiting: BTreeSet<ServerKey> = BTreeSet::new();
    let look_at_smoke_tests = Arc::new(Notify::new());
    let mut signs_of_life = tokio::time::interval(SIGN_OF_LIFE);
    loop {
        tokio::select! {
            _ = signs_of_life.tick() => {
                shared.health.watches();
                shared.metrics.tidy();
            }
            changed = leadership.changed() => {
                changed?;
                tracing::info!("this operator is the one that writes");
                shared.health.leads();
                let look = Arc::clone(&look_at_smoke_tests);
                cranks.tasks.spawn(smoke::run(Arc::clone(shared), look));
                if shared.health.is_synced() {
                    // Who waited may not have seen yet what the one before wrote down last, and a
                    // watch that does not work at the moment does not say so.
                    shared.health.forgets_what_was_seen();
                    shared.world.forget();
                    watches = watch_all(&shared.cluster);
                }
            }
            Some(ended) = cranks.tasks.join_next() => {
                if let Err(error) = ended
                    && error.is_panic()
                {
                    // The process is started anew, with everything that it held forgotten.
                    std::panic::resume_unwind(error.into_panic());
                }
            }
            seen = watches.stream.next() => {
                let Some(seen) = seen else {
                    return Err(RunError::NothingWatched);
                };
                match seen {
                    Seen::Trouble(error) => tracing::warn!(%error, "a watch does not work"),
                    Seen::Synced(number) => {
                        waiting.extend(shared.world.saw(Seen::Synced(number)));
                        if shared.health.synced(number, watches.count) {
                            waiting.extend(shared.world.servers_in_use());
                        }
                    }
                    seen => waiting.extend(shared.world.saw(seen)),
                }
                if !leadership.leads() {
                    shared.world.forget_departed();
                    waiting.clear();
                }
                // Before all is known, the older of two objects may not have been seen.
                if shared.health.is_synced() && leadership.leads() {
                    look_at_smoke_tests.notify_one();
                    for key in std::mem::take(&mut waiting) {
                        cranks.turn(key, shared);
                    }
                }
            }
        }
    }
}

/// One task for each server object that somebody uses.
#[derive(Default)]
struct Cranks {
    tasks: JoinSet<()>,
}

impl Cranks {
    fn turn(&mut self, key: ServerKey, shared: &Arc<Shared>) {
        if shared.turn(&key) {
            return;
        }
        let notify = Arc::new(Notify::new());
        notify.notify_one();
        shared.turns().insert(key.clone(), Arc::clone(&notify));
        let crank = Crank::new(key, Arc::clone(shared), notify);
        self.tasks.spawn(crank.run());
    }
}
