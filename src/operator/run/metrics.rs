//! What Prometheus reads.
//!
//! What happened is counted as it happens; what is, is taken from what was seen of the cluster
//! when somebody asks, so that nothing is left of what is gone.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use iggyctl_core::api::v1alpha1::Kind;
use iggyctl_engine::connect::RequestCount;
use metrics::{Counter, Histogram, Key, KeyName, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusRecorder};

use super::world::Census;
use crate::operator::cluster::DECLARING;
use crate::operator::metric_names::{
    ALL, BROKER_REQUESTS, CONFLICTS, DRIFT_CORRECTED, DRIFT_FOUND, LEADER, Metric, OBJECTS,
    ORPHANED, RECONCILE_DURATION, RECONCILES, SERVER_UP, Shape,
};
use crate::operator::model::{EventReason, Object, Reason, ServerKey};
use crate::operator::resources::status::{Condition, ConditionStatus, TopologyStatus};
use crate::operator::round::{Conclusion, is_settled};

/// The bounds of the lengths of reconciles, in seconds: a round is done in milliseconds, or
/// waits for a server.
const DURATIONS: [f64; 12] = [
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 60.0,
];

/// The metrics of this operator.
pub(crate) struct Metrics {
    happened: PrometheusRecorder,
    servers: Mutex<BTreeMap<ServerKey, OfServer>>,
}

#[derive(Default)]
struct OfServer {
    /// Whether it answered last time; nothing before it was asked once.
    is_up: Option<bool>,
    requests: RequestCount,
}

/// How a reconcile ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All is as declared, and was before.
    Done,
    /// Something was changed on the server.
    Changed,
    /// Only a person can help.
    Refused,
    /// It is tried again.
    Failed,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Done, Self::Changed, Self::Refused, Self::Failed];

    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Changed => "changed",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// That of an object, by what was said of it before and is said now.
    fn of(before: &TopologyStatus, conclusion: &Conclusion) -> Self {
        let now = &conclusion.status;
        let by_conditions = Self::of_conditions(&now.conditions);
        match by_conditions {
            Self::Done if now.last_applied_time != before.last_applied_time => Self::Changed,
            _ => by_conditions,
        }
    }

    /// That of conditions, which do not say what was changed.
    pub(super) fn of_conditions(conditions: &[Condition]) -> Self {
        let holds = |kind: &str| {
            let mut conditions = conditions.iter();
            conditions.find(|it| it.kind == kind && it.status == ConditionStatus::True)
        };
        if holds("Stalled").is_some() {
            return Self::Refused;
        }
        // Whoever waits for something else has not failed.
        let waits = [Reason::Progressing.as_str(), Reason::Deleting.as_str()];
        match holds("Reconciling") {
            Some(condition) if !waits.contains(&condition.reason.as_str()) => Self::Failed,
            _ => Self::Done,
        }
    }
}

impl Metrics {
    /// With everything that is counted at nought, so that the first time is seen as a step.
    ///
    /// # Errors
    /// When the recorder cannot be made, which depends on nothing from outside.
    pub(super) fn new() -> Result<Self, BuildError> {
        let this = Self {
            happened: recorder()?,
            servers: Mutex::default(),
        };
        for kind in Census::kinds() {
            for outcome in Outcome::ALL {
                this.reconciles(kind, outcome).increment(0);
            }
        }
        for kind in DECLARING {
            for metric in [DRIFT_FOUND, DRIFT_CORRECTED, ORPHANED] {
                counter(&this.happened, metric, &[kind.as_str()]).increment(0);
            }
        }
        Ok(this)
    }

    fn reconciles(&self, kind: Kind, outcome: Outcome) -> Counter {
        let labels = [kind.as_str(), outcome.as_str()];
        counter(&self.happened, RECONCILES, &labels)
    }

    /// A look at an object ended.
    pub(super) fn concluded(&self, object: &Object, conclusion: &Conclusion, took: Duration) {
        let kind = object.key.kind;
        let outcome = Outcome::of(&object.status, conclusion);
        self.reconciled(kind, outcome, took);
        let count = |metric, value| {
            counter(&self.happened, metric, &[kind.as_str()]).increment(value);
        };
        count(DRIFT_FOUND, new_drift(object, conclusion));
        count(DRIFT_CORRECTED, conclusion.drift_corrected);
        let orphaned = conclusion.happenings.iter();
        let orphaned = orphaned
            .filter(|it| it.reason == EventReason::Orphaned)
            .count();
        count(ORPHANED, u64::from(orphaned > 0));
    }

