//! What the objects of a namespace may do on a server that several share.

use std::collections::BTreeMap;

use iggyctl_core::access::{EffectiveRights, Grants, StreamGrants, StreamPermission};
use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::{
    API_VERSION, ClusterIggyServerSpec, Kind, NamespaceSelector, SelectorOperator, Tenant,
    UserPermissions,
};
use iggyctl_core::diff::declared_grants;
use iggyctl_core::manifest::{SourceFile, Variables, compile};
use iggyctl_core::name::{NamePatternSet, ResourceName};
use iggyctl_core::state::desired::DesiredState;
use serde_json::json;

use super::listed;

/// What is allowed; without a tenant nothing is.
#[derive(Debug, Clone)]
pub(crate) struct Ceiling<'a> {
    tenants: Vec<&'a Tenant>,
}

impl<'a> Ceiling<'a> {
    /// What a namespace with these labels may do.
    pub(crate) fn of(
        spec: &'a ClusterIggyServerSpec,
        labels: Option<&BTreeMap<String, String>>,
    ) -> Self {
        let tenants = spec.tenants.iter();
        let tenants = tenants.filter(|tenant| {
            // A namespace that was not seen has no labels that could be trusted.
            labels.is_some_and(|labels| selects(&tenant.namespace_selector, labels))
        });
        Self {
            tenants: tenants.collect(),
        }
    }

    /// What is not allowed of it, in words for a person.
    pub(crate) fn refusal(&self, state: &DesiredState) -> Option<String> {
        if self.tenants.is_empty() {
            return Some("the server has no tenant with this namespace".to_owned());
        }
        let refusals = self.tenants.iter().map(|tenant| of_tenant(tenant, state));
        // One tenant that allows all of it is enough; the first is as good as any to explain.
        let mut first = None;
        for refusal in refusals {
            let refusal = refusal?;
            first.get_or_insert(refusal);
        }
        first
    }
}

impl Ceiling<'_> {
    /// Why no smoke test may be run: it makes streams and users of its own, as the server's own
    /// login, so a tenant must have such names.
    pub(crate) fn refusal_of_smoke_tests(&self) -> Option<String> {
        let allows = |tenant: &Tenant| {
            let names = tenant.names.iter().map(|name| name.0.as_str());
            let names = NamePatternSet::new(names);
            names.is_ok_and(|names| names.first_match("iggyctl-smoke-0").is_some())
        };
        let is_allowed = self.tenants.iter().any(|tenant| allows(tenant));
        (!is_allowed).then(|| {
            "no tenant with this namespace has the names iggyctl-smoke-*, which a smoke test makes"
                .to_owned()
        })
    }
}

fn selects(selector: &NamespaceSelector, labels: &BTreeMap<String, String>) -> bool {
    let NamespaceSelector {
        match_labels,
        match_expressions,
    } = selector;
    let has_all = match_labels
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value));
    let meets_all = match_expressions.iter().all(|requirement| {
        let value = labels.get(&requirement.key);
        let is_one = || value.is_some_and(|value| requirement.values.contains(value));
        match requirement.operator {
            SelectorOperator::In => is_one(),
            SelectorOperator::NotIn => !is_one(),
            SelectorOperator::Exists => value.is_some(),
            SelectorOperator::DoesNotExist => value.is_none(),
        }
    });
    has_all && meets_all
}

fn of_tenant(tenant: &Tenant, state: &DesiredState) -> Option<String> {
    let names = tenant.names.iter().map(|name| name.0.as_str());
    let Ok(names) = NamePatternSet::new(names) else {
        return Some(format!(
            "the names of the tenant {} mean nothing",
            tenant.name
        ));
    };
    let is_own = |name: &ResourceName| names.first_match(name.as_str()).is_some();
    let foreign = named(state).into_iter().find(|address| {
        let name = address.stream().or(address.user());
        !name.is_some_and(is_own)
    });
    if let Some(address) = foreign {
        return Some(format!(
            "{address} is not among the names of the tenant {}",
            tenant.name
        ));
    }
    state.users.iter().find_map(|(name, user)| {
        let granted = declared_grants(user, state)?.into_iter();
        let granted = granted.fold(Grants::default(), |all, it| all.join(it.grants));
        let excess = excess(tenant, state, &granted.normal(), &is_own);
        (!excess.is_empty()).then(|| {
            let lines = excess.lines();
            let lines: Vec<String> = lines
                .iter()
                .map(|line| line.text(ResourceName::to_string))
                .collect();
            format!(
                "user/{name} would be allowed more than the tenant {} may grant: {}",
                tenant.name,
                listed(&lines, "; ")
            )
        })
    })
}

