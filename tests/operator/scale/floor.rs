//! What the parts of it take by themselves: the same topology by the command line, and as many
//! statuses as there are objects, written by a client that does nothing else.

use std::fs;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use iggyctl_embedded::{EmbeddedServer, PasswordHashing};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::json;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::iggyctl;

/// As many as the operator writes at once.
const WRITES_AT_ONCE: usize = 16;

/// How long `iggyctl apply` takes for the manifests, on a server that has nothing yet.
pub(super) fn command_line(manifests: &str) -> Result<Duration, Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    let folder = tempfile::tempdir()?;
    let builder = EmbeddedServer::builder()
        .password_hashing(PasswordHashing::Fast)
        .data_dir(folder.path().join("server"));
    let server = runtime.block_on(builder.start())?;
    let path = folder.path().join("topology.yaml");
    fs::write(&path, manifests)?;
    let (path, address) = (path.to_string_lossy(), server.connection_string());
    let began = Instant::now();
    iggyctl(&["apply", "--server", &address, "-f", &path, "--yes"])?;
    let took = began.elapsed();
    runtime.block_on(server.shutdown());
    Ok(took)
}

/// How long the API server takes for one status of each topic of the namespace, by server-side
/// apply, as the operator writes them; and how many there are.
pub(super) fn statuses(
    plane: &ControlPlane,
    namespace: &str,
) -> Result<(usize, Duration), Failure> {
    let (runtime, client) = plane.reader()?.parts();
    runtime.block_on(async {
        let resource = ApiResource {
            group: "iggyctl.dev".to_owned(),
            version: "v1alpha1".to_owned(),
            api_version: "iggyctl.dev/v1alpha1".to_owned(),
            kind: "IggyTopic".to_owned(),
            plural: "iggytopics".to_owned(),
        };
        let topics: Api<DynamicObject> = Api::namespaced_with(client, namespace, &resource);
        let all = topics.list(&ListParams::default()).await?.items;
        let count = all.len();
        let parameters = PatchParams::apply("iggyctl-operator").force();
        let bodies: Vec<(String, Patch<serde_json::Value>)> = all
            .into_iter()
            .map(|object| {
                let name = object.metadata.name.unwrap_or_default();
                let mut status = object.data["status"].clone();
                status["lastAppliedTime"] = "2000-01-01T00:00:00Z".into();
                let body = json!({
                    "apiVersion": "iggyctl.dev/v1alpha1",
                    "kind": "IggyTopic",
                    "metadata": { "name": name, "namespace": namespace },
                    "status": status,
                });
                (name, Patch::Apply(body))
            })
            .collect();
        let began = Instant::now();
        let writes = bodies
            .iter()
            .map(|(name, body)| topics.patch_status(name, &parameters, body));
        let mut writes = futures::stream::iter(writes).buffer_unordered(WRITES_AT_ONCE);
        while let Some(written) = writes.next().await {
            written?;
        }
        Ok((count, began.elapsed()))
    })
}
