//! What Kubernetes calls each kind, and what `kubectl get` shows of it.

use iggyctl_core::api::v1alpha1::Kind;

/// Which objects a kind is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One namespace.
    Namespaced,
    /// The whole cluster.
    Cluster,
}

/// What the status of a kind is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusShape {
    /// What it declares, on a server.
    Topology,
    /// A connection.
    Server,
    /// Runs of a test.
    SmokeTest,
}

/// A column of `kubectl get`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) path: &'static str,
    /// 0 is always shown, 1 with `-o wide`.
    pub(crate) priority: u8,
}

/// What Kubernetes calls a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) kind: Kind,
    pub(crate) plural: &'static str,
    pub(crate) singular: &'static str,
    pub(crate) short: &'static str,
    pub(crate) scope: Scope,
    pub(crate) status: StatusShape,
    /// Columns of its own, before those of every kind.
    pub(crate) columns: &'static [Column],
    /// By which fields objects can be selected.
    pub(crate) selectable: &'static [&'static str],
}

const fn shown(name: &'static str, kind: &'static str, path: &'static str) -> Column {
    Column {
        name,
        kind,
        path,
        priority: 0,
    }
}

const fn wide(name: &'static str, kind: &'static str, path: &'static str) -> Column {
    Column {
        name,
        kind,
        path,
        priority: 1,
    }
}

const SERVER: Column = shown("Server", "string", ".spec.serverRef.name");
const STREAM: Column = shown("Stream", "string", ".spec.stream");
const OF_SERVERS: &[Column] = &[
    shown("Address", "string", ".spec.address"),
    shown("Version", "string", ".status.serverVersion"),
];
const BY_SERVER: &[&str] = &[".spec.serverRef.name"];

/// The columns that every kind ends with.
pub(crate) const LAST_COLUMNS: [Column; 4] = [
    shown(
        "Ready",
        "string",
        r#".status.conditions[?(@.type=="Ready")].status"#,
    ),
    shown(
        "Reason",
        "string",
        r#".status.conditions[?(@.type=="Ready")].reason"#,
    ),
    wide(
        "Message",
        "string",
        r#".status.conditions[?(@.type=="Ready")].message"#,
    ),
    shown("Age", "date", ".metadata.creationTimestamp"),
];

/// The kinds of the operator.
pub(crate) const RESOURCES: [Resource; 9] = [
    Resource {
        kind: Kind::IggyServer,
        plural: "iggyservers",
        singular: "iggyserver",
        short: "igs",
        scope: Scope::Namespaced,
        status: StatusShape::Server,
        columns: OF_SERVERS,
        selectable: &[],
    },
    Resource {
        kind: Kind::ClusterIggyServer,
        plural: "clusteriggyservers",
        singular: "clusteriggyserver",
        short: "cigs",
        scope: Scope::Cluster,
        status: StatusShape::Server,
        columns: OF_SERVERS,
        selectable: &[],
    },
    Resource {
        kind: Kind::IggyTopology,
        plural: "iggytopologies",
        singular: "iggytopology",
        short: "igtopo",
        scope: Scope::Namespaced,
        status: StatusShape::Topology,
        columns: &[SERVER],
        selectable: BY_SERVER,
    },
    Resource {
        kind: Kind::IggyStream,
        plural: "iggystreams",
        singular: "iggystream",
        short: "igst",
        scope: Scope::Namespaced,
        status: StatusShape::Topology,
        columns: &[SERVER],
        selectable: BY_SERVER,
    },
    Resource {
        kind: Kind::IggyTopic,
        plural: "iggytopics",
        singular: "iggytopic",
        short: "igt",
        scope: Scope::Namespaced,
        status: StatusShape::Topology,
        columns: &[
            SERVER,
            STREAM,
            shown("Partitions", "integer", ".spec.partitions"),
        ],
        selectable: &[".spec.serverRef.name", ".spec.stream"],
    },
    Resource {
        kind: Kind::IggyConsumerGroup,
        plural: "iggyconsumergroups",
        singular: "iggyconsumergroup",
        short: "igcg",
        scope: Scope::Namespaced,
        status: StatusShape::Topology,
        columns: &[SERVER, STREAM, shown("Topic", "string", ".spec.topic")],
        selectable: &[".spec.serverRef.name", ".spec.stream", ".spec.topic"],
    },
    Resource {
        kind: Kind::IggyUser,
        plural: "iggyusers",
        singular: "iggyuser",
        short: "igu",
        scope: Scope::Namespaced,
        status: StatusShape::Topology,
        columns: &[SERVER],
        selectable: BY_SERVER,
    },
    Resource {
        kind: Kind::IggyAccessToken,
        plural: "iggyaccesstokens",
        singular: "iggyaccesstoken",
        short: "igat",
        scope: Scope::Namespaced,
        status: StatusShape::Topology,
        columns: &[SERVER, shown("User", "string", ".spec.user")],
        selectable: &[".spec.serverRef.name", ".spec.user"],
    },
    Resource {
        kind: Kind::IggySmokeTest,
        plural: "iggysmoketests",
        singular: "iggysmoketest",
        short: "igsmoke",
        scope: Scope::Namespaced,
        status: StatusShape::SmokeTest,
        columns: &[
            SERVER,
            shown("Topology", "string", ".spec.topologyRef.name"),
            shown("Last run", "date", ".status.lastRun.finishedAt"),
        ],
        selectable: BY_SERVER,
    },
];