/// Everything that the state speaks of, by any name.
fn named(state: &DesiredState) -> Vec<Address> {
    let streams = state.streams.iter().flat_map(|(name, stream)| {
        [Some(name), stream.previous_name.as_ref()]
            .into_iter()
            .flatten()
            .cloned()
    });
    let users = state.users.iter().flat_map(|(name, user)| {
        [Some(name), user.previous_name.as_ref()]
            .into_iter()
            .flatten()
            .cloned()
    });
    let owners = state.tokens.keys().cloned();
    streams
        .map(Address::Stream)
        .chain(users.chain(owners).map(Address::User))
        .collect()
}

/// What would be allowed and is beyond the ceiling.
fn excess(
    tenant: &Tenant,
    state: &DesiredState,
    granted: &Grants<ResourceName>,
    is_own: &impl Fn(&ResourceName) -> bool,
) -> EffectiveRights<ResourceName> {
    let most = match &tenant.max_permissions {
        None => own_streams(granted, is_own),
        // What cannot be read allows nothing.
        Some(most) => most_of(most, state, granted).unwrap_or_default(),
    };
    granted.effective().minus(&most.effective())
}

/// Without `maxPermissions`: everything on the tenant's own streams, and nothing on the server.
fn own_streams(
    granted: &Grants<ResourceName>,
    is_own: &impl Fn(&ResourceName) -> bool,
) -> Grants<ResourceName> {
    let streams = granted.streams.keys().filter(|name| is_own(name));
    let everything = StreamGrants {
        allow: StreamPermission::ALL.iter().copied().collect(),
        ..StreamGrants::default()
    };
    Grants {
        streams: streams
            .map(|name| (name.clone(), everything.clone()))
            .collect(),
        ..Grants::default()
    }
}

