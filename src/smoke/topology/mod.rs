//! Checks that are derived from a manifest.
//!
//! ```text
//!  exists       the plan has nothing for it
//!  login        each user and token gets in, an inactive user does not
//!  poll         as the real accounts, on the real topics; no offset is stored
//!  ── on a copy, which the reconciler makes ──────────────────────────────────
//!  copy         the declared streams under names of the run, and temporary users
//!  send         as the temporary users; one that is not allowed is denied
//!  round-trip   a message through each partition
//!  join         each group gives each partition to exactly one of its members
//!  ── only when it is asked for ──────────────────────────────────────────────
//!  canary       a marked message through the real topics, as the real accounts
//! ```
//!
//! Names of checks speak of what is declared, never of the copy: they are the same in
//! each run.

mod accounts;
mod canary;
mod copying;
mod exists;
mod groups;
mod logins;
mod message;
mod polls;
mod round_trip;
mod sends;

use std::collections::BTreeMap;
use std::rc::Rc;

use futures::future::LocalBoxFuture;
use iggyctl_core::address::Address;
use iggyctl_core::plan::Plan;
use iggyctl_core::smoke::{CopyNames, Limits, NotTried, TopologyChecks};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::desired_user::SecretReference;
use iggyctl_core::state::observed::ObservedState;
use iggyctl_engine::Secrets;
use iggyctl_engine::delivery::FileSinks;

use super::check::Check;
use super::failure::{Failure, Stop};
use super::names::RunId;
use super::recorder::Recorder;
use super::target::{Target, transport_name};
use accounts::Accounts;
use copying::Copying;
use logins::Logins;

/// What the checks of a topology are made from.
pub(crate) struct Topology {
    /// What the manifests declare.
    pub(crate) desired: DesiredState,
    /// What the server had at the beginning.
    pub(crate) observed: ObservedState,
    /// What would be done to make the server as declared.
    pub(crate) plan: Plan,
    /// The declared passwords.
    pub(crate) passwords: Passwords,
    /// Where the values of access tokens are.
    pub(crate) sinks: FileSinks,
    /// How much is tried.
    pub(crate) limits: Limits,
    /// Whether messages go through the real topics, too.
    pub(crate) canary: bool,
}

/// The declared passwords, as far as they are here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Passwords {
    /// Those that are.
    pub(crate) known: Secrets,
    /// Why the others are not.
    pub(crate) missing: BTreeMap<SecretReference, String>,
}

/// The checks, and what has to be ended after them.
pub(crate) struct Begun {
    /// To be run at once.
    pub(crate) checks: Vec<Check<'static>>,
    /// To be run when the copy is made: waiting for it must not count as their time.
    pub(crate) on_copy: Vec<Check<'static>>,
    /// What a person should know about what was left out or made otherwise.
    pub(crate) notes: Vec<String>,
    accounts: Rc<Accounts>,
    copying: Option<Copying>,
}

impl Begun {
    /// From here on the copy is made.
    pub(crate) fn copy(&mut self) {
        if let Some(copying) = &mut self.copying {
            copying.begin();
        }
    }

    /// Waits until the copy is made, as far as it can be.
    pub(crate) fn copied(&self) -> impl Future<Output = ()> + use<> {
        let made = self.copying.as_ref().map(Copying::made);
        async move {
            if let Some(made) = made {
                made.await;
            }
        }
    }

    /// Ends what goes on, and closes all sessions: before anything is removed, since a
    /// session outlives its user.
    pub(crate) async fn end(self) {
        if let Some(copying) = self.copying {
            copying.end().await;
        }
        self.accounts.close().await;
    }
}

/// What all checks share.
#[derive(Clone)]
struct Shared {
    accounts: Rc<Accounts>,
    transport: String,
}