    /// A reconcile ended.
    pub(super) fn reconciled(&self, kind: Kind, outcome: Outcome, took: Duration) {
        self.reconciles(kind, outcome).increment(1);
        let labels = [kind.as_str()];
        histogram(&self.happened, RECONCILE_DURATION, &labels).record(took.as_secs_f64());
    }

    /// A server answered, or not.
    pub(super) fn answered(&self, server: &ServerKey, is_up: bool) {
        self.servers().entry(server.clone()).or_default().is_up = Some(is_up);
    }

    /// By which connections to the server count what they ask it.
    pub(super) fn requests(&self, server: &ServerKey) -> RequestCount {
        let mut servers = self.servers();
        servers.entry(server.clone()).or_default().requests.clone()
    }

    fn servers(&self) -> MutexGuard<'_, BTreeMap<ServerKey, OfServer>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what was recorded: lengths are kept one by one until somebody does.
    pub(super) fn tidy(&self) {
        self.happened.handle().run_upkeep();
    }

    /// The page. Only the one that works says how objects and servers are: of several that
    /// see the same, all but one would repeat it.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(super) fn page(&self, census: Option<&Census>) -> Result<String, BuildError> {
        let now = recorder()?;
        gauge(&now, LEADER, &[]).set(if census.is_some() { 1.0 } else { 0.0 });
        if let Some(census) = census {
            for ((kind, ready), count) in census.objects() {
                gauge(&now, OBJECTS, &[kind.as_str(), ready]).set(number(count));
            }
            for (kind, count) in census.conflicts() {
                gauge(&now, CONFLICTS, &[kind.as_str()]).set(number(count));
            }
        }
        for (key, OfServer { is_up, requests }) in &*self.servers() {
            let labels = [
                key.kind().as_str(),
                key.namespace.as_deref().unwrap_or_default(),
                &key.name,
            ];
            counter(&now, BROKER_REQUESTS, &labels).absolute(requests.get());
            if let (Some(is_up), Some(census)) = (is_up, census)
                && census.servers.contains(key)
            {
                gauge(&now, SERVER_UP, &labels).set(if *is_up { 1.0 } else { 0.0 });
            }
        }
        Ok(self.happened.handle().render() + &now.handle().render())
    }
}

/// What was found of what others changed, without what was found before: it is counted once,
/// however often it is seen.
fn new_drift(object: &Object, conclusion: &Conclusion) -> u64 {
    let known = object.status.plan.as_ref();
    let known = known
        .filter(|_| is_settled(object))
        .map_or(0, |plan| plan.pending.saturating_add(plan.blocked));
    let known = u64::try_from(known).unwrap_or(0);
    conclusion.drift_found.saturating_sub(known)
}

/// Gauges are numbers with a fraction; nobody has so many objects that it matters.
fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let duration = Matcher::Full(RECONCILE_DURATION.name.to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(duration, &DURATIONS)?;
    let recorder = builder.build_recorder();
    for Metric {
        name, help, shape, ..
    } in ALL
    {
        let name = KeyName::from_const_str(name);
        match shape {
            Shape::Counter => recorder.describe_counter(name, None, help.into()),
            Shape::Gauge => recorder.describe_gauge(name, None, help.into()),
            Shape::Histogram => recorder.describe_histogram(name, None, help.into()),
        }
    }
    Ok(recorder)
}

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// The values are in the order of the metric's labels.
fn key(metric: Metric, values: &[&str]) -> Key {
    let labels = metric.labels.iter().zip(values);
    let labels: Vec<Label> = labels
        .map(|(name, value)| Label::new(*name, (*value).to_owned()))
        .collect();
    Key::from_parts(metric.name, labels)
}

fn counter(recorder: &PrometheusRecorder, metric: Metric, values: &[&str]) -> Counter {
    recorder.register_counter(&key(metric, values), &METADATA)
}

fn gauge(recorder: &PrometheusRecorder, metric: Metric, values: &[&str]) -> metrics::Gauge {
    recorder.register_gauge(&key(metric, values), &METADATA)
}

fn histogram(recorder: &PrometheusRecorder, metric: Metric, values: &[&str]) -> Histogram {
    recorder.register_histogram(&key(metric, values), &METADATA)
}

#[cfg(test)]
mod tests;