/// What the ceiling means for the streams and topics that are declared or granted here.
fn most_of(
    most: &UserPermissions,
    state: &DesiredState,
    granted: &Grants<ResourceName>,
) -> Option<Grants<ResourceName>> {
    let streams: Vec<_> = granted
        .streams
        .iter()
        .map(|(name, StreamGrants { allow: _, topics })| {
            let topics: Vec<_> = topics
                .keys()
                .map(|topic| json!({ "name": topic.as_str() }))
                .collect();
            json!({ "name": name.as_str(), "topics": topics })
        })
        .collect();
    let manifest = json!({
        "apiVersion": API_VERSION,
        "kind": Kind::IggyTopology.as_str(),
        "metadata": { "name": "ceiling" },
        "spec": {
            "streams": streams,
            "users": [{ "name": "ceiling", "permissions": most }],
        },
    });
    let source = SourceFile::new("ceiling", manifest.to_string().into_bytes());
    let compiled = compile(&[source], &Variables::default()).ok()?;
    let mut named = compiled.state;
    let users = std::mem::take(&mut named.users);
    named.join(&DesiredState {
        streams: state.streams.clone(),
        ..DesiredState::default()
    });
    let grants = users
        .values()
        .filter_map(|user| declared_grants(user, &named))
        .flatten();
    Some(
        grants
            .fold(Grants::default(), |all, it| all.join(it.grants))
            .normal(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(tenants: serde_json::Value) -> ClusterIggyServerSpec {
        serde_json::from_value(json!({
            "address": "iggy://localhost:8090",
            "credentialsSecretRef": { "namespace": "iggy", "name": "root" },
            "tenants": tenants,
        }))
        .unwrap()
    }

    fn refusal(tenants: serde_json::Value, topology: serde_json::Value) -> Option<String> {
        let manifest = json!({
            "apiVersion": API_VERSION,
            "kind": "IggyTopology",
            "metadata": { "name": "a" },
            "spec": topology,
        });
        let source = SourceFile::new("a", manifest.to_string().into_bytes());
        let state = compile(&[source], &Variables::default()).unwrap().state;
        let labels = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
        Ceiling::of(&spec(tenants), Some(&labels)).refusal(&state)
    }

    fn team_a(more: serde_json::Value) -> serde_json::Value {
        let mut tenant = json!({
            "name": "team-a",
            "namespaceSelector": { "matchLabels": { "team": "a" } },
            "names": ["team-a-*"],
        });
        for (key, value) in more.as_object().unwrap() {
            tenant[key] = value.clone();
        }
        json!([tenant])
    }

    #[test]
    fn without_a_tenant_nothing_is_allowed() {
        let topology = json!({ "streams": [{ "name": "team-a-orders" }] });
        assert!(refusal(json!([]), topology.clone()).is_some());
        let other = json!([{
            "name": "b", "namespaceSelector": { "matchLabels": { "team": "b" } }, "names": ["*"],
        }]);
        assert!(refusal(other, topology.clone()).is_some());
        assert_eq!(refusal(team_a(json!({})), topology), None);
    }

    #[test]
    fn names_of_others_are_refused_in_every_place() {
        for topology in [
            json!({ "streams": [{ "name": "team-b-orders" }] }),
            json!({ "streams": [{ "name": "team-a-x", "previousName": "team-b-orders" }] }),
            json!({ "users": [{ "name": "team-b-app" }] }),
            json!({ "users": [{ "name": "team-a-app", "previousName": "root" }] }),
        ] {
            let refused = refusal(team_a(json!({})), topology.clone());
            assert!(refused.is_some(), "{topology}");
        }
    }

    #[test]
    fn rights_beyond_the_ceiling_are_refused() {
        let user = |permissions| json!({ "users": [{ "name": "team-a-app", "permissions": permissions }] });
        let stream =
            |name: &str, allow: &str| json!({ "streams": [{ "name": name, "allow": [allow] }] });
        let server = user(json!({ "allow": ["manage_users"] }));
        let own = user(stream("team-a-orders", "manage_stream"));
        let topic = json!({ "name": "events", "allow": ["manage_topic"] });
        let own_topic =
            user(json!({ "streams": [{ "name": "team-a-orders", "topics": [topic] }] }));
        let theirs = user(stream("team-b-orders", "read_stream"));
        let says = |tenants: &serde_json::Value, topology: &serde_json::Value, beyond: &str| {
            let refused = refusal(tenants.clone(), topology.clone()).unwrap();
            let begin = "user/team-a-app would be allowed more than the tenant team-a may grant: ";
            assert_eq!(refused.strip_prefix(begin), Some(beyond), "{refused}");
        };
        let none = team_a(json!({}));
        let users = "server: read_users, manage_users";
        let reading = "read_stream, list_topics, read_topic, poll_messages";
        says(&none, &server, users);
        says(&none, &theirs, &format!("team-b-orders: {reading}"));
        assert_eq!(refusal(none.clone(), own.clone()), None);
        assert_eq!(refusal(none, own_topic.clone()), None);
        let most = team_a(json!({ "maxPermissions": { "streams": [
            { "name": "team-a-*", "allow": ["manage_stream"] },
            { "name": "shared-*", "allow": ["read_stream"] },
        ] } }));
        assert_eq!(refusal(most.clone(), own), None);
        assert_eq!(refusal(most.clone(), own_topic), None);
        says(&most, &server, users);
        says(&most, &theirs, &format!("team-b-orders: {reading}"));
        assert_eq!(
            refusal(most.clone(), user(stream("shared-news", "read_stream"))),
            None
        );
        // Only what is beyond it is named.
        let shared = user(stream("shared-news", "manage_stream"));
        let changing = "change_stream, create_topic, change_topic, send_messages";
        says(&most, &shared, &format!("shared-news: {changing}"));
    }
}
