use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::{
    IggyAccessTokenSpec, IggyConsumerGroupSpec, IggyStreamSpec, IggyTopicSpec, IggyTopologySpec,
    IggyUserSpec, Kind, Lifecycle,
};
use iggyctl_core::manifest::{SourceFile, Variables, compile};
use iggyctl_core::state::DeletionPolicy;
use iggyctl_core::state::desired::DesiredState;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Defaults, Object, Reason};

/// What an object declares, and how it is to be treated.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Declared {
    pub(crate) state: DesiredState,
    pub(crate) lifecycle: Lifecycle,
    /// Topics that may lose partitions.
    pub(crate) may_shrink: BTreeSet<Address>,
}

/// Why nothing is done for an object: its spec means nothing (the API server lets pass what
/// only the whole shows), or its namespace may not do this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refused {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

impl Refused {
    fn invalid(message: String) -> Self {
        Self {
            reason: Reason::InvalidSpec,
            message,
        }
    }

    /// The server object does not allow it.
    pub(crate) fn not_permitted(message: String) -> Self {
        Self {
            reason: Reason::NotPermitted,
            message,
        }
    }
}

impl Declared {
    /// Reads an object as the command line reads the same manifest.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn of(object: &Object) -> Result<Self, Refused> {
        // JSON is YAML, too.
        let text = object.manifest().to_string();
        let source = SourceFile::new(Arc::from(object.key.to_string()), text.into_bytes());
        let compiled = compile(&[source], &Variables::default()).map_err(|diagnostics| {
            let errors = diagnostics
                .iter()
                .filter(|it| it.severity == iggyctl_core::diagnostic::Severity::Error);
            let texts: Vec<String> = errors
                .map(|error| format!("{}: {}", error.code, error.message))
                .collect();
            Refused::invalid(texts.join("; "))
        })?;
        let lifecycle = lifecycle(object.key.kind, &object.spec)?;
        let may_shrink = may_shrink(&object.spec, &compiled.state);
        Ok(Self {
            // Others declare things, too, on the same server.
            state: compiled.state.with_patterns_spelled_out(),
            lifecycle,
            may_shrink,
        })
    }

    /// The words of the object, or those of its server.
    pub(crate) fn policies(&self, defaults: Defaults) -> Defaults {
        defaults.with(&self.lifecycle)
    }

    /// What becomes of something of it that is no longer declared.
    pub(crate) fn deletion_policy(&self, address: &Address, defaults: Defaults) -> DeletionPolicy {
        if matches!(address, Address::Token(..)) {
            // A token holds nothing, and one that nobody declares lets somebody in.
            return DeletionPolicy::Delete;
        }
        let policies: &BTreeMap<_, _> = &self.state.deletion_policies;
        let said = address
            .with_ancestors()
            .find_map(|address| policies.get(&address).copied());
        said.unwrap_or(defaults.deletion_policy)
    }
}

/// How an object is to be treated, as far as that can be read, whatever else it says.
pub(crate) fn lifecycle_alone(spec: &Value) -> Lifecycle {
    Lifecycle {
        server_ref: None,
        management: alone(spec, "management"),
        adoption: alone(spec, "adoption"),
        drift_policy: alone(spec, "driftPolicy"),
        interval: alone(spec, "interval"),
    }
}

/// What an object says of all that it has, whatever else it says.
pub(crate) fn policy_alone(spec: &Value) -> Option<DeletionPolicy> {
    alone(spec, "deletionPolicy")
}

fn alone<T: DeserializeOwned>(spec: &Value, field: &str) -> Option<T> {
    T::deserialize(spec.get(field)?).ok()
}

fn lifecycle(kind: Kind, spec: &Value) -> Result<Lifecycle, Refused> {
    fn read<T: DeserializeOwned>(
        spec: &Value,
        lifecycle: fn(&T) -> Lifecycle,
    ) -> Result<Lifecycle, Refused> {
        let spec = T::deserialize(spec).map_err(|error| Refused::invalid(error.to_string()))?;
        Ok(lifecycle(&spec))
    }
    match kind {
        Kind::IggyTopology => read(spec, IggyTopologySpec::lifecycle),
        Kind::IggyStream => read(spec, IggyStreamSpec::lifecycle),
        Kind::IggyTopic => read(spec, IggyTopicSpec::lifecycle),
        Kind::IggyConsumerGroup => read(spec, IggyConsumerGroupSpec::lifecycle),
        Kind::IggyUser => read(spec, IggyUserSpec::lifecycle),
        Kind::IggyAccessToken => read(spec, IggyAccessTokenSpec::lifecycle),
        Kind::IggyServer | Kind::ClusterIggyServer | Kind::IggySmokeTest | Kind::IggyPolicy => {
            Ok(Lifecycle::default())
        }
    }
}

/// The topics with `allowPartitionShrink: true`. The desired state does not carry it, since
/// the command line is told otherwise.
fn may_shrink(spec: &Value, state: &DesiredState) -> BTreeSet<Address> {
    let allows = |topic: &Value| topic.get("allowPartitionShrink") == Some(&Value::Bool(true));
    let list = |value: &Value, field: &str| -> Vec<Value> {
        let list = value.get(field).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let streams = list(spec, "streams");
    let listed: BTreeSet<(Option<String>, String)> = streams
        .iter()
        .chain([spec])
        .flat_map(|stream| {
            let stream_name = stream
                .get("name")
                .and_then(Value::as_str)
                .map(str::to_owned);
            let topics = list(stream, "topics");
            topics
                .into_iter()
                .filter(|topic| allows(topic))
                .filter_map(move |topic| {
                    let name = topic.get("name")?.as_str()?.to_owned();
                    Some((stream_name.clone(), name))
                })
                .collect::<Vec<_>>()
        })
        .collect();
    let whole = allows(spec);
    state
        .declared()
        .filter(|address| match address {
            Address::Topic(stream, topic) => {
                whole
                    || listed.contains(&(Some(stream.to_string()), topic.to_string()))
                    // An `IggyStream` may take its name from the metadata.
                    || listed.contains(&(None, topic.to_string()))
            }
            _ => false,
        })
        .collect()
}
