//! What is seen of the cluster, as it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use iggyctl_core::api::v1alpha1::{Kind, ServerKind};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::DynamicObject;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};

use super::convert::{ServerObject, declaring, smoke_test};
use super::shared_servers::with_namespaces;
use super::{Cluster, Reach, WATCH_LABEL, names};
use crate::operator::model::{Object, ObjectKey, ServerKey, SmokeTest};

/// One thing that was seen.
#[derive(Debug)]
pub(crate) enum Seen {
    Object(Box<Object>),
    NoObject(ObjectKey),
    Server(Box<ServerObject>),
    NoServer(ServerKey),
    SmokeTest(Box<SmokeTest>),
    NoSmokeTest(ObjectKey),
    /// A Secret with the label, by namespace and name, with its version.
    Secret((String, String), String),
    NoSecret((String, String)),
    /// A namespace, with its labels.
    Namespace(String, BTreeMap<String, String>),
    NoNamespace(String),
    /// The watch of this number begins to list all that there is.
    ListBegins(usize),
    /// What the watch of this number lists.
    Listed(usize, Box<Self>),
    /// The watch of this number has listed all that there is.
    Synced(usize),
    /// A watch does not work at the moment; it tries again.
    Trouble(String),
}

/// How long the API server may hold a watch open; then it is begun anew, which costs it
/// nothing.
const WATCH_FOR: Duration = Duration::from_secs(290);

/// Watches everything, in as many watches as [`Watches::count`] says, until it is dropped.
pub(crate) struct Watches {
    pub(crate) stream: futures::stream::BoxStream<'static, Seen>,
    pub(crate) count: usize,
}

/// Begins to watch.
pub(crate) fn watch_all(cluster: &Cluster) -> Watches {
    let mut streams = Vec::new();
    for kind in names::DECLARING {
        for api in apis(cluster, kind) {
            let number = streams.len();
            streams.push(objects(api, kind, number).boxed());
        }
    }
    for api in apis(cluster, Kind::IggySmokeTest) {
        let number = streams.len();
        streams.push(smoke_tests(api, number).boxed());
    }
    for api in apis(cluster, Kind::IggyServer) {
        let number = streams.len();
        streams.push(servers(api, ServerKind::IggyServer, number).boxed());
    }
    if cluster.reach == Reach::Cluster {
        let api = cluster.in_cluster(Kind::ClusterIggyServer);
        let number = streams.len();
        let servers = servers(api, ServerKind::ClusterIggyServer, number).boxed();
        let client = cluster.client.clone();
        let namespaces = move || namespaces(Api::all(client), number).boxed();
        streams.push(with_namespaces(servers, namespaces).boxed());
    }
    for api in secret_apis(cluster) {
        let number = streams.len();
        streams.push(secrets(api, number).boxed());
    }
    Watches {
        count: streams.len(),
        stream: futures::stream::select_all(streams).boxed(),
    }
}

fn apis(cluster: &Cluster, kind: Kind) -> Vec<Api<DynamicObject>> {
    match &cluster.reach {
        Reach::Cluster => vec![cluster.in_cluster(kind)],
        Reach::Namespaces(namespaces) => namespaces
            .iter()
            .map(|namespace| cluster.in_namespace(kind, namespace))
            .collect(),
    }
}

fn secret_apis(cluster: &Cluster) -> Vec<Api<PartialObjectMeta<Secret>>> {
    let client = &cluster.client;
    match &cluster.reach {
        Reach::Cluster => vec![Api::all(client.clone())],
        Reach::Namespaces(namespaces) => namespaces
            .iter()
            .map(|namespace| Api::namespaced(client.clone(), namespace))
            .collect(),
    }
}

fn config() -> watcher::Config {
    watcher::Config::default().timeout(u32::try_from(WATCH_FOR.as_secs()).unwrap_or(u32::MAX))
}

fn objects(api: Api<DynamicObject>, kind: Kind, number: usize) -> impl Stream<Item = Seen> + Send {
    let seen = move |object| {
        let object = declaring(kind, object)?;
        Some((object.key.clone(), Seen::Object(Box::new(object))))
    };
    whole(
        watcher(api, config()).default_backoff(),
        number,
        seen,
        Seen::NoObject,
    )
}

fn servers(
    api: Api<DynamicObject>,
    kind: ServerKind,
    number: usize,
) -> impl Stream<Item = Seen> + Send {
    let seen = move |object| {
        let server = ServerObject::of(kind, object)?;
        Some((server.key.clone(), Seen::Server(Box::new(server))))
    };
    whole(
        watcher(api, config()).default_backoff(),
        number,
        seen,
        Seen::NoServer,
    )
}

