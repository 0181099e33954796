//! Looks at objects by one connection: whoever waits looks again and again, and a kubectl takes
//! a tenth of a second of a processor each time.

use iggyctl_engine::connect::install_crypto_provider;
use kube::api::{ApiResource, DynamicObject};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::control_plane::{ControlPlane, Failure};

/// The kinds, by the short names that tests use, and whether they are in namespaces.
const KINDS: [(&str, &str, &str, bool); 9] = [
    ("igs", "IggyServer", "iggyservers", true),
    ("cigs", "ClusterIggyServer", "clusteriggyservers", false),
    ("igtopo", "IggyTopology", "iggytopologies", true),
    ("igst", "IggyStream", "iggystreams", true),
    ("igt", "IggyTopic", "iggytopics", true),
    ("igcg", "IggyConsumerGroup", "iggyconsumergroups", true),
    ("igu", "IggyUser", "iggyusers", true),
    ("igat", "IggyAccessToken", "iggyaccesstokens", true),
    ("igsmoke", "IggySmokeTest", "iggysmoketests", true),
];

pub(crate) struct Reader {
    runtime: Runtime,
    client: Client,
}

impl Reader {
    /// As the administrator.
    pub(crate) fn of(plane: &ControlPlane) -> Result<Self, Failure> {
        install_crypto_provider();
        let kubeconfig = Kubeconfig::read_from(plane.kubeconfig())?;
        let runtime = Runtime::new()?;
        let client = runtime.block_on(async {
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
            Ok::<_, Failure>(Client::try_from(config)?)
        })?;
        Ok(Self { runtime, client })
    }

    /// The object, `null` where it is not there; nothing for kinds of others.
    pub(crate) fn get(&self, namespace: &str, object: &str) -> Result<Option<Value>, Failure> {
        let Some((kind, name)) = object.split_once('/') else {
            return Ok(None);
        };
        let mut kinds = KINDS.iter();
        let known = kinds.find(|known| known.0 == kind || known.1.eq_ignore_ascii_case(kind));
        let Some((_, kind, plural, is_namespaced)) = known else {
            return Ok(None);
        };
        let resource = ApiResource {
            group: "iggyctl.dev".to_owned(),
            version: "v1alpha1".to_owned(),
            api_version: "iggyctl.dev/v1alpha1".to_owned(),
            kind: (*kind).to_owned(),
            plural: (*plural).to_owned(),
        };
        let client = self.client.clone();
        let api: Api<DynamicObject> = match is_namespaced {
            true => Api::namespaced_with(client, namespace, &resource),
            false => Api::all_with(client, &resource),
        };
        let found = self.runtime.block_on(api.get_opt(name))?;
        let found = found.map(serde_json::to_value).transpose()?;
        Ok(Some(found.unwrap_or_default()))
    }

    /// The client itself, and where it runs.
    pub(crate) fn parts(&self) -> (&Runtime, Client) {
        (&self.runtime, self.client.clone())
    }
}
