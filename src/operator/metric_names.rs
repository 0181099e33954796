//! The names of the operator's metrics, in one place: the loop counts by them, and a test holds the
//! dashboard and the alerts of the chart to them.

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metric {
    /// Its name, as Prometheus shows it; of a histogram without `_bucket`, `_sum` and `_count`.
    pub(crate) name: &'static str,
    /// What it can be split by.
    pub(crate) labels: &'static [&'static str],
    /// What it says.
    pub(crate) help: &'static str,
    pub(crate) shape: Shape,
}

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Only grows.
    Counter,
    /// As it is now.
    Gauge,
    /// How often each length was.
    Histogram,
}

/// Every reconcile that ended.
pub(crate) const RECONCILES: Metric = Metric {
    name: "iggyctl_operator_reconciles_total",
    labels: &["kind", "result"],
    help: "Reconciles that ended, by the kind of the object and the result: done, changed, refused or failed",
    shape: Shape::Counter,
};

/// How long they took.
pub(crate) const RECONCILE_DURATION: Metric = Metric {
    name: "iggyctl_operator_reconcile_duration_seconds",
    labels: &["kind"],
    help: "How long a reconcile took",
    shape: Shape::Histogram,
};

/// The objects there are.
pub(crate) const OBJECTS: Metric = Metric {
    name: "iggyctl_operator_objects",
    labels: &["kind", "ready"],
    help: "Objects, by their kind and by their condition Ready: true, false or unknown",
    shape: Shape::Gauge,
};

/// What others changed on a server.
pub(crate) const DRIFT_FOUND: Metric = Metric {
    name: "iggyctl_operator_drift_found_total",
    labels: &["kind"],
    help: "Differences that others made on a server, each counted once",
    shape: Shape::Counter,
};

/// What of it was taken back.
pub(crate) const DRIFT_CORRECTED: Metric = Metric {
    name: "iggyctl_operator_drift_corrected_total",
    labels: &["kind"],
    help: "Differences that others made on a server and that were taken back",
    shape: Shape::Counter,
};

/// What was left behind on servers.
pub(crate) const ORPHANED: Metric = Metric {
    name: "iggyctl_operator_orphaned_total",
    labels: &["kind"],
    help: "Objects that were let go although what they declared is still on a server",
    shape: Shape::Counter,
};

/// Objects that somebody else was faster than.
pub(crate) const CONFLICTS: Metric = Metric {
    name: "iggyctl_operator_conflicts",
    labels: &["kind"],
    help: "Objects that declare what another object holds",
    shape: Shape::Gauge,
};

/// Whether servers answer.
pub(crate) const SERVER_UP: Metric = Metric {
    name: "iggyctl_operator_server_up",
    labels: &["server_kind", "namespace", "name"],
    help: "1 when the server of an IggyServer or ClusterIggyServer answered last time, else 0",
    shape: Shape::Gauge,
};

/// What servers are asked.
pub(crate) const BROKER_REQUESTS: Metric = Metric {
    name: "iggyctl_operator_broker_requests_total",
    labels: &["server_kind", "namespace", "name"],
    help: "Requests to a server",
    shape: Shape::Counter,
};

/// Which replica works.
pub(crate) const LEADER: Metric = Metric {
    name: "iggyctl_operator_leader",
    labels: &[],
    help: "1 in the replica that works, 0 in those that wait",
    shape: Shape::Gauge,
};

/// All of them.
pub(crate) const ALL: [Metric; 10] = [
    RECONCILES,
    RECONCILE_DURATION,
    OBJECTS,
    DRIFT_FOUND,
    DRIFT_CORRECTED,
    ORPHANED,
    CONFLICTS,
    SERVER_UP,
    BROKER_REQUESTS,
    LEADER,
];

#[cfg(test)]
mod tests;