/// All checks of a topology. Nothing is made before [`Begun::copy`].
pub(crate) fn begin(
    topology: Topology,
    target: &Rc<Target>,
    run: &RunId,
) -> Result<Begun, Failure> {
    let Topology {
        desired,
        observed,
        plan,
        passwords,
        sinks,
        limits,
        canary,
    } = topology;
    let names = CopyNames::new(run.name(""))
        .map_err(|error| Failure::new("name the copy", "a prefix", error.to_string()))?;
    let TopologyChecks {
        presence,
        logins,
        polls,
        copy,
        mut notes,
    } = TopologyChecks::new(&desired, &observed, &limits, &names);
    let connector = target.admin.connector().clone();
    let (temporary, secrets) = copying::passwords(&copy);
    let accounts = Accounts::new(
        connector.clone(),
        &desired,
        &observed,
        passwords,
        temporary,
        sinks,
    );
    let shared = Shared {
        accounts: Rc::new(accounts),
        transport: transport_name(target.main).to_owned(),
    };
    let mut checks = exists::checks(&presence, &plan, &desired, &shared);
    checks.extend(logins::checks(&logins, &shared));
    let logins = Logins::new(&logins);
    checks.extend(polls::checks(&polls, &logins, &shared));
    checks.extend(not_tried("send", &copy.not_tried, &shared));
    let mut on_copy = Vec::new();
    let copying = (!copy.topics.is_empty()).then(|| Copying::prepare(connector, &copy, secrets));
    if let Some(copying) = &copying {
        let made = copying.made();
        let copy = Rc::new(copy);
        on_copy.push(copying::check(&copy, &made, &shared));
        on_copy.extend(sends::checks(&copy, &made, &shared));
        on_copy.extend(round_trip::checks(&copy, &made, &shared));
        on_copy.extend(groups::checks(&copy, &made, &shared));
    }
    if canary {
        checks.extend(canary::checks(
            &polls, &logins, &limits, run, &shared, &mut notes,
        ));
    }
    Ok(Begun {
        checks,
        on_copy,
        notes,
        accounts: shared.accounts,
        copying,
    })
}

impl Shared {
    fn check(
        &self,
        name: String,
        title: impl Into<String>,
        work: impl FnOnce(Recorder) -> LocalBoxFuture<'static, Result<(), Stop>>,
    ) -> Check<'static> {
        let recorder = Recorder::default();
        Check {
            name,
            title: title.into(),
            sample: None,
            transport: self.transport.clone(),
            is_exclusive: false,
            is_wanted: false,
            recorder: recorder.clone(),
            work: work(recorder),
            // Sessions are shared, and closed when all checks have ended.
            after: Box::pin(std::future::ready(())),
        }
    }

    fn skipped(&self, name: String, title: &str, reason: String) -> Check<'static> {
        let ended = std::future::ready(Err(Stop::Skipped(reason)));
        self.check(name, title, |_| Box::pin(ended))
    }
}

/// What cannot be tried has lines of its own, so that it does not look as if it worked.
fn not_tried(kind: &str, what: &[NotTried], shared: &Shared) -> Vec<Check<'static>> {
    let skipped = what.iter().map(|NotTried { address, reason }| {
        let name = format!("{kind}/{address}");
        shared.skipped(name, "not tried", reason.clone())
    });
    skipped.collect()
}

/// What was not as expected; all of it, up to a length that can be read.
#[derive(Debug, Default)]
struct Wrong {
    expected: Vec<String>,
    found: Vec<String>,
}

/// More are counted only.
const SHOWN: usize = 5;

impl Wrong {
    fn add(&mut self, what: &Address, expected: &str, found: &str) {
        self.expected.push(format!("{what} {expected}"));
        self.found.push(format!("{what} {found}"));
    }

    fn end(self, step: String) -> Result<(), Stop> {
        match self.found.is_empty() {
            true => Ok(()),
            false => Err(Failure::new(step, listed(&self.expected), listed(&self.found)).into()),
        }
    }
}

fn listed(texts: &[String]) -> String {
    let mut text = texts[..texts.len().min(SHOWN)].join("; ");
    if texts.len() > SHOWN {
        text.push_str(&format!("; and {} more", texts.len() - SHOWN));
    }
    text
}
