//! Server objects of the whole cluster, and the labels of the namespaces, which say who may use
//! them: where there is no such server object, nobody asks for namespaces.

use std::collections::VecDeque;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _, future};

use super::watch::Seen;

/// Sees server objects only when the labels of all namespaces are known: before that, no
/// namespace would be permitted anything. `namespaces` begins to watch them; where their lists
/// begin and end is nobody's business.
pub(super) fn with_namespaces(
    servers: BoxStream<'static, Seen>,
    namespaces: impl FnOnce() -> BoxStream<'static, Seen> + Send + 'static,
) -> impl Stream<Item = Seen> + Send {
    let both = Both {
        servers,
        namespaces: Namespaces::Unwatched(Box::new(namespaces)),
        held: VecDeque::new(),
    };
    stream::unfold(both, |mut both| async move {
        let seen = both.next().await?;
        Some((seen, both))
    })
}

struct Both {
    servers: BoxStream<'static, Seen>,
    namespaces: Namespaces,
    /// What is seen of server objects, until the namespaces are known.
    held: VecDeque<Seen>,
}

enum Namespaces {
    Unwatched(Box<dyn FnOnce() -> BoxStream<'static, Seen> + Send>),
    Listing(BoxStream<'static, Seen>),
    Known(BoxStream<'static, Seen>),
    /// The watch ended, which it never does.
    Ended,
}

impl Both {
    async fn next(&mut self) -> Option<Seen> {
        loop {
            match std::mem::replace(&mut self.namespaces, Namespaces::Ended) {
                Namespaces::Ended => return None,
                Namespaces::Unwatched(begin) => {
                    let seen = self.servers.next().await?;
                    if is_server(&seen) {
                        self.held.push_back(seen);
                        self.namespaces = Namespaces::Listing(begin());
                    } else {
                        self.namespaces = Namespaces::Unwatched(begin);
                        return Some(seen);
                    }
                }
                Namespaces::Listing(mut namespaces) => {
                    let seen = namespaces.next().await?;
                    self.namespaces = match seen {
                        Seen::Synced(_) => Namespaces::Known(namespaces),
                        _ => Namespaces::Listing(namespaces),
                    };
                    if let Some(seen) = alone(seen) {
                        return Some(seen);
                    }
                }
                Namespaces::Known(mut namespaces) => {
                    if let Some(held) = self.held.pop_front() {
                        self.namespaces = Namespaces::Known(namespaces);
                        return Some(held);
                    }
                    let either = future::select(namespaces.next(), self.servers.next()).await;
                    let seen = match either {
                        future::Either::Left((seen, _)) => alone(seen?),
                        future::Either::Right((seen, _)) => Some(seen?),
                    };
                    self.namespaces = Namespaces::Known(namespaces);
                    if seen.is_some() {
                        return seen;
                    }
                }
            }
        }
    }
}

fn is_server(seen: &Seen) -> bool {
    match seen {
        Seen::Server(_) => true,
        Seen::Listed(_, seen) => is_server(seen),
        _ => false,
    }
}

/// What is seen of a namespace, be it in a list.
fn alone(seen: Seen) -> Option<Seen> {
    match seen {
        Seen::ListBegins(_) | Seen::Synced(_) => None,
        Seen::Listed(_, seen) => Some(*seen),
        seen => Some(seen),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use iggyctl_core::api::v1alpha1::ServerKind;
    use kube::api::{ApiResource, DynamicObject};

    use super::super::ServerObject;
    use super::*;

    fn server() -> Seen {
        let resource = ApiResource {
            group: "iggyctl.dev".to_owned(),
            version: "v1alpha1".to_owned(),
            api_version: "iggyctl.dev/v1alpha1".to_owned(),
            kind: "ClusterIggyServer".to_owned(),
            plural: "clusteriggyservers".to_owned(),
        };
        let mut object = DynamicObject::new("shared", &resource);
        object.metadata.uid = Some("uid".to_owned());
        object.metadata.resource_version = Some("1".to_owned());
        let server = ServerObject::of(ServerKind::ClusterIggyServer, object).unwrap();
        Seen::Server(Box::new(server))
    }

    fn namespace(name: &str) -> Seen {
        Seen::Namespace(name.to_owned(), BTreeMap::new())
    }

    fn word(seen: Seen) -> String {
        match seen {
            Seen::ListBegins(2) => "begins".to_owned(),
            Seen::Listed(2, seen) => format!("listed {}", word(*seen)),
            Seen::Synced(2) => "synced".to_owned(),
            Seen::Server(_) => "server".to_owned(),
            Seen::Namespace(name, _) => name,
            other => panic!("{other:?}"),
        }
    }

    /// What is seen while the watches are silent after this.
    async fn all(servers: Vec<Seen>, namespaces: Vec<Seen>) -> (Vec<String>, bool) {
        let asked = Arc::new(AtomicBool::new(false));
        let is_asked = Arc::clone(&asked);
        let for_ever = |seen: Vec<Seen>| stream::iter(seen).chain(stream::pending()).boxed();
        let servers = for_ever(servers);
        let seen = with_namespaces(servers, move || {
            is_asked.store(true, Ordering::Relaxed);
            for_ever(namespaces)
        });
        let mut words = Vec::new();
        let mut seen = std::pin::pin!(seen);
        while let Some(Some(one)) = futures::FutureExt::now_or_never(seen.next()) {
            words.push(word(one));
        }
        (words, asked.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn nobody_asks_for_namespaces_without_a_server_object() {
        let (words, asked) = all(vec![Seen::ListBegins(2), Seen::Synced(2)], Vec::new()).await;
        assert_eq!(words, ["begins", "synced"]);
        assert!(!asked);
    }

    #[tokio::test]
    async fn a_server_object_is_seen_when_all_namespaces_are() {
        let listed = |seen| Seen::Listed(9, Box::new(seen));
        let servers = vec![
            Seen::ListBegins(2),
            Seen::Listed(2, Box::new(server())),
            Seen::Synced(2),
            server(),
        ];
        let namespaces = vec![
            Seen::ListBegins(9),
            listed(namespace("a")),
            listed(namespace("b")),
            Seen::Synced(9),
            namespace("c"),
        ];
        let (words, asked) = all(servers, namespaces).await;
        assert!(asked);
        let expected = ["begins", "a", "b", "listed server", "c", "synced", "server"];
        assert_eq!(words, expected);
    }

    #[tokio::test]
    async fn no_server_object_is_seen_while_namespaces_are_not() {
        let (words, _) = all(vec![server()], vec![Seen::ListBegins(9), namespace("a")]).await;
        assert_eq!(words, ["a"]);
    }
}