fn smoke_tests(api: Api<DynamicObject>, number: usize) -> impl Stream<Item = Seen> + Send {
    let seen = |object| {
        let test = smoke_test(object)?;
        Some((test.object.key.clone(), Seen::SmokeTest(Box::new(test))))
    };
    whole(
        watcher(api, config()).default_backoff(),
        number,
        seen,
        Seen::NoSmokeTest,
    )
}

/// Only what is needed to see that one has changed.
fn secrets(api: Api<PartialObjectMeta<Secret>>, number: usize) -> impl Stream<Item = Seen> + Send {
    let config = config().labels(&format!("{WATCH_LABEL}=true"));
    let seen = |object: PartialObjectMeta<Secret>| {
        let metadata = object.metadata;
        let key = (metadata.namespace?, metadata.name?);
        let version = metadata.resource_version?;
        Some((key.clone(), Seen::Secret(key, version)))
    };
    whole(
        watcher(api, config).default_backoff(),
        number,
        seen,
        Seen::NoSecret,
    )
}

/// Whose labels say what a namespace may do.
fn namespaces(
    api: Api<PartialObjectMeta<Namespace>>,
    number: usize,
) -> impl Stream<Item = Seen> + Send {
    let seen = |object: PartialObjectMeta<Namespace>| {
        let name = object.metadata.name?;
        let labels = object.metadata.labels.unwrap_or_default();
        Some((name.clone(), Seen::Namespace(name, labels)))
    };
    whole(
        watcher(api, config()).default_backoff(),
        number,
        seen,
        Seen::NoNamespace,
    )
}

/// Turns a watch into what is seen. After a watch was begun anew, what is no longer listed
/// is gone.
fn whole<T, K: Ord + Clone + Send + 'static>(
    events: impl Stream<Item = watcher::Result<Event<T>>> + Send,
    number: usize,
    seen: impl Fn(T) -> Option<(K, Seen)> + Send,
    gone: impl Fn(K) -> Seen + Send,
) -> impl Stream<Item = Seen> + Send {
    let mut known: BTreeSet<K> = BTreeSet::new();
    let mut listed: BTreeSet<K> = BTreeSet::new();
    events.flat_map(move |event| {
        let mut all = Vec::new();
        match event {
            Ok(Event::Apply(object)) => {
                if let Some((key, object)) = seen(object) {
                    known.insert(key);
                    all.push(object);
                }
            }
            Ok(Event::Delete(object)) => {
                if let Some((key, _)) = seen(object) {
                    known.remove(&key);
                    all.push(gone(key));
                }
            }
            Ok(Event::Init) => {
                listed.clear();
                all.push(Seen::ListBegins(number));
            }
            Ok(Event::InitApply(object)) => {
                if let Some((key, object)) = seen(object) {
                    listed.insert(key);
                    all.push(Seen::Listed(number, Box::new(object)));
                }
            }
            Ok(Event::InitDone) => {
                all.extend(known.difference(&listed).cloned().map(&gone));
                known = std::mem::take(&mut listed);
                all.push(Seen::Synced(number));
            }
            Err(error) => all.push(Seen::Trouble(error.to_string())),
        }
        futures::stream::iter(all)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_list_says_is_told_from_what_changes() {
        let name = |name: &str| name.to_owned();
        let events = [
            Event::Init,
            Event::InitApply(name("a")),
            Event::InitApply(name("b")),
            Event::InitDone,
            Event::Apply(name("a")),
            Event::Init,
            Event::InitApply(name("b")),
            Event::InitDone,
        ];
        let seen = |name: String| {
            let namespace = Seen::Namespace(name.clone(), BTreeMap::new());
            Some((name, namespace))
        };
        let events = futures::stream::iter(events.map(Ok));
        let all = whole(events, 3, seen, Seen::NoNamespace).map(|seen| match seen {
            Seen::ListBegins(3) => "begins".to_owned(),
            Seen::Listed(3, seen) => match *seen {
                Seen::Namespace(name, _) => format!("listed {name}"),
                other => panic!("{other:?}"),
            },
            Seen::Namespace(name, _) => format!("changed {name}"),
            Seen::NoNamespace(name) => format!("gone {name}"),
            Seen::Synced(3) => "synced".to_owned(),
            other => panic!("{other:?}"),
        });
        let all: Vec<String> = all.collect().await;
        let expected = [
            "begins",
            "listed a",
            "listed b",
            "synced",
            "changed a",
            "begins",
            "listed b",
            "gone a",
            "synced",
        ];
        assert_eq!(all, expected);
    }
}
